"""``mnistry read``: what is printed is what was read, and a bad picture stops no other."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mnistry.reader
from mnistry.cli import build_parser, main
from mnistry.cores import cores
from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.models.file import save_model
from mnistry.models.softmax import SoftmaxRegression
from mnistry.pictures.find import find
from mnistry.pictures.ink import Inked
from mnistry.pictures.layout import Box
from mnistry.reading import Mark, Outcome, Reading

COMMAND = [sys.executable, "-m", "mnistry"]

OnTerminal = Callable[[list[str], Path], tuple[bytes, bytes]]  # see conftest.py
Found = list[tuple[str, Reading | InputError]]


def mark(digit: int | None, *others: int, sign: str = "", p: float = 0.7) -> Mark:
    """A digit that may also be `others`, or what is none."""
    probabilities = np.full(10, 1e-4)
    best = 0 if digit is None else digit
    probabilities[list(others)] = (1 - p) / max(len(others), 1)
    probabilities[best] = 0
    probabilities[best] = 1 - probabilities.sum()
    outcome = Outcome.NOT_A_DIGIT if digit is None else Outcome.DIGIT
    if digit is not None and others:
        outcome = Outcome.AMBIGUOUS
    return Mark(
        digit, probabilities, tuple(sorted({best, *others})), outcome, 0.98, Box(40, 30, 22, 40),
        sign, np.full((28, 28), 9, np.uint8),
    )  # fmt: skip


def reading(text: str, *marks: Mark, probability: float = 0.9) -> Reading:
    """A reading of a made picture with a stroke in it where there are marks."""
    ink = np.zeros((90, 120))
    if marks:
        ink[30:70, 50:55] = 1
    outcome = Outcome.BLANK
    if marks:
        kinds = {one.outcome for one in marks}
        order = (Outcome.AMBIGUOUS, Outcome.DIGIT, Outcome.NOT_A_DIGIT)
        outcome = next(kind for kind in order if kind in kinds)
    inked = Inked(ink, 1.0, 0.95 - 0.75 * ink, True, True)
    return Reading(text, probability, marks, outcome, inked, find(ink))


SEVEN = reading("7", mark(7), probability=0.999)
MANY = reading("40\n2", mark(4, 9), mark(0), mark(None, sign="."), mark(2), probability=0.61)
BLANK = reading("", probability=1.0)
ERROR = InputError("'bad.png' is a damaged picture (why); get it again.")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Found:
    """What the reader gives, whatever it is asked; `asked` on the list's reader tells that."""
    given: Found = []

    class Reader:
        def __init__(self, model: object = None, **options: object) -> None:
            asked.update(options, model=model)

        def read_many(
            self, sources: object, stdin: object = None, workers: int = 1
        ) -> Iterator[Any]:
            asked.update(sources=sources, stdin=stdin, workers=workers)
            yield from given

    asked.clear()
    monkeypatch.setattr(mnistry.reader, "Reader", Reader)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO()))
    return given


asked: dict[str, Any] = {}


def lines(capsys: pytest.CaptureFixture[str], code: int, *argv: str) -> tuple[list[str], list[str]]:
    """Run; give the lines of standard output and of standard error."""
    assert main(["read", *argv]) == code
    out, err = capsys.readouterr()
    assert not out or out.endswith("\n")
    return out.splitlines(), err.splitlines()


def test_read_of_one_picture_fits_80_columns(
    found: Found, capsys: pytest.CaptureFixture[str]
) -> None:
    """The box is left out, the bar is shorter, and the alternatives are those that fit."""
    four = MANY.digits[0]
    p = np.array([0.05, 0.09, 0.06, 0.11, 0.3, 0.1, 0.1, 0.08, 0.07, 0.04])
    mixed = replace(four, probabilities=p, set=tuple(range(10)))
    found.append(("a.png", replace(MANY, digits=(mixed, *MANY.digits[1:]))))
    out, _ = lines(capsys, 0, "a.png")
    assert out[5] == "digit  probability         alternatives       set       outcome"
    assert out[6] == "4      ███░░░░░░░   30.00% 3 11.0%, 5 10.0% … 10 digits ambiguous"
    assert max(map(len, out)) <= 80


