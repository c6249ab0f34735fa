"""What `mnistry evaluate` prints of names that come from files."""

from __future__ import annotations

import dataclasses

import pytest

from mnistry.cli.evaluate import _confusion, report
from mnistry.data.dataset import DataSet
from mnistry.models.file import shipped_model
from mnistry.probability.sheet import score


def test_class_names_are_printed_as_text(
    little: DataSet, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that a terminal would obey, or of 90,000 letters, is escaped and shortened."""
    sheet = score(shipped_model("softmax"), little)
    names = ("\x1b[2J\x1b]0;owned\x07", "\u202e1", "\n2", "x" * 90_000, *map(str, range(4, 10)))
    odd = dataclasses.replace(sheet, classes=names)
    report(odd)
    out = f"{capsys.readouterr().out}{_confusion(odd)}"
    assert out.replace("\n", "").isprintable()
    assert r"\x1b[2J\x1b]0;owned\x07" in out
    assert max(map(len, out.splitlines())) <= 80
