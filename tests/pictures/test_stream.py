"""What a user names: every picture of it comes out, and every mistake is one sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mnistry.pictures import archive, listing, pdf
from mnistry.pictures import item as item_module
from mnistry.pictures.decode import decode
from mnistry.pictures.item import Item, natural
from mnistry.pictures.stream import stream

Limited = Callable[[], AbstractContextManager[None]]


def png(shade: int = 0) -> bytes:
    data = io.BytesIO()
    Image.new("L", (3, 2), shade).save(data, "PNG")
    return data.getvalue()


PNG = png()
IMAGE = Image.new("L", (3, 2))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test works in a folder of its own, so that it names things as users do."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(*paths: str, data: bytes = PNG) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)


def names(*sources: str | os.PathLike[str]) -> list[str]:
    """The names of what comes; nothing may be an error."""
    items = list(stream(sources))
    assert [item.error for item in items] == [None] * len(items)
    for item in items:
        assert isinstance(item.data, str | bytes)
        assert decode(item.data).size == (3, 2)
    return [item.name for item in items]


def error(source: str, stdin: BinaryIO | None = None) -> str:
    """The sentence of the one item that comes."""
    [item] = stream([source], stdin)
    assert item.data is None
    assert item.error is not None
    assert item.error.endswith(".")
    assert "\n" not in item.error
    return item.error


def zipped(entries: dict[Any, bytes], **options: Any) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", **options) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return data.getvalue()


def tarred(entries: dict[str, bytes], **options: Any) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", **options) as archive:
        for name, body in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return data.getvalue()


def test_stream_gives_files_as_they_are_named() -> None:
    """A file is a path to open later, whatever its suffix, in the order in which it is named."""
    put("b.png", "a.txt")
    assert list(stream(["b.png", Path("a.txt"), "b.png"])) == [
        Item("b.png", "b.png"),
        Item("a.txt", "a.txt"),
        Item("b.png", "b.png"),
    ]


def test_one_source_is_a_list_of_one() -> None:
    """A path by itself is that path, and not its letters."""
    put("in/a.png", "b")
    for source in ("in/a.png", Path("in/a.png")):
        assert [item.name for item in stream(source)] == ["in/a.png"]


def test_images_in_memory_are_given_too() -> None:
    """Bytes, open files, Pillow images and arrays come in their places, named or numbered."""
    put("in/a.png")
    array = np.zeros((2, 3), np.uint8)
    with open("in/a.png", "rb") as file:
        sources = ["in/a.png", PNG, bytearray(PNG), io.BytesIO(PNG), file, IMAGE, array]
        items = list(stream(sources))
    assert [item.error for item in items] == [None] * 7
    assert [item.name for item in items] == [
        "in/a.png", "image 2", "image 3", "image 4", "in/a.png", "image 6", "image 7",
    ]  # fmt: skip
    assert [item.data for item in items[1:5]] == [PNG] * 4
    assert items[5].data == IMAGE
    for source in (PNG, bytearray(PNG), memoryview(PNG), io.BytesIO(PNG), IMAGE, array):
        assert [item.name for item in stream(source)] == ["image 1"]


def test_what_is_in_memory_is_copied() -> None:
    """Changing an array or image after it was taken from the sources has no effect."""
    array, image = np.zeros((2, 3), np.uint8), Image.new("L", (3, 2))

    def frames() -> Any:
        for shade in (7, 8):
            array[:] = shade
            image.paste(shade, (0, 0, 3, 2))
            yield from (array, image)

    assert [int(np.asarray(item.data).max()) for item in stream(frames())] == [7, 7, 8, 8]


def test_what_is_no_image_in_memory_is_a_sentence() -> None:
    """Text, an empty file, a file that is closed, a cut image: an error, and the rest is given."""
    put("a.txt", data=b"text")
    closed = io.BytesIO(PNG)
    closed.close()
    noise = io.BytesIO()
    Image.effect_noise((64, 64), 99).save(noise, "PNG")
    cut = Image.open(io.BytesIO(noise.getvalue()[:2000]))
    with open("a.txt") as text:
        found = list(stream([text, io.BytesIO(), closed, cut, io.StringIO("text"), PNG]))
    assert [item.name for item in found] == ["a.txt", *(f"image {i}" for i in range(2, 7))]
    messages = [item.error for item in found]
    assert messages[0] == "'a.txt' is open as text; open it in mode 'rb'."
    assert messages[1] == "'image 2' is empty; get it again."
    assert messages[2] == "'image 3' can't be read: I/O operation on closed file."
    assert "is a damaged picture" in str(messages[3])
    assert messages[4] == "'image 5' is open as text; open it in mode 'rb'."
    assert messages[5] is None


def test_pdf_is_given_or_missed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """PDF in folders and archives is read; without its package, one message counts the files."""
    put("in/a.png", "in/b.PDF", "in/c.pdf", "z.pdf")
    put("d.zip", data=zipped({"1.pdf": b"%PDF", "2.png": PNG}))
    monkeypatch.setattr(pdf, "can_be_read", lambda: True)
    assert [item.name for item in stream(["in", "d.zip", "z.pdf"])] == [
        "in/a.png", "in/b.PDF", "in/c.pdf", "d.zip/1.pdf", "d.zip/2.png", "z.pdf",
    ]  # fmt: skip
    monkeypatch.setattr(pdf, "can_be_read", lambda: False)
    *items, last = stream(["in", "d.zip", "z.pdf"])
    assert [item.name for item in items] == ["in/a.png", "d.zip/2.png"]
    assert str(last.error).startswith(
        "Reading PDF (4 files skipped, the first 'in/b.PDF') needs pypdfium2, which is not"
    )
    [alone] = stream("z.pdf")
    assert str(alone.error).startswith("Reading PDF ('z.pdf') needs pypdfium2, which is not")
    assert ".[pdf]" in str(alone.error)
    assert [item.error for item in stream("missing.pdf")] == [
        "'missing.pdf' does not exist; give a file, a folder or a pattern."
    ]


def test_natural_order_knows_the_digits_of_ascii_alone() -> None:
    """What Unicode calls digits is part of a name; whatever files are called, all are given."""
    put("in/10.png", "in/2.png", "in/\uff11.png", "in/\u0663.png", "in/\xb2a.png")
    assert sorted(names("in")) == sorted(
        ["in/10.png", "in/2.png", "in/\uff11.png", "in/\u0663.png", "in/\xb2a.png"]
    )
    assert names("in")[:2] == ["in/2.png", "in/10.png"]
    put("a.zip", data=zipped({"\xb2.png": PNG, "1.png": PNG}))
    assert names("a.zip") == ["a.zip/1.png", "a.zip/\xb2.png"]


def test_natural_order_is_of_values() -> None:
    """Numbers in names go by their value, the rest by letters of either case."""
    given = ["b", "10.png", "a10", "2.png", "A2", "1" * 40]
    assert sorted(given, key=natural) == ["2.png", "10.png", "1" * 40, "A2", "a10", "b"]


def test_stream_walks_folders() -> None:
    """A folder gives all pictures below it in natural order; the rest is passed over."""
    put("in/10.png", "in/2.PNG", "in/3/b.jpg", "in/3/a.tif", "in/.hidden.png", "in/.git/a.png")
    put("in/__MACOSX/a.png", "in/notes.txt", "in/more.zip", "in/more.parquet", "in/4.png/x.gif")
    expected = ["in/2.PNG", "in/3/a.tif", "in/3/b.jpg", "in/4.png/x.gif", "in/10.png"]
    assert names("in") == expected
    assert names("in/") == expected
    assert names(Path("in")) == expected
    os.chdir("in")
    assert names(".") == ["./" + name.removeprefix("in/") for name in expected]


def test_stream_walks_huge_folders_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of more names than are sorted together gives all of them, piece by piece."""
    monkeypatch.setattr(listing, "_SORTED", 4)
    put(*(f"in/{i}.png" for i in range(11)), "in/a/1.png", "in/a/2.png")
    found = names("in")
    assert sorted(found, key=natural) == sorted(
        [*(f"in/{i}.png" for i in range(11)), "in/a/1.png", "in/a/2.png"], key=natural
    )
    assert names("in/*.png") == [name for name in found if "/a/" not in name]
    put("few/10.png", "few/9.png", "few/b.png")
    assert names("few") == ["few/9.png", "few/10.png", "few/b.png"]


