"""Batches for gradient descent: pictures in a new order each epoch, from memory or from a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.data.mapped import is_large
from mnistry.data.windows import SIZE, Windows

# Pictures (m, d), valid until the next batch; the rows of it that are meant, and those in the set.
Batch = tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]


def batches(x: NDArray[Any], size: int, steps: int, seed: int) -> Iterator[Batch]:
    """Give `steps` batches of `size` pictures of x, (n, d), as where they are: nothing is copied.

    In memory, each epoch sees every picture once in a new order, and batches run over its end. Of
    an array that is larger, windows are read, and a batch lies within one; see `Windows`.
    """
    return (_in_windows if is_large(x) else _in_memory)(x, size, steps, seed)


def _in_memory(x: NDArray[Any], size: int, steps: int, seed: int) -> Iterator[Batch]:
    """Give `steps` batches: each epoch a new order, batches run over its end."""
    x = np.ascontiguousarray(x)  # of another layout, `take` would copy all for each batch
    n, rng = len(x), np.random.default_rng(seed)
    order, start = rng.permutation(n), 0
    for _ in range(steps):
        if start + size <= n:
            rows = order[start : start + size]
            start += size
        else:
            rest, order = order[start:], rng.permutation(n)
            start = size - len(rest)
            rows = np.concatenate([rest, order[:start]])
        yield x, rows, rows


def _in_windows(x: NDArray[Any], size: int, steps: int, seed: int) -> Iterator[Batch]:
    """Give `steps` batches of what is larger than memory, window by window."""
    windows = Windows(x, seed, max(SIZE, size))
    size = min(size, windows.size)
    in_window = windows.size // size
    for i in range(steps):
        place = i % in_window
        if place == 0:
            window = windows.get(*divmod(i // in_window, windows.count))
        own = window.order[place * size :][:size]
        yield window.images, own, window.rows[own]
