"""``mnistry train`` and ``mnistry evaluate``: the contract, on the real command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistry.cli import main
from mnistry.data.dataset import DataSet, DataSets
from mnistry.models.file import load_model

COMMAND = [sys.executable, "-m", "mnistry"]

OnTerminal = Callable[[list[str], Path], tuple[bytes, bytes]]  # see conftest.py


def only_progress(text: str) -> bool:
    """Return whether a text is empty or, on a slow machine, whole lines of progress."""
    return re.fullmatch(r"(training [\d,]+/[\d,]+  loss .+ left\n)*", text) is not None


@pytest.mark.slow
def test_main_job_from_the_shell(tmp_path: Path) -> None:
    """The tutorial's training as one command: a score, a file, the contract's JSON alone."""
    done = subprocess.run(
        [*COMMAND, "train", "--out", "m.onnx", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)
    assert only_progress(done.stderr)
    assert 0.905 < result["accuracy"] < 0.93
    assert (result["model"], result["kind"]) == ("m.onnx", "softmax")
    assert result["data"] == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert set(result["seconds"]) == {"data", "train", "evaluate"}
    assert {"nll", "ece"} <= set(result)
    assert load_model(tmp_path / "m.onnx").provenance["scores"]["accuracy"] == result["accuracy"]
    evaluated = subprocess.run(
        [*COMMAND, "evaluate", "m.onnx", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    sheet = json.loads(evaluated.stdout)
    assert sheet["accuracy"] == result["accuracy"]
    low, high = sheet["accuracy_interval"]
    assert low < sheet["accuracy"] < high
    assert {"brier", "coverage", "confusion", "nll", "ece"} <= set(sheet)
    assert sheet["parts"]["students"]["accuracy"] < sheet["parts"]["employees"]["accuracy"]


def test_person_sees_table_and_bars(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --json: accuracy with its interval and by class, the file and what is next."""
    out = tmp_path / "m.onnx"
    assert main(["train", "--data", str(small), "--out", str(out), "--epochs", "2"]) == 0
    text = capsys.readouterr().out
    for words in ("accuracy", "95% interval", "█", f"model file  {out}", "mnistry show weights"):
        assert words in text
    assert main(["evaluate", str(out), "--data", str(small)]) == 0
    text = capsys.readouterr().out
    headings = ["accuracy by class", "probabilities", "NLL", "Brier", "ECE", "confusion matrix"]
    places = [
        text.index(f"\n{heading} ") if heading[0].isupper() else text.index(heading)
        for heading in headings
    ]
    assert places == sorted(places)
    assert "prediction sets" not in text
    assert main(["evaluate", str(out), "--data", str(small), "--all"]) == 0
    everything = capsys.readouterr().out
    for heading in ("prediction sets", "selective prediction", "OOD rejection"):
        assert f"\n{heading}: " in everything
    assert max(map(len, everything.splitlines()[1:])) <= 80  # the first line names the file


