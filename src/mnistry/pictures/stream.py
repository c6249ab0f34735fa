"""What a user names -> pictures, one after the other: files, folders, patterns, archives, Parquet.

Nothing is unpacked to disk and only one picture is held at a time. What can't be read is an item
too, so that one bad file doesn't end the reading of thousands.
"""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import io
import lzma
import os
import re
import stat
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

from mnistry.errors import DataError, MissingExtra
from mnistry.pictures.decode import MAX_BYTES, SUFFIXES

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_ARCHIVES = (".zip", ".parquet", *_TARS)
_CHUNK = 2**16  # bytes read at a time
_MOST_LISTED = 64 * 2**20  # bytes of a ZIP's own list of what it holds
_MOST_HEADER = 2**20  # bytes of one entry's headers in a TAR
_MOST_TABLE = 2**28  # bytes of memory that reading .xz may take
_LEAST_TOTAL, _MOST_TIMES = 2 * 2**30, 200  # bytes an archive may unpack to; or times its own size
_ROWS = 4  # of Parquet, read at a time


@dataclass(frozen=True)
class Item:
    """One picture, or one sentence that says why there is none.

    Parameters
    ----------
    name : as the user would call it: the path, joined with the entry's where it is in an archive.
    data : a file's path, or the bytes of the picture; None if there is an error.
    error : a sentence; None if there is data.
    """

    name: str
    data: str | bytes | None = None
    error: str | None = None


def stream(
    sources: Iterable[str | os.PathLike[str]], stdin: BinaryIO | None = None
) -> Iterator[Item]:
    """Give the pictures of what a user names, in order; nothing raises for bad input.

    Parameters
    ----------
    sources : each is a file; a folder, for all files below it that are named as pictures; a
        pattern with `*`, `?`, `[]` or `**`, where no file has that very name; `-` for standard
        input, one picture or a ZIP; a `.zip`, `.tar`, `.tar.gz`, `.tar.bz2` or `.tar.xz`; a
        `.parquet` with a column of pictures. Hidden files are left out, and archives in others.
    stdin : what `-` reads; None: the process's standard input.

    Returns
    -------
    items : pictures, numbers in names by their value (2 before 10), and errors in their places.
    """
    for source in sources:
        name = os.fspath(source)
        if name == "-":
            yield from _careful(name, _standard_input(stdin))
        else:
            yield from _careful(name, _named(name))


def natural(name: str) -> list[tuple[bool, int, str]]:
    """Give the key that sorts names with the numbers in them by their value."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", name)
    return [(False, int(p), "") if p[0].isdigit() else (True, 0, p.lower()) for p in parts]


def _careful(name: str, items: Iterator[Item]) -> Iterator[Item]:
    """Make of whatever ends the reading of a source an item, and of nothing found one."""
    empty = True
    try:
        for item in items:
            empty = False
            yield item
    except (DataError, MissingExtra) as error:
        yield Item(name, error=str(error))
    except Exception as error:  # noqa: BLE001 - damaged archives make their readers raise anything
        of_system = isinstance(error, OSError) and error.errno
        yield Item(name, error=(_unreadable if of_system else _damaged)(name, error))
    else:
        if empty:
            yield Item(name, error=f"{name!r} holds no file that is named as a picture (.png, …).")


def _unreadable(name: str, error: Exception) -> str:
    return f"{name!r:.300} can't be read: {getattr(error, 'strerror', None) or error}."


def _damaged(name: str, error: Exception) -> str:
    reason = _printable(" ".join(str(error).split()).strip(" .")) or type(error).__name__
    return f"{name!r} is damaged ({reason:.160}); get it again."


def _printable(text: str) -> str:
    """Leave nothing in a text that a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _named(name: str) -> Iterator[Item]:
    """Give the pictures of a file, a folder or a pattern."""
    try:
        mode = os.stat(name).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        yield from _pattern(name)
        return
    lower = name.lower()
    if stat.S_ISDIR(mode):
        yield from _folder(name)
    elif not stat.S_ISREG(mode):
        raise DataError(f"{name!r} is a pipe, a socket or a device; for a pipe, give `-`.")
    elif lower.endswith(_ARCHIVES):
        with open(name, "rb") as file:
            kind = _zip if lower.endswith(".zip") else _tar if lower.endswith(_TARS) else _parquet
            yield from kind(file, name)
    else:
        yield Item(name, name)


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _listing(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder or ".") as entries:
        return sorted(entries, key=lambda entry: (natural(entry.name), entry.name))


def _folder(top: str) -> Iterator[Item]:
    """Give the pictures below a folder, each folder once, however links lead to it."""
    seen = set()
    rest = [top]
    while rest:
        path = rest.pop()
        try:
            about = os.stat(path)
            if stat.S_ISREG(about.st_mode):
                yield Item(path, path)
            elif not stat.S_ISDIR(about.st_mode):
                yield Item(path, error=f"{path!r} is not a regular file.")
            elif (place := (about.st_dev, about.st_ino)) not in seen:
                seen.add(place)
                shown = [entry for entry in _listing(path) if not _is_hidden(entry.name)]
                below = [e.name for e in shown if _is_picture(e.name) or _is_folder(e)]
                rest += [os.path.join(path, name) for name in reversed(below)]
        except OSError as error:
            yield Item(path, error=_unreadable(path, error))


