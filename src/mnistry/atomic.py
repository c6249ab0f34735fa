"""A file appears under its final name only when it is whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file beside `path` that takes its place when the block ends well.

    The bytes reach the disk before the rename, so that a crash leaves either the old file or
    the new one under `path`. If the block raises, the old file stays and nothing is left
    behind. The parent folder must exist.

    Raises
    ------
    OSError : the folder is missing or not writable, `path` is a folder, or the disk is full.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(21, "Is a directory", str(target))
    part = target.parent / f".{target.name[:100]}.{secrets.token_hex(6)}.part"
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            part.chmod(target.stat().st_mode & 0o777)
        os.replace(part, target)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename == str(part):
            error.filename = str(target)  # the name that the user knows
        raise
