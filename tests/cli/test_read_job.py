"""``mnistry read --out``: what it is asked, what it refuses and what it says in the end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import mnistry.reader.job as job_module
from mnistry.cli import main
from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.models.file import save_model, shipped_model
from mnistry.reader.job import Summary

pytest.importorskip("pyarrow")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the job is asked; it gives a summary, or raises, as `asked["gives"]` says."""
    kept: dict[str, Any] = {"gives": Summary(1500, 2, 500, 3, 4, 2.0)}

    def read_into(out: str, sources: list[str], reader: Any, **more: Any) -> Summary:
        kept.update(more, out=out, sources=sources, options=reader.made_by[1])
        if isinstance(kept["gives"], Exception):
            raise kept["gives"]
        more["tell"](7)
        return kept["gives"]  # type: ignore[no-any-return]

    monkeypatch.setattr(job_module, "read_into", read_into)
    return kept


@pytest.fixture
def picture(mnist: DataSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a seven, in which we are."""
    (tmp_path / "in").mkdir()
    Image.fromarray(255 - mnist.test.images[0]).save(tmp_path / "in" / "7.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "sources", "ray"),
    [
        (["a", "b", "--out", "x"], ["a", "b"], None),
        (["--out", "x", "a"], ["a"], None),
        (["--ray", "a", "b", "--out", "x"], ["a", "b"], ""),
        (["--ray", "s3://a/b", "--out", "x"], ["s3://a/b"], ""),
        (["a", "--out", "x", "--ray"], ["a"], ""),
        (["--ray", "auto", "a", "--out", "x"], ["a"], "auto"),
        (["--ray", "10.0.0.1:6379", "a", "--out", "x"], ["a"], "10.0.0.1:6379"),
        (["--ray", "[::1]:6379", "a", "--out", "x"], ["a"], "[::1]:6379"),
        (["--ray", "ray://head:10001", "a", "--out", "x"], ["a"], "ray://head:10001"),
    ],
)
def test_an_address_is_told_from_a_picture(
    argv: list[str], sources: list[str], ray: str | None, asked: dict[str, Any]
) -> None:
    """What follows --ray is an address if it looks like one, and else the first picture."""
    assert main(["read", *argv]) == 0
    assert (asked["sources"], asked["ray"], asked["out"]) == (sources, ray, "x")


def test_options_reach_the_job(asked: dict[str, Any]) -> None:
    """What `read` is told of pictures counts for a job as well."""
    more = ("--alpha", "0.1", "--level", "0.01", "--digits", "5", "--keep", "--per-file", "9")
    known = ("--pattern", "1.*", "--range", "10-20000", "--check", "luhn", "--risk", "0.02")
    assert main(["read", "a", "--out", "x", *more, *known]) == 0
    assert asked["options"] == {
        "alpha": 0.1, "level": 0.01, "count": 5, "keep": True, "pattern": "1.*",
        "between": (10, 20_000), "allowed": None, "check": "luhn", "threshold": 0.98,
    }  # fmt: skip
    assert asked["per_file"] == 9


def test_a_job_is_summed_up(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Rows, errors, what was there before, and the rate; one object with --json."""
    assert main(["read", "a", "--out", "x"]) == 0
    assert capsys.readouterr() == (
        "x: 1,500 pictures, 2 of them with an error\n500 were read before\n"
        "processes killed: 4; what they were reading was read again\n"
        "1,000 in 2.0 s, 500 a second\n", "",
    )  # fmt: skip
    assert main(["read", "a", "--out", "x", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "out": "x", "pictures": 1500, "errors": 2, "before": 500, "parts": 3, "killed": 4,
        "seconds": 2.0, "skipped": 0, "pictures_per_second": 500.0,
    }  # fmt: skip
    asked["gives"] = Summary(3, 3, 0, 1, 0, 1.0)
    assert main(["read", "a", "--out", "x"]) == 2
    asked["gives"] = InputError("No.")
    assert main(["read", "a", "--out", "x"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--ray", "a"], "`--ray` needs `--out`, the folder of the Parquet files."),
        (["a", "--per-file", "3"], "`--per-file` needs `--out`, the folder of the Parquet files."),
        (["a", "--out", "x", "--show", "y.png"], "`--show` is of a few pictures, `--out` of many"),
        (
            ["a", "--out", "x", "--doctor"],
            "`--doctor` is of a few pictures, `--out` of many",
        ),
        (["--ray", "auto", "--out", "x"], "No PICTURE was given; name a file, a folder or a pat"),
        (
            ["in", "--out", "x", "--per-file", "0"],
            "`--per-file` must be from 1 to 1,000,000; got",
        ),
        (["in", "--digits", "60"], "`--digits` must be from 1 to 50; got 60."),
        (["-", "--out", "x"], "`-`, standard input, can't be read again when a job goes on; save"),
        (["none", "--out", "x"], "'none' does not exist; give a file, a folder or a pattern."),
        (["in", "--out", "in"], "`--out` 'in' holds other files ('7.png'); give a new or an empty"),
        (["in", "--out", "nosuch://x"], "'nosuch://x' can't be read: Protocol not known: nosuch"),
    ],
)
@pytest.mark.usefixtures("picture")
def test_what_makes_no_job_is_one_sentence(
    argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that do not go together, sources that are not there, folders that are taken."""
    assert main(["read", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"mnistry: {sentence}")
    assert err.count("\n") == 1
    assert not Path("x").exists()


@pytest.mark.slow
def test_a_job_goes_on_only_as_it_began(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other sources, options or models are refused, by name; from another folder it is the same."""
    save_model(shipped_model("convnet"), picture / "own.onnx")
    assert main(["read", "in", "--out", "x", "--digits", "1"]) == 0
    capsys.readouterr()
    changes = {
        "--alpha": ["in", "--digits", "1", "--alpha", "0.2"],
        "--digits": ["in"],
        "--keep": ["in", "--digits", "1", "--keep"],
        "--per-file": ["in", "--digits", "1", "--per-file", "7"],
        "sources": ["in/7.png", "--digits", "1"],
        "--model": ["in", "--digits", "1", "--model", "own.onnx"],
    }
    for key, argv in changes.items():
        assert main(["read", *argv, "--out", "x"]) == 2
        assert f"'x' holds a job with another `{key}` (" in capsys.readouterr().err
    assert main(["read", f"{picture}/in", "--out", f"{picture}/x", "--digits", "1"]) == 0
    assert "1 were read before" in capsys.readouterr().out


@pytest.mark.slow
def test_what_is_damaged_is_told(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A part or a description that is none of ours is one sentence; a part may be deleted."""
    assert main(["read", "in", "--out", "x"]) == 0
    part = picture / "x" / "part-00000000.parquet"
    whole = part.read_bytes()
    (picture / "x" / "_SUCCESS").unlink()
    part.write_bytes(whole[:-9])
    assert main(["read", "in", "--out", "x"]) == 2
    assert "'part-00000000.parquet' in 'x' is damaged (" in capsys.readouterr().err
    part.unlink()
    assert main(["read", "in", "--out", "x"]) == 0
    assert part.read_bytes() == whole
    (picture / "x" / "_job.json").write_text("[1]")
    assert main(["read", "in", "--out", "x"]) == 2
    assert "'_job.json' in 'x' is damaged (it is no JSON object)" in capsys.readouterr().err


def test_extras_are_named(
    picture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Ray, or PyArrow, the sentence names the extra."""
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["read", "in", "--out", f"{picture}/x", "--ray"]) == 2
    assert "needs Ray, which is not installed; run `pip install '" in (capsys.readouterr().err)
    assert not (picture / "x").exists()
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    assert main(["read", "in", "--out", f"{picture}/x"]) == 2
    assert "run `pip install 'pyarrow>=" in capsys.readouterr().err
