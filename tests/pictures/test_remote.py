"""Pictures by URL: listed, matched and fetched as those of this machine are."""

from __future__ import annotations

import io
import os
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from mnistry.errors import DataError, MissingExtra
from mnistry.pictures import remote
from mnistry.pictures.item import Item
from mnistry.pictures.listing import located as located_here
from mnistry.pictures.remote import ahead, fetched, is_url, located, system
from mnistry.pictures.stream import stream

pytest.importorskip("pyarrow")


def png(shade: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 4), shade).save(file, "PNG")
    return file.getvalue()


FILES = (
    "1.png", "2.png", "10.png", "a/3.png", "a/b/4.png", "a/b/c/5.png", ".h/6.png", "a/.7.png",
    "__MACOSX/8.png", "notes.txt", "x.parquet", "a/y.tar",
)  # fmt: skip


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files, in which we are."""
    for i, name in enumerate(FILES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(i))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def memory() -> Iterator[Any]:
    """A file system that is none of PyArrow's, and a folder in it with the same files."""
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    folder = f"/{uuid.uuid4()}"
    for i, name in enumerate(FILES):
        files.pipe(f"{folder}/{name}", png(i))
    yield f"memory:/{folder}"
    files.rm(folder, recursive=True)
    system.cache_clear()


PATTERNS = (
    "", "/*.png", "/[12].png", "/**/*.png", "/**/b/*.png", "/a/*/4.png", "/*", "/a/*", "/**/*",
    "/*.parquet", "/**/y.tar", "/**/a/**/*.png", "/a/b",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_urls_name_what_paths_name(pattern: str, top: Path, memory: str) -> None:
    """A URL, or a pattern in it, names the files that the same path names here."""
    here = [item.name.removeprefix(f"{top}/") for item in located_here(f"{top}{pattern}")]
    assert here
    for url in (f"file://{top}", memory):
        found = [item.name.removeprefix(f"{url}/") for item in located(url + pattern)]
        assert sorted(found) == sorted(here)
        if "**" not in pattern:  # folders come before what lies in them, or after
            assert found == here


def test_urls_of_this_machine_survive_loops_of_links(top: Path) -> None:
    """Links that lead in circles end as they do for paths: each folder is read once."""
    os.symlink("..", top / "a" / "loop", target_is_directory=True)
    os.symlink("nowhere", top / "lost.png")
    here, url = list(located_here(f"{top}")), f"file://{top}"
    found = list(located(url))
    assert len(here) == 7
    assert [item.name for item in found] == [f"file://{item.name}" for item in here]
    assert [item.error for item in found] == [item.error for item in here]
    assert [item.data for item in found if item.data] == [
        item.name for item in found if not item.error
    ]
    assert len(list(located(f"{url}/**/*.png"))) == 7


def test_urls_are_read_as_paths_are(top: Path, memory: str) -> None:
    """Pictures, archives and Parquet behind a URL give the items that they give here."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with zipfile.ZipFile(top / "more.zip", "w") as archive:
        archive.writestr("in/1.png", png(1))
    pq.write_table(pa.table({"image": [png(2), png(3)]}), top / "x.parquet")
    url = f"file://{top}"
    assert list(stream([f"{url}/1.png"])) == [Item(f"{url}/1.png", png(0))]
    assert list(stream([f"{url}/more.zip"])) == [Item(f"{url}/more.zip/in/1.png", png(1))]
    assert [item.data for item in stream([f"{url}/x.parquet"])] == [png(2), png(3)]
    assert [item.data for item in stream([f"{memory}/*.png"])] == [png(0), png(1), png(2)]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("{}/none.png", "'{}/none.png' does not exist; give a file, a folder or a pattern."),
        ("{}/no*.png", "'{}/no*.png' matches no file."),
        ("{}/a/.h", "'{}/a/.h' does not exist; give a file, a folder or a pattern."),
        ("s3://me:secret@bucket/a", "`s3://…` holds a password, which would be written down"),
        ("nosuch://a/b", "'nosuch://a/b' can't be read: Protocol not known: nosuch"),
    ],
)
def test_urls_that_name_nothing_are_one_sentence(url: str, sentence: str, top: Path) -> None:
    """What is not there, or in no known file system, is told; a password is not repeated."""
    pytest.importorskip("fsspec")
    base = f"file://{top}"
    with pytest.raises(DataError) as caught:
        list(located(url.format(base)))
    assert str(caught.value).startswith(sentence.format(base))
    assert "secret" not in str(caught.value)


def test_urls_need_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyArrow, or fsspec where it is needed, the sentence names what to install."""
    system.cache_clear()
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(DataError, match="install fsspec, and its package for memory://"):
        system("memory://a")
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    with pytest.raises(MissingExtra, match=r"pip install 'pyarrow"):
        system("s3://a")


def test_fetching_asks_again(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A way that is broken for a moment is tried again; one that stays so is an error."""
    monkeypatch.setattr(remote, "PAUSES", (0, 0))
    url, tries = f"file://{top}/1.png", []
    files, path, prefix = system(url)

    class Broken:
        def open_input_stream(self, path: str, **options: Any) -> Any:
            tries.append(path)
            if len(tries) < wanted:
                raise OSError("the line is dead\n")
            return files.open_input_stream(path, **options)

    monkeypatch.setattr(remote, "system", lambda _: (Broken(), path, prefix))
    wanted = 3
    assert fetched(url, url) == Item(url, png(0))
    tries.clear()
    wanted = 9
    assert fetched(url, url) == Item(url, error=f"{url!r} can't be read: the line is dead.")
    assert len(tries) == 3


def test_ahead_keeps_order_and_few_at_a_time() -> None:
    """What is waited for side by side comes in order, and no more than a few are begun early."""
    begun = []

    def slow(i: int) -> int:
        begun.append(i)
        time.sleep(0.01 if i % 3 else 0.03)
        return i

    found = ahead(slow, range(100))
    assert next(found) == 0
    assert len(begun) <= 17
    assert list(found) == list(range(1, 100))
    assert list(ahead(slow, [])) == []


def test_ahead_may_be_left() -> None:
    """Who leaves waits for what is under way alone."""
    gate = Event()
    begun = []

    def wait(i: int) -> int:
        begun.append(i)
        if i:
            gate.wait(5)
        return i

    found = ahead(wait, range(1000))
    assert next(found) == 0
    gate.set()
    found.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(begun) < 50


def test_names_with_schemes_are_urls() -> None:
    """A scheme and `://` make a URL; this machine's paths have none."""
    assert all(map(is_url, ("s3://b/x", "gs://b", "file:///x", "S3://b", "abfs+x://y")))
    assert not any(map(is_url, ("x", "/x", "C:\\x", "C://x", "a/s3://b", "1s3://b", "-")))
    assert not is_url(os.getcwd())
