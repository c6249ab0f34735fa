"""Corrections: pictures that a model got wrong, with their right labels, kept on this machine.

They are in one SQLite file beside the fetched data sets. As a data set, ``corrections``, they
come together with MNIST's own training pictures: of a handful alone nothing is learnt.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data.dataset import DataSet
from mnistry.data.embedded import load_embedded_mnist
from mnistry.data.family import home
from mnistry.errors import DataError, InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SIDE, _CLASSES = 28, tuple("0123456789")
_MOST = 100_000  # corrections
_PATIENCE = 3.0  # seconds that another program may lock the file
# Each is repeated until all make up this share of what is learnt from, but not so often that one
# that is itself wrong outweighs its class.
_SHARE, _MOST_TIMES = 0.05, 50
_TABLE = """
create table if not exists corrections (
    id integer primary key autoincrement,
    image blob not null check (length(image) = 784),
    label integer not null check (label between 0 and 9),
    answer integer check (answer between 0 and 9),
    model text,
    at text not null
) strict
"""


@dataclass(frozen=True, eq=False)
class Correction:
    """A picture and what it really is.

    Attributes
    ----------
    image : uint8 (28, 28), 0 = paper, framed as MNIST's are. label : the right digit.
    answer, model : what was answered and by which model, or None. at : when, ISO 8601 in UTC.
    """

    id: int
    image: NDArray[np.uint8]
    label: int
    answer: int | None
    model: str | None
    at: str


class CorrectionsError(DataError):
    """The file of corrections is broken, locked, not ours, or can't be read or written."""


class Corrections:
    """Corrections in an SQLite file, which is created with the first one.

    Parameters
    ----------
    path : None: `corrections.sqlite` where fetched data sets lie.

    Raises
    ------
    CorrectionsError : there is no folder for them.
    """

    def __init__(self, path: Path | None = None) -> None:
        try:
            self.path = home() / "corrections.sqlite" if path is None else path
        except InputError as error:  # there is no home folder
            raise CorrectionsError(str(error)) from None

    def add(
        self, image: ArrayLike, label: int, answer: int | None = None, model: str | None = None
    ) -> int:
        """Store a correction and return its number.

        Raises
        ------
        InputError : the image is not 28×28, a label is no digit, or there are too many.
        CorrectionsError : the file can't be written.
        """
        picture = np.asarray(image)
        if picture.dtype != np.uint8 or picture.shape != (_SIDE, _SIDE):
            raise InputError(
                f"`image` must be uint8 of shape ({_SIDE}, {_SIDE}); got {picture.dtype} of "
                f"shape {picture.shape}."
            )
        for name, value in (("label", label), ("answer", answer)):
            if value is None and name == "answer":
                continue
            if type(value) is not int or not 0 <= value <= 9:
                raise InputError(f"`{name}` must be a digit from 0 to 9; got {value!r:.40}.")
        if len(self) >= _MOST:
            raise InputError(f"{_MOST:,} corrections are kept; delete some first.")
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = (picture.tobytes(), label, answer, None if model is None else model[:100], at)
        with self._open() as base:
            cursor = base.execute(
                "insert into corrections (image, label, answer, model, at) values (?, ?, ?, ?, ?)",
                row,
            )
            return int(cursor.lastrowid or 0)

    def remove(self, number: int) -> bool:
        """Delete a correction; return whether there was one of that number."""
        if not self._is_there():
            return False
        with self._open() as base:
            return base.execute("delete from corrections where id = ?", (number,)).rowcount > 0

    def latest(self, count: int = _MOST) -> list[Correction]:
        """Return up to `count` corrections, the newest first.

        Raises
        ------
        CorrectionsError : the file can't be read, or holds something else.
        """
        if not self._is_there():
            return []
        with self._open() as base:
            rows = base.execute(
                "select id, image, label, answer, model, at from corrections "
                "order by id desc limit ?",
                (count,),
            ).fetchall()
        return [self._correction(row) for row in rows]

    def __len__(self) -> int:
        if not self._is_there():
            return 0
        with self._open() as base:
            return int(base.execute("select count(*) from corrections").fetchone()[0])

    def data(self) -> DataSet:
        """Give them alone as a data set, the oldest first.

        Raises
        ------
        DataError : there are none, or the file is broken.
        """
        kept = self.latest()[::-1]
        if not kept:
            raise DataError(
                "There are no corrections yet; `mnistry serve` keeps those made on its page."
            )
        images = np.stack([one.image for one in kept])
        return DataSet(images, np.array([one.label for one in kept], np.int64), _CLASSES)

    def _correction(self, row: tuple[Any, ...]) -> Correction:
        """Check and convert a row: another program may have made the table."""
        number, image, label, answer, model, at = row
        if (
            type(number) is not int
            or type(image) is not bytes
            or len(image) != _SIDE * _SIDE
            or not _is_digit(label)
            or not (answer is None or _is_digit(answer))
            or not (model is None or type(model) is str)
            or type(at) is not str
        ):
            raise CorrectionsError(
                f"{self.path} has a row that is no correction; move the file away to begin anew."
            )
        picture = np.frombuffer(image, np.uint8).reshape(_SIDE, _SIDE)
        return Correction(number, picture, label, answer, model, at)

    def _is_there(self) -> bool:
        """Return whether the file exists.

        Raises
        ------
        CorrectionsError : its folder can't be read.
        """
        try:
            self.path.stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        return True

    def _unusable(self, reason: object) -> CorrectionsError:
        return CorrectionsError(
            f"{self.path} can't be used: {reason}; if it is broken, move it away, or set "
            "MNISTRY_HOME to a folder that can be written."
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction, which is whole or not at all."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_PATIENCE)) as base:
                base.execute("pragma journal_mode = wal")
                base.execute(_TABLE)
                with base:
                    yield base
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None


def _is_digit(value: object) -> bool:
    return type(value) is int and 0 <= value <= 9


def load_corrections() -> tuple[DataSet, DataSet]:
    """Give MNIST's training pictures with the corrections among them, and its test pictures.

    Raises
    ------
    DataError : there are no corrections.
    """
    own = Corrections().data()
    train, test = load_embedded_mnist()
    return mixed(train, own), test


def mixed(train: DataSet, own: DataSet) -> DataSet:
    """Add corrections behind a training set, each so often that all of them matter."""
    times = int(np.clip(_SHARE * len(train) / len(own), 1, _MOST_TIMES))
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(train, name), *[getattr(own, name)] * times])
        for name in ("images", "labels")
    }
    return DataSet(arrays["images"], arrays["labels"], train.classes)
