"""A checkpoint is whole or an error of one sentence."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import zipfile
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistry.errors import TrainingError
from mnistry.training import checkpoint as module
from mnistry.training.checkpoint import parse_checkpoint, read_checkpoint, write_checkpoint

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


def npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def bombs() -> dict[str, bytes]:
    """Small checkpoints that would take much memory, keyed by their error messages."""
    facts = npy(np.frombuffer(b'{"format": 1}', np.uint8))
    million = npy(np.zeros(10**6, np.uint8))
    zeros = npy(np.zeros(2**29, np.uint8))
    longer = million.replace(b"(1000000,), }   ", b"(9000000000,), }")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("facts.npy", facts)
        archive.writestr("a.npy", million)
        for i in range(900):  # the same bytes under many names
            twin = copy(archive.filelist[-1])
            twin.filename = f"{i}.npy"
            archive.filelist.append(twin)
    return {
        "it is compressed": zipped({"facts.npy": facts, "a.npy": zeros}, zipfile.ZIP_DEFLATED),
        "does not fit its size": zipped({"facts.npy": facts, "a.npy": longer}),
        "to more than its own size": file.getvalue(),
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limits")
def test_checkpoints_are_no_bombs(tmp_path: Path) -> None:
    """Checkpoints that would take 500 MB or more are refused within 100 MB."""
    made = bombs()
    for i, data in enumerate(made.values()):
        (tmp_path / str(i)).write_bytes(data)
    code = f"""
import resource
from mnistry.errors import TrainingError
from mnistry.training.checkpoint import read_checkpoint
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100 * 2**20,) * 2)
for i in range({len(made)}):
    try:
        print(read_checkpoint(f"{{i}}"))
    except TrainingError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for sentence, found in zip(made, done.stdout.splitlines(), strict=True):
        assert sentence in found
        assert "is damaged or not one of mnistry's" in found


def test_facts_are_bounded_and_come_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` may reject the facts before an array is read; facts that are too long are refused."""

    def refuse(facts: dict[str, Any]) -> None:
        raise TrainingError(f"not with seed {facts['seed']}")

    many = np.arange(10**5)
    write_checkpoint(path, {"seed": 3}, {"many": many})
    data = bytearray(path.read_bytes())
    data[data.index(many.tobytes())] ^= 1  # reading that array would fail
    with pytest.raises(TrainingError, match=r"^not with seed 3$"):
        parse_checkpoint(path, bytes(data), refuse)
    with pytest.raises(TrainingError, match="is damaged"):
        parse_checkpoint(path, bytes(data))
    monkeypatch.setattr(module, "_LONGEST_FACTS", 100)
    with pytest.raises(TrainingError, match=r"its `facts` have \d+ bytes"):
        read_checkpoint(path)


def test_nested_facts_are_damage(path: Path) -> None:
    """JSON nested deeper than Python goes is one sentence too."""
    nested = npy(np.frombuffer(b"[" * 10**5 + b"]" * 10**5, np.uint8))
    path.write_bytes(zipped({"facts.npy": nested}))
    with pytest.raises(TrainingError, match="is damaged"):
        read_checkpoint(path)
