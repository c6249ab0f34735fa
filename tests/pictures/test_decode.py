"""Decoding: pictures of the usual formats, and a sentence for anything else."""

from __future__ import annotations

import io
import os
import socket
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from mnistry.errors import DataError
from mnistry.pictures import decode as module
from mnistry.pictures import libtiff
from mnistry.pictures.decode import SUFFIXES, decode, settled
from mnistry.pictures.grey import bounded, size_of, to_bytes, to_contrast, to_grey
from mnistry.pictures.ink import to_ink

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

GREYS = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)
DEEP = GREYS.astype(np.uint16) * 257  # 16 bits
PICTURE = Image.fromarray(GREYS)
LINES = Image.fromarray(np.where(GREYS // 16 % 2, 255, 0).astype(np.uint8))
KINDS = ["PNG", "JPEG", "BMP", "GIF", "TIFF", "PPM", "WEBP"]


def encoded(kind: str, picture: Image.Image = PICTURE, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    size: tuple[int, int],
    depth: int,
    color: int,
    rows: list[bytes],
    *extra: bytes,
    interlaced: bool = False,
) -> bytes:
    header = struct.pack(">IIBBBBB", *size, depth, color, 0, 0, interlaced)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", body), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    return png((width, height), 8, 0, [bytes(100)])


def packed(values: NDArray[Any], bits: int) -> list[bytes]:
    """Rows of numbers of a few bits each, filled up to whole bytes."""
    planes = (values[:, :, None].astype(int) >> np.arange(bits)[::-1]) & 1
    return [row.tobytes() for row in np.packbits(planes.reshape(len(values), -1), axis=1)]


def tiff(tags: dict[int, int], body: bytes) -> bytes:
    """A TIFF of one strip, little-endian, with every value in its tag."""
    tags = {256: 20, 257: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 12, 279: len(body)} | tags
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items())]
    head = b"II*\0" + struct.pack("<I", 8 + len(body))
    return head + body + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


def bmp_rle() -> bytes:
    """A BMP of runs, from the bottom up."""
    rows = [b"".join(bytes([1, value]) for value in row) + b"\0\0" for row in GREYS[::-1]]
    body = b"".join(rows)[:-2] + b"\0\1"
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256))
    info = struct.pack("<IiiHHIIiiII", 40, 20, 12, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(body), 0, 0, 1078) + info + palette + body


