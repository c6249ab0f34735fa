"""What a picture's header says, weighed before a decoder believes it."""

from __future__ import annotations

import re
import struct
from contextlib import suppress

from mnistry.errors import DataError

_MAX_PARTS = 300_000  # chunks, blocks, values of a tag; more are there to tire the reader
_MAX_SEGMENTS, _MAX_EXIFS, _MAX_SCANS = 4_000, 16, 100  # of a JPEG
_MAX_JUNK = 2**20  # bytes between a JPEG's segments
PLAIN = {b"P1", b"P2", b"P3"}  # PPM whose numbers are written out
_FOLDERS, _MAX_FOLDERS = {0x8769, 0x8825, 0xA005}, 20  # of a TIFF: EXIF's, GPS's and Interop's tags


def weigh(data: bytes, kind: str, name: str, max_pixels: int) -> None:
    """Refuse what would cost Pillow much before it tells the picture's size."""
    try:
        if kind == "PNG":
            _weigh_png(data)
        elif kind == "JPEG":
            _weigh_jpeg(data)
        elif kind == "TIFF":
            _weigh_tiff(data)
        elif kind == "GIF":
            check_size(_gif_size(data), name, max_pixels)
        elif data[:2] in PLAIN and data.count(b"#") > _MAX_PARTS:
            raise ValueError(f"it has more than {_MAX_PARTS:,} comments")
        elif kind == "WEBP":
            check_size(_webp_size(data), name, max_pixels)
    except (struct.error, IndexError):
        raise damaged(name, "its header is cut short") from None


def _weigh_png(data: bytes) -> None:
    at = 8
    for _ in range(_MAX_PARTS):
        if at + 8 > len(data):
            return
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    raise ValueError(f"it has more than {_MAX_PARTS:,} chunks")


def _weigh_jpeg(data: bytes) -> None:
    """Walk from marker to marker up to the picture's end; a motion photo has a film behind it."""
    marker = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
    at, scans, exifs, junk = 2, 0, 0, 0
    for _ in range(_MAX_SEGMENTS):
        found = marker.search(data, at)
        if found is None or found[0] == b"\xff\xd9":
            return
        if not scans and (junk := junk + found.start() - at) > _MAX_JUNK:
            raise ValueError("there is junk in it")
        at = found.end()
        if found[0] in (b"\xff\xd8", b"\xff\x01"):
            continue
        if found[0] == b"\xff\xda" and (scans := scans + 1) > _MAX_SCANS:
            raise ValueError(f"it has more than {_MAX_SCANS} scans")
        if data[at + 2 : at + 6] == b"Exif" and (exifs := exifs + 1) > _MAX_EXIFS:
            raise ValueError(f"it has more than {_MAX_EXIFS} segments of EXIF")
        at += int.from_bytes(data[at : at + 2], "big")
    raise ValueError(f"it has more than {_MAX_SEGMENTS:,} segments")


def _weigh_tiff(data: bytes) -> None:
    """Count the values of the first page's tags: each becomes an object when it is read."""
    order = "<" if data[:1] == b"I" else ">"
    long, short, start = ("Q", "Q", 8) if 43 in data[2:4] else ("L", "H", 4)
    entry = struct.Struct(f"{order}HH{long}{long}")
    places = list(struct.unpack_from(order + long, data, start))
    for place in places:  # they become more on the way
        with suppress(struct.error):  # Pillow knows what to do where they are cut short
            (tags,) = struct.unpack_from(order + short, data, place)
            if tags > _MAX_PARTS or len(places) > _MAX_FOLDERS:
                raise ValueError(f"it has {tags:,} tags")
            for i in range(tags):
                at = place + struct.calcsize(order + short) + i * entry.size
                tag, kind, values, where = entry.unpack_from(data, at)
                if values > _MAX_PARTS and kind not in (1, 2, 7):  # those are kept as bytes
                    raise ValueError(f"its tag {tag} has {values:,} values")
                if tag in _FOLDERS:
                    places.append(where)


def _gif_size(data: bytes) -> tuple[int, int]:
    """Give the size that the first frame brings the picture to."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 128 else 0)
    inside = False
    for _ in range(_MAX_PARTS):
        mark, at = data[at], at + 1
        if inside:  # an extension, which is blocks up to one of no length
            inside, at = mark > 0, at + mark
        elif mark == 0x21:
            inside, at = True, at + 1
        elif mark == 0x2C:  # a frame
            x, y, w, h = struct.unpack_from("<4H", data, at)
            return max(width, x + w), max(height, y + h)
        elif mark == 0x3B:  # the end
            return width, height
    raise ValueError(f"it has more than {_MAX_PARTS:,} blocks before its first frame")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Give the size of the canvas, for which Pillow takes memory at once."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    w, h = struct.unpack_from("<HH", body, 6)
    return w & 0x3FFF, h & 0x3FFF


def check_size(size: tuple[int, int], name: str, most: int) -> None:
    """Refuse more than `most` pixels."""
    width, height = size
    if width * height > most:
        raise DataError(
            f"{name} has {width} x {height} pixels; at most {most:,} can be read: make it smaller."
        )


def too_many_bytes(name: str, count: int, most: int) -> DataError:
    """Give the error of a picture of too many bytes."""
    return DataError(f"{name} has {count:,} bytes; at most {most:,} are read: make it smaller.")


def damaged(name: str, reason: str) -> DataError:
    """Give the error of a damaged picture."""
    reason = "".join(c if c.isprintable() else " " for c in reason).strip(" .")
    return DataError(
        f"{name} is a damaged picture ({reason:.160}); get it again, or save it anew as PNG."
    )
