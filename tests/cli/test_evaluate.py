"""What `mnistry evaluate` prints of names that come from files."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mnistry.cli import main
from mnistry.cli.evaluate import _confusion, report
from mnistry.data.dataset import DataSet
from mnistry.data.sources import load_data
from mnistry.models.file import save_model, shipped_model
from mnistry.probability.sheet import score


def test_class_names_are_printed_as_text(
    little: DataSet, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name with control characters, or of 90,000 letters, is escaped and shortened."""
    sheet = score(shipped_model("softmax"), little)
    names = ("\x1b[2J\x1b]0;owned\x07", "\u202e1", "\n2", "x" * 90_000, *map(str, range(4, 10)))
    odd = dataclasses.replace(sheet, classes=names)
    report(odd)
    out = f"{capsys.readouterr().out}{_confusion(odd)}"
    assert out.replace("\n", "").isprintable()
    assert r"\x1b[2J\x1b]0;owned\x07" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
def test_data_without_a_test_split_are_scored_whole_or_in_part(
    little: DataSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The packaged model is scored on all images, another on those that training holds out."""
    np.savez(tmp_path / "mine.npz", x=little.images, y=little.labels)
    save_model(shipped_model("softmax"), tmp_path / "m.onnx")
    own = ["evaluate", "--data", str(tmp_path / "mine.npz")]
    held_out = len(load_data(tmp_path / "mine.npz").test)
    assert 0 < held_out < len(little)
    for model, split, count in (([], "all", len(little)), (["m.onnx"], "drawn", held_out)):
        command = [*own, *(str(tmp_path / one) for one in model)]
        assert main([*command, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert (result["split"], result["pictures"]) == (split, count)
        assert main(command) == 0
        out = capsys.readouterr().out
        assert (f"(of {len(little)} images without a test split" in out) == (split == "drawn")
        assert max(map(len, out.split("\n\n")[1].splitlines())) <= 80
