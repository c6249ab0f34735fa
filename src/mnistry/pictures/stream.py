"""What a user names -> pictures, one after the other: files, folders, patterns, archives, Parquet.

Nothing is unpacked to disk and only one picture is held at a time. What can't be read is an item
too, so that one bad file doesn't end the reading of thousands.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL.Image import Image

from mnistry.errors import DataError, MissingExtra
from mnistry.pictures import pdf, remote
from mnistry.pictures.archive import unpack, unzip
from mnistry.pictures.decode import settled
from mnistry.pictures.item import (
    Item,
    content,
    damaged,
    gathered,
    holds_none,
    is_archive,
    several,
    unreadable,
)
from mnistry.pictures.listing import located
from mnistry.pictures.remote import is_url


def stream(sources: Any, stdin: BinaryIO | None = None) -> Iterator[Item]:
    """Yield the images in files, folders, archives and so on; bad input is yielded as an error.

    Parameters
    ----------
    sources : one or several, each an image: a Pillow image, an array, the bytes of a file, or an
        open file; or the name of a file; a folder, for all files below it that are named as
        pictures; a pattern with `*`, `?`, `[]` or `**`, where no file has that very name; `-` for
        standard input, one picture or a ZIP; a `.zip`, `.tar`, `.tar.gz`, `.tar.bz2` or `.tar.xz`;
        a `.parquet` with a column of pictures. Hidden files are left out, and archives in others.
        Any of them may be a URL, as `mnistry.pictures.remote` takes it.
    stdin : what `-` reads; None: the process's standard input.

    Returns
    -------
    items : pictures, numbers in names by their value (2 before 10), and errors in their places.
        Images without a name are called "image 1" and so on, by their place among the sources.
        Without the extra `pdf`, PDF files are skipped, and one error at the end counts them.
    """
    yield from _without_pdf(_all(sources, stdin))


def _all(sources: Any, stdin: BinaryIO | None) -> Iterator[Item]:
    for number, source in enumerate(several(sources), 1):
        if not isinstance(source, str | os.PathLike):
            yield _item_of(source, number)
            continue
        name = os.fsdecode(source)
        if name == "-":
            yield from careful(name, _standard_input(stdin))
        else:
            yield from careful(name, _named(name))


def _without_pdf(items: Iterator[Item]) -> Iterator[Item]:
    """Yield all items but PDF files, and at the end one error in their place."""
    count, first = 0, ""
    for item in items:
        if item.data is None or not pdf.is_named_pdf(item.name) or pdf.can_be_read():
            yield item
        else:
            count, first = count + 1, first or item.name
    if count:
        what = repr(first) if count == 1 else f"{count:,} files skipped, the first {first!r}"
        yield Item(first, error=str(pdf.missing(f" ({what})")))


def _item_of(source: Any, number: int) -> Item:
    """Return the item of an image that is in memory or in an open file.

    An array or a Pillow image is copied: the caller may change it before it is read.
    """
    own = getattr(source, "name", None)
    name = own if isinstance(own, str) and hasattr(source, "read") else f"image {number}"
    try:
        if isinstance(source, bytes | bytearray | memoryview):
            return Item(name, bytes(source))
        if hasattr(source, "read"):
            return Item(name, content(source, repr(name)))
        if isinstance(source, Image):
            return Item(name, settled(source).copy())
        return Item(name, np.array(source))
    except DataError as error:
        return Item(name, error=str(error))
    except Exception as error:  # noqa: BLE001 - files of any kind and arrays raise anything
        return Item(name, error=unreadable(name, error))


def careful(name: str, items: Iterator[Item], *, part: bool = False) -> Iterator[Item]:
    """Make of whatever ends the reading of a source an item, and of nothing found one.

    Parameters
    ----------
    part : it is a part of the source, which may well be empty.
    """
    empty = not part
    try:
        for item in items:
            empty = False
            yield item
    except (DataError, MissingExtra) as error:
        yield Item(name, error=str(error))
    except Exception as error:  # noqa: BLE001 - damaged archives make their readers raise anything
        of_system = isinstance(error, OSError) and error.errno
        yield Item(name, error=(unreadable if of_system else damaged)(name, error))
    else:
        if empty:
            yield Item(name, error=holds_none(name))


def _named(name: str) -> Iterator[Item]:
    """Give the pictures of a file, a folder or a pattern, on this machine or elsewhere."""
    elsewhere = is_url(name)
    for item in remote.located(name) if elsewhere else located(name):
        if item.data and is_archive(item.name):
            yield from careful(item.name, _unpacked(name, item.name))
        else:
            yield remote.fetched(name, item.name) if item.data and elsewhere else item


def _unpacked(source: str, name: str) -> Iterator[Item]:
    with remote.opened(source, name) if is_url(source) else open(name, "rb") as file:
        yield from unpack(file, name)


def _standard_input(stdin: BinaryIO | None) -> Iterator[Item]:
    """Give the picture, or the pictures of the ZIP, that standard input is."""
    source = stdin if stdin is not None else getattr(sys.stdin, "buffer", None)
    if source is None or source.closed or source.isatty():
        raise DataError("`-` reads standard input, which is not there; pipe a picture into it.")
    data = gathered(source, "Standard input")
    if not data:
        raise DataError("Standard input is empty; pipe a picture into it.")
    if data[:4] in (b"PK\3\4", b"PK\5\6"):
        yield from unzip(io.BytesIO(data), "-")
    else:
        yield Item("-", data)
