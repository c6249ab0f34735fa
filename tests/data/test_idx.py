"""IDX: what is written is read again, and no bytes can do more than earn a sentence."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnistry.data.idx import encode_idx, read_idx, write_idx
from mnistry.errors import DataError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]
FUZZER = Path(__file__).parents[1] / "fuzz" / "fuzz_idx.py"

arrays = hnp.arrays(
    dtype=st.sampled_from([order + kind for order in "<>" for kind in TYPES]).map(np.dtype),
    shape=hnp.array_shapes(min_dims=1, max_dims=8, min_side=1, max_side=3),
)


def head(*dims: int, kind: int = 0x08, rank: int | None = None) -> bytes:
    rank = len(dims) if rank is None else rank
    return bytes([0, 0, kind, rank]) + struct.pack(f">{len(dims)}I", *dims)


def same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Equal to the bit, NaNs and all."""
    native = b.astype(b.dtype.newbyteorder("="))
    return a.dtype == native.dtype and a.shape == b.shape and a.tobytes() == native.tobytes()


@pytest.mark.slow
@given(arrays)
def test_idx_round_trip(array: NDArray[Any]) -> None:
    """Every type, rank and byte order comes back to the bit, native, raw and gzipped."""
    raw = encode_idx(array)
    for data in (raw, gzip.compress(raw)):
        again = read_idx(data)
        assert same(again, array)
        assert again.dtype.isnative
        assert again.flags.writeable


@given(arrays)
def test_idx_encoding_is_the_format(array: NDArray[Any]) -> None:
    """The bytes are the magic, the dimensions and the numbers, big-endian, in C order."""
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    body = array.astype(array.dtype.newbyteorder(">")).tobytes("C")
    assert encode_idx(array) == head(*array.shape, kind=code) + body


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["a-idx3-ubyte", "a.idx3-ubyte", "a.gz", "a.idx.gz"])
def test_idx_files_round_trip(tmp_path: Path, kind: str, name: str) -> None:
    """A written file is read again, and is gzipped exactly when its name ends in .gz."""
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    path = tmp_path / name
    write_idx(path, array)
    assert same(read_idx(path), array)
    assert same(read_idx(str(path)), array)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    assert os.listdir(tmp_path) == [name]


def test_idx_name_is_no_evidence(tmp_path: Path) -> None:
    """Raw bytes named .gz and gzipped bytes that are not are told by what they hold."""
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    write_idx(tmp_path / "raw.gz", array, compress=False)
    write_idx(tmp_path / "train-images-idx3-ubyte", array, compress=True)
    for path in tmp_path.iterdir():
        assert same(read_idx(path), array)


def test_idx_gzip_is_the_same_each_time(tmp_path: Path) -> None:
    """No time and no name goes into a gzipped file."""
    array = np.arange(600, dtype=np.int16)
    write_idx(tmp_path / "a.gz", array)
    write_idx(tmp_path / "b.gz", array)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[3:8] == bytes(5)


def test_idx_non_contiguous_array_is_written_in_order(tmp_path: Path) -> None:
    """A transposed view is written as what it shows."""
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T[::-1]
    write_idx(tmp_path / "a", array)
    assert same(read_idx(tmp_path / "a"), array)


@pytest.mark.parametrize("kind", TYPES)
def test_idx_mmap(tmp_path: Path, kind: str) -> None:
    """A mapped file gives the same numbers, and can't be written to."""
    array = np.arange(-3, 9).reshape(3, 4).astype(kind)
    write_idx(tmp_path / "a", array)
    mapped = read_idx(tmp_path / "a", mmap=True, max_bytes=0)
    assert isinstance(mapped, np.memmap)
    assert same(mapped.astype(kind), array)
    assert not mapped.flags.writeable


def test_idx_mmap_of_gzip_is_refused(tmp_path: Path) -> None:
    """Mapping a gzipped file would give its gzipped bytes."""
    write_idx(tmp_path / "a.gz", np.ones(3, np.uint8))
    with pytest.raises(DataError, match=r"a\.gz' is gzipped, and only a raw file can be mapped"):
        read_idx(tmp_path / "a.gz", mmap=True)


def test_idx_mmap_of_bytes_is_refused() -> None:
    """There is nothing to map in bytes."""
    with pytest.raises(InputError, match=r"`mmap` needs a file; got bytes"):
        read_idx(head(1) + b"x", mmap=True)


@pytest.mark.slow
@given(arrays, st.booleans())
def test_idx_tap_sees_the_raw_file(array: NDArray[Any], zipped: bool) -> None:
    """What is tapped is the raw file, whole and in order, gzipped or not."""
    raw = encode_idx(array)
    tapped = hashlib.sha256()
    read_idx(gzip.compress(raw) if zipped else raw, tap=tapped.update)
    assert tapped.digest() == hashlib.sha256(raw).digest()