def test_stream_says_when_a_folder_is_empty() -> None:
    """A folder without pictures is one error; the folders in it may be empty."""
    put("in/sub/notes.txt")
    assert error("in") == "'in' holds no file that is named as a picture (.png, …)."
    put("in/other/a.png")
    assert names("in") == ["in/other/a.png"]


def test_stream_survives_loops_of_links() -> None:
    """Links that lead in circles end: each folder is read once, and lost links are errors."""
    put("in/a/1.png")
    for name in ("loop1", "loop2", "loop3"):
        os.symlink("..", f"in/a/{name}", target_is_directory=True)
    os.symlink("self.png", "in/self.png")
    os.symlink("self", "in/self")
    os.symlink("nowhere", "in/lost.png")
    items = list(stream(["in"]))
    assert [item.name for item in items] == ["in/a/1.png", "in/lost.png", "in/self.png"]
    assert items[1].error == "'in/lost.png' can't be read: No such file or directory."
    assert "symbolic links" in str(items[2].error)
    os.unlink("in/lost.png")
    os.unlink("in/self.png")
    assert names("in/**/*.png") == ["in/a/1.png"]


def test_stream_goes_as_deep_as_folders_go() -> None:
    """Folders may lie deeper in each other than Python's own calls may."""
    put("in" + "/d" * 400 + "/a.png")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        items = list(stream(["in"]))
    finally:
        sys.setrecursionlimit(limit)
    assert [item.name for item in items] == ["in" + "/d" * 400 + "/a.png"]