def adam7() -> bytes:
    """An interlaced PNG, its seven passes one after the other."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)]
    passes += [(2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [row.tobytes() for y, x, dy, dx in passes for row in GREYS[y::dy, x::dx]]
    return png((20, 12), 8, 0, rows, interlaced=True)


def opaque(values: NDArray[Any], channels: int) -> list[bytes]:
    """Rows of grey, or RGB, and full alpha, in 16 bits."""
    stack = np.stack([values] * channels + [np.full_like(values, 65535)], axis=-1)
    return [row.astype(">u2").tobytes() for row in stack]


def film(kind: str) -> bytes:
    """A moving picture: the greys, then their opposite."""
    frames = [PICTURE.convert("RGB"), Image.fromarray(255 - GREYS).convert("RGB")]
    if kind in ("GIF", "TIFF"):
        frames = [frame.convert("L") for frame in frames]
    options = {"lossless": True} if kind == "WEBP" else {}
    return encoded(kind, frames[0], save_all=True, append_images=frames[1:], **options)


GREY_PALETTE = chunk(b"PLTE", bytes(17 * i for i in range(16) for _ in range(3)))
QUIRKS = {
    "1 bit": (encoded("PNG", LINES.convert("1")), 0.0, LINES),
    "2 bits": (png((20, 12), 2, 0, packed(GREYS // 85, 2)), 0.34, PICTURE),
    "4 bits": (png((20, 12), 4, 0, packed(GREYS // 17, 4)), 0.07, PICTURE),
    "2 bits of palette": (
        png((20, 12), 2, 3, packed(GREYS // 85, 2), chunk(b"PLTE", bytes([0] * 3 + [85] * 9))),
        1.0,
        PICTURE,
    ),
    "4 bits of palette": (png((20, 12), 4, 3, packed(GREYS // 17, 4), GREY_PALETTE), 0.07, PICTURE),
    "8 bits of palette": (encoded("PNG", PICTURE.convert("P")), 0.0, PICTURE),
    "palette with a clear colour": (
        png((20, 12), 4, 3, packed(GREYS // 17, 4), GREY_PALETTE, chunk(b"tRNS", b"\xff" * 16)),
        0.07,
        PICTURE,
    ),
    "16 bits": (encoded("PNG", Image.fromarray(DEEP)), 0.0, PICTURE),
    "16 bits of RGB": (
        png((20, 12), 16, 2, [np.repeat(row, 3).astype(">u2").tobytes() for row in DEEP]),
        0.0,
        PICTURE,
    ),
    "16 bits of RGBA": (png((20, 12), 16, 6, opaque(DEEP, 3)), 0.0, PICTURE),
    "16 bits of LA": (png((20, 12), 16, 4, opaque(DEEP, 1)), 0.0, PICTURE),
    "LA": (encoded("PNG", PICTURE.convert("LA")), 0.0, PICTURE),
    "RGBA": (encoded("PNG", PICTURE.convert("RGBA")), 0.0, PICTURE),
    "interlaced": (adam7(), 0.0, PICTURE),
    "APNG": (film("PNG"), 0.0, PICTURE),
    "GIF film": (film("GIF"), 0.0, PICTURE),
    "WebP film": (film("WEBP"), 0.0, PICTURE),
    "pages": (film("TIFF"), 0.0, PICTURE),
    "progressive": (encoded("JPEG", progressive=True, quality=98), 0.03, PICTURE),
    "CMYK JPEG": (encoded("JPEG", PICTURE.convert("CMYK"), quality=98), 0.03, PICTURE),
    "CMYK TIFF": (encoded("TIFF", PICTURE.convert("CMYK")), 0.0, PICTURE),
    "LZW": (encoded("TIFF", compression="tiff_lzw"), 0.0, PICTURE),
    "deflate": (encoded("TIFF", compression="tiff_deflate"), 0.0, PICTURE),
    "packbits": (encoded("TIFF", compression="packbits"), 0.0, PICTURE),
    "JPEG in TIFF": (encoded("TIFF", compression="jpeg", quality=98), 0.03, PICTURE),
    "G4": (encoded("TIFF", LINES.convert("1"), compression="group4"), 0.0, LINES),
    "16 bits of TIFF": (encoded("TIFF", Image.fromarray(DEEP)), 0.0, PICTURE),
    "16 bits, big end first": (encoded("TIFF", Image.fromarray(DEEP.astype(">u2"))), 0.0, PICTURE),
    "16 bits, white is 0": (tiff({258: 16, 262: 0}, (65535 - DEEP).tobytes()), 0.0, PICTURE),
    "8 bits, white is 0": (tiff({258: 8, 262: 0}, (255 - GREYS).tobytes()), 0.0, PICTURE),
    "12 bits": (tiff({258: 12}, b"".join(packed(DEEP >> 4, 12))), 0.001, PICTURE),
    "BMP of runs": (bmp_rle(), 0.0, PICTURE),
    "BMP of 1 bit": (encoded("BMP", LINES.convert("1")), 0.0, LINES),
    "PBM": (encoded("PPM", LINES.convert("1")), 0.0, LINES),
    "PPM": (encoded("PPM", PICTURE.convert("RGB")), 0.0, PICTURE),
    "PGM of 16 bits": (b"P5 20 12 65535\n" + DEEP.astype(">u2").tobytes(), 0.0, PICTURE),
    "PGM of 12 bits": (
        b"P5 20 12 4095\n" + (DEEP >> 4).astype(">u2").tobytes(),
        0.001,
        PICTURE,
    ),
    "PGM in words": (
        b"P2 # a comment\n20 12\n# and another\n255\n" + " ".join(map(str, GREYS.flat)).encode(),
        0.0,
        PICTURE,
    ),
}


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_decode_gives_the_greys(kind: str, tmp_path: Path) -> None:
    """Lossless formats give the greys back, from bytes and from a file of any name."""
    data = encoded(kind)
    assert np.array_equal(np.asarray(decode(data).convert("L")), GREYS)
    (tmp_path / "a.txt").write_bytes(data)
    assert np.array_equal(np.asarray(decode(tmp_path / "a.txt").convert("L")), GREYS)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_decode_gives_nearly_the_greys(kind: str) -> None:
    """Lossy formats give nearly the greys."""
    if kind == "AVIF" and not ("avif" in features.modules and features.check("avif")):
        pytest.skip("this Pillow has no AVIF")
    found = np.asarray(decode(encoded(kind)).convert("L"), int)
    assert np.abs(found - GREYS).mean() < 8


@pytest.mark.parametrize("quirk", QUIRKS)
def test_decode_knows_every_kind(quirk: str) -> None:
    """Whatever depth, palette, alpha, packing or film a file has, its greys come out right."""
    data, tolerance, picture = QUIRKS[quirk]
    grey = to_grey(decode(data))
    assert np.abs(grey - np.asarray(picture) / 255).max() <= tolerance + 1e-9


def test_decode_keeps_what_is_clear() -> None:
    """What is transparent is paper: by alpha, in a palette, and as a single shade of grey."""
    drawn = np.where(GREYS < 40, 0, 255).astype(np.uint8)
    rows = [row.tobytes() for row in 255 - drawn]  # ink is 255, and clear is 0
    shade = png((20, 12), 8, 0, rows, chunk(b"tRNS", struct.pack(">H", 0)))
    clear = Image.new("RGBA", (20, 12))
    clear.putalpha(Image.fromarray(255 - drawn))
    palette = b"\0\0\0\x10\x10\x10"
    mapped = png(
        (20, 12), 1, 3, packed(drawn // 255, 1), chunk(b"PLTE", palette), chunk(b"tRNS", b"\xff\0")
    )
    assert np.array_equal(to_grey(decode(shade)), 1 - drawn / 255)
    assert np.array_equal(to_grey(decode(encoded("PNG", clear))), drawn / 255)
    assert np.array_equal(to_grey(decode(mapped)), drawn / 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_decode_keeps_which_way_is_up(kind: str) -> None:
    """A picture stored in any of EXIF's eight orientations comes out as it was seen."""
    seen = np.where(GREYS < 120, GREYS // 4, GREYS)
    back: list[Callable[[NDArray[Any]], NDArray[Any]]] = [
        lambda a: a,
        np.fliplr,
        lambda a: a[::-1, ::-1],
        np.flipud,
        np.transpose,
        lambda a: np.rot90(a, 1),
        lambda a: a[::-1, ::-1].T,
        lambda a: np.rot90(a, -1),
    ]
    for turn, store in enumerate(back, 1):
        exif = Image.Exif()
        exif[0x0112] = turn
        exif[0x010F] = "Camera"
        stored = Image.fromarray(np.ascontiguousarray(store(seen)))
        found = to_grey(decode(encoded(kind, stored, exif=exif, quality=98)))
        assert found.shape == seen.shape, turn
        assert np.abs(found - seen / 255).mean() < 0.02, turn


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",  # entries that aren't there
        b"Exif\0\0no",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0no\0\0\0\0\0\0",  # a word
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0",  # 99
    ],
)
def test_decode_forgives_bad_exif(exif: bytes) -> None:
    """A good picture with bad EXIF is read, unturned."""
    assert np.array_equal(to_grey(decode(encoded("PNG", exif=exif))), GREYS / 255)