@pytest.mark.parametrize("cut", [1, 4, 10, 15, 16, 27])
def test_idx_gzip_members_are_one_file(cut: int) -> None:
    """Gzip members joined end to end, padded with zeros, are one file."""
    raw = encode_idx(np.arange(12, dtype=np.uint8).reshape(3, 4))
    members = gzip.compress(raw[:cut]) + gzip.compress(b"") + gzip.compress(raw[cut:])
    for padding in (0, 1, 70_000):
        assert read_idx(members + bytes(padding)).shape == (3, 4)


def test_idx_gzip_larger_than_the_first_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that outgrows the memory first taken for it arrives whole."""
    monkeypatch.setattr("mnistry.data.idx._FIRST_CLAIM", 5)
    array = np.random.default_rng(0).integers(0, 2**31, (300, 301), np.int32)
    assert same(read_idx(gzip.compress(encode_idx(array))), array)


BODY = bytes(range(12))
GOOD = head(3, 4) + BODY
REFUSED = {
    "nothing": (b"", r"the data is not an IDX file: it is empty; an IDX file starts with 00 00"),
    "a png": (b"\x89PNG\r\n", r"not an IDX file: it starts with 89 50 4e 47; .*\(08, 09, 0b,"),
    "short": (b"\0\0\x08", r"not an IDX file: it starts with 00 00 08"),
    "type": (head(3, kind=0x0A) + b"abc", r"not an IDX file: it starts with 00 00 0a 01"),
    "rank 0": (head() + b"x", r"has 0 dimensions, not 1 to 64; get it again"),
    "rank 65": (head(*[1] * 65) + b"x", r"has 65 dimensions, not 1 to 64"),
    "header": (head(3, 4, rank=3), r"ends within its header, after 12 bytes; get it again"),
    "empty side": (head(0, 28, 28), r"holds nothing: its shape is \(0, 28, 28\)"),
    "cut": (GOOD[:-1], r"says it holds uint8 of shape \(3, 4\), 12 bytes, but .* 11; it was cut"),
    "trailing": (GOOD + b"\n", r"uint8 of shape \(3, 4\), 12 bytes, but goes on after them"),
    "overflow": (head(*[2**32 - 1] * 9, kind=14), r"says it holds float64 .* bytes, but .* 0; it"),
}
ZIPPED_ONLY = {
    "gzip ratio": (
        gzip.compress(head(2**32 - 1, 28, 28)),
        r"3,367,254,359,280 bytes, but its \d+ gzipped bytes can't hold more than",
    ),
    "gzip short": (gzip.compress(GOOD[:-3]), r"holds uint8 .* 12 bytes, but holds 9; it was cut"),
    "gzip cut": (gzip.compress(GOOD)[:-9], r"is gzip that was cut short; get it again"),
    "gzip no crc": (gzip.compress(GOOD)[:-8], r"is gzip that was cut short; get it again"),
    "gzip magic": (b"\x1f\x8b", r"is gzip that was cut short; get it again"),
    "gzip crc": (
        gzip.compress(GOOD)[:-8] + bytes(4) + gzip.compress(GOOD)[-4:],
        r"is damaged gzip \(incorrect data check\); get it again",
    ),
    "gzip tail": (
        gzip.compress(GOOD) + b"tail",
        r"is damaged gzip \(incorrect header check\); get it again",
    ),
    "gzip method": (b"\x1f\x8b\x07" + bytes(20), r"is damaged gzip \(unknown compression method\)"),
    "gzip header": (gzip.compress(head(3, 4, rank=9)), r"ends within its header, after 12 bytes"),
    "gzip twice": (
        gzip.compress(gzip.compress(GOOD)),
        r"not an IDX file: it starts with 1f 8b 08 00",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_idx_bad_bytes_earn_a_sentence(case: str, tmp_path: Path) -> None:
    """Bytes that are not what they claim are refused alike: raw, gzipped, in a file."""
    data, sentence = REFUSED[case]
    with pytest.raises(DataError, match=sentence):
        read_idx(data)
    (tmp_path / "bad").write_bytes(data)
    for mmap in (False, True):
        with pytest.raises(DataError, match=sentence.replace("the data", ".*bad'")):
            read_idx(tmp_path / "bad", mmap=mmap)
    with pytest.raises(DataError):
        read_idx(gzip.compress(data))


@pytest.mark.parametrize("case", ZIPPED_ONLY)
def test_idx_bad_gzip_earns_a_sentence(case: str) -> None:
    """Gzip that is damaged, cut or holds less than it claims is refused."""
    data, sentence = ZIPPED_ONLY[case]
    with pytest.raises(DataError, match=sentence):
        read_idx(data)


def test_idx_lie_costs_no_memory(tmp_path: Path) -> None:
    """A 16-byte file that claims four billion pictures is refused before memory is taken."""
    lie = head(2**32 - 1, 28, 28)
    (tmp_path / "lie").write_bytes(lie)
    tracemalloc.start()
    try:
        for source in (lie, gzip.compress(lie), tmp_path / "lie"):
            with pytest.raises(DataError, match=r"\(4294967295, 28, 28\), 3,367,254,359,280 bytes"):
                read_idx(source)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_idx_bomb_is_left_at_the_first_byte_too_many() -> None:
    """Gzip that goes on for 300 MB after its 12 bytes is not inflated further."""
    deflater = zlib.compressobj(9, wbits=31)
    zeros = bytes(2**20)
    bomb = deflater.compress(GOOD) + b"".join(deflater.compress(zeros) for _ in range(300))
    bomb += deflater.flush()
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"12 bytes, but goes on after them"):
            read_idx(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_max_bytes(zipped: bool) -> None:
    """An honest file larger than the caller allows is refused; one just as large is read."""
    data = gzip.compress(GOOD) if zipped else GOOD
    assert read_idx(data, max_bytes=12).size == 12
    with pytest.raises(DataError, match=r"12 bytes, and `max_bytes` is 11; raise it, or map"):
        read_idx(data, max_bytes=11)


def test_idx_more_than_memory_earns_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """When memory can't be had, the sentence says what asked for it."""

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("mnistry.data.idx.np.empty", full)
    with pytest.raises(DataError, match=r"\(3, 4\), 12 bytes, more than memory holds; `mmap`"):
        read_idx(GOOD)


