"""A job's folder, here and elsewhere: files in it are whole, or not there."""

from __future__ import annotations

import io
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnistry.errors import MissingExtra
from mnistry.pictures.remote import system
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
