"""What a job reads, in parts: everything once, whatever its size, and the same when read back."""

from __future__ import annotations

import errno
import io
import os
import tarfile
import tracemalloc
import zipfile
from collections import Counter
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
from PIL import Image

from mnistry.errors import InputError
from mnistry.pictures import remote
from mnistry.pictures.stream import stream
from mnistry.reader.job import plan as plan_module
from mnistry.reader.job import way as way_module
from mnistry.reader.job.plan import Part, plan, read_plan, write_plan
from mnistry.reader.job.way import Unreachable

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402


def png(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 4), shade).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of everything that a job can be given, some of it broken."""
    folder = tmp_path_factory.mktemp("plan")
    (folder / "in").mkdir()
    for i in range(23):
        (folder / "in" / f"{i}.png").write_bytes(png(i))
    os.symlink("nowhere", folder / "in" / "lost.png")
    with zipfile.ZipFile(folder / "a.zip", "w") as packed:
        for i in range(150):
            packed.writestr(f"{i}.png", png(i))
    with tarfile.open(folder / "b.tar.gz", "w:gz") as tar:
        for i in range(90):
            info = tarfile.TarInfo(f"{i}.png")
            info.size = len(png(i))
            tar.addfile(info, io.BytesIO(png(i)))
    table = pa.table({"image": [png(i) for i in range(50)] + [None]})
    pq.write_table(table, folder / "c.parquet", row_group_size=17)
    pq.write_table(pa.table({"label": [1]}), folder / "d.parquet")
    (folder / "e.zip").write_bytes(b"no zip")
    (folder / "f.parquet").write_bytes(b"no parquet")
    return folder


SOURCES = ("in", "*.parquet", "a.zip", "b.tar.gz", "e.zip", "in/3.png")


@pytest.mark.parametrize(("size", "share"), [(1, 2**30), (7, 2**12), (24, 2**14), (40, 2**9)])
def test_parts_hold_everything_once(
    top: Path, monkeypatch: pytest.MonkeyPatch, size: int, share: int
) -> None:
    """Together the parts give the very items that reading gives, whatever their size."""
    monkeypatch.setattr(plan_module, "SHARE", share)
    sources = [str(top / name) for name in SOURCES]
    parts = list(plan(sources, size))
    assert [part.number for part in parts] == list(range(len(parts)))
    assert len({part.file for part in parts}) == len(parts)
    groups = [list(part.items("")) for part in parts]
    assert all(len(items) <= size for part, items in zip(parts, groups, strict=True)
               if part.kind != "share")  # fmt: skip
    found, expected = Counter(chain.from_iterable(groups)), Counter(stream(sources))
    broken = {name for item in expected if item.error and (name := Path(item.name).name)}
    assert {"lost.png", "c.parquet#50", "d.parquet", "e.zip", "f.parquet"} == broken
    # An archive that can't be opened says so once for each of its shares.
    assert found.keys() == expected.keys()
    assert {item for item, n in found.items() if n != expected[item]} <= {
        item for item in expected if item.name.endswith("e.zip")
    }


def test_a_large_archive_has_several_parts(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pictures are divided into shares of about the same size, and not into too many."""
    size = (top / "a.zip").stat().st_size
    monkeypatch.setattr(plan_module, "SHARE", size // 3)
    parts = list(plan([str(top / "a.zip")], 10))
    assert len(parts) in (3, 4)
    counts = [len(list(part.items(""))) for part in parts]
    assert sum(counts) == 150
    monkeypatch.setattr(plan_module, "SHARE", 1)
    assert len(list(plan([str(top / "a.zip")], 10))) == plan_module.MOST_SHARES


def test_a_plan_is_read_as_it_was_written(top: Path) -> None:
    """Parts come back as they were, names that are no text among them, and URLs."""
    odd = os.fsdecode(b"in/\xff.png")
    parts = list(plan([str(top / name) for name in SOURCES] + [f"file://{top}/in"], 7))
    parts.append(Part(len(parts), "files", "", [odd, "é 数.png"], ["", "a sentence."]))
    file = io.BytesIO()
    assert write_plan(iter(parts), file) == len(parts)
    assert list(read_plan(file)) == parts
    empty = io.BytesIO()
    assert write_plan([], empty) == 0
    assert list(read_plan(empty)) == []


@pytest.mark.slow
def test_a_plan_takes_little_memory(tmp_path: Path) -> None:
    """Names of many parts pass through in the memory of a few parts."""

    def parts(count: int) -> None:
        made = (
            Part(i, "files", "", [f"scans/{i:06}/{j:06}.png" for j in range(200)], [""] * 200)
            for i in range(count)
        )
        with open(tmp_path / "plan", "w+b") as file:
            assert write_plan(made, file) == count
            assert sum(1 for _ in read_plan(file)) == count

    tracemalloc.start()
    parts(100)
    few = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    parts(400)
    many = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert many < 1.3 * few


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("-", "`-`, standard input, can't be read again when a job goes on; save it to a file"),
        ("{}/none", "'{}/none' does not exist; give a file, a folder or a pattern."),
        ("{}/*.gif", "'{}/*.gif' matches no file."),
        ("{}", "'{}' holds no file that is named as a picture (.png, …); for archives or"),
    ],
)
def test_a_source_that_is_not_there_is_refused(source: str, sentence: str, tmp_path: Path) -> None:
    """What names nothing stops the job before it begins."""
    pq.write_table(pa.table({"image": [png(1)]}), tmp_path / "x.parquet")
    with pytest.raises(InputError) as caught:
        list(plan([source.format(tmp_path)], 10))
    assert str(caught.value).startswith(sentence.format(tmp_path))