def test_idx_file_that_shrinks_earns_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that lost bytes after it was weighed is not taken for whole."""
    (tmp_path / "a").write_bytes(GOOD)

    class Longer:
        st_size = 16 + 12

    (tmp_path / "b").write_bytes(head(4, 4) + BODY)
    monkeypatch.setattr("mnistry.data.idx.os.fstat", lambda _: Longer)
    with pytest.raises(DataError, match=r"b' shrank while it was read; try again"):
        read_idx(tmp_path / "b")


def test_idx_pipe_is_refused(tmp_path: Path) -> None:
    """A pipe, which may never end, is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"pipe' is not a regular file; an IDX file must be one"):
        read_idx(tmp_path / "pipe")


def test_idx_zero_byte_in_a_name_is_refused() -> None:
    """A name that no file can have is said to be one."""
    with pytest.raises(DataError, match=r"'a\\x00b' can't be a file's name: it holds a zero byte"):
        read_idx("a\0b")


def test_idx_missing_file_is_the_systems_word(tmp_path: Path) -> None:
    """A missing file and a folder are what Python says they are."""
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        read_idx(tmp_path)


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64", "float16", "U3", "object"])
def test_idx_foreign_type_is_refused(dtype: str, tmp_path: Path) -> None:
    """A type that IDX does not have is named, and no file appears."""
    with pytest.raises(DataError, match=r"IDX holds uint8, int8, .*; got .*: convert with"):
        write_idx(tmp_path / "a", np.zeros(3, dtype))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "array", [np.uint8(3), np.zeros((0, 28, 28), np.uint8), np.broadcast_to(np.uint8(0), 2**32)]
)
def test_idx_foreign_shape_is_refused(array: NDArray[Any]) -> None:
    """A single number, nothing, and a side too long for the header are named."""
    with pytest.raises(
        DataError, match=rf"at least one .*; got shape {re.escape(str(array.shape))}"
    ):
        encode_idx(array)


@pytest.mark.slow
@settings(max_examples=300)
@given(arrays, st.booleans(), st.data())
def test_idx_damage_gives_a_sentence_or_an_array(
    array: NDArray[Any], zipped: bool, data: st.DataObject
) -> None:
    """Whatever bytes change, the answer is a DataError or an array of the claimed shape."""
    raw = encode_idx(array)
    bad = bytearray(gzip.compress(raw) if zipped else raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(bad) - 1))
        bad[at] = data.draw(st.integers(0, 255))
    bad = bad[: data.draw(st.integers(0, len(bad)))] + data.draw(st.binary(max_size=3))
    try:
        found = read_idx(bytes(bad))
    except DataError:
        return
    assert found.size > 0
    if not zipped:
        assert encode_idx(found) == bytes(bad)


@pytest.mark.slow
def test_idx_fuzzer_finds_nothing() -> None:
    """Each of 200 fuzzed files gives an array or an `InputError`."""
    run = subprocess.run(
        [sys.executable, FUZZER, "--cases", "200", "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"no finding in \d+ cases", run.stdout)