def test_stream_tells_what_vanishes() -> None:
    """A file that is gone when its turn comes is an error, and the rest still comes."""
    put("in/1.png", "in/2.png", "in/3.png")
    items = stream(["in"])
    assert next(items).name == "in/1.png"
    os.unlink("in/2.png")
    assert [item.error is None for item in items] == [False, True]


@pytest.mark.skipif(os.name == "nt", reason="Windows closes folders by other means")
def test_stream_tells_what_is_closed_to_us(limited: Limited) -> None:
    """A folder that can't be opened is an error, and the rest still comes."""
    put("in/1/a.png", "in/2/a.png")
    os.chmod("in/1", 0)
    with limited():
        items = list(stream(["in"]))
    os.chmod("in/1", 0o700)
    assert [item.name for item in items] == ["in/1", "in/2/a.png"]
    assert items[0].error == "'in/1' can't be read: Permission denied."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_stream_does_not_wait_for_pipes() -> None:
    """Pipes and sockets are errors at once, named or in a folder, whatever their suffix."""
    Path("in").mkdir()
    for name in ("p.png", "p.zip", "p.tar", "p.parquet"):
        os.mkfifo(f"in/{name}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("in/s.png")
        for name in ("p.png", "p.zip", "p.tar", "p.parquet", "s.png"):
            assert "is a pipe, a socket or a device" in error(f"in/{name}")
        found = [item.error for item in stream(["in"])]
    assert found == ["'in/p.png' is not a regular file.", "'in/s.png' is not a regular file."]


def test_stream_knows_patterns() -> None:
    """A pattern matches as in a shell, in natural order, hidden files aside."""
    put("x/1.png", "x/2.png", "x/10.png", "x/a/3.png", "x/a/b/4.png", "x/.h/5.png", "x/n.txt")
    put("x/__MACOSX/6.png", "x/7.dat")
    assert names("x/*.png") == ["x/1.png", "x/2.png", "x/10.png"]
    assert names("x/[12].png") == ["x/1.png", "x/2.png"]
    assert names("x/?.png") == ["x/1.png", "x/2.png"]
    assert names("x/**/*.png") == ["x/1.png", "x/2.png", "x/10.png", "x/a/3.png", "x/a/b/4.png"]
    assert sorted(names("**/**/[34].png")) == ["x/a/3.png", "x/a/b/4.png"]
    assert names("x/**/b/*.png") == ["x/a/b/4.png"]
    assert names("x/.h/*") == ["x/.h/5.png"]
    assert names("./x/*/3.png") == ["./x/a/3.png"]
    assert names(f"{os.getcwd()}/x/*0.png") == [f"{os.getcwd()}/x/10.png"]
    assert names("x/*.dat") == ["x/7.dat"]


def test_stream_walks_the_folders_a_pattern_matches() -> None:
    """Folders that a pattern matches are walked, as a shell would name them, and nothing twice."""
    put("x/1.png", "x/a/3.png", "x/a/b/4.png", "x/n.txt", "x/z.zip", data=zipped({"5.png": PNG}))
    put("x/1.png", "x/a/3.png", "x/a/b/4.png")
    assert names("x/*") == ["x/1.png", "x/a/3.png", "x/a/b/4.png", "x/z.zip/5.png"]
    assert names("x/**/*") == ["x/1.png", "x/z.zip/5.png", "x/a/3.png", "x/a/b/4.png"]
    assert names("x/**") == ["x/1.png", "x/a/3.png", "x/a/b/4.png"]
    assert names("**") == ["./x/1.png", "./x/a/3.png", "./x/a/b/4.png"]


def test_stream_takes_a_name_before_a_pattern() -> None:
    """A file whose name looks like a pattern is that file."""
    put("a[1].png", "a1.png")
    assert names("a[1].png") == ["a[1].png"]
    os.unlink("a[1].png")
    assert names("a[1].png") == ["a1.png"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("none.png", "'none.png' does not exist; give a file, a folder or a pattern."),
        ("none/a.png", "'none/a.png' does not exist; give a file, a folder or a pattern."),
        ("", "'' does not exist; give a file, a folder or a pattern."),
        ("a\0b", r"'a\x00b' does not exist; give a file, a folder or a pattern."),
        ("file/a.png", "'file/a.png' does not exist; give a file, a folder or a pattern."),
        ("x/*.png", "'x/*.png' matches no file."),
        ("**/*.png", "'**/*.png' matches no file."),
        ("fil*", "'fil*' matches no file."),
        ("[", "'[' matches no file."),
    ],
)
def test_stream_says_what_matches_nothing(source: str, sentence: str) -> None:
    """What names nothing is one sentence."""
    put("file", data=b"no")
    assert error(source) == sentence


