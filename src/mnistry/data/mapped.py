"""Pictures that are too many for memory: arrays that lie in a file and are mapped.

A mapped array is an array like any other, whose bytes are read when they are looked at. The pages
that were looked at count as this process's memory until they are let go.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 2**30  # bytes of pictures; more are mapped
_AT_ONCE = 2**24  # bytes of a mapped array that are looked at together


def is_mapped(array: NDArray[Any]) -> bool:
    """Tell whether an array lies in a file."""
    return _map_of(array) is not None


def is_large(array: NDArray[Any]) -> bool:
    """Tell whether an array lies in a file because memory is too small for it."""
    return is_mapped(array) and array.nbytes > IN_MEMORY


def let_go(array: NDArray[Any]) -> None:
    """Let go of a mapped array's pages; they are read again where they are looked at again."""
    found = _map_of(array)
    if found is not None and hasattr(mmap, "MADV_DONTNEED"):
        found.madvise(mmap.MADV_DONTNEED)


def in_parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Give an array part by part, letting go of each part of a mapped one after it."""
    if not is_mapped(array):
        yield array
        return
    rows = max(1, _AT_ONCE // max(1, array[:1].nbytes))
    for i in range(0, len(array), rows):
        yield array[i : i + rows]
        let_go(array)


def gather(array: NDArray[np.uint8], rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Give the pictures (n, h, w) at some rows, indices or a mask; mapped where they are many."""
    if not is_mapped(array):
        return np.asarray(array[rows])
    at = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
    step = max(1, _AT_ONCE // max(1, array[:1].nbytes))

    def parts() -> Iterator[NDArray[np.uint8]]:
        for i in range(0, len(at), step):
            yield array[at[i : i + step]]
            let_go(array)

    return pile(parts(), array.shape[1:])


def pile(parts: Iterable[NDArray[np.uint8]], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Put parts (n, h, w) one behind the other, in a file once they are too many for memory.

    The file is a temporary one without a name, which is gone with the array; it lies where
    `TMPDIR` says.

    Raises
    ------
    OSError : the disk is full.
    """
    kept: list[NDArray[np.uint8]] = []
    size = 0
    file = None
    for part in parts:
        size += part.nbytes
        kept.append(part)
        if file is None and size > IN_MEMORY:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the array
        if file is not None:
            for one in kept:
                file.write(np.ascontiguousarray(one).data)
            kept.clear()
    if file is None:
        return np.concatenate([np.empty((0, *shape), np.uint8), *kept])
    file.flush()
    with file:
        return np.memmap(file, np.uint8, "r", 0, (size // int(np.prod(shape)), *shape))


def _map_of(array: Any) -> mmap.mmap | None:
    while isinstance(array, np.ndarray):
        array = array.base
    return array if isinstance(array, mmap.mmap) else None
