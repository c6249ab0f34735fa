"""IDX bytes <-> arrays: the format of MNIST's files, gzipped or raw.

An IDX file is two zero bytes, a byte for the type, a byte for the rank, each dimension as
a big-endian uint32, and the numbers, big-endian, in C order. A header is a claim: it is
weighed against the bytes that are really there before memory is taken for it.
"""

from __future__ import annotations

import io
import math
import os
import stat
import zlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnistry.atomic import replacing
from mnistry.data.gunzip import MAGIC, MAX_RATIO, Gunzip
from mnistry.errors import DataError, InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Source = str | os.PathLike[str] | bytes
Tap = Callable[[bytes | memoryview], object]
_Stream = io.BufferedReader | io.BytesIO

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(form).newbyteorder("="): code for code, form in _TYPES.items()}
_MAX_RANK = 64  # NumPy's own limit
_FIRST_CLAIM = 1 << 26  # memory taken at once for a gzipped body; more only as bytes arrive


class Header(NamedTuple):
    """The type and shape of the array in an IDX file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of the header itself."""
        return 4 + 4 * len(self.shape)

    @property
    def body(self) -> int:
        """Bytes of the numbers behind it."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype.name} of shape {self.shape}, {self.body:,} bytes"


def read_idx(
    source: Source, *, mmap: bool = False, max_bytes: int = 8 * 2**30, tap: Tap | None = None
) -> NDArray[Any]:
    """Read an IDX file of any of the six types and any rank; gzip or raw, told by its bytes.

    The whole file has been read and is exactly as long as its header says; a gzipped one has
    passed its checksum. May be called from any thread; inflating leaves the others running.

    Parameters
    ----------
    source : a file's path, or the bytes themselves.
    mmap : map a raw file instead of reading it; the array is read-only and big-endian.
    max_bytes : the most memory that the array may take.
    tap : is handed the raw bytes, header and all, in order, as they are read (not mapped);
        to hash them on the way, say.

    Returns
    -------
    array : of the header's shape, in native byte order, writable unless mapped.

    Raises
    ------
    DataError : the file is not IDX, is not whole, or is not what its header says.
    InputError : `mmap` together with bytes.
    OSError : the file is missing or unreadable.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        if mmap:
            raise InputError("`mmap` needs a file; got bytes: give a path or leave out `mmap`.")
        name, size = "the data", len(source)
        stream: _Stream = io.BytesIO(source)
    else:
        name, stream, size = _open(source)
    with stream:
        start = stream.read(4 + 4 * _MAX_RANK)
        stream.seek(0)
        if start.startswith(MAGIC):
            if mmap:
                raise DataError(
                    f"{name} is gzipped, and only a raw file can be mapped; "
                    "gunzip it or leave out `mmap`."
                )
            return _read_gzip(stream, name, size, max_bytes, tap)
        return _read_raw(stream, name, size, _parse(start, name), max_bytes, tap, mmap)


def peek_idx(path: str | os.PathLike[str]) -> Header | None:
    """Return the type and shape that a file's IDX header claims, without reading the rest.

    Returns
    -------
    header : None where the file is no IDX file, or a raw one of another length than it claims.

    Raises
    ------
    OSError : the file is missing or unreadable.
    """
    name, stream, size = _open(path)
    with stream:
        start = stream.read(4 + 4 * _MAX_RANK)
        gzipped = start.startswith(MAGIC)
        try:
            if gzipped:
                stream.seek(0)
                inflate = Gunzip(stream, name)
                start = inflate.read(4)
                start += inflate.read(4 * min(start[3], _MAX_RANK)) if len(start) == 4 else b""
            header = _parse(start, name)
        except DataError:
            return None
    return header if gzipped or header.size + header.body == size else None


def encode_idx(array: ArrayLike) -> bytes:
    """Give the bytes of the raw IDX file that holds `array`.

    Raises
    ------
    DataError : IDX can't hold the array: its type is not uint8, int8, int16, int32, float32
        or float64, it is a single number, it is empty, or a side is 2**32 or longer.
    """
    return b"".join(_pieces(np.asarray(array)))


def write_idx(
    path: str | os.PathLike[str], array: ArrayLike, *, compress: bool | None = None
) -> None:
    """Write `array` as an IDX file, which appears under `path` only when it is whole.

    The same array gives the same bytes each time.

    Parameters
    ----------
    compress : gzip the file; None: when its name ends in `.gz`.

    Raises
    ------
    DataError : IDX can't hold the array (see `encode_idx`).
    OSError : the folder is missing or not writable.
    """
    pieces = _pieces(np.asarray(array))
    if compress is None:
        compress = os.fspath(path).endswith(".gz")
    with replacing(path) as file:
        if not compress:
            file.writelines(pieces)
            return
        deflater = zlib.compressobj(wbits=31)  # a gzip header without name or time
        for piece in pieces:
            file.write(deflater.compress(piece))
        file.write(deflater.flush())


def write_images(
    path: str | os.PathLike[str], shape: tuple[int, int, int], parts: Iterable[NDArray[np.uint8]]
) -> None:
    """Write images (n, h, w) that come part by part as one raw IDX file, once it is whole.

    Raises
    ------
    DataError : the parts are not `shape` together.
    OSError : the folder is missing or not writable, or the disk is full.
    """
    header = Header(np.dtype(np.uint8), shape)
    size = 0
    with replacing(path) as file:
        file.write(_head(header))
        for part in parts:
            size += file.write(np.ascontiguousarray(part, np.uint8).data)
        if size != header.body:
            raise DataError(f"`parts` must be {header}; they were {size:,} bytes.")