def test_stream_answers_endless_names() -> None:
    """A name that is too long for the system is an error of bounded length."""
    assert "can't be read: File name too long" in error("x" * 5000)
    assert len(error("x" * 5000)) < 400
    assert len(error("*" + "/x" * 5000)) < 400


def test_stream_reads_zips_in_natural_order() -> None:
    """A ZIP's pictures come as bytes, named by the archive and the entry, sorted as a folder's."""
    entries = ["10.png", "2.png", "a/b.PNG", "a/.h.png", "__MACOSX/2.png", "n.txt", "in.zip", "d/"]
    put("digits.zip", data=zipped({name: png(i) for i, name in enumerate(entries)}))
    items = list(stream(["digits.zip"]))
    assert [item.name for item in items] == [
        "digits.zip/2.png",
        "digits.zip/10.png",
        "digits.zip/a/b.PNG",
    ]
    assert [item.data for item in items] == [png(1), png(0), png(2)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_stream_reads_tars(pack: Any, form: int) -> None:
    """A TAR of each form, packed or not, gives its pictures in its own order, long names too."""
    long = "/".join(["folder" * 10] * 3) + "/1.png"
    entries = ["./10.png", "2.png", long, ".h.png", "__MACOSX/2.png", "n.txt", "in.tar"]
    data = tarred({name: png(i) for i, name in enumerate(entries)}, format=form)
    for name in ("a.tar", "a.tgz", "a.tar.XZ"):  # the bytes tell how it is packed, not the name
        put(name, data=pack(data))
        items = list(stream([name]))
        assert [item.name for item in items] == [f"{name}/{e}" for e in ("10.png", "2.png", long)]
        assert [item.data for item in items] == [png(0), png(1), png(2)]


def test_stream_follows_no_links_in_archives() -> None:
    """Links and devices in archives are passed over: they name what isn't in there."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo("l.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    put("a.tar", data=data.getvalue())
    assert error("a.tar") == "'a.tar' holds no file that is named as a picture (.png, …)."
    link = zipfile.ZipInfo("l.png")
    link.external_attr = 0o120777 << 16
    put("a.zip", data=zipped({link: b"/etc/passwd"}))
    assert error("a.zip") == "'a.zip' holds no file that is named as a picture (.png, …)."


def test_stream_tells_of_hard_links_in_tars() -> None:
    """A second name of an entry's bytes, which are passed by then, is an error in its place."""
    put("in/1.png", "in/3.png")
    os.link("in/1.png", "in/2.png")
    os.link("in/1.png", "in/n.txt")
    with tarfile.open("a.tar", "w") as archive:
        for name in ("1.png", "2.png", "n.txt", "3.png"):
            archive.add(f"in/{name}", name)
    first, link, last = stream(["a.tar"])
    assert (first, last) == (Item("a.tar/1.png", PNG), Item("a.tar/3.png", PNG))
    assert link.error == (
        "'a.tar/2.png' is a hard link to another entry; unpack it and give the folder."
    )


@pytest.mark.parametrize("zeros", [0, 4, 100_000])
def test_stream_reads_all_streams_of_an_xz(zeros: int) -> None:
    """An .xz in several streams, as several cores write it, and padded, is read to its end."""
    plain = tarred({f"{i}.png": png(i) for i in range(9)})
    parts = [lzma.compress(plain[at : at + 1700]) for at in range(0, len(plain), 1700)]
    put("a.tar.xz", data=bytes(zeros).join([*parts, b""]))
    assert [item.data for item in stream(["a.tar.xz"])] == [png(i) for i in range(9)]
    put("b.tar.xz", data=bytes(zeros).join(parts[:3])[:-9])
    assert "is damaged (it is cut short)" in str(list(stream(["b.tar.xz"]))[-1].error)


def test_stream_writes_nothing(here: Path) -> None:
    """Archives are never unpacked to disk, whatever their entries are called."""
    entries = {"../up.png": PNG, "/root.png": PNG, "a/../../b.png": PNG, "c\x1b[31m.png": PNG}
    put("a.zip", data=zipped(entries))
    put("a.tar", data=tarred(entries))
    before = sorted(here.parent.rglob("*"))
    assert names("a.zip") == [r"a.zip/c\x1b[31m.png", "a.zip/root.png"]
    assert names("a.tar") == ["a.tar/root.png", r"a.tar/c\x1b[31m.png"]
    assert sorted(here.parent.rglob("*")) == before


def test_stream_reads_what_is_whole_of_a_zip() -> None:
    """Encrypted, damaged and oddly packed entries are an error each; the rest is read."""
    data = bytearray(zipped({f"{i}.png": png(i) for i in range(4)}))
    at = [i for i in range(len(data)) if data[i : i + 4] == b"PK\1\2"]
    data[at[0] + 8] |= 1  # encrypted
    data[at[1] + 10] = 99  # a method
    where = struct.unpack_from("<I", data, at[2] + 42)[0]
    data[where + 45] ^= 1  # a byte of the picture
    put("a.zip", data=bytes(data))
    items = list(stream(["a.zip"]))
    assert [item.name for item in items] == [f"a.zip/{i}.png" for i in range(4)]
    assert "'a.zip/0.png' is encrypted; unpack" in str(items[0].error)
    assert "'a.zip/1.png' is packed by a rare method" in str(items[1].error)
    assert "'a.zip/2.png' is damaged (Bad CRC-32" in str(items[2].error)
    assert items[3] == Item("a.zip/3.png", png(3))


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.zip", b"", "'a.zip' is damaged (File is not a zip file); get it again."),
        ("a.zip", b"no zip", "'a.zip' is damaged (File is not a zip file); get it again."),
        ("a.zip", zipped({}), "'a.zip' holds no file that is named as a picture (.png, …)."),
        ("a.tar", b"", "'a.tar' is damaged (empty file); get it again."),
        ("a.tar", b"no tar" * 200, "'a.tar' is damaged (invalid header); get it again."),
        ("a.tar", tarred({}), "'a.tar' holds no file that is named as a picture (.png, …)."),
        (
            "a.tgz",
            gzip.compress(bytes(10), mtime=0)[:-9],
            "'a.tgz' is damaged (Compressed file ended",
        ),
        ("a.txz", lzma.compress(b"x" * 999)[:-40], "'a.txz' is damaged (it is cut short)"),
        ("a.tbz2", b"BZh9nonsense", "'a.tbz2' is damaged (Invalid data stream)"),
    ],
)
def test_stream_says_what_is_wrong_with_an_archive(name: str, data: bytes, sentence: str) -> None:
    """An archive that is none, empty or damaged is one sentence."""
    put(name, data=data)
    assert error(name).startswith(sentence)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_stream_tells_where_a_tar_breaks(pack: Any) -> None:
    """What stands in front of a TAR's damage is read, and the damage is one error."""
    plain = tarred({f"{i}.png": png(i) for i in range(3)})
    packed = pack(plain[:1560])  # within the second picture
    put("a.tar", data=packed)
    first, last = stream(["a.tar"])
    assert first == Item("a.tar/0.png", png(0))
    assert str(last.error).startswith("'a.tar' is damaged (unexpected end of data)")
    bad = bytearray(plain)
    bad[1024 + 100] ^= 1  # a header, which tarfile by itself would take for the end
    put("a.tar", data=pack(bytes(bad)))
    first, last = stream(["a.tar"])
    assert last.error == "'a.tar' is damaged (bad checksum); get it again."


