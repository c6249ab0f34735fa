"""One picture of many, with its name; and what is told of a file before it is opened."""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from mnistry.errors import DataError, printable
from mnistry.pictures.decode import MAX_BYTES, SUFFIXES
from mnistry.pictures.pages import Page
from mnistry.pictures.pdf import is_named_pdf

CHUNK = 2**16  # bytes read at a time
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ARCHIVES = (".zip", ".parquet", *TARS)
# What the system says of a name that it will say again.
_LASTING = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
_LASTING |= {errno.EACCES, errno.EPERM}


@dataclass(frozen=True)
class Item:
    """An image, or the message of the error why it can't be read.

    Parameters
    ----------
    name : as the user would call it: the path, joined with the entry's where it is in an archive,
        with `#` and the page's number, from 1, where a document has more than one.
    data : a file's path, its bytes, a page of either, a Pillow image or an array; None if there is
        an error.
    error : a sentence; None if there is data.
    passing : whether the error is transient, so that a retry may succeed.
    """

    name: str
    data: str | bytes | Page | Image | NDArray[Any] | None = None
    error: str | None = None
    passing: bool = field(default=False, compare=False)


def several(sources: Any) -> Iterable[Any]:
    """Return sources as they are, and one by itself as a list of one.

    A string, an open file and an array (h, w) or (h, w, 1, 3 or 4) are one source each, though
    they can be iterated over.
    """
    one = isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Image)
    one = one or hasattr(sources, "read")
    if isinstance(sources, np.ndarray):
        one = sources.ndim == 2 or (sources.ndim == 3 and sources.shape[2] in (1, 3, 4))
    return [sources] if one else sources


def natural(name: str) -> list[tuple[bool, int, str]]:
    """Give the key that sorts names with the numbers in them by their value."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", name)
    return [(False, int(p), "") if "0" <= p[0] <= "9" else (True, 0, p.lower()) for p in parts]


def is_picture(name: str) -> bool:
    """Return whether a file is named as an image or a PDF."""
    return os.path.splitext(name)[1].lower() in SUFFIXES or is_named_pdf(name)


def is_archive(name: str) -> bool:
    """Say whether a file is named as an archive or a Parquet file."""
    return name.lower().endswith(ARCHIVES)


def is_hidden(name: str) -> bool:
    """Say whether an entry is one that people do not see."""
    return name.startswith(".") or name == "__MACOSX"


def damaged(name: str, error: Exception) -> str:
    """Say that something is damaged, in one sentence."""
    reason = printable(" ".join(str(error).split()).strip(" .")) or type(error).__name__
    return f"{name!r} is damaged ({reason:.160}); get it again."


def unreadable(name: str, error: Exception) -> str:
    """Say that the system does not let us read something, in one sentence."""
    reason = getattr(error, "strerror", None) or " ".join(str(error).split()).rstrip(".")
    return f"{name!r:.300} can't be read: {printable(str(reason)):.300}."


def passes(error: Exception) -> bool:
    """Say whether what went wrong on the way to a file may go well another time."""
    return not isinstance(error, OSError) or error.errno not in _LASTING


def holds_none(name: str) -> str:
    """Say that there are no pictures in something."""
    return f"{name!r} holds no file that is named as a picture (.png, …)."


def content(file: Any, name: str) -> bytes:
    """Read all of an open file, from its start where it has one, as Pillow does.

    Raises
    ------
    DataError : it is empty, too large, or open as text. OSError, ValueError : it can't be read.
    """
    with suppress(AttributeError, io.UnsupportedOperation):
        file.seek(0)
    data = gathered(file, name)
    if not data:
        raise DataError(f"{name} is empty; get it again.")
    return data


def gathered(source: Any, name: str) -> bytes:
    """Read all of a stream that is no larger than an image file may be.

    Raises
    ------
    DataError : it is larger, or open as text.
    """
    if isinstance(source, io.TextIOBase):
        raise DataError(f"{name} is open as text; open it in mode 'rb'.")
    data = io.BytesIO()
    while piece := source.read(CHUNK):
        data.write(piece)
        if data.tell() > MAX_BYTES:
            raise DataError(f"{name} holds more than {MAX_BYTES:,} bytes, too many for a picture.")
    return data.getvalue()
