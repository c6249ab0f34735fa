"""What a job reads, divided into parts: found once, and kept, so that it stays the same.

A plan is written down before the first picture is read. So a job that goes on does not look again
at folders that may have changed meanwhile, and each part keeps its number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import count, islice
from typing import IO, Any

from mnistry.errors import DataError, InputError
from mnistry.pictures import archive, remote
from mnistry.pictures.item import Item, damaged, holds_none, is_archive, unreadable
from mnistry.pictures.listing import located
from mnistry.pictures.remote import is_url
from mnistry.pictures.stream import careful
from mnistry.reader.job.way import Unreachable, Way, tries

SHARE = 128 * 2**20  # bytes of an archive to a part
MOST_SHARES = 16  # of an archive, since each goes through all of it
_BLOCK = 64  # pictures of an archive that belong to the same share, in a row
_BYTES = "utf-8", "surrogateescape"  # as Python has names that are no text
_AT_ONCE = 64  # parts held in memory, and kept in a row group


@dataclass(frozen=True)
class Part:
    """Pictures that are read together; their rows are one file.

    Parameters
    ----------
    number : its own, from 0.
    kind : "files": pictures; "rows": of one Parquet file; "share": of one archive.
    root : the URL that was named, by which their file system is found; "" for this machine's.
    names : as the user would call them, each with an `errors`: why it can't be read, or "".
    group, before, first, stop : of rows, as `parquet_rows` takes them; of a share, `first` is its
        number and `stop` how many there are.
    """

    number: int
    kind: str
    root: str
    names: list[str]
    errors: list[str]
    group: int = 0
    before: int = 0
    first: int = 0
    stop: int = 0

    @property
    def file(self) -> str:
        """The name of its file of rows."""
        return f"part-{self.number:08}.parquet"

    def items(self, folder: str) -> Iterator[Item]:
        """Give its pictures; whatever can't be read is an error in its place.

        Parameters
        ----------
        folder : the one in which names of this machine begin.

        Raises
        ------
        Unreachable : there may be more, but the way to them is broken, tried several times.
        """
        return self._files(folder) if self.kind == "files" else self._within(folder)

    def _files(self, folder: str) -> Iterator[Item]:
        def one(name: str, error: str) -> Item:
            if error:
                return Item(name, error=error)
            if self.root:
                return remote.fetched(self.root, name)
            return Item(name, os.path.join(folder, name))

        pairs = zip(self.names, self.errors, strict=True)
        if self.root:
            return remote.ahead(lambda pair: one(*pair), pairs)
        return (one(*pair) for pair in pairs)

    def _within(self, folder: str) -> Iterator[Item]:
        """Give what is in its file; where the way to it breaks, again, past what was given."""
        [name] = self.names
        given = 0
        for way in tries(name):
            rest = islice(self._told(way, folder), given, None)
            for item in careful(name, rest, part=self.first + given > 0):
                if way.broken:
                    break
                yield item
                given += 1

    def _told(self, way: Way, folder: str) -> Iterator[Item]:
        [name] = self.names
        with way.open(self.root, name, folder) as file:
            if self.kind == "rows":
                yield from archive.parquet_rows(
                    file, name, self.group, self.before, self.first, self.stop
                )
                return
            # What isn't this share's is passed over: far quicker than it is read. Of damage that
            # ends the archive each share tells, since each lacks what came behind.
            for i, item in enumerate(archive.unpack(file, name)):
                if i // _BLOCK % self.stop == self.first:
                    yield item


def plan(sources: Iterable[str], size: int) -> Iterator[Part]:
    """Divide what a user names into parts, of at most `size` pictures each.

    An archive, of which nobody knows how many it holds, is one part, or several by its bytes.

    Raises
    ------
    InputError : a source is not there, holds nothing to read, or can't be reached now. What else
        can't be read within a source is an error in a part.
    """
    numbers = count()
    for source in sources:
        if source == "-":
            raise InputError(
                "`-`, standard input, can't be read again when a job goes on; save it to a file "
                "and give its name."
            )
        root = source if is_url(source) else ""
        found = remote.located(source) if root else located(source)
        names: list[str] = []
        errors: list[str] = []
        empty = True
        for item, inside in _looked_into(root, found, size):
            empty = False
            if item.passing:
                raise Unreachable(str(item.error))
            if inside is None:
                names.append(item.name)
                errors.append(item.error or "")
            if names and (inside is not None or len(names) == size):
                yield Part(next(numbers), "files", root, names, errors)
                names, errors = [], []
            for more in inside or ():
                yield Part(next(numbers), more[0], root, [item.name], [""], *more[1:])
        if names:
            yield Part(next(numbers), "files", root, names, errors)
        if empty:
            raise DataError(
                holds_none(source)[:-1] + "; for archives or Parquet files in it, give a pattern "
                "such as '" + source.rstrip("/") + "/*.parquet'."
            )


Inside = list[tuple[Any, ...]]  # kind, group, before, first, stop: of each part of a file


def _looked_into(
    root: str, found: Iterator[Item], size: int
) -> Iterator[tuple[Item, Inside | None]]:
    """Give files with the parts that are in them; None for pictures and errors."""

    def look(item: Item) -> tuple[Item, Inside | None]:
        if not item.data or not is_archive(item.name):
            return item, None
        for way in tries(item.name):
            try:
                with way.open(root, item.name, "") as file:
                    inside = _parts_in(file, item.name, size)
            except InputError as error:
                told = str(error)
            except Exception as error:  # noqa: BLE001 - damaged files make readers raise anything
                of_system = isinstance(error, OSError) and error.errno
                told = (unreadable if of_system else damaged)(item.name, error)
            else:
                return item, inside
        return Item(item.name, error=told), None

    return remote.ahead(look, found) if root else map(look, found)


def _parts_in(file: IO[bytes], name: str, size: int) -> Inside:
    if name.lower().endswith(".parquet"):
        return _of_rows(archive.parquet_groups(file, name), size)
    shares = min(max(-(-file.seek(0, os.SEEK_END) // SHARE), 1), MOST_SHARES)
    return [("share", 0, 0, i, shares) for i in range(shares)]


def _of_rows(groups: list[int], size: int) -> Inside:
    parts: Inside = []
    before = 0
    for i, rows in enumerate(groups):
        for first in range(0, rows, size):
            parts.append(("rows", i, before, first, min(first + size, rows)))
        before += rows
    return parts


def write_plan(parts: Iterable[Part], file: IO[bytes]) -> int:
    """Write parts as Parquet, a few in memory at a time; give how many they are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.int64()
    kinds = {"kind": text, "root": text, "errors": pa.list_(text)}
    kinds["names"] = pa.list_(pa.binary())  # of files, any bytes may be
    schema = pa.schema([(one.name, kinds.get(one.name, number)) for one in fields(Part)])
    written, held = 0, list[Part]()

    def write() -> None:
        columns = {key: [getattr(part, key) for part in held] for key in schema.names}
        columns["names"] = [[name.encode(*_BYTES) for name in part.names] for part in held]
        writer.write_table(pa.table(columns, schema))

    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for part in parts:
            written += 1
            held.append(part)
            if len(held) == _AT_ONCE:
                write()
                held.clear()
        if held:
            write()
    return written


def read_plan(file: Any) -> Iterator[Part]:
    """Give the parts that `write_plan` wrote, a few in memory at a time."""
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(file).iter_batches(_AT_ONCE):
        for row in batch.to_pylist():
            yield Part(**{**row, "names": [name.decode(*_BYTES) for name in row["names"]]})
