"""The way to a file that a job reads: where it breaks, it is gone again, and damage is not."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from typing import Any

from mnistry.errors import DataError, InputError
from mnistry.pictures import remote
from mnistry.pictures.item import passes, unreadable


class Unreachable(DataError):  # noqa: N818 - it names what is to be read
    """What a job is to read can't be reached now, though it may be another time."""

    def __init__(self, told: str) -> None:
        super().__init__(f"{told.rstrip('.')}; when it can, run the same command again.")


class Way(io.RawIOBase):
    """A file, once it is opened, and what broke on the way to it, whatever a reader makes of that.

    So that is told from damage, of which readers say much the same.
    """

    def __init__(self) -> None:
        self.broken: Exception | None = None
        self._file: Any = io.BytesIO()

    def open(self, root: str, name: str, folder: str) -> Any:
        """Open the file: below a URL's `root`, or by its path, from `folder` on; give this."""
        try:
            here = os.path.join(folder, name)
            self._file = remote.opened(root, name) if root else open(here, "rb")  # noqa: SIM115
        except Exception as error:
            self._note(error)
            raise
        return self

    def readinto(self, room: Any) -> int:
        """Fill a buffer, and give how many bytes came."""
        try:
            return int(self._file.readinto(room))
        except Exception as error:
            self._note(error)
            raise

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in it."""
        return int(self._file.seek(offset, whence))  # which is no way to go, wherever to

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that one can go to any place in it."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _note(self, error: Exception) -> None:
        if passes(error):
            self.broken = error


def tries(name: str) -> Iterator[Way]:
    """Give a way to a file, and another, a little later, where it broke.

    Raises
    ------
    Unreachable : the last one broke too.
    """
    for pause in (*remote.PAUSES, None):
        yield (way := Way())
        if way.broken is None:
            return
        if pause is None:
            no_system = isinstance(way.broken, InputError)
            raise Unreachable(str(way.broken) if no_system else unreadable(name, way.broken))
        time.sleep(pause)
