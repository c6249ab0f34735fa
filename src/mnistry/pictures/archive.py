"""The pictures of an archive or a Parquet file, one after the other, in bounded memory.

Nothing is unpacked to disk, and what a file says of its sizes is not believed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from mnistry.errors import DataError, MissingExtra, printable
from mnistry.pictures.item import (
    CHUNK,
    TARS,
    Item,
    damaged,
    gathered,
    is_hidden,
    is_picture,
    natural,
)
from mnistry.pictures.legacy_names import legacy_name, zip_names

_MOST_LISTED = 64 * 2**20  # bytes of a ZIP's own list of what it holds
_MOST_HEADER = 2**20  # bytes of one entry's headers in a TAR
_MOST_TABLE = 2**28  # bytes of memory that reading .xz may take
_LEAST_TOTAL, _MOST_TIMES = 2 * 2**30, 200  # bytes an archive may unpack to; or times its own size
_ROWS = 4  # of Parquet, read at a time


def unpack(file: Any, name: str) -> Iterator[Item]:
    """Give the pictures of an archive whose name ends in one of `ARCHIVES`.

    Parameters
    ----------
    file : open and seekable, of bytes. name : the archive's, before its entries' names.

    Raises
    ------
    DataError, MissingExtra : it can't be read on; other damage makes its reader raise anything.
    """
    lower = name.lower()
    kind = _parquet if lower.endswith(".parquet") else _tar if lower.endswith(TARS) else unzip
    yield from kind(file, name)


def _entry(name: str) -> str | None:
    """Give an archive's entry's name as it is shown, or None if it isn't to be read."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not is_picture(name) or any(map(is_hidden, parts)):
        return None
    return printable("/".join(parts))


def _most(size: int) -> int:
    """Give the bytes that an archive of so many may unpack to."""
    return max(_LEAST_TOTAL, _MOST_TIMES * size)


def _too_much(name: str) -> DataError:
    return DataError(
        f"{name!r} unpacks to more than {_MOST_TIMES} times its size; unpack it and give the "
        "folder, if you trust it."
    )


class _Wary(io.BufferedReader):
    """A file of which no huge piece is read at once, whatever a ZIP says of its list's size."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _MOST_LISTED:
            raise ValueError(f"its list of entries claims {size:,} bytes")
        return super().read(size)


def unzip(file: Any, name: str) -> Iterator[Item]:
    """Give the pictures of a ZIP, in natural order."""
    metered = _Metered(file, name, _most(file.seek(0, os.SEEK_END)))
    with _Wary(file) as wary, zipfile.ZipFile(wary) as archive:
        infos = archive.infolist()
        named = [(_entry(n), info) for n, info in zip(zip_names(infos), infos, strict=True)]
        shown = [(entry, info) for entry, info in named if entry and not _is_special(info)]
        for entry, info in sorted(shown, key=lambda pair: _by_folder(pair[0])):
            path = f"{name}/{entry}"
            data, error = None, None
            if info.flag_bits & 1:
                error = f"{path!r} is encrypted; unpack the archive and give the folder."
            elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                error = f"{path!r} is packed by a rare method; unpack it and give the folder."
            else:
                try:
                    with archive.open(info) as metered.file:
                        data = gathered(metered, repr(path))
                except DataError as problem:
                    error = str(problem)
                except Exception as problem:  # noqa: BLE001 - zipfile raises anything
                    error = damaged(path, problem)
            yield Item(path, data, error)
            if metered.left < 0:
                return  # which the last error said


def _is_special(info: zipfile.ZipInfo) -> bool:
    return info.is_dir() or stat.S_ISLNK(info.external_attr >> 16)


def _by_folder(entry: str) -> list[list[tuple[bool, int, str]]]:
    return [natural(part) for part in entry.split("/")]


class _Metered:
    """A stream that gives no more than there is room for: of one thing, and in all."""

    def __init__(self, file: IO[bytes], name: str, left: int) -> None:
        self.file, self._name = file, name
        self.room = self.left = left

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.room, self.left = self.room - len(data), self.left - len(data)
        if self.left < 0:
            raise _too_much(self._name)
        if self.room < 0:
            raise DataError(f"{self._name!r} has headers of more than {_MOST_HEADER:,} bytes.")
        return data


class _Unxz(io.RawIOBase):
    """An .xz file unpacked in bounded memory, which the standard library's isn't."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._xz = lzma.LZMADecompressor(memlimit=_MOST_TABLE)

    def read(self, size: int = -1) -> bytes:
        while True:
            packed = b""
            if self._xz.eof:  # another stream may follow, behind zeros
                packed = self._xz.unused_data.lstrip(b"\0")
                while not packed and (more := self._file.read(CHUNK)):
                    packed = more.lstrip(b"\0")
                if not packed:
                    return b""
                self._xz = lzma.LZMADecompressor(memlimit=_MOST_TABLE)
            elif self._xz.needs_input and not (packed := self._file.read(CHUNK)):
                raise EOFError("it is cut short")
            if data := self._xz.decompress(packed, size):
                return data


