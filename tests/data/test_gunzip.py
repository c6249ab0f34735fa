"""Gzip is inflated no further than asked, and to its checksums."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.data.gunzip import Gunzip
from mnistry.errors import DataError


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=5), st.integers(1, 900))
def test_gunzip_gives_what_was_zipped(parts: list[bytes], most: int) -> None:
    """Members come one after the other, in pieces no longer than asked."""
    inflate = Gunzip(io.BytesIO(b"".join(gzip.compress(part, mtime=0) for part in parts)), "it")
    pieces = []
    while piece := inflate.some(most):
        assert len(piece) <= most
        pieces.append(piece)
    assert b"".join(pieces) == b"".join(parts)
    assert inflate.some(1) == b""


def test_gunzip_read_is_exact_until_the_end() -> None:
    """`read` gives as many bytes as asked across members, and what is left at the end."""
    inflate = Gunzip(io.BytesIO(gzip.compress(b"abc", mtime=0) + gzip.compress(b"defg")), "it")
    assert inflate.read(5) == b"abcde"
    assert inflate.read(9) == b"fg"


def test_gunzip_repeated_bytes_wait_in_the_inflater() -> None:
    """What the inflater holds back after its last input byte is not lost."""
    data = bytes(100_000)
    inflate = Gunzip(io.BytesIO(gzip.compress(data, mtime=0)), "it")
    assert b"".join(inflate.some(7) for _ in range(20_000)) == data


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (gzip.compress(b"abc", mtime=0)[:-1], r"^it is gzip that was cut short; get it again"),
        (b"", r"^it is gzip that was cut short"),
        (
            gzip.compress(b"abc", mtime=0) + b"\0\0xy",
            r"^it is damaged gzip \(incorrect header check\)",
        ),
        (b"\x1f\x8b\x08" + b"\xff" * 40, r"^it is damaged gzip \(unknown header flags set\)"),
    ],
)
def test_gunzip_refuses_with_a_sentence(data: bytes, sentence: str) -> None:
    """A stream that ends too soon, or goes on with something else, is named."""
    inflate = Gunzip(io.BytesIO(data), "it")
    with pytest.raises(DataError, match=sentence):
        inflate.read(100)
