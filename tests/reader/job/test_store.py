"""A job's folder, here and elsewhere: files in it are whole, or not there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnistry.errors import InputError, MissingExtra
from mnistry.pictures.remote import system
from mnistry.reader.job import store as module
from mnistry.reader.job.store import Store

pytest.importorskip("pyarrow")


@pytest.fixture(params=["path", "file", "memory"])
def store(request: Any, tmp_path: Path) -> Iterator[Store]:
    """A folder that is not there yet: a path, a URL of PyArrow's, and one of fsspec's."""
    if request.param == "memory":
        pytest.importorskip("fsspec")
        yield Store(f"memory://{uuid.uuid4()}/out")
        system.cache_clear()
    else:
        yield Store(f"{'file://' * (request.param == 'file')}{tmp_path}/deep/out")


def test_files_are_put_found_and_read(store: Store) -> None:
    """A folder that is not there has no files; one that is put is there, with its bytes."""
    assert store.names() == set()
    store.make()
    store.make()
    assert store.names() == set()
    assert not store.has("a")
    data = bytes(range(256)) * 40_000
    store.put("a", io.BytesIO(data))
    store.put("a", io.BytesIO(data[1:]))
    assert store.has("a")
    assert store.names() == {"a"}
    with store.open("a") as file:
        assert file.read() == data[1:]


def test_what_is_cut_short_is_not_there(store: Store) -> None:
    """Where writing fails in the middle no file appears, and what is left is tidied away."""
    store.make()

    class Short(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError("gone")
            return super().read(size)

    with pytest.raises(OSError, match="gone"):
        store.put("a", Short(bytes(2**23)))
    assert not store.has("a")
    store.put("b", io.BytesIO(b"b"))
    store.tidy()
    assert store.names() == {"b"}


def test_a_place_is_the_same_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is made absolute, since other processes work elsewhere."""
    monkeypatch.chdir(tmp_path)
    assert Store("out").place == f"{tmp_path}/out"
    assert Store(f"file://{tmp_path}/out").place == f"file://{tmp_path}/out"


def test_parquet_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyArrow the sentence names the extra."""
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    with pytest.raises(MissingExtra, match=r"Writing Parquet .* 'pyarrow>="):
        Store("out")


ROUNDS = 100
# Two processes meet before each round: each says in its byte of a shared file how far it is, and
# goes on when the other is as far.
RACE = """
import io, json, mmap, sys, time
from mnistry.errors import InputError
from mnistry.reader.job.store import Store

me, rounds, elsewhere = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "elsewhere"
with open("barrier", "r+b") as file:
    slots = mmap.mmap(file.fileno(), 2)
won = []
for i in range(1, rounds + 1):
    store = Store(str(i))
    if elsewhere:
        from fsspec.implementations.local import LocalFileSystem
        from pyarrow.fs import FSSpecHandler, PyFileSystem
        store._files = PyFileSystem(FSSpecHandler(LocalFileSystem()))
    slots[me] = i
    while slots[1 - me] < i:
        time.sleep(0)
    try:
        won.append(store.put_new("job", io.BytesIO(b"%d" % me * 1000)))
    except InputError:
        won.append(False)
print(json.dumps(won))
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_of_two_processes_one_creates_a_new_file(where: str, tmp_path: Path) -> None:
    """If two processes create a file at once, at most one succeeds, and the file is whole.

    On this machine one always does; in other file systems both may step back.
    """
    if where == "elsewhere":
        pytest.importorskip("fsspec")
    rounds = ROUNDS if where == "here" else ROUNDS // 5
    (tmp_path / "barrier").write_bytes(bytes(2))
    for i in range(1, rounds + 1):
        (tmp_path / str(i)).mkdir()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, f"{me}", f"{rounds}", where],
            stdout=subprocess.PIPE, cwd=tmp_path,
        )
        for me in (0, 1)
    ]  # fmt: skip
    result = [json.loads(racer.communicate()[0]) for racer in racers]
    for i, won in enumerate(zip(*result, strict=True), 1):
        assert sum(won) == 1 or (where == "elsewhere" and not any(won))
        if any(won):
            assert (tmp_path / f"{i}/job").read_bytes() == b"%d" % won.index(True) * 1000
        assert {path.name for path in (tmp_path / str(i)).iterdir()} <= {"job"}
    assert any(result[0] + result[1])


def test_a_new_file_is_put_once(store: Store) -> None:
    """An existing file is kept, and the result is False."""
    store.make()
    assert store.put_new("a", io.BytesIO(b"first"))
    assert not store.put_new("a", io.BytesIO(b"second"))
    with store.open("a") as file:
        assert file.read() == b"first"
    assert store.names() == {"a"}


def test_a_new_file_is_put_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that has no hard links creates it exclusively."""

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    store = Store(str(tmp_path))
    assert store.put_new("a", io.BytesIO(b"first"))
    assert not store.put_new("a", io.BytesIO(b"second"))
    assert (tmp_path / "a").read_bytes() == b"first"
    assert store.names() == {"a"}


def test_a_claim_that_was_left_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere, a claim of a process that was killed is named in the sentence; tidying ends it."""
    pytest.importorskip("fsspec")
    monkeypatch.setattr(module, "_PAUSE", 0)
    store = Store(f"memory://{uuid.uuid4()}/out")
    store.make()
    store.put(".a.left.claim", io.BytesIO(b"claim"))
    with pytest.raises(InputError, match=r"Another job is starting .* '\.a\.left\.claim'"):
        store.put_new("a", io.BytesIO(b"mine"))
    assert store.names() == {".a.left.claim"}
    store.tidy()
    assert store.put_new("a", io.BytesIO(b"mine"))
    system.cache_clear()