def _unpacked(file: IO[bytes]) -> Any:
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    return _Unxz(file) if start == b"\xfd7zXZ\0" else file


class _Header(tarfile.TarInfo):
    """A header whose damage is told; tarfile takes a damaged one for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf.strip(b"\0"):
                raise ValueError(str(error)) from None
            raise


def _tar(file: IO[bytes], name: str) -> Iterator[Item]:
    """Give the pictures of a TAR, in its own order."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    metered: Any = _Metered(_unpacked(file), name, _most(size))
    metered.room = _MOST_HEADER
    with tarfile.open(fileobj=metered, mode="r|", tarinfo=_Header) as archive:
        while (info := archive.next()) is not None:
            metered.room = metered.left
            if info.issparse():
                raise DataError(f"{name!r} holds a sparse file; unpack it and give the folder.")
            entry = _entry(legacy_name(info.name)) if info.isreg() or info.islnk() else None
            path, data, error = f"{name}/{entry}", None, None
            if entry and info.islnk():
                told = f"{path!r} is a hard link to another entry; unpack it and give the folder."
                yield Item(path, error=told)
            elif info.isreg() or info.type not in tarfile.SUPPORTED_TYPES:
                packed: Any = archive.extractfile(info)
                if entry:
                    try:
                        data = gathered(packed, repr(path))
                    except DataError as problem:
                        error = str(problem)
                while packed.read(CHUNK):
                    pass  # it is passed here, where there is room for data
                if entry:
                    yield Item(path, data, error)
            archive.members = []  # type: ignore[attr-defined]  # it would keep them all
            archive.pax_headers = {}
            metered.room = _MOST_HEADER


def _parquet(file: IO[bytes], name: str) -> Iterator[Item]:
    """Give the pictures of a Parquet file's first column of them, one named `image` before all."""
    row = -1
    for row, item in enumerate(_rows(file, name, None, 0)):  # noqa: B007
        yield item
    if row < 0:
        raise DataError(f"{name!r} has no rows.")


def parquet_groups(file: IO[bytes], name: str) -> list[int]:
    """Give the numbers of rows of a Parquet file's row groups.

    Raises
    ------
    DataError, MissingExtra : it holds no pictures; other damage makes its reader raise anything.
    """
    table = _opened(file)
    _column(table.schema_arrow, name)
    groups = [table.metadata.row_group(i).num_rows for i in range(table.num_row_groups)]
    if not sum(groups):
        raise DataError(f"{name!r} has no rows.")
    return groups


def parquet_rows(
    file: IO[bytes], name: str, group: int, before: int, first: int, stop: int
) -> Iterator[Item]:
    """Give some rows of a Parquet file's row group, of what `unpack` gives.

    Parameters
    ----------
    group : the row group's number. before : the rows in front of it.
    first, stop : the rows wanted, counted from the row group's first.
    """
    yield from islice(_rows(file, name, [group], before, first), stop - first)


def _opened(file: IO[bytes]) -> Any:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("Reading Parquet", "pyarrow", "parquet") from None
    return pq.ParquetFile(file, buffer_size=CHUNK)


