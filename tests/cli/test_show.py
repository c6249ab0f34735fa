"""``mnistry show``: each picture is written, and what is said of it is true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistry.cli import build_parser, main
from mnistry.data.dataset import DataSets
from mnistry.data.idx import write_idx
from mnistry.data.sources import load_data
from mnistry.models.base import softmax
from mnistry.models.file import load_model, save_model, shipped_model
from mnistry.models.softmax import SoftmaxRegression

WHAT = ["digits", "matrix", "tensors", "weights", "evidence", "nearest", "confusion"]
OF_A_MODEL = ("weights", "evidence", "nearest", "confusion")


@pytest.fixture(scope="module")
def small(mnist: DataSets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a little of MNIST."""
    folder = tmp_path_factory.mktemp("small")
    for part, data, n in (("train", mnist.train, 600), ("t10k", mnist.test, 300)):
        write_idx(folder / f"{part}-images-idx3-ubyte", data.images[:n])
        write_idx(folder / f"{part}-labels-idx1-ubyte", data.labels[:n].astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def model(small: Path) -> Path:
    """The file of a model trained on it."""
    data = load_data(small)
    path = small / "model.onnx"
    trained = SoftmaxRegression(steps=100)
    save_model(trained.fit(data.train.images, data.train.labels, classes=data.classes), path)
    return path


def arguments(what: str, small: Path, model: Path) -> list[str]:
    given = ["show", what]
    if what != "weights":
        given += ["--data", str(small)]
    if what in OF_A_MODEL:
        given += ["--model", str(model)]
    return given


def facts(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """Run with --json; give the one object that is printed, with nothing else."""
    assert main([*argv, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    found: dict[str, Any] = json.loads(out)
    return found


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Run what must be refused: exit code 2, one sentence on standard error, nothing else."""
    assert main(list(argv)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch("mnistry: [^\n]+\n", err)
    return err


@pytest.mark.slow
@pytest.mark.parametrize("what", WHAT)
def test_show_writes_a_picture_where_it_is_run(
    what: str, small: Path, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Without --out, WHAT.png appears in the current folder, and its path is printed first."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments(what, small, model)) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{what}.png"
    with Image.open(f"{what}.png") as image:
        image.load()
        assert image.format == "PNG"
    assert [path.name for path in tmp_path.iterdir()] == [f"{what}.png"]


@pytest.mark.slow
@pytest.mark.parametrize("what", WHAT)
def test_show_tells_json_the_file(
    what: str, small: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json prints one object with what was drawn and where; the ending makes it an SVG."""
    out = tmp_path / "figure.svg"
    argv = [*arguments(what, small, model), "--out", str(out)]
    found = facts(capsys, *argv)
    assert (found["what"], found["file"]) == (what, str(out))
    if what != "weights":
        assert found["data"] == small.name
        assert found["split"] == ("test" if what in OF_A_MODEL else "train")
    if what in OF_A_MODEL:
        assert found["model"] == str(model)
    assert out.read_bytes().startswith(b"<?xml")


@pytest.mark.slow
def test_show_evidence_of_a_picture_adds_up(
    small: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For one picture, each class's sum and bias are its logit, the model's own."""
    argv = [*arguments("evidence", small, model), "--out", str(tmp_path / "a.png"), "--index", "8"]
    found = facts(capsys, *argv)
    data, loaded = load_data(small).test, load_model(model)
    assert (found["index"], found["label"]) == (8, data.classes[data.labels[8]])
    rows = found["evidence"]
    assert [row["class"] for row in rows] == list(loaded.classes)
    logits = loaded.logits(data.images[8:9])[0]
    for row, logit, p in zip(rows, logits, softmax(logits), strict=True):
        assert set(row) == {"class", "sum", "bias", "logit", "probability"}
        assert row["sum"] + row["bias"] == pytest.approx(row["logit"], abs=1e-5)
        assert row["logit"] == pytest.approx(logit, abs=1e-6)
        assert row["probability"] == pytest.approx(p, abs=1e-6)
    assert main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["class", "sum", "bias", "logit", "probability"]
    for line, row in zip(lines[3:], rows, strict=True):
        assert line.split() == [
            row["class"], f"{row['sum']:+.3f}", f"{row['bias']:+.3f}", f"{row['logit']:+.3f}",
            f"{row['probability']:.4%}",
        ]  # fmt: skip


@pytest.mark.slow
def test_show_evidence_for_a_class_adds_up(
    small: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For one class there is a picture of each class, drawn by the seed."""
    argv = [*arguments("evidence", small, model), "--out", str(tmp_path / "a.png"), "--class", "3"]
    found = facts(capsys, *argv, "--seed", "5")
    data, loaded = load_data(small).test, load_model(model)
    assert found["class"] == "3"
    rows = found["evidence"]
    assert [row["label"] for row in rows] == list(loaded.classes)
    for row in rows:
        i = row["index"]
        assert data.classes[data.labels[i]] == row["label"]
        assert row["sum"] + row["bias"] == pytest.approx(row["logit"], abs=1e-5)
        assert row["logit"] == pytest.approx(loaded.logits(data.images[i : i + 1])[0, 3], abs=1e-6)
    assert facts(capsys, *argv, "--seed", "6")["evidence"] != rows
    assert main([*argv, "--seed", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].endswith(f"picture {rows[0]['index']}")


def check_receipt(found: dict[str, Any], logits: Any, why: int, against: int | None) -> None:
    """What is told of one class against another is the model's, and adds up."""
    rest = np.arange(10) != why
    logits = np.asarray(logits, np.float64)
    other = logits[rest].mean() if against is None else logits[against]
    assert (found["why"], found["not"]) == (str(why), None if against is None else str(against))
    assert found["logits"] == pytest.approx([logits[why], other], abs=1e-5)
    assert found["difference"] == pytest.approx(logits[why] - other, abs=1e-5)
    p = softmax(logits)
    share = p[rest].sum() if against is None else p[against]
    assert found["probabilities"] == pytest.approx([p[why], share], abs=1e-6)
    accounted = found["baseline"] + found["sum"] + found["residual"]
    assert accounted == pytest.approx(found["difference"], abs=1e-9)
    assert abs(found["residual"]) < 1e-4


@pytest.mark.slow
def test_show_evidence_tells_why_one_and_not_another(
    small: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of either kind of model, with either class or both; by default of the packaged convnet."""
    data, out = load_data(small).test, ["--data", str(small), "--out", str(tmp_path / "a.png")]
    convnet, linear = shipped_model("convnet"), load_model(model)
    image = data.images[8:9]
    argv = ["show", "evidence", *out, "--index", "8"]
    found = facts(capsys, *argv, "--why", "5", "--not", "6")
    assert found["model"] == "convnet (in the package)"
    assert (found["index"], found["label"]) == (8, "5")
    check_receipt(found, convnet.logits(image)[0], 5, 6)
    found = facts(capsys, *argv, "--why", "9")
    check_receipt(found, convnet.logits(image)[0], 9, None)
    argv += ["--model", str(model)]
    check_receipt(facts(capsys, *argv, "--why", "5", "--not", "6"), linear.logits(image)[0], 5, 6)
    answer = int(linear.predict(image)[0])
    other = (answer + 1) % 10
    found = facts(capsys, *argv, "--not", str(other))
    check_receipt(found, linear.logits(image)[0], answer, other)
    assert main([*argv, "--not", str(other)]) == 0
    text = capsys.readouterr().out
    for name, number in (
        ("ink", found["sum"]), ("blank paper", found["baseline"]),
        (f"{answer} - {other}", found["difference"]),
    ):  # fmt: skip
        assert re.search(rf"^{re.escape(name)} +{re.escape(f'{number:+.3f}')}$", text, re.MULTILINE)
    found = facts(capsys, "show", "evidence", *out, "--class", "3", "--why", "3")
    assert (found["index"], found["label"]) == (int(np.argmax(data.labels == 3)), "3")


@pytest.mark.slow
def test_show_nearest_tells_precedents(
    small: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The training pictures nearest to a test picture; one of themselves is left out."""
    data = load_data(small)
    out = ["--data", str(small), "--out", str(tmp_path / "a.png")]
    found = facts(capsys, "show", "nearest", *out, "--index", "8", "--count", "4")
    assert found["model"] == "convnet (in the package)"
    assert (found["among"], found["answer"], found["label"]) == (small.name, "5", "5")
    rows = found["nearest"]
    assert len(rows) == 4
    assert [row["label"] for row in rows] == [
        data.classes[data.train.labels[row["index"]]] for row in rows
    ]
    distances = [row["distance"] for row in rows]
    assert distances == sorted(distances)
    argv = ["show", "nearest", *out, "--model", str(model), "--split", "train", "--index", "8"]
    rows = facts(capsys, *argv)["nearest"]
    assert len(rows) == 5
    pixels = data.train.X.astype(np.float64)
    apart = np.linalg.norm(pixels - pixels[8], axis=1)
    assert [row["index"] for row in rows] == np.argsort(apart)[1:6].tolist()
    assert main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split() == ["index", "label", "distance"]
    for line, row in zip(lines[4:], rows, strict=True):
        assert line.split() == [str(row["index"]), row["label"], f"{row['distance']:.3f}"]


def test_show_refuses_questions_that_are_none(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Classes there are not, one against itself, a convnet's weights: one sentence each."""
    out = ["--data", str(small), "--out", str(tmp_path / "a.png")]
    argv = ["show", "evidence", *out, "--index", "8"]
    for option, second in (("--why", "--not"), ("--not", "--why")):
        sentence = f"`{option}` must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; got 'x'"
        assert sentence in refusal(capsys, *argv, option, "x", second, "1")
    sentence = "`--why` and `--not` must be two classes; got 6 for both"
    assert sentence in refusal(capsys, *argv, "--why", "6", "--not", "6")
    sentence = "The model itself takes this picture for 5; say by `--why` which class it should be"
    assert sentence in refusal(capsys, *argv, "--not", "5")
    Image.new("L", (90, 90), 255).save(tmp_path / "blank.png")
    argv = [*out, "--picture", str(tmp_path / "blank.png")]
    for what in (["evidence", "--why", "9", "--not", "8"], ["nearest"]):
        sentence = "shows no ink; give a picture of one digit"
        assert sentence in refusal(capsys, "show", *what, *argv)
    save_model(shipped_model("convnet"), tmp_path / "convnet.onnx")
    of = ["--out", str(tmp_path / "a.png"), "--model", str(tmp_path / "convnet.onnx")]
    for what_ in ("weights", "evidence"):
        told = refusal(capsys, "show", what_, *of)
        assert "convnet.onnx is a convnet, whose evidence is no sum of pixels" in told
        assert "`mnistry show evidence --why 9 --not 8`" in told
    for count in ("0", "21", "-1"):
        sentence = f"`--count` must be from 1 to 20; got {count}"
        assert sentence in refusal(capsys, "show", "nearest", *out, f"--count={count}")
    other = SoftmaxRegression(steps=1).fit(np.zeros((3, 28, 28)), [0, 1, 2], classes=list("abc"))
    save_model(other, tmp_path / "abc.onnx")
    argv = ["show", "evidence", *out, "--model", str(tmp_path / "abc.onnx"), "--why", "9"]
    assert "`--why` must be one of a, b, c; got '9'" in refusal(capsys, *argv)
    assert not (tmp_path / "a.png").exists()


@pytest.mark.slow
def test_show_reads_a_picture_of_ones_own(
    mnist: DataSets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A photo's digit is framed as MNIST's were: large, dark on light, it reads as it did."""
    image = np.kron(255 - mnist.test.images[0], np.ones((10, 10), np.uint8)).astype(np.uint8)
    Image.fromarray(np.pad(image, ((50, 400), (300, 20)), constant_values=255)).save(
        tmp_path / "seven.png"
    )
    argv = ["--picture", str(tmp_path / "seven.png"), "--out", str(tmp_path / "a.png")]
    found = facts(capsys, "show", "evidence", *argv)
    assert found["picture"] == str(tmp_path / "seven.png")
    assert "data" not in found
    assert max(found["evidence"], key=lambda row: row["probability"])["class"] == "7"
    assert facts(capsys, "show", "matrix", *argv)["picture"] == found["picture"]


def test_show_uses_the_model_in_the_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --model the package's own is drawn."""
    found = facts(capsys, "show", "weights", "--out", str(tmp_path / "a.png"))
    assert found["model"] == "softmax (in the package)"
    assert found["classes"] == list(shipped_model().classes)


@pytest.mark.slow
def test_show_confusion_counts_the_split(
    small: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The counts are the model's on the split asked for: rows are labels, columns answers."""
    data, loaded = load_data(small), load_model(model)
    for name, part in (("test", data.test), ("train", data.train)):
        argv = [*arguments("confusion", small, model), "--out", str(tmp_path / "a.png")]
        found = facts(capsys, *argv, "--split", name)
        counts = np.array(found["confusion"])
        assert counts.sum() == len(part)
        assert np.array_equal(counts.sum(axis=1), np.bincount(part.labels, minlength=10))
        assert counts.trace() == (loaded.predict(part.images) == part.labels).sum()


@pytest.mark.slow
def test_show_matrix_of_a_class(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--class takes the first picture of that class, --index any."""
    labels = load_data(small).train.labels
    argv = ["show", "matrix", "--data", str(small), "--out", str(tmp_path / "a.png")]
    found = facts(capsys, *argv, "--class", "1")
    assert (found["index"], found["label"]) == (int(np.argmax(labels == 1)), "1")
    found = facts(capsys, *argv, "--index", "5")
    assert (found["index"], found["label"]) == (5, str(labels[5]))


@pytest.mark.slow
def test_show_refuses_files_it_cannot_write(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other endings, missing folders and folders in the way each get their sentence."""
    argv = ["show", "matrix", "--data", str(small), "--out"]
    assert "must end in .png or .svg; got 'a.pdf'" in refusal(capsys, *argv, "a.pdf")
    missing = str(tmp_path / "missing" / "a.png")
    assert "missing, does not exist; make it first" in refusal(capsys, *argv, missing)
    (tmp_path / "b.png").mkdir()
    assert "b.png: Is a directory" in refusal(capsys, *argv, str(tmp_path / "b.png"))


def test_show_refuses_what_does_not_fit(
    small: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A class, picture, seed, size or model that there is not is told in one sentence."""
    out = ["--out", str(tmp_path / "a.png")]
    argv = [*arguments("evidence", small, model), *out]
    assert "`--class` must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; got 'x'" in refusal(
        capsys, *argv, "--class", "x"
    )
    for index, allowed in (("300", "in 0..299, the test pictures"), ("-1", "0 or more")):
        sentence = f"`--index` must be {allowed}; got {index}"
        assert sentence in refusal(capsys, *argv, f"--index={index}")
    assert "`--seed` must be 0 or more; got -1" in refusal(capsys, *argv, "--seed=-1")
    assert "not a picture" in refusal(capsys, *argv, "--picture", str(model))
    assert "No such file" in refusal(capsys, *argv, "--picture", "nowhere.png")
    Image.new("L", (90, 90), 255).save(tmp_path / "blank.png")
    assert "shows no ink; give a picture of one digit" in refusal(
        capsys, *argv, "--picture", str(tmp_path / "blank.png")
    )
    other = SoftmaxRegression(steps=1).fit(np.zeros((3, 8, 8)), [0, 1, 2])
    save_model(other, tmp_path / "8x8.onnx")
    argv = ["show", "evidence", "--data", str(small), *out, "--model", str(tmp_path / "8x8.onnx")]
    assert "The model reads pictures of 8x8, the data's are 28x28" in refusal(capsys, *argv)
    assert "`--picture` is framed to 28x28, the model reads pictures of 8x8" in refusal(
        capsys, *argv, "--picture", str(tmp_path / "blank.png")
    )
    other = SoftmaxRegression(steps=1).fit(np.zeros((3, 28, 28)), [0, 1, 2], classes=list("abc"))
    save_model(other, tmp_path / "abc.onnx")
    for what in ("evidence", "confusion"):
        argv = ["show", what, "--data", str(small), *out, "--model", str(tmp_path / "abc.onnx")]
        assert "it knows the classes 'a', 'b', 'c'" in refusal(capsys, *argv)
    assert "nowhere" in refusal(capsys, "show", "weights", *out, "--model", "nowhere.onnx")
    assert not (tmp_path / "a.png").exists()


def test_show_refuses_a_split_without_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A class that a split lacks, and a split with nothing in it, are told in one sentence."""
    np.savez(
        tmp_path / "a.npz",
        x_train=np.zeros((12, 28, 28), np.uint8), y_train=np.arange(12, dtype=np.uint8) % 2 * 9,
        x_test=np.ones((0, 28, 28), np.uint8), y_test=np.ones(0, np.uint8),
    )  # fmt: skip
    argv = ["show", "matrix", "--data", str(tmp_path / "a.npz"), "--out", str(tmp_path / "a.png")]
    assert "has the class '5'; choose another class or `--split`" in refusal(
        capsys, *argv, "--class", "5"
    )
    assert "has no test pictures; choose another `--split`" in refusal(
        capsys, *argv, "--split", "test"
    )


def test_show_takes_one_choice_of_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """--index, --class and --picture exclude each other; options of other pictures are unknown."""
    for argv in (
        ["show", "evidence", "--index", "1", "--class", "3"],
        ["show", "weights", "--index", "1"],
        ["show", "nothing"],
    ):
        assert main(argv) == 2
        assert capsys.readouterr().err.startswith("mnistry: ")
    for option in ("--class", "--digit"):
        assert build_parser().parse_args(["show", "evidence", option, "3"]).class_name == "3"


@pytest.mark.parametrize("what", WHAT)
def test_show_help_has_examples_that_parse(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each picture's --help describes it and ends in examples, all of which are valid."""
    with pytest.raises(SystemExit) as caught:
        main(["show", what, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    examples = text.partition("Examples:\n")[2].split("\n")
    lines = [line.split() for line in examples if line.strip()]
    assert lines
    for line in lines:
        assert line[:3] == ["mnistry", "show", what]
        assert build_parser().parse_args(line[1:]).what == what


def test_show_help_loads_nothing_heavy() -> None:
    """The command line answers --help without NumPy, Matplotlib, onnx or Pillow."""
    code = (
        "import sys\n"
        "from mnistry.cli import build_parser\n"
        "build_parser()\n"
        "heavy = {'numpy', 'matplotlib', 'onnx', 'PIL'}\n"
        "assert not heavy & {m.split('.')[0] for m in sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