def _open(path: str | os.PathLike[str]) -> tuple[str, _Stream, int]:
    """Open a regular file; anything else (a pipe, a device) could keep us for ever."""
    name = repr(os.fspath(path))
    if "\0" in os.fspath(path):
        raise DataError(f"{name} can't be a file's name: it holds a zero byte.")
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # of a folder, open() speaks
        raise DataError(f"{name} is not a regular file; an IDX file must be one.")
    stream = open(path, "rb")  # noqa: SIM115 - the caller closes it
    return name, stream, os.fstat(stream.fileno()).st_size


def _parse(start: bytes, name: str) -> Header:
    """Read the header at the start of `start`, which is long enough if the file is."""
    kinds = ", ".join(f"{code:02x}" for code in _TYPES)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES:
        found = f"starts with {start[:4].hex(' ')}" if start else "is empty"
        raise DataError(
            f"{name} is not an IDX file: it {found}; an IDX file starts with "
            f"00 00, a type ({kinds}) and a rank."
        )
    rank = start[3]
    if not 1 <= rank <= _MAX_RANK:
        raise DataError(
            f"{name} says it has {rank} dimensions, not 1 to {_MAX_RANK}; get it again."
        )
    if len(start) < 4 + 4 * rank:
        raise DataError(f"{name} ends within its header, after {len(start)} bytes; get it again.")
    dtype = np.dtype(_TYPES[start[2]])
    header = Header(dtype, tuple(np.frombuffer(start, ">u4", rank, 4).tolist()))
    if 0 in header.shape:
        raise DataError(f"{name} holds nothing: its shape is {header.shape}; get it again.")
    return header


def _weigh(header: Header, most: int, why: str, max_bytes: int, name: str) -> None:
    """Refuse a claim that the file can't keep or that the caller does not want."""
    if header.body > most:
        raise DataError(
            f"{name} says it holds {header}, but {why} {most:,}; "
            "it was cut short or is no IDX file: get it again."
        )
    if header.body > max_bytes:
        raise DataError(
            f"{name} holds {header}, and `max_bytes` is {max_bytes:,}; "
            "raise it, or map the raw file with `mmap=True`."
        )


def _read_raw(
    stream: _Stream,
    name: str,
    size: int,
    header: Header,
    max_bytes: int,
    tap: Tap | None,
    mmap: bool,
) -> NDArray[Any]:
    found = size - header.size
    _weigh(header, found, "after its header come", found if mmap else max_bytes, name)
    if header.body < found:
        raise _trailing(header, name)
    if mmap:
        return np.memmap(stream, header.dtype, "r", header.size, header.shape)
    flat = _take(header.body, header, name)
    stream.seek(header.size)
    if stream.readinto(flat.data) != header.body:
        raise DataError(f"{name} shrank while it was read; try again.")
    if tap is not None:
        tap(_head(header))
        tap(flat.data)
    return _native(flat, header)


def _read_gzip(
    stream: _Stream, name: str, size: int, max_bytes: int, tap: Tap | None
) -> NDArray[Any]:
    inflate = Gunzip(stream, name)
    start = inflate.read(4)
    if len(start) == 4:
        start += inflate.read(4 * min(start[3], _MAX_RANK))
    header = _parse(start, name)
    most = size * MAX_RATIO - header.size
    _weigh(header, most, f"its {size:,} gzipped bytes can't hold more than", max_bytes, name)
    if tap is not None:
        tap(start)
    flat = _take(min(header.body, _FIRST_CLAIM), header, name)
    at = 0
    while at < header.body:
        piece = inflate.some(header.body - at)
        if not piece:
            raise DataError(
                f"{name} says it holds {header}, but holds {at:,}; "
                "it was cut short before it was gzipped: get it again."
            )
        if tap is not None:
            tap(piece)
        end = at + len(piece)
        if end > len(flat):
            more = _take(min(header.body, max(end, 2 * len(flat))), header, name)
            more[:at] = flat[:at]
            flat = more
        flat[at:end] = np.frombuffer(piece, np.uint8)
        at = end
    if inflate.some(1):  # also lets the last member's checksum be checked
        raise _trailing(header, name)
    return _native(flat, header)


def _trailing(header: Header, name: str) -> DataError:
    return DataError(
        f"{name} says it holds {header}, but goes on after them; "
        "it is no IDX file or was joined with another: get it again."
    )


def _take(count: int, header: Header, name: str) -> NDArray[np.uint8]:
    try:
        return np.empty(count, np.uint8)
    except MemoryError:
        raise DataError(f"{name} holds {header}, more than memory holds; `mmap` it raw.") from None


def _native(flat: NDArray[np.uint8], header: Header) -> NDArray[Any]:
    array = flat.view(header.dtype).reshape(header.shape)
    if header.dtype.isnative:
        return array
    return array.byteswap(inplace=True).view(header.dtype.newbyteorder("="))


def _head(header: Header) -> bytes:
    code = _CODES[header.dtype.newbyteorder("=")]
    return bytes([0, 0, code, len(header.shape)]) + np.array(header.shape, ">u4").tobytes()


def _pieces(array: NDArray[Any]) -> tuple[bytes, memoryview]:
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        kinds = ", ".join(dtype.name for dtype in _CODES)
        raise DataError(f"IDX holds {kinds}; got {array.dtype}: convert with `.astype(...)`.")
    if array.ndim == 0 or array.size == 0 or max(array.shape) >= 2**32:
        raise DataError(
            "IDX holds arrays with at least one dimension, none of them empty or of 2**32 "
            f"or more; got shape {array.shape}."
        )
    dtype = np.dtype(_TYPES[code])
    body = np.ascontiguousarray(array, dtype).reshape(-1).view(np.uint8)
    return _head(Header(dtype, array.shape)), body.data