def _rows(
    file: IO[bytes], name: str, groups: list[int] | None, row: int, skip: int = 0
) -> Iterator[Item]:
    """Give the pictures of row groups (None: of all), whose first row has that number."""
    left = _most(file.seek(0, os.SEEK_END))
    table = _opened(file)
    column = _column(table.schema_arrow, name)
    for batch in table.iter_batches(_ROWS, columns=[column], row_groups=groups):
        passed = min(skip, len(batch))
        skip, row = skip - passed, row + passed
        for value in batch.column(0)[passed:]:
            data = value.as_py()
            if isinstance(data, dict):
                data = data["bytes"]
            path = f"{name}#{row}"
            error = None if data else f"{path!r} has no bytes of a picture."
            yield Item(path, data or None, error)
            row += 1
            left -= len(data or b"")
            if left < 0:
                raise _too_much(name)


def _column(schema: Any, name: str) -> str:
    """Give the path of the column that holds pictures: binary, or a struct's binary `bytes`."""
    import pyarrow as pa

    found: dict[str, str] = {}
    for field in schema:
        kind, path = field.type, field.name
        if pa.types.is_struct(kind) and (i := kind.get_field_index("bytes")) >= 0:
            kind, path = kind.field(i).type, f"{path}.bytes"
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            found[field.name] = path
    if not found:
        columns = ", ".join(f"{field.name}: {field.type}" for field in schema) or "no columns"
        raise DataError(
            f"{name!r} should have a column of pictures, binary or a struct with binary `bytes`; "
            f"it has {printable(columns):.200}."
        )
    return found.get("image") or next(iter(found.values()))


def archived_files(file: Any, name: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Iterate over the regular files of a ZIP or tar: the path inside, and a stream to read now.

    Symbolic links, devices, hidden files and paths that lead outside the archive are left out.

    Parameters
    ----------
    file : open and seekable, of bytes. name : the archive's, for messages.

    Raises
    ------
    DataError : it unpacks to too much, or a tar holds a hard link or a sparse file; other damage
        makes its reader raise anything.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(2) == b"PK":
        metered = _Metered(file, name, _most(size))
        with _Wary(file) as wary, zipfile.ZipFile(wary) as archive:
            infos = archive.infolist()
            for decoded, info in zip(zip_names(infos), infos, strict=True):
                inside = _inside(decoded)
                if inside is None or _is_special(info):
                    continue
                if info.flag_bits & 1:
                    raise DataError(f"{name!r} is encrypted; unpack it and give the folder.")
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise DataError(
                        f"{name!r} is packed by a rare method; unpack it and give the folder."
                    )
                with archive.open(info) as metered.file:
                    yield inside, metered  # type: ignore[misc]
        return
    file.seek(0)
    streamed: Any = _Metered(_unpacked(file), name, _most(size))
    streamed.room = _MOST_HEADER
    with tarfile.open(fileobj=streamed, mode="r|", tarinfo=_Header) as tar:
        while (member := tar.next()) is not None:
            streamed.room = streamed.left
            inside = _inside(legacy_name(member.name))
            # Both hold a file's content, which must not be left out in silence.
            if inside is not None and (member.issparse() or member.islnk()):
                kind = "a sparse file" if member.issparse() else "a hard link"
                raise DataError(f"{name!r} holds {kind}; unpack it and give the folder.")
            if member.isreg():
                packed: Any = tar.extractfile(member)
                if inside is not None:
                    yield inside, packed
                while packed.read(CHUNK):
                    pass  # skip the rest while the bound on data applies, not that on headers
            tar.members = []  # type: ignore[attr-defined]  # it would keep them all
            tar.pax_headers = {}
            streamed.room = _MOST_HEADER


def _inside(path: str) -> str | None:
    """Return the safe path of an entry, or None if it is hidden or leads outside the archive."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or ":" in parts[0] or any(map(is_hidden, parts)) or "\0" in path:
        return None
    return "/".join(parts)
