"""The pages of a document: of a TIFF, of a PDF. Frames of an animation are no pages.

Each page is decoded by itself, so that one is in memory at a time however many there are.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from mnistry.pictures import pdf

MAX_PAGES = 1000  # read of one document
_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SUBFILE = 254  # the tag that says what an image of a TIFF is for
_NO_PAGE = 1 | 4  # bits of its value: a smaller copy of another image, a mask
_LOWEST_TAGS = 4  # entries looked at for it; tags are in ascending order, and it is the lowest


@dataclass(frozen=True)
class Page:
    """One page of a document.

    Parameters
    ----------
    source : the document, a file's path or its bytes. number : the page's, from 1.
    """

    source: str | bytes
    number: int


def count_pages(source: str | bytes) -> int:
    """Count the pages of an image file; anything that isn't a document has one.

    No more than `MAX_PAGES` + 1 are counted in a TIFF. A file that can't be opened counts as one
    page; decoding it raises the error.
    """
    try:
        if isinstance(source, bytes):
            return _count(source, lambda at, size: source[at : at + size], source[:1024])
        if not os.path.isfile(source):
            return 1
        with open(source, "rb") as file:

            def read(at: int, size: int) -> bytes:
                file.seek(at)
                return file.read(size)

            return _count(source, read, file.read(1024))
    except (OSError, ValueError, RuntimeError):
        return 1


def _count(source: str | bytes, read: Callable[[int, int], bytes], start: bytes) -> int:
    if start[:4] in _TIFFS:
        return max(len(_offsets(read)), 1)
    return max(pdf.count_pages(source), 1) if pdf.is_pdf(start) else 1


def tiff_of_page(data: bytes, number: int) -> bytes:
    """Return a TIFF whose first image is that of a page, from 1, so that decoders find it at once.

    Raises
    ------
    ValueError : it has no such page.
    """
    offsets = _offsets(lambda at, size: data[at : at + size])
    if number > max(len(offsets), 1):
        raise ValueError(f"it has no page {number}")
    if not offsets:
        return data
    start, long = _layout(data[:4])
    end = start + struct.calcsize(long)
    return data[:start] + struct.pack(long, offsets[number - 1]) + data[end:]


def _layout(head: bytes) -> tuple[int, str]:
    """Return where a TIFF has the offset of its first image, and the format of offsets."""
    order = "<" if head[:1] == b"I" else ">"
    return (8, f"{order}Q") if 43 in head[2:4] else (4, f"{order}L")


def _offsets(read: Callable[[int, int], bytes]) -> list[int]:
    """Return the places of a TIFF's pages, in order, smaller copies and masks left out.

    A page whose place is not in the file is among them, so that its absence is an error.
    """
    start, long = _layout(read(0, 4))
    order, wide = long[0], struct.calcsize(long)
    count = f"{order}{'Q' if wide == 8 else 'H'}"
    entry = struct.Struct(f"{order}HH{long[1]}{long[1]}")
    pages: list[int] = []
    others: list[int] = []
    seen = {0}
    place = start
    try:
        while len(pages) <= MAX_PAGES and len(seen) <= 2 * MAX_PAGES:
            (at,) = struct.unpack(long, read(place, wide))
            if at in seen:
                break
            seen.add(at)
            head = read(at, struct.calcsize(count) + _LOWEST_TAGS * entry.size)
            if len(head) < struct.calcsize(count):
                pages.append(at)
                break
            (entries,) = struct.unpack_from(count, head)
            use = 0
            for i in range(min(entries, _LOWEST_TAGS)):
                tag, kind, _, value = entry.unpack_from(
                    head, struct.calcsize(count) + i * entry.size
                )
                if tag == _SUBFILE:
                    # A short value stands at the start of its field, whatever the byte order.
                    short = kind == 3 and order == ">"
                    use = value >> (8 * wide - 16) if short else value
            (others if use & _NO_PAGE else pages).append(at)
            place = at + struct.calcsize(count) + entries * entry.size
    except struct.error:  # the list is cut short, and so is its last image
        pass
    return pages or others[:1]