def test_stream_reads_standard_input() -> None:
    """`-` is one picture, or a ZIP of them; empty, missing or read before, it is an error."""
    assert list(stream(["-"], io.BytesIO(PNG))) == [Item("-", PNG)]
    archive = io.BytesIO(zipped({"b.png": png(1), "a/1.png": png(2)}))
    assert list(stream(["-"], archive)) == [Item("-/a/1.png", png(2)), Item("-/b.png", png(1))]
    assert error("-", io.BytesIO()) == "Standard input is empty; pipe a picture into it."
    first, second = stream(["-", "-"], io.BytesIO(PNG))
    assert first.data == PNG
    assert "empty" in str(second.error)
    closed = io.BytesIO()
    closed.close()
    assert "which is not there; pipe a picture" in error("-", closed)
    assert error("-", io.BytesIO(b"PK\3\4no")).startswith("'-' is damaged (File is not a zip file)")


@pytest.mark.slow
def test_stream_reads_the_processes_standard_input() -> None:
    """Without `stdin`, `-` is what is piped into the process; a closed one is an error."""
    code = "from mnistry.pictures.stream import *; print(list(stream(['-'])))"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, input=PNG, capture_output=True, check=True)
    assert done.stdout.decode().strip() == str([Item("-", PNG)])
    shell = subprocess.run(f'{sys.executable} -c "{code}" <&-', shell=True, capture_output=True)
    assert b"which is not there" in shell.stdout


