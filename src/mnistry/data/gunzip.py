"""Gzip, a member at a time and never further than asked."""

from __future__ import annotations

import io
import zlib

from mnistry.errors import DataError

MAGIC = b"\x1f\x8b"
MAX_RATIO = 1032  # deflate can't shrink bytes further than this
_CHUNK = 1 << 16  # what it inflates to stays in the cache until it is used


class Gunzip:
    """Inflate a stream of gzip members; zeros may follow them, but nothing else.

    The memory in use is bounded by what is asked for, whatever the stream inflates to.

    Parameters
    ----------
    stream : at the first member's first byte.
    name : what messages call it.

    Raises
    ------
    DataError : from `some` and `read`: the stream is damaged or cut short.
    """

    def __init__(self, stream: io.BufferedReader | io.BytesIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._input = b""
        self._inflater = zlib.decompressobj(31)

    def some(self, most: int) -> bytes:
        """Give between 1 and `most` bytes; none only at the end, when all checksums held."""
        while True:
            chunk = self._input or self._stream.read(_CHUNK)
            if self._inflater.eof:
                if not chunk:
                    return b""
                self._input = chunk = chunk.lstrip(b"\0")  # tapes and disks pad with zeros
                if not chunk:
                    continue
                self._inflater = zlib.decompressobj(31)
            try:
                piece = self._inflater.decompress(chunk, most)
            except zlib.error as error:
                reason = str(error).rpartition(": ")[2]
                raise DataError(f"{self._name} is damaged gzip ({reason}); get it again.") from None
            self._input = self._inflater.unconsumed_tail or self._inflater.unused_data
            if piece:
                return piece
            if not chunk and not self._inflater.eof:
                raise DataError(f"{self._name} is gzip that was cut short; get it again.")

    def read(self, count: int) -> bytes:
        """Give `count` bytes, fewer only at the end."""
        found = b""
        while len(found) < count and (piece := self.some(count - len(found))):
            found += piece
        return found