def test_decode_forgets_where_it_was_taken() -> None:
    """Of EXIF only the orientation is kept: no place, no camera, nothing that trips others."""
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    assert "exif" not in decode(encoded("JPEG", exif=exif)).info
    exif[0x0112] = 6
    kept = decode(encoded("JPEG", exif=exif))
    assert dict(kept.getexif()) == {0x0112: 6}
    assert b"Camera" not in kept.info["exif"]


def test_decode_suffixes_are_lower_case() -> None:
    """Suffixes are compared in lower case, so they are kept so."""
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in SUFFIXES)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", r"the picture is empty; get it again\.$"),
        (b"hello", r"is not a picture in one of the formats PNG, JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"not a picture in one of"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", r"not a picture in one of"),
        (encoded("PNG")[:-30], r"the picture is a damaged picture \(.*\); get it again, or save"),
        (b"II*\0\x99\0\0\0", r"is a damaged picture \(its header is of no TIFF\)"),
        (encoded("GIF")[:20], r"is a damaged picture \(its header is cut short\)"),
        (b"BMW is a car", r"is a damaged picture"),
        (b"P5 20 12 \x1b[31mred\n", r"is a damaged picture \([ -~]*\)"),
        (png_of_size(20, 20), r"is a damaged picture"),
        (png_of_size(0, 5), r"is a damaged picture"),
        (b"P5 0 0 255\n", r"is a damaged picture"),
        (tiff({256: 0, 258: 8}, b"12"), r"is a damaged picture"),
        (png_of_size(60_000, 2_000), r"has 60000 x 2000 pixels; at most 64,000,000 can be read"),
        (png_of_size(100_000, 100_000), r"has more than 64,000,000 pixels; make it smaller"),
    ],
)
def test_decode_refuses_with_a_sentence(data: bytes, sentence: str) -> None:
    """What is no picture, damaged or too large is refused before it is decoded."""
    with pytest.raises(DataError, match=sentence):
        decode(data)