def test_stream_bounds_each_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of too many bytes is an error, whatever its header says; the rest is read."""
    monkeypatch.setattr(item_module, "MAX_BYTES", 100_000)
    bomb = {"1.png": png(1), "2.png": bytes(10**6), "3.png": png(3)}
    put("a.zip", data=zipped(bomb, compression=zipfile.ZIP_DEFLATED))
    put("a.tgz", data=gzip.compress(tarred(bomb)))
    for name in ("a.zip", "a.tgz"):
        items = list(stream([name]))
        assert [item.data for item in items] == [png(1), None, png(3)]
        assert items[1].error == (
            f"'{name}/2.png' holds more than 100,000 bytes, too many for a picture."
        )
    assert "Standard input holds more than 100,000" in error("-", io.BytesIO(bytes(10**6)))


def test_stream_bounds_each_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that unpacks to far more than its size is one error, and ends there."""
    monkeypatch.setattr(archive, "_LEAST_TOTAL", 10**6)
    bomb = {f"{i}.png": bytes(300_000) for i in range(9)}
    sentence = "unpacks to more than 200 times its size; unpack it and give the folder"
    put("a.zip", data=zipped(bomb, compression=zipfile.ZIP_DEFLATED))
    put("a.tar", data=bz2.compress(tarred(bomb)))
    put("b.tar", data=bz2.compress(tarred({"film.mp4": bytes(3 * 10**6), "a.png": PNG})))
    for name, count in (("a.zip", 3), ("a.tar", 3), ("b.tar", 0)):
        items = list(stream([name]))
        assert [item.error for item in items[:count]] == [None] * count
        assert sentence in str(items[-1].error)
        assert len(items) <= count + 2


