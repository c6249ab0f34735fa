"""Decoding: pictures of the usual formats, and a sentence for anything else."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mnistry.errors import DataError
from mnistry.pictures.decode import SUFFIXES, decode

GREYS = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(GREYS).save(stream, kind)
    return stream.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(100))),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_decode_gives_the_greys(kind: str, tmp_path: Path) -> None:
    """Lossless formats give the greys back, from bytes and from a file of any name."""
    data = encoded(kind)
    assert np.array_equal(np.asarray(decode(data).convert("L")), GREYS)
    (tmp_path / "a.txt").write_bytes(data)
    assert np.array_equal(np.asarray(decode(tmp_path / "a.txt").convert("L")), GREYS)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_decode_gives_nearly_the_greys(kind: str) -> None:
    """Lossy formats give nearly the greys."""
    found = np.asarray(decode(encoded(kind)).convert("L"), int)
    assert np.abs(found - GREYS).mean() < 8


def test_decode_suffixes_are_lower_case() -> None:
    """Suffixes are compared in lower case, so they are kept so."""
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in SUFFIXES)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", r"the picture is not a picture in one of the formats PNG, JPEG"),
        (b"hello", r"not a picture in one of the formats"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"not a picture in one of"),
        (encoded("PNG")[:-30], r"the picture is a damaged picture \(.*\); get it again"),
        (png_of_size(20, 20), r"is a damaged picture"),
        (png_of_size(60_000, 2_000), r"has 60000 x 2000 pixels; at most 64,000,000 can be read"),
        (png_of_size(60_000, 60_000), r"has more than 64,000,000 pixels; make it smaller"),
    ],
)
def test_decode_refuses_with_a_sentence(data: bytes, sentence: str) -> None:
    """What is no picture, damaged or too large is refused before it is decoded."""
    with pytest.raises(DataError, match=sentence):
        decode(data)


def test_decode_names_the_file(tmp_path: Path) -> None:
    """The sentence names the file, or what the caller calls the bytes."""
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(DataError, match=r"a\.png' is not a picture"):
        decode(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"^Row 7 is not a picture"):
        decode(b"no", "Row 7")


def test_decode_weighs_by_the_callers_limit() -> None:
    """A caller may allow fewer pixels."""
    with pytest.raises(DataError, match=r"has 20 x 12 pixels; at most 239 can be read"):
        decode(encoded("PNG"), max_pixels=239)
    assert decode(encoded("PNG"), max_pixels=240).size == (20, 12)


@settings(max_examples=150)
@given(st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "TIFF", "PPM", "WEBP"]), st.data())
def test_decode_damage_gives_a_sentence_or_a_picture(kind: str, data: st.DataObject) -> None:
    """Whatever bytes change, the answer is a DataError or a decoded picture."""
    bad = bytearray(encoded(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode(bytes(bad[: data.draw(st.sampled_from([len(bad), len(bad) // 2]))]))
    except DataError:
        return
    assert image.width * image.height > 0