def test_decode_names_the_file(tmp_path: Path) -> None:
    """The sentence names the file, or what the caller calls the bytes."""
    (tmp_path / "a.png").write_text("a text file")
    with pytest.raises(DataError, match=r"a\.png' is not a picture"):
        decode(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"^Row 7 is not a picture"):
        decode(b"no", "Row 7")


def test_decode_refuses_what_is_no_file(tmp_path: Path) -> None:
    """A folder, a pipe, a socket and a device are refused unopened, a missing file as such."""
    with pytest.raises(DataError, match=r"is a folder, not a file; give a picture's file"):
        decode(tmp_path)
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "none.png")
    with pytest.raises(DataError, match=r"can't be the name of a file"):
        decode("a\0.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(DataError, match=r"empty\.png' is empty"):
        decode(tmp_path / "empty.png")
    with pytest.raises(DataError, match=r"is a pipe, a socket or a device, not a file"):
        decode(os.devnull)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(DataError, match=r"pipe\.png' is a pipe"):
            decode(tmp_path / "pipe.png")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(tmp_path / "s.png"))
            with pytest.raises(DataError, match=r"s\.png' is a pipe, a socket"):
                decode(tmp_path / "s.png")


def test_decode_weighs_a_file_before_reading_it(tmp_path: Path) -> None:
    """A file of more than 256 MB is refused by its size."""
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate(10 * 2**30)  # a hole: it takes no disk
    with pytest.raises(DataError, match=r"has 10,737,418,240 bytes; at most 268,435,456 are read"):
        decode(tmp_path / "a.png")


def test_decode_weighs_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are weighed as files are."""
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(DataError, match=r"^Row 3 has 101 bytes; at most 100 are read"):
        decode(bytes(101), "Row 3")


def test_decode_weighs_by_the_callers_limit() -> None:
    """A caller may allow fewer pixels."""
    with pytest.raises(DataError, match=r"has 20 x 12 pixels; at most 239 can be read"):
        decode(encoded("PNG"), max_pixels=239)
    assert decode(encoded("PNG"), max_pixels=240).size == (20, 12)


def test_decode_says_when_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short, the sentence says that."""

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(DataError, match=r"needs more memory than there is; make it smaller"):
        decode(encoded("PNG"))


def test_decode_says_what_heic_and_avif_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """HEIC is read where pillow-heif is installed; where it or AVIF is not, the cure is named."""
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    avif = b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"
    Image.init()
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(DataError, match=r"^Mine is HEIC, which needs .*pip install pillow-heif"):
        decode(heic, "Mine")

    opened = Image.open(io.BytesIO(encoded("PNG")))

    def register() -> None:
        monkeypatch.setitem(Image.OPEN, "HEIF", (lambda *_: opened, None))

    stub = SimpleNamespace(register_heif_opener=register)
    monkeypatch.setitem(sys.modules, "pillow_heif", stub)
    assert decode(heic).size == (20, 12)
    monkeypatch.setattr(features, "check", lambda _: False)
    with pytest.raises(DataError, match=r"is AVIF, which this Pillow can't.*install -U pillow"):
        decode(avif)


