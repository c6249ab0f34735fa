"""A checkpoint is whole or an error of one sentence."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistry.errors import TrainingError
from mnistry.training.checkpoint import read_checkpoint, write_checkpoint

ARRAYS: dict[str, NDArray[Any]] = {
    "a.b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "n": np.array([7], np.int64),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "c.npz", {"seed": 3}, ARRAYS)
    return tmp_path / "c.npz"


def test_round_trip(path: Path) -> None:
    """Facts and arrays come back to the bit; nothing else is left in the folder."""
    facts, arrays = read_checkpoint(path)
    assert facts["seed"] == 3
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
    assert list(path.parent.iterdir()) == [path]


def test_missing_or_foreign_files_are_refused(tmp_path: Path) -> None:
    """No file, a text, a pickle, another version's."""
    with pytest.raises(TrainingError, match=r"There is no checkpoint .*none\.npz to go on from"):
        read_checkpoint(tmp_path / "none.npz")
    bad = tmp_path / "bad.npz"
    bad.write_text("hello")
    with pytest.raises(TrainingError, match=r"is damaged or not one of mnistry's"):
        read_checkpoint(bad)
    bad.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(TrainingError, match=r"is damaged or not one of mnistry's"):
        read_checkpoint(bad)
    np.savez(bad, a=np.array([{"an": "object"}], object))
    with pytest.raises(TrainingError, match=r"is damaged or not one of mnistry's"):
        read_checkpoint(bad)
    write_checkpoint(bad, {"format": 99}, {})
    with pytest.raises(TrainingError, match=r"has format 99, which this version can't go on from"):
        read_checkpoint(bad)


@settings(max_examples=100)
@given(st.data())
def test_damage_is_noticed(path: Path, data: st.DataObject) -> None:
    """Flipped or missing bytes give an error or exactly what was written, never other numbers."""
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = path.with_name("damaged.npz")
    damaged.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        _, arrays = read_checkpoint(damaged)
    except TrainingError as error:
        assert str(damaged) in str(error)
    else:
        for name in arrays.keys() & ARRAYS.keys():
            assert arrays[name].tobytes() == ARRAYS[name].tobytes()