def test_stream_takes_no_memory_for_bombs() -> None:
    """Headers that claim much memory don't get it."""
    with open("a.zip", "wb") as file:
        file.truncate(100 * 2**20)  # a hole: it takes no disk
        file.seek(0, os.SEEK_END)  # the ZIP's end, by which its list takes 90 MB
        file.write(b"PK\5\6" + struct.pack("<4HIIH", 0, 0, 1, 1, 90 * 2**20, 10 * 2**20, 0))
    pax = tarfile.TarInfo("x")
    pax.type, pax.size = tarfile.XHDTYPE, 200 * 2**20
    head = pax.tobuf(tarfile.USTAR_FORMAT)
    put("pax.tar", data=gzip.compress(head + bytes(2**25), 1))
    pax.type = tarfile.GNUTYPE_LONGNAME
    put("gnu.tar", data=gzip.compress(pax.tobuf(tarfile.GNU_FORMAT) + bytes(2**25), 1))
    sparse = tarfile.TarInfo("a.png")
    sparse.type = tarfile.GNUTYPE_SPARSE
    put("sparse.tar", data=sparse.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    xz = bytearray(lzma.compress(bytes(100)))
    xz[16] = 37  # a dictionary of 1.5 GB
    xz[20:24] = struct.pack("<I", zlib.crc32(xz[12:20]))
    put("dict.tar.xz", data=bytes(xz))
    tracemalloc.start()
    errors = {n: error(n) for n in ("a.zip", "pax.tar", "gnu.tar", "sparse.tar", "dict.tar.xz")}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20
    assert "'a.zip' is damaged (its list of entries claims 94,371,840 bytes)" in errors["a.zip"]
    assert "has headers of more than 1,048,576 bytes" in errors["pax.tar"]
    assert "has headers of more than 1,048,576 bytes" in errors["gnu.tar"]
    assert "holds a sparse file" in errors["sparse.tar"]
    assert "Memory usage limit" in errors["dict.tar.xz"]


def test_stream_holds_one_picture_at_a_time() -> None:
    """A TAR of many entries is read in the memory of a few."""
    put("a.tar", data=tarred({f"{i}.png": bytes(100_000) for i in range(300)}))
    tracemalloc.start()
    assert sum(item.data is not None for item in stream(["a.tar"])) == 300
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 2**20


def table(path: str, columns: dict[str, Any], **options: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path, **options)


def test_stream_reads_parquet() -> None:
    """A column of pictures, or of Hugging Face's structs, gives an item a row, over row groups."""
    rows = [png(i) for i in range(10)]
    table("bytes.parquet", {"label": list(range(10)), "picture": rows}, row_group_size=3)
    structs = [{"bytes": row, "path": f"{i}.png"} for i, row in enumerate(rows)]
    table("hf.parquet", {"mask": [b"no"] * 10, "image": structs}, row_group_size=4)
    for name in ("bytes.parquet", "hf.parquet"):
        assert list(stream([name])) == [Item(f"{name}#{i}", row) for i, row in enumerate(rows)]


def test_stream_says_what_is_wrong_with_parquet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows without a picture are an error each; a table without, a damaged one, is one."""
    pa = pytest.importorskip("pyarrow")
    table("a.parquet", {"image": [{"bytes": PNG, "path": ""}, {"bytes": None, "path": "b"}, None]})
    items = list(stream(["a.parquet"]))
    assert [item.data for item in items] == [PNG, None, None]
    assert items[2] == Item("a.parquet#2", error="'a.parquet#2' has no bytes of a picture.")
    table("b.parquet", {"label": [1], "name": ["x"]})
    assert error("b.parquet").endswith("it has label: int64, name: string.")
    table("c.parquet", {"image": pa.array([], pa.binary())})
    assert error("c.parquet") == "'c.parquet' has no rows."
    put("d.parquet", data=b"no")
    assert error("d.parquet").startswith("'d.parquet' is damaged (Parquet file size is 2 bytes")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "run `pip install 'pyarrow" in error("a.parquet")


def test_stream_goes_on_after_errors() -> None:
    """One bad source is one error between the pictures of the others."""
    put("a.png", "b.png")
    put("bad.zip", data=b"no")
    items = list(stream(["a.png", "none", "bad.zip", "*.gif", "b.png"]))
    assert [item.name for item in items] == ["a.png", "none", "bad.zip", "*.gif", "b.png"]
    assert [item.error is None for item in items] == [True, False, False, False, True]


def test_stream_closes_what_it_leaves() -> None:
    """Leaving in the middle closes the archive; pytest would tell of an open file."""
    put("a.zip", data=zipped({"1.png": PNG, "2.png": PNG}))
    put("a.tar", data=tarred({"1.png": PNG, "2.png": PNG}))
    for name in ("a.zip", "a.tar"):
        items = stream([name])
        assert next(items).data == PNG
        items.close()  # type: ignore[attr-defined]


WHOLE = {
    "a.zip": zipped({"1.png": PNG, "2.png": PNG}, compression=zipfile.ZIP_DEFLATED),
    "a.tar": tarred({"1.png": PNG, "x" * 120 + ".png": PNG}),
    "a.tgz": gzip.compress(tarred({"1.png": PNG, "2.png": PNG}), mtime=0),
    "a.txz": lzma.compress(tarred({"1.png": PNG, "2.png": PNG})),
}


@pytest.mark.slow
@settings(max_examples=200)
@given(st.sampled_from([*WHOLE]), st.data())
def test_stream_damage_gives_items(name: str, data: st.DataObject) -> None:
    """Whatever bytes of an archive change, items come, each with either data or an error."""
    bad = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 4))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    Path(name).write_bytes(bad[: data.draw(st.sampled_from([len(bad), len(bad) // 2]))])
    items = list(stream([name]))
    assert items
    for item in items:
        assert (item.data is None) != (item.error is None)
        assert item.error is None or item.error.isprintable()
