"""A hand: reads one part after the other and writes each one's rows; several work side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

import mnistry
from mnistry.errors import InputError, MissingExtra, machine_error
from mnistry.pictures.item import Item
from mnistry.reader.job.plan import Part
from mnistry.reader.job.store import Store
from mnistry.reader.job.table import rows, schema
from mnistry.reader.job.way import Unreachable
from mnistry.reader.many import Named, Workers, chunked, read_chunk, reader_of_many

if TYPE_CHECKING:
    from mnistry.models.base import Model

_ROWS = 2000  # of a row group
_IN_MEMORY = 32 * 2**20  # bytes of a part's file that are not put on disk first


@dataclass(frozen=True)
class Task:
    """What hands must know to read any part of a job.

    Parameters
    ----------
    model, options : as `Reader.made_by` gives them.
    out : the folder of the rows, a `Store.place`. folder : where names of this machine begin.
    version : of mnistry, which must be the hand's own.
    """

    model: Model | None
    options: dict[str, Any]
    out: str
    folder: str
    version: str = mnistry.__version__


@dataclass(frozen=True)
class Tally:
    """The result of a part: its rows, how many of them are errors, and how long it took.

    `skipped` counts the files that need an extra which is not installed; each is an error's row.
    """

    pictures: int
    errors: int
    seconds: float
    skipped: int = 0


@dataclass(frozen=True)
class Refusal:
    """Why no part can be read or written here, in one sentence; if `passing`, this part now."""

    sentence: str
    passing: bool = False


class Hand:
    """Reads parts in the process in which it is made, which uses one core from then on."""

    def __init__(self, task: Task) -> None:
        self._task, self._store = task, Store(task.out)
        self._reader = reader_of_many(task.model, task.options)

    def do(self, part: Part, *, careful: bool) -> Tally | Refusal:
        """Read a part and write its rows, unless they are there.

        Parameters
        ----------
        careful : read each picture in a process beside this one, since this was killed over them.
        """
        from pyarrow import ArrowException

        start = time.monotonic()
        if self._task.version != mnistry.__version__:
            return Refusal(
                f"A machine of the cluster has mnistry {mnistry.__version__}, and this one "
                f"{self._task.version}; install the same on all."
            )
        try:
            skipped = 0
            if not self._store.has(part.file):
                skipped = self._write(part, careful=careful)
            return Tally(*counted(self._store, part.file), time.monotonic() - start, skipped)
        except InputError as error:
            return Refusal(str(error), isinstance(error, Unreachable))
        except (ArrowException, RuntimeError) as error:
            if (fault := machine_error(error)) is None:
                raise
            return Refusal(str(fault))
        except OSError as error:
            reason = error.strerror or " ".join(str(error).split())
            return Refusal(f"{self._task.out!r} can't be written to: {reason:.300}.")

    def _write(self, part: Part, *, careful: bool) -> int:
        """Read a part and write its rows; return how many were skipped for lack of an extra."""
        import pyarrow.parquet as pq

        chunks = chunked(part.items(self._task.folder))
        together = chain.from_iterable(read_chunk(self._reader, chunk) for chunk in chunks)
        found = self._alone(chunks) if careful else together
        skipped = 0
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            with pq.ParquetWriter(file, schema(), compression="zstd") as writer:
                held: list[Named] = []
                for one in found:
                    held.append(one)
                    skipped += isinstance(one[1], MissingExtra)
                    if len(held) == _ROWS:
                        writer.write_table(rows(held))
                        held = []
                if held:
                    writer.write_table(rows(held))
            file.seek(0)
            self._store.put(part.file, file)
        return skipped

    def _alone(self, chunks: Iterator[list[Item]]) -> Iterator[Named]:
        others = Workers(1, self._task.model, self._task.options)
        for item in chain.from_iterable(chunks):
            yield from others.alone(item)


def counted(store: Store, name: str) -> tuple[int, int]:
    """Give the rows of a file of a job's, and how many of them are errors, from its footer.

    Raises
    ------
    InputError : it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with store.open(name) as file:
            about = pq.read_metadata(file)
        column = about.schema.to_arrow_schema().get_field_index("error")
        last = about.num_columns - 1
        groups = [about.row_group(i) for i in range(about.num_row_groups)]
        if column < 0 or any(g.column(last).path_in_schema != "error" for g in groups):
            raise ValueError("it has other columns")
        whole = sum(group.column(last).statistics.null_count for group in groups)
    except (pa.ArrowException, ValueError, AttributeError) as error:
        raise InputError(
            f"{name!r} in {store.name!r} is damaged ({' '.join(str(error).split()):.160}); delete "
            "it, and its pictures are read again."
        ) from None
    return about.num_rows, about.num_rows - whole