def _pattern(name: str) -> Iterator[Item]:
    """Give the pictures of all that a pattern matches, as if each had been named."""
    drive, tail = os.path.splitdrive(name)
    tail = tail.replace(os.altsep or os.sep, os.sep)
    if not re.search(r"[*?[]", tail):
        raise DataError(f"{name!r:.300} does not exist; give a file, a folder or a pattern.")
    parts = [part for part in tail.split(os.sep) if part]
    parts = [p for i, p in enumerate(parts) if p != "**" or parts[i + 1 : i + 2] != [p]]
    found = False
    for path in dict.fromkeys(_matches(drive + os.sep * tail.startswith(os.sep), parts)):
        if os.path.isdir(path):
            wanted = "**" not in parts[:-1]  # else what is in it matches by itself
        else:
            wanted = "." in parts[-1] or _is_picture(path) or path.lower().endswith(_ARCHIVES)
        if not wanted:
            continue
        found = True
        yield from _careful(path, _named(path))
    if not found:
        raise DataError(f"{name!r:.300} matches no file.")


def _matches(top: str, parts: list[str]) -> Iterator[str]:
    """Give the paths below `top` that match a pattern's parts; `**` follows no links."""
    if not parts:
        yield top or os.curdir
        return
    part, rest = parts[0], parts[1:]
    if not re.search(r"[*?[]", part):
        if os.path.lexists(path := os.path.join(top, part)):
            yield from _matches(path, rest)
        return
    try:
        entries = _listing(top)
    except OSError:
        return  # no folder, or none of ours
    if part == "**":
        yield from _matches(top, rest)
    for entry in entries:
        path = os.path.join(top, entry.name)
        if _is_hidden(entry.name) and not part.startswith("."):
            continue
        if part == "**":
            if rest and not entry.is_symlink() and _is_folder(entry):
                yield from _matches(path, parts)
        elif fnmatch.fnmatch(entry.name, part) and (not rest or _is_folder(entry)):
            yield from _matches(path, rest)


def _standard_input(stdin: BinaryIO | None) -> Iterator[Item]:
    """Give the picture, or the pictures of the ZIP, that standard input is."""
    source = stdin if stdin is not None else getattr(sys.stdin, "buffer", None)
    if source is None or source.closed or source.isatty():
        raise DataError("`-` reads standard input, which is not there; pipe a picture into it.")
    data = _gathered(source, "Standard input")
    if not data:
        raise DataError("Standard input is empty; pipe a picture into it.")
    if data[:4] in (b"PK\3\4", b"PK\5\6"):
        yield from _zip(io.BytesIO(data), "-")
    else:
        yield Item("-", data)


def _gathered(source: Any, name: str) -> bytes:
    """Read all of it, if it isn't more than a picture may be."""
    data = io.BytesIO()
    while piece := source.read(_CHUNK):
        data.write(piece)
        if data.tell() > MAX_BYTES:
            raise DataError(f"{name} holds more than {MAX_BYTES:,} bytes, too many for a picture.")
    return data.getvalue()


def _entry(name: str) -> str | None:
    """Give an archive's entry's name as it is shown, or None if it isn't to be read."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not _is_picture(name) or any(map(_is_hidden, parts)):
        return None
    return _printable("/".join(parts))


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


def _zip(file: Any, name: str) -> Iterator[Item]:
    """Give the pictures of a ZIP, in natural order."""
    metered = _Metered(file, name, _most(file.seek(0, os.SEEK_END)))
    with _Wary(file) as wary, zipfile.ZipFile(wary) as archive:
        named = [(_entry(info.filename), info) for info in archive.infolist()]
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
                        data = _gathered(metered, repr(path))
                except DataError as problem:
                    error = str(problem)
                except Exception as problem:  # noqa: BLE001 - zipfile raises anything
                    error = _damaged(path, problem)
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
    """An .xz stream unpacked in bounded memory, which the standard library's file isn't."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._xz = lzma.LZMADecompressor(memlimit=_MOST_TABLE)

    def read(self, size: int = -1) -> bytes:
        while not self._xz.eof:
            packed = self._file.read(_CHUNK) if self._xz.needs_input else b""
            if self._xz.needs_input and not packed:
                raise EOFError("it is cut short")
            if data := self._xz.decompress(packed, size):
                return data
        return b""


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
            entry = _entry(info.name) if info.isreg() else None
            if info.isreg() or info.type not in tarfile.SUPPORTED_TYPES:
                packed: Any = archive.extractfile(info)
                path, data, error = f"{name}/{entry}", None, None
                if entry:
                    try:
                        data = _gathered(packed, repr(path))
                    except DataError as problem:
                        error = str(problem)
                while packed.read(_CHUNK):
                    pass  # it is passed here, where there is room for data
                if entry:
                    yield Item(path, data, error)
            archive.members = []  # type: ignore[attr-defined]  # it would keep them all
            archive.pax_headers = {}
            metered.room = _MOST_HEADER


def _parquet(file: IO[bytes], name: str) -> Iterator[Item]:
    """Give the pictures of a Parquet file's first column of them, one named `image` before all."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("Reading Parquet", "pyarrow", "parquet") from None
    left = _most(file.seek(0, os.SEEK_END))
    column = _column(pq.read_schema(file), name)
    table = pq.ParquetFile(file, buffer_size=_CHUNK)
    row = 0
    for batch in table.iter_batches(_ROWS, columns=[column]):
        for value in batch.column(0):
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
    if not row:
        raise DataError(f"{name!r} has no rows.")


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
            f"it has {_printable(columns):.200}."
        )
    return found.get("image") or next(iter(found.values()))