@pytest.mark.parametrize("kind", [*KINDS, "LZW", "deflate", "G4", "progressive", "BMP of runs"])
def test_decode_gives_no_half_pictures(kind: str) -> None:
    """A file cut short is refused, or, where only its last few bytes are gone, read wholly."""
    data = encoded(kind) if kind in KINDS else QUIRKS[kind][0]
    whole = to_grey(decode(data))
    for count in [*range(1, 24), *range(24, len(data), 29)]:
        try:
            found = to_grey(decode(data[:-count]))
        except DataError:
            continue
        assert np.array_equal(found, whole), count


BIG = zlib.compress(bytes(2**27), 9)  # 128 MB of zeros in 128 KB
JPEG = encoded("JPEG", progressive=True)
LAST_SCAN = JPEG[JPEG.rfind(b"\xff\xda") : -2]
FRAME = b",\0\0\0\0" + struct.pack("<HHB", 60_000, 60_000, 0) + b"\2\2\x4c\1\0;"
MANY = 400_000
BOMBS = {
    "colour profile": (png((9, 9), 8, 0, [], chunk(b"iCCP", b"a\0\0" + BIG)), "data too large"),
    "text": (png((9, 9), 8, 0, [], chunk(b"zTXt", b"a\0\0" + BIG) * 9), "data too large"),
    "chunks": (png((9, 9), 8, 0, [], chunk(b"prVt", b"") * MANY), "more than 300,000 chunks"),
    "GIF's screen": (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + FRAME, "65535 x"),
    "GIF's frame": (b"GIF89a\1\0\1\0\0\0\0" + FRAME, "60000 x 60000 pixels"),
    "GIF's blocks": (b"GIF89a\1\0\1\0\0\0\0!\xfe" + b"\1a" * MANY + FRAME, "300,000 blocks"),
    "WebP's canvas": (
        b"RIFF\x80\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0VP8L" + bytes(99),
        "16384 x 16384 pixels",
    ),
    "WebP without loss": (
        b"RIFF\x80\0\0\0WEBPVP8L\x80\0\0\0\x2f\xff\xff\xff\x0f" + bytes(99),
        "1638",
    ),
    "TIFF's size": (tiff({256: 100_000, 257: 100_000, 258: 8}, b"12"), "more than 64,000,000"),
    "TIFF's tiles": (
        tiff({258: 8, 259: 8, 322: 40_000, 323: 40_000, 324: 8, 325: len(BIG)}, BIG),
        "40000 x 40000",
    ),
    "TIFF's tags": (b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + b"\xff" * 99, "tags"),
    "TIFF's values": (
        tiff({258: 8}, bytes(4 * MANY)).replace(
            struct.pack("<HHI", 273, 4, 1), struct.pack("<HHI", 273, 4, MANY)
        ),
        "tag 273 has 400,000 values",
    ),
    "JPEG's scans": (JPEG[:-2] + LAST_SCAN * 200 + JPEG[-2:], "more than 100 scans"),
    "JPEG's EXIF": (JPEG[:2] + b"\xff\xe1\0\x09Exif\0\0a" * MANY + JPEG[2:], "16 segments of EXIF"),
    "JPEG's segments": (JPEG[:2] + b"\xff\xfe\0\x02" * MANY + JPEG[2:], "4,000 segments"),
    "JPEG's junk": (JPEG[:20] + bytes(2**21) + JPEG[20:], "junk"),
    "PGM's comments": (b"P2\n9 9\n255\n" + b"#\n" * MANY + b"1 " * 81, "300,000 comments"),
    "PGM's depth": (b"P5 5000 5000 100\n" + bytes(99), "5000 x 5000 pixels; at most 16,000,000"),
    "BMP's size": (
        b"BM"
        + struct.pack("<IHHI", 99, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 100_000, 99_999, 1, 8, 0, 0, 0, 0, 0, 0),
        "more than 64,000,000",
    ),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limits")
def test_decode_is_not_bombed(tmp_path: Path) -> None:
    """Small files that claim much are refused in little time and memory, each for what it is."""
    for i, (data, _) in enumerate(BOMBS.values()):
        (tmp_path / str(i)).write_bytes(data)
    code = f"""
import resource, sys
from PIL import Image
from mnistry.errors import DataError
from mnistry.pictures.decode import decode
Image.init()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100 * 2**20,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
for i in range({len(BOMBS)}):
    try:
        print(decode(f"{{i}}"))
    except DataError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for (bomb, (_, sentence)), found in zip(BOMBS.items(), done.stdout.splitlines(), strict=True):
        assert sentence.lower() in found.lower(), bomb
        assert "memory" not in found, bomb


def test_a_transparency_that_does_not_fit_is_damage() -> None:
    """A list of transparent colours longer than any palette is refused in a sentence."""
    grey = chunk(b"PLTE", bytes(i for i in range(256) for _ in range(3)))
    rows = [row.tobytes() for row in GREYS]
    good = png((20, 12), 8, 3, rows, grey, chunk(b"tRNS", b"\xff" * 256))
    assert np.array_equal(to_grey(decode(good)), GREYS / 255)
    bad = png((20, 12), 8, 3, rows, grey, chunk(b"tRNS", b"\xff" * 257))
    with pytest.raises(DataError, match=r"^Mine is a damaged picture \(palette index out of range"):
        decode(bad, "Mine")
    with pytest.raises(DataError, match=r"^the picture is a damaged picture \(palette index"):
        settled(Image.open(io.BytesIO(bad)))
    with pytest.raises(DataError, match=r"palette index out of range"):
        to_ink(Image.open(io.BytesIO(bad)))


@pytest.mark.slow
@pytest.mark.parametrize("length", [0, 1, 2, 3, 5, 6, 7, 255, 256, 257, 600])
@pytest.mark.parametrize("color", [0, 2, 3, 4, 6])
@pytest.mark.parametrize("depth", [1, 8, 16])
def test_whatever_the_transparency_all_steps_work_or_decoding_refuses(
    depth: int, color: int, length: int
) -> None:
    """PNGs of every colour type and depth can be converted to grey and shrunk after decoding."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    row = bytes(-(-20 * channels * depth // 8))
    data = png((20, 12), depth, color, [row] * 12, PALETTE, chunk(b"tRNS", b"\0" * length))
    all_steps(data)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 6, 300, 767, 768, 769, 900])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_whatever_the_palette_all_steps_work_or_decoding_refuses(depth: int, size: int) -> None:
    """A palette may be cut short, hold parts of a colour, or more than there can be."""
    rows = [bytes([255] * (20 * depth // 8))] * 12
    for extra in ([], [chunk(b"tRNS", bytes(200))]):
        all_steps(png((20, 12), depth, 3, rows, chunk(b"PLTE", bytes(size)), *extra))


PALETTE = chunk(b"PLTE", bytes(range(240)))
MODES = ["1", "L", "P", "PA", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"]
MODES += ["HSV", "I", "F", "I;16", "I;16B", "I;16L"]


def all_steps(source: bytes | Image.Image) -> None:
    """Decode, and take every step that comes after; only decoding may refuse."""
    try:
        image = decode(source) if isinstance(source, bytes) else settled(source)
    except DataError as error:
        assert str(error).isprintable()
        return
    h, w = size_of(image)
    to_bytes(image)
    for seen in (image, bounded(image, 50)[0]):
        for grey in (to_grey(seen), to_contrast(seen)):
            assert grey.min() >= 0
            assert grey.max() <= 1 + 1e-6
    assert to_grey(image).shape == (h, w)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("oddity", ["none", "transparency", "exif", "profile", "xmp"])
def test_images_of_every_mode_are_read_or_refused(mode: str, oddity: str) -> None:
    """A Pillow image of any mode, with odd metadata of any kind, is refused in a sentence or read.

    The caller's image is left as it was.
    """
    values: list[Any] = [
        b"\0" * 257,
        300,
        (1, 2, 3),
        (1, 2),
        "text",
        -1,
        None,
        1.5,
        b"",
        {},
        10**30,
    ]
    for value in values:
        image = Image.new(mode, (20, 12))
        name = {"profile": "icc_profile", "none": "x"}.get(oddity, oddity)
        image.info[name] = value
        all_steps(image)
        assert image.info == {name: value}
        assert image.mode == mode


def test_colours_of_16_bits_use_the_bits_that_are_used() -> None:
    """RGB and RGBA that use 12 of 16 bits, in PNG and TIFF, have the greys of those that use 16."""
    values = GREYS.astype(np.uint16) * 17
    expected = values / 4095
    for channels, color in ((3, 2), (4, 6)):
        stack = np.stack([values] * 3 + [np.full_like(values, 4095)] * (channels - 3), axis=-1)
        data = png((20, 12), 16, color, [row.astype(">u2").tobytes() for row in stack])
        assert np.abs(to_grey(decode(data)) - expected).max() < 0.01 + (channels == 4), color
    body = np.stack([values] * 3, axis=-1).tobytes()
    for compression, packed_body in ((1, body), (8, zlib.compress(body))):
        tags = {258: 16, 259: compression, 262: 2, 277: 3}
        found = to_grey(decode(tiff(tags, packed_body)))
        assert np.abs(found - expected).max() < 0.01, compression


def test_white_that_is_zero_is_the_full_scale_that_is_used() -> None:
    """If zero is white, 12 bits in 16 are inverted at 4095."""
    values = GREYS.astype(np.uint16) * 17
    inverse = 4095 - values
    data = tiff({258: 16, 262: 0}, inverse.tobytes())
    assert np.abs(to_grey(decode(data)) - values / 4095).max() < 1e-9


FAX = {259: 3, 258: 1, 256: 32, 257: 8, 278: 8}


def test_fax_images_cannot_claim_more_rows_than_fit() -> None:
    """A million rows in 2 KB are refused before they are decoded; real fax images are not."""
    with pytest.raises(DataError, match=r"it can't hold 1,000,000 rows in 2,\d\d\d bytes"):
        decode(tiff({**FAX, 257: 1_000_000, 278: 1_000_000}, bytes(2000)))
    blank = Image.new("1", (64, 4000), 1)
    for compression in ("group3", "group4", "tiff_ccitt"):
        assert decode(encoded("TIFF", blank, compression=compression)).size == (64, 4000)


@pytest.mark.slow
def test_decoders_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Damaged files of every format, and invalid fax rows, print nothing to standard error."""
    chance = np.random.default_rng(0)
    files = [encoded(kind) for kind in KINDS] + [data for data, _, _ in QUIRKS.values()]
    for code in (2, 3, 4):
        tags = {**FAX, 257: 8000, 278: 8000, 259: code}
        files += [tiff({**tags, 256: 1}, b"\x55" * 2000)]
        files += [tiff({**tags, 256: 1728}, chance.bytes(2000))]
    for data in files:
        for _ in range(8):
            bad = bytearray(data)
            for place in chance.integers(8, len(data), 3):
                bad[place] = chance.integers(256)
            with suppress(DataError):
                decode(bytes(bad))
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_libtiff_is_quiet_only_while_it_is_asked_to_be(capfd: pytest.CaptureFixture[str]) -> None:
    """Other code of the same process sees libtiff's errors as before, also after nested use."""
    noisy = tiff({**FAX, 256: 1, 257: 50, 278: 50, 259: 4}, b"\x55" * 2000)

    def load() -> str:
        with suppress(OSError):
            Image.open(io.BytesIO(noisy)).load()
        return capfd.readouterr().err

    loud = load()
    if not loud:
        pytest.skip("this libtiff prints nothing, or can't be reached")
    with libtiff.quiet():
        assert load() == ""
        with libtiff.quiet():
            assert load() == ""
        assert load() == ""
    assert load() == loud


@pytest.mark.slow
@settings(max_examples=300)
@given(st.sampled_from([*KINDS, *QUIRKS]), st.data())
def test_decode_damage_gives_a_sentence_or_a_picture(kind: str, data: st.DataObject) -> None:
    """Whatever bytes change, the answer is a DataError or a decoded picture with greys."""
    bad = bytearray(encoded(kind) if kind in KINDS else QUIRKS[kind][0])
    for _ in range(data.draw(st.integers(1, 4))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode(bytes(bad[: data.draw(st.sampled_from([len(bad), len(bad) // 2]))]))
    except DataError as error:
        assert str(error).isprintable()
        return
    grey = to_grey(image)
    assert grey.min() >= 0
    assert grey.max() <= 1


def test_decode_answers_random_bytes() -> None:
    """Random bytes, also behind the first bytes of a format, are refused with a sentence."""
    chance = np.random.default_rng(0)
    for start in [b"", *(encoded(kind)[:4] for kind in KINDS)] * 20:
        with pytest.raises(DataError):
            decode(start + chance.bytes(500))
