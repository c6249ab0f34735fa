"""A data set that is larger than memory, in an order that is nearly random, a window at a time.

A pass cuts the set into blocks of neighbours, a few dozen pictures that are read in one go, and
draws thousands of blocks for each window, whose pictures are then seen in a random order. Where
the set's own order is by class, a window's classes are still nearly those of the whole: a block
is a thousandth of it. All follows from the seed and the number of the pass.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.data.mapped import let_go

SIZE = 65_536  # pictures of a window: 51 MB of MNIST's; two are held, this one and the next
BLOCK = 64  # neighbours that are read together: 50 kB, which a disk reads as fast as any more


@dataclass(frozen=True)
class Window:
    """Some pictures of a set, in memory.

    Attributes
    ----------
    images : (n, …). rows : (n,), which of the set's they are. order : (n,), in which to
        see them.
    """

    images: NDArray[Any]
    rows: NDArray[np.intp]
    order: NDArray[np.intp]


class Windows:
    """Gives a set's windows; while one is worked on, the next is read.

    Parameters
    ----------
    images : (n, …), mapped or not.
    seed : decides the order of every pass.

    Each pass sees each picture once at most. The few that don't fill a last window are left out,
    others in each pass.

    Attributes
    ----------
    size : pictures in each. count : of them in a pass.
    """

    def __init__(
        self,
        images: NDArray[Any],
        seed: int,
        size: int = SIZE,
        block: int = BLOCK,
    ) -> None:
        n = len(images)
        self.block = min(block, n)
        self.size = min(size, n) // self.block * self.block
        self.count = n // self.size
        self._images, self._seed = images, seed
        self._reader = ThreadPoolExecutor(1, "windows")
        self._next: tuple[tuple[int, int], Future[Window]] | None = None

    def get(self, turn: int, number: int) -> Window:
        """Give window `number` of pass `turn`, and begin to read the one after it."""
        key = turn, number
        if self._next is not None and self._next[0] == key:
            window = self._next[1].result()
        else:
            window = self._read(*key)
        after = (turn, number + 1) if number + 1 < self.count else (turn + 1, 0)
        self._next = after, self._reader.submit(self._read, *after)
        return window

    def rows(self, turn: int, number: int) -> NDArray[np.intp]:
        """Give the rows of a window's pictures, in rising order."""
        rng = np.random.default_rng([self._seed, turn])
        n, each = len(self._images), self.size // self.block
        offset = rng.integers(n % self.block + 1)  # so that no picture is left out every time
        own = rng.permutation(n // self.block)[number * each :][:each]
        starts = np.sort(own) * self.block + offset
        return (starts[:, None] + np.arange(self.block)).ravel()

    def _read(self, turn: int, number: int) -> Window:
        rows = self.rows(turn, number)
        images = np.empty((self.size, *self._images.shape[1:]), self._images.dtype)
        for i in range(0, self.size, self.block):
            images[i : i + self.block] = self._images[rows[i] : rows[i] + self.block]
        let_go(self._images)
        order = np.random.default_rng([self._seed, turn, number]).permutation(self.size)
        return Window(images, rows, order)