def test_read_prints_one_picture_in_detail(
    found: Found, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text comes first, then how sure it is, then on a wide terminal all that is known."""
    monkeypatch.setattr("mnistry.cli.read.columns", lambda: 105)
    found.append(("a.png", MANY))
    out, err = lines(capsys, 0, "a.png", "--alpha", "0.05")
    assert err == []
    assert out[:2] == ["40", "2"]
    assert out[3] == "a.png: ambiguous, 61.00% sure of the whole text"
    assert out[5].split()[0] == "digit"
    four, zero, point, two = out[6:10]
    assert re.fullmatch(r"4 +█{14}░{6} +69\.92% 9 30\.0% +4 9 +ambiguous +40, 30, 22 × 40", four)
    assert re.fullmatch(r"0 +█{20} +99\.91% +digit +40, 30, 22 × 40", zero)
    assert re.fullmatch(r"\. +like a digit: +98\.00% +not a digit +40, 30, 22 × 40", point)
    assert two.startswith("2 ")
    assert {line.index("40, 30") for line in out[6:10]} == {out[5].index("box")}
    assert out[-1] == "A set holds the right digit 95% of the time."
    assert asked == {
        "model": None, "alpha": 0.05, "level": 0.001, "count": None, "keep": False,
        "pattern": None, "between": None, "allowed": None, "check": None,
        "threshold": None, "sources": ["a.png"],
        "stdin": sys.stdin.buffer, "workers": cores(),
    }  # fmt: skip


def test_read_prints_many_pictures_in_a_line_each(
    found: Found, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text, probability, outcome and name; the errors among them on standard error; code 2."""
    found += [("a.png", SEVEN), ("b.png", MANY), ("bad.png", ERROR), ("c.png", BLANK)]
    out, err = lines(capsys, 2, "folder")
    assert [re.split(r"\s\s+", line.strip()) for line in out] == [
        ["7", "99.90%", "digit", "a.png"],
        ["40 / 2", "61.00%", "ambiguous", "b.png"],
        ["blank", "c.png"],
    ]
    assert len({line.index(name) for line, name in zip(out, ("a.", "b.", "c."), strict=True)}) == 1
    assert err == [f"mnistry: {ERROR}"]


def test_read_of_a_picture_without_digits(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    """What has no text says in words what it is instead."""
    for one, word in ((BLANK, "blank"), (reading("", mark(None, sign="?")), "not a digit")):
        found[:] = [("a.png", one)]
        out, _ = lines(capsys, 0, "a.png")
        assert out[0] == f"({word})"
        assert out[2] == f"a.png: {word}"
        assert all(len(line) < 100 for line in out if "where" not in line)


def test_read_prints_a_json_object_a_line(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is the reading as `to_dict` has it, or the error, with the picture's name."""
    found += [("a.png", MANY), ("bad.png", ERROR), ("c.png", BLANK)]
    out, err = lines(capsys, 2, "x", "--json")
    assert [json.loads(line) for line in out] == [
        {"picture": "a.png", **MANY.to_dict()},
        {"picture": "bad.png", "error": str(ERROR)},
        {
            "picture": "c.png",
            "text": "",
            "probability": 1.0,
            "outcome": "blank",
            "alternatives": [],
            "digits": [],
        },
    ]
    digit = json.loads(out[0])["digits"][0]
    assert set(digit) == {"digit", "probabilities", "set", "outcome", "typicality", "box"}
    assert (digit["digit"], digit["set"], digit["box"]) == (4, [4, 9], [40, 30, 22, 40])
    assert len(digit["probabilities"]) == 10
    assert err == [f"mnistry: {ERROR}"]
    found[:] = [("a.png", SEVEN)]
    out, err = lines(capsys, 0, "x", "--json", "--doctor")
    assert json.loads(out[0]) == {"picture": "a.png", **SEVEN.to_dict(), "doctor": []}
    assert err == []


def test_read_asks_the_doctor(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    """--doctor adds the findings: in detail, below a picture's line, and in JSON."""
    found.append(("a.png", BLANK))
    out, _ = lines(capsys, 0, "a.png", "--doctor")
    assert out[-1].startswith("The picture is blank: its shades differ by 0% of full scale")
    found[:] = [("a.png", SEVEN)]
    assert lines(capsys, 0, "a.png", "--doctor")[0][-1] == "The doctor finds nothing wrong."
    found.append(("b.png", BLANK))
    out, _ = lines(capsys, 0, "x", "--doctor")
    assert len(out) == 3
    assert out[2].startswith("    The picture is blank")
    (finding,) = json.loads(lines(capsys, 0, "x", "--doctor", "--json")[0][1])["doctor"]
    assert set(finding) == {"code", "sentence"}
    assert finding["code"] == "blank"


def test_read_says_where_digits_are_missing(
    found: Found, capsys: pytest.CaptureFixture[str]
) -> None:
    """--digits reaches the reader, and a picture with another number is told."""
    found.append(("a.png", SEVEN))
    out, _ = lines(capsys, 0, "a.png", "--digits", "5", "--keep")
    assert (asked["count"], asked["keep"]) == (5, True)
    assert "a.png: digit, 1 of 5 digits, 99.90%" in out[2]
    assert "of 5" not in "".join(lines(capsys, 0, "a.png", "--digits", "1")[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_read_shows_the_way(
    kind: str, found: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--show writes a figure of the pictures that were read, 20 at most, and says where."""
    file = tmp_path / f"strip.{kind}"
    found += [("a.png", MANY), ("bad.png", ERROR), ("c.png", BLANK)]
    out, _ = lines(capsys, 2, "x", "--show", str(file))
    assert out[-1] == str(file)
    assert file.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")
    out, _ = lines(capsys, 2, "x", "--show", str(file), "--json")
    assert len([json.loads(line) for line in out]) == 3
    if kind == "svg":
        found[:] = [(f"{i}.png", BLANK) for i in range(23)]
        out, _ = lines(capsys, 0, "x", "--show", str(file))
        assert out[-1] == f"{file} (the first 20 of 23 pictures)"


def test_read_shows_nothing_where_nothing_is_read(
    found: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With errors alone there is no figure, and no line of output."""
    found.append(("bad.png", ERROR))
    out, err = lines(capsys, 2, "bad.png", "--show", str(tmp_path / "a.png"))
    assert (out, err) == ([], [f"mnistry: {ERROR}"])
    assert not (tmp_path / "a.png").exists()


def test_read_refuses_files_it_cannot_write(
    found: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other endings and missing folders are told before anything is read."""
    found.append(("a.png", SEVEN))
    for file, sentence in (
        ("a.pdf", "must end in .png or .svg; got 'a.pdf'"),
        (str(tmp_path / "no" / "a.png"), "no, does not exist; make it first"),
    ):
        out, (err,) = lines(capsys, 2, "x", "--show", file)
        assert out == []
        assert sentence in err
    assert asked == {}
    found.clear()
    _, (err,) = lines(capsys, 2, "x")
    assert "No picture was found" in err


def test_read_leaves_the_terminal_alone(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that would move the cursor or colour the screen are escaped; so are errors."""
    found += [("a\x1b[31m\n.png", SEVEN), ("b\r.png", InputError("It is no picture."))]
    out, err = lines(capsys, 2, "x")
    assert out[0].endswith(r"a\x1b[31m\n.png")
    assert err == [r"mnistry: b\r.png: It is no picture."]
    assert json.loads(lines(capsys, 2, "x", "--json")[0][0])["picture"] == "a\x1b[31m\n.png"


def test_read_writes_probabilities_with_care(
    found: Found, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not quite sure is never 100%, and what is possible never 0%."""
    for p, word in ((0.99999, "> 99.99%"), (1e-9, "< 0.01%"), (1.0, "100.00%"), (0.5, "50.00%")):
        found[:] = [("a.png", reading("7", mark(7), probability=p))]
        assert f"digit, {word} sure" in lines(capsys, 0, "x")[0][2]


def test_read_prints_each_picture_at_once(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    """A line is out before the next picture but one is read."""
    seen = []

    class Watched(list[tuple[str, Reading | InputError]]):
        def __iter__(self) -> Iterator[tuple[str, Reading | InputError]]:
            for i in range(5):
                seen.append(len(capsys.readouterr().out.splitlines()))
                yield f"{i}.png", SEVEN

    found.extend([("a", SEVEN)])
    reader: Any = mnistry.reader.Reader
    reader.read_many = lambda *_, **__: iter(Watched())
    assert main(["read", "x", "--json"]) == 0
    assert seen == [0, 0, 2, 1, 1]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_where_nothing_can_be_told_the_code_tells(tmp_path: Path) -> None:
    """What is wrong with the input is code 2, also where standard error is full."""
    command = [sys.executable, "-m", "mnistry", "read", str(tmp_path / "none.png")]
    with open("/dev/full", "w") as full:
        assert subprocess.run(command, stderr=full, stdout=subprocess.DEVNULL).returncode == 2


def test_read_help_has_examples_that_parse(capsys: pytest.CaptureFixture[str]) -> None:
    """--help ends in examples, all of which are valid."""
    with pytest.raises(SystemExit) as caught:
        main(["read", "--help"])
    assert caught.value.code == 0
    examples = capsys.readouterr().out.partition("Examples:\n")[2].strip().split("\n")
    assert len(examples) == 6
    for example in examples:
        command, *argv = shlex.split(example)
        assert command == "mnistry"
        assert build_parser().parse_args(argv).pictures
    assert main(["read"]) == 2
    assert capsys.readouterr().err.startswith("mnistry: No PICTURE was given; name a file")


def test_what_is_known_of_the_field_is_used(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--pattern, --range, --allowed and --check reach the reader; what is malformed names them."""
    picture = str(sorted(pictures.glob("*.png"))[0])
    (tmp_path / "values.txt").write_text("00000000\n")
    for more in (
        ["--pattern", "0{8}"], ["--range", "90000000-99999999"], ["--check", "isbn13"],
        ["--allowed", str(tmp_path / "values.txt")],
    ):  # fmt: skip
        assert main(["read", picture, "--json", *more]) == 0
        assert json.loads(capsys.readouterr().out)["fits"] is False
    assert main(["read", picture, "--pattern", "0{8}"]) == 0
    assert "does not fit" in capsys.readouterr().out
    for bad, said in (
        (["--pattern", "x"], "The pattern 'x' is refused"),
        (["--range", "5"], "`--range` must be LOW-HIGH, such as 100-250; got '5'"),
        (["--allowed", picture], "An allowed value must consist of digits"),
        (["--allowed", "nowhere.txt"], "nowhere.txt"),
    ):
        assert main(["read", picture, *bad]) == 2
        assert said in capsys.readouterr().err


def test_a_risk_parts_readings_into_accepted_and_to_check(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--risk, --calibration, --csv and --review work together; wrong use is named."""
    table, page, report = (tmp_path / name for name in ("all.csv", "check.html", "sample.json"))
    files = ["--csv", str(table), "--review", str(page)]
    assert main(["read", str(pictures), "--risk", "0.5", *files]) == 2  # one file is no image
    out = capsys.readouterr().out
    assert out.count("digit, accepted ") == out.count("blank, to check ") == 1
    assert out.splitlines()[-1] == f"{page}: 1 of 3 readings to check; 1 could not be read"
    rows = table.read_text("utf-8").splitlines()
    assert [row.split(",")[4] for row in rows] == ["accepted", "false", "", "true"]
    assert "<script" in page.read_text("utf-8")
    report.write_text(json.dumps({"accepted": [{"risk": 0.01, "threshold": None}]}))
    seven = str(pictures / "seven.png")
    args = ["read", seven, "--json", "--risk", "0.02", "--calibration", str(report)]
    assert main(args) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] is False
    for bad, said in (
        (["--risk", "0"], "`--risk` must be a number between 0 and 1; got 0.0"),
        (["--calibration", "x"], "`--calibration` needs `--risk`"),
        (["--csv", str(tmp_path / "none" / "x.csv")], "The folder of `--csv`"),
        (["--review", "x.html", "--out", str(tmp_path / "job")], "`--review` is of a few"),
    ):  # fmt: skip
        assert main(["read", str(pictures), *bad]) == 2
        assert said in capsys.readouterr().err


def test_read_help_loads_nothing_heavy() -> None:
    """The parser of `read` is made without NumPy."""
    code = "import sys, mnistry.cli.read\nassert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def pictures(mnist: DataSets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a seven, blank paper, a file that is no picture, and an archive."""
    folder = tmp_path_factory.mktemp("pictures")
    large = Image.fromarray(255 - mnist.test.images[0]).resize((112, 112), Image.Resampling.BICUBIC)
    page = Image.new("L", (160, 150), 255)
    page.paste(large, (20, 20))
    page.save(folder / "seven.png")
    Image.new("L", (90, 90), 240).save(folder / "blank.png")
    (folder / "note.png").write_text("no picture")
    with zipfile.ZipFile(folder / "more.zip", "w") as file:
        file.write(folder / "seven.png", "in/seven.png")
    return folder


@pytest.mark.slow
def test_read_reads_real_pictures(pictures: Path) -> None:
    """A process reads a folder, an archive and standard input, and tells what it can't read."""
    run = {"cwd": pictures, "capture_output": True, "timeout": 60}
    argv = [*COMMAND, "read", "seven.png", "more.zip", "note.png", "missing.png", "-"]
    done = subprocess.run(  # type: ignore[call-overload]
        [*argv, "--json", "--show", "strip.png"], input=(pictures / "blank.png").read_bytes(), **run
    )
    assert done.returncode == 2
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["picture"] for one in found[:4]] == [
        "seven.png", "more.zip/in/seven.png", "note.png", "missing.png",
    ]  # fmt: skip
    assert [one.get("text") for one in found] == ["7", "7", None, None, ""]
    assert [one.get("outcome") for one in found] == ["digit", "digit", None, None, "blank"]
    assert "error" in found[2]
    assert "error" in found[3]
    errors = done.stderr.decode().splitlines()
    assert len(errors) == 2
    assert all(line.startswith("mnistry: ") for line in errors)
    assert "note.png" in errors[0]
    assert "missing.png" in errors[1]
    with Image.open(pictures / "strip.png") as image:
        assert image.width == 1600


@pytest.mark.slow
def test_read_needs_standard_input_only_where_it_is_asked(pictures: Path) -> None:
    """With standard input closed, files are read, and `-` is one sentence."""
    sentence = "mnistry: `-` reads standard input, which is not there; pipe a picture into it.\n"
    for source, code, text, wrong in (("seven.png", 0, "7", ""), ("-", 2, "", sentence)):
        done = subprocess.run(
            f"{sys.executable} -m mnistry read {source} <&-",
            shell=True, capture_output=True, text=True, cwd=pictures, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout[:1], done.stderr) == (code, text, wrong)


def test_read_takes_a_model_of_ones_own(
    mnist: DataSets, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--model reads with another model; one of other pictures, and one of none, are refused."""
    seven = str(pictures / "seven.png")
    model = SoftmaxRegression(steps=300).fit(
        mnist.train.images, mnist.train.labels, classes=mnist.classes
    )
    save_model(model, tmp_path / "digits.onnx")
    out, _ = lines(capsys, 0, seven, "--model", str(tmp_path / "digits.onnx"), "--json")
    (digit,) = json.loads(out[0])["digits"]
    assert digit["digit"] == 7
    assert json.loads(lines(capsys, 0, seven, "--json")[0][0])["digits"][0] != digit
    other = SoftmaxRegression(steps=1).fit(np.zeros((3, 8, 8)), [0, 1, 2])
    save_model(other, tmp_path / "other.onnx")
    for file, sentence in (("other.onnx", "3 classes in 8x8"), ("no.onnx", "no.onnx")):
        out, (err,) = lines(capsys, 2, seven, "--model", str(tmp_path / file))
        assert out == []
        assert sentence in err
    for option, value, sentence in (
        ("--alpha", "0", "`--alpha` must be between 0 and 1; got 0.0"),
        ("--digits", "0", "must be from 1 to 50; got 0"),
    ):
        _, (err,) = lines(capsys, 2, seven, option, value)
        assert sentence in err


@pytest.mark.slow
def test_closed_pipe_is_no_error(pictures: Path) -> None:
    """``mnistry read … | head -1`` ends without an error message."""
    done = subprocess.run(
        f"{sys.executable} -m mnistry read {'seven.png ' * 300} | head -1",
        shell=True, capture_output=True, text=True, cwd=pictures, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["7", *done.stdout.split()[1:3], "seven.png"]
    # On a busy machine there is time for lines of progress.
    assert re.fullmatch(r"([0-9,]+ images?  [0-9,]+ a second\n)*", done.stderr)


@pytest.mark.slow
def test_progress_moves_on_a_terminal(pictures: Path, on_terminal: OnTerminal) -> None:
    """Where standard error alone is a terminal, a counter is drawn there and erased."""
    told, seen = on_terminal([*COMMAND, "read", *["seven.png"] * 500, "--json"], pictures)
    assert len(told.splitlines()) == 500
    assert re.search(rb"\r\x1b\[K[0-9,]+ images?  [0-9,]+ a second", seen)
    assert seen.endswith(b"\r\x1b[K")