@pytest.mark.slow
def test_evaluate_tells_promises_and_corruptions(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Conformal sets, risk and refusals; with --corrupt, the same for each of fifteen families."""
    out = tmp_path / "m.onnx"
    assert main(["train", "--data", str(small), "--out", str(out), "--epochs", "2"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(out), "--data", str(small), "--corrupt", "--json"]) == 0
    sheet = json.loads(capsys.readouterr().out)
    assert sheet["sets"] == "conformal"
    assert set(sheet["coverage"]) == {"0.1", "0.05", "0.01", "0.005"}
    for found in sheet["coverage"].values():
        assert {"coverage", "interval", "size", "empty", "by_class"} <= set(found)
    assert set(sheet["refused"]) == {"0.01", "0.05"}
    assert set(sheet["answered"]) == {"0.01", "0.005", "0.001"}
    assert len(sheet["corrupted"]) == 15
    worse = [one["accuracy"] for one in sheet["corrupted"].values()]
    assert sum(worse) / 15 < sheet["accuracy"]
    assert main(["evaluate", str(out), "--data", str(small), "--corrupt"]) == 0
    text = capsys.readouterr().out
    for words in ("chance alone", "sets 90%", "rejected, 0.01", "fog", "mean of all"):
        assert words in text
    assert max(map(len, text.splitlines()[1:])) <= 80


@pytest.mark.slow
def test_lbfgs_tells_its_certificate(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The optimum comes with the proven distance, in words and in JSON."""
    out = str(tmp_path / "m.onnx")
    arguments = ["train", "--data", str(small), "--out", out, "--solver", "lbfgs", "--l2", "1e-2"]
    assert main(arguments) == 0
    assert "nats of the best" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    optimum = json.loads(capsys.readouterr().out)["optimum"]
    assert optimum["converged"]
    assert 0 <= optimum["gap"] <= 5e-5


@pytest.mark.slow
def test_classes_that_are_too_many_for_a_matrix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The most frequent mistakes are listed instead; names from a file are made harmless."""
    rng = np.random.default_rng(0)
    names = [f"class {i:02}" for i in range(29)] + ["\x1b[2J" + "x" * 90]
    for split, n in (("train", 20), ("test", 4)):
        for name in names:
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(0, 256, (6, 6), np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    out = str(tmp_path / "m.onnx")
    assert main(["train", "--data", str(tmp_path / "data"), "--out", out, "--steps", "5"]) == 0
    capsys.readouterr()
    assert main(["evaluate", out, "--data", str(tmp_path / "data")]) == 0
    text = capsys.readouterr().out
    assert "most frequent mistakes" in text
    assert "\x1b" not in text
    assert "\\x1b[2Jxx" in text
    assert max(map(len, text.splitlines()[1:])) <= 80


def test_a_run_that_diverges_says_so(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A learning rate whose loss ends above that of guessing gives one warning with the cure."""
    base = ["train", "--data", str(small), "--out", str(tmp_path / "m.onnx"), "--json"]
    assert main([*base, "--steps", "100", "--learning-rate", "1e9"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["kind"] == "softmax"
    assert re.fullmatch(
        r"mnistry: The training loss of [\d,.]+ nats is above the 2\.30 of guessing: the steps are "
        r"too large, .* overconfident\. Lower `--learning-rate`, which was 1e\+09\.\n",
        said.err,
    )
    assert main([*base, "--steps", "100"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_evaluate_without_a_model_takes_the_shipped_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The package's own model scores MNIST's test."""
    assert main(["evaluate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] > 0.92


def test_an_epoch_of_little_data_is_one(tmp_path: Path) -> None:
    """Where there are fewer pictures than a batch has, an epoch is a step."""
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "few.npz", x_train=rng.integers(0, 256, (30, 5, 5), np.uint8),
        y_train=np.arange(30) % 3,
    )  # fmt: skip
    for epochs, steps in (("0.001", 1), ("0.2", 1), ("10", 10)):
        out = str(tmp_path / "m.onnx")
        asked = ["--data", str(tmp_path / "few.npz"), "--epochs", epochs, "--out", out]
        assert main(["train", *asked]) == 0
        assert load_model(out).provenance["recipe"]["steps"] == steps


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--out", "m.pb"], "`--out` must end in .onnx; got 'm.pb'."),
        (["train", "--out", "no/m.onnx"], "The folder of `--out`, no, does not exist"),
        (
            ["train", "--validation", "some"],
            "`--validation` must be a number or 'writer'; got 'some'",
        ),
        (["train", "--validation", "writer"], "writer"),
        (["train", "--solver", "lbfgs", "--steps", "3"], "`--steps` is an option of gradient"),
        (
            ["train", "--solver", "lbfgs", "--learning-rate", "3"],
            "`--learning-rate` is an option of gradient descent; leave it out",
        ),
        (["train", "--data", "nowhere"], "nowhere"),
        (["evaluate", "none.onnx"], "none.onnx can't be read: No such file"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output, no file."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("mnistry: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_unwritable_target_keeps_the_old_file(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder in the file's place is told by its name."""
    (tmp_path / "m.onnx").mkdir()
    code = main(["train", "--data", str(small), "--out", str(tmp_path / "m.onnx"), "--steps", "1"])
    assert code == 2
    assert capsys.readouterr().err == f"mnistry: {tmp_path / 'm.onnx'}: Is a directory.\n"


@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["read"], ["show"], ["data"]])
def test_help_has_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command has --help with an example that starts with its name."""
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert f"\n  {' '.join(['mnistry', *command])}" in capsys.readouterr().out


@pytest.mark.slow
def test_progress_moves_on_a_terminal_alone(
    small: Path, tmp_path: Path, on_terminal: OnTerminal
) -> None:
    """On a terminal a line moves on standard error and is erased; elsewhere it has no control
    characters.
    """
    arguments = [
        *COMMAND, "train", "--data", str(small), "--out", "m.onnx", "--steps", "4000", "--json",
    ]  # fmt: skip
    quiet = subprocess.run(arguments, capture_output=True, check=True, cwd=tmp_path)
    assert only_progress(quiet.stderr.decode())
    told, seen = on_terminal(arguments, tmp_path)
    assert json.loads(told)["kind"] == "softmax"
    assert b"training " in seen
    assert b"loss" in seen
    assert seen.endswith(b"\r\x1b[K")


@pytest.mark.slow
def test_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """``mnistry evaluate | head -1`` ends without an error message."""
    done = subprocess.run(
        f"{sys.executable} -m mnistry evaluate | head -1",
        shell=True, capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "mnistry:" not in done.stderr


def save_images(folder: Path, data: DataSet) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(data.images):
        Image.fromarray(image).save(folder / f"{i}.png")


def test_train_on_one_class_is_refused(
    tmp_path: Path, mnist: DataSets, capsys: pytest.CaptureFixture[str]
) -> None:
    """A single folder of images is refused, unless a list beside it gives the labels."""
    some = mnist.test.take(slice(60))
    save_images(tmp_path / "mine" / "images", some)
    asked = ["train", "--data", str(tmp_path / "mine"), "--out", str(tmp_path / "m.onnx")]
    assert main(asked) == 2
    assert "two classes or more; all 42 are of the class 'images'" in capsys.readouterr().err
    (tmp_path / "mine" / "labels.csv").write_text("a,b\n1,2\n")
    assert main(asked) == 2
    assert "'labels.csv' beside it does not list them" in capsys.readouterr().err
    rows = "".join(f"{i}.png,{label}\n" for i, label in enumerate(some.labels))
    (tmp_path / "mine" / "labels.csv").write_text("filename,label\n" + rows)
    assert main([*asked, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["data"]["test"] == 10
    assert said.err == ""


def test_evaluate_scores_some_of_the_classes(
    tmp_path: Path, mnist: DataSets, capsys: pytest.CaptureFixture[str]
) -> None:
    """A set of threes and sevens is scored by the shipped model; the others have no test images."""
    for label, name in ((3, "three"), (7, "七")):
        images = mnist.test.take(mnist.test.labels == label).take(slice(12))
        save_images(tmp_path / name, images)
    assert main(["evaluate", "--data", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "accuracy    100.00%" in text
    assert text.count("no test images") == 8
    assert "nan" not in text
    assert main(["evaluate", "--data", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["class_accuracy"] == [
        1.0 if i in (3, 7) else None for i in range(10)
    ]
    save_images(tmp_path / "cat", mnist.test.take(slice(12)))
    assert main(["evaluate", "--data", str(tmp_path)]) == 2
    assert "images of 'cat', which the model does not know" in capsys.readouterr().err


def test_evaluate_says_that_images_are_inverted(
    tmp_path: Path, mnist: DataSets, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paper as 255 gives one warning, which names the option, and a note; the option cures it."""
    data = mnist.test.take(slice(60))
    np.savez(tmp_path / "light.npz", x_train=255 - data.images, y_train=data.labels)
    asked = ["evaluate", "--data", str(tmp_path / "light.npz")]
    assert main(asked) == 0
    said = capsys.readouterr()
    assert said.err.startswith("mnistry: warning: Most images of 'light' have light borders")
    assert "set `--invert`" in said.err
    assert said.err.count("\n") == 1
    assert "100% of the images have light borders" in said.out
    assert main([*asked, "--invert", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert json.loads(said.out)["accuracy"] > 0.9