class Frail(io.FileIO):
    """A file that can be read so often, and then no more."""

    left = 0

    def readinto(self, room: Any) -> int | None:
        if not self.left:
            raise OSError(errno.EIO, "no luck")
        self.left -= 1
        return super().readinto(room)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int | OSError]:
    """How often each file that is opened may be read, or what opening it raises; then for ever."""
    given: list[int | OSError] = []

    def give(name: str, mode: str) -> io.FileIO:
        file = Frail(name, mode)
        file.left = -1  # never none
        if given:
            what = given.pop(0)
            if isinstance(what, OSError):
                file.close()
                raise what
            file.left = what
        return file

    monkeypatch.setattr(way_module, "open", give, raising=False)
    monkeypatch.setattr(remote, "PAUSES", (0, 0))
    return given


@pytest.mark.parametrize("name", ["a.zip", "b.tar.gz", "c.parquet"])
@pytest.mark.parametrize("reads", [(0, 1), (2, 3), (5, 4), (30, 8)])
def test_a_way_that_breaks_is_gone_again(
    name: str, reads: tuple[int, int], top: Path, opened: list[int | OSError]
) -> None:
    """Wherever a file can't be read on, twice, it is read from there: all items are given once."""
    for part in plan([str(top / name)], 1000):
        whole = list(part.items(""))
        opened += reads
        assert list(part.items("")) == whole
        opened.clear()
        opened += [OSError(errno.EMFILE, "no luck"), reads[1]]
        assert list(part.items("")) == whole
        opened.clear()


@pytest.mark.parametrize("name", ["a.zip", "b.tar.gz", "c.parquet"])
def test_a_way_that_stays_broken_is_no_row(
    name: str, top: Path, opened: list[int | OSError]
) -> None:
    """What can't be read now is told, and no item says so for ever; so it is while planning."""
    sentence = f"'{top}/{name}' can't be read: no luck; when it can, run the same command again."
    part = next(iter(plan([str(top / name)], 1000)))
    for broken in ([0] * 3, [OSError(errno.EIO, "no luck")] * 3):
        opened += broken
        with pytest.raises(Unreachable) as caught:
            list(part.items(""))
        assert (str(caught.value), opened) == (sentence, [])
    opened += [OSError(errno.EIO, "no luck")] * 3
    with pytest.raises(Unreachable) as caught:
        list(plan([str(top / name)], 1000))
    assert str(caught.value) == sentence
    opened += [OSError(errno.EIO, "no luck")] * 2
    assert next(iter(plan([str(top / name)], 1000))) == part


def test_damage_is_not_looked_at_again(top: Path, opened: list[int | OSError]) -> None:
    """A file that is damaged, closed to us or gone is so at once, and a row."""
    bad = Part(0, "share", "", [str(top / "e.zip")], [""], stop=1)
    for what, told in (
        (-1, "is damaged (File is not a zip file)"),
        (OSError(errno.EACCES, "closed"), "can't be read: closed."),
        (OSError(errno.ENOENT, "gone"), "can't be read: gone."),
    ):
        opened += [what, 0, 0, 0]
        [item] = bad.items("")
        assert told in str(item.error)
        assert opened == [0, 0, 0]
        opened.clear()


@pytest.mark.parametrize("source", ["{}/in", "{}/*/*.png", "{}/i*", "file://{}/in", "memory"])
def test_a_folder_that_cannot_be_listed_now_stops_the_plan(
    source: str, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is begun then; closed to us it is an error in a part, or nothing that matches."""
    error = OSError(errno.EIO, "no luck")

    def fail(*_: Any) -> Any:
        raise error

    if source == "memory":
        source = f"file://{top}/in"
        files, path, prefix = remote.system(source)
        elsewhere = SimpleNamespace(type_name="other", get_file_info=lambda what: (
            files.get_file_info(what) if isinstance(what, str) else fail()
        ))  # fmt: skip
        monkeypatch.setattr(remote, "system", lambda _: (elsewhere, path, prefix))
    else:
        monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises((Unreachable, OSError), match="no luck"):
        list(plan([source.format(top)], 10))
    error = OSError(errno.EACCES, "closed")
    if "*" in source:
        with pytest.raises(InputError, match="matches no file"):
            list(plan([source.format(top)], 10))
    else:
        [part] = plan([source.format(top)], 10)
        assert "can't be read: closed." in part.errors[0]


def test_a_file_that_is_closed_is_a_row(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a source, what can't be looked into is an error in a part, and the rest is there."""

    def give(name: str, mode: str) -> IO[bytes]:
        if name.endswith("c.parquet"):
            raise PermissionError(errno.EACCES, "no luck")
        return io.FileIO(name, mode)

    monkeypatch.setattr(way_module, "open", give, raising=False)
    first, *more = plan([str(top / "?.parquet"), str(top / "a.zip")], 10)
    assert first.kind == "files"
    assert first.errors[0] == f"'{top}/c.parquet' can't be read: no luck."
    assert all(first.errors)
    assert [part.kind for part in more] == ["share"]
