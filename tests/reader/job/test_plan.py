"""What a job reads, in parts: everything once, whatever its size, and the same when read back."""

from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
import zipfile
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import IO

import pytest
from PIL import Image

from mnistry.errors import InputError
from mnistry.pictures import archive
from mnistry.pictures.stream import stream
from mnistry.reader.job import plan as plan_module
from mnistry.reader.job.plan import Part, plan, read_plan, write_plan

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


def test_a_file_that_is_closed_is_a_row(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a source, what can't be looked into is an error in a part, and the rest is there."""
    real = archive.parquet_groups

    def fail(file: IO[bytes], name: str) -> list[int]:
        if name.endswith("c.parquet"):
            raise OSError(5, "no luck")
        return real(file, name)

    monkeypatch.setattr(archive, "parquet_groups", fail)
    first, *more = plan([str(top / "?.parquet"), str(top / "a.zip")], 10)
    assert first.kind == "files"
    assert first.errors[0] == f"'{top}/c.parquet' can't be read: no luck."
    assert all(first.errors)
    assert [part.kind for part in more] == ["share"]
