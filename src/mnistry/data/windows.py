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
_AT_ONCE = 256  # blocks, before the file's pages are let go


@dataclass(frozen=True)
class Window:
    """Some pictures of a set, in memory.

    Attributes
    ----------
    images : (n, …), which the next window but one is read over. rows : (n,), which of the set's
        they are. order : (n,), in which to see them.
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
        # Pages that are used again need not be found and cleared again.
        self._held = [np.empty((self.size, *images.shape[1:]), images.dtype) for _ in range(2)]
        self._reader = ThreadPoolExecutor(1, "windows")
        self._order: tuple[int, int, NDArray[np.intp]] | None = None  # of the latest pass
        self._next: tuple[tuple[int, int], Future[Window]] | None = None

    def get(self, turn: int, number: int) -> Window:
        """Give window `number` of pass `turn`, and begin to read the one after it."""
        key = turn, number
        if self._next is not None:
            window = self._next[1].result()
        if self._next is None or self._next[0] != key:
            window = self._read(*key)
        after = (turn, number + 1) if number + 1 < self.count else (turn + 1, 0)
        self._held.reverse()  # what was just read is worked on, and the other is read over
        self._next = after, self._reader.submit(self._read, *after)
        return window

    def rows(self, turn: int, number: int) -> NDArray[np.intp]:
        """Give the rows of a window's pictures, in rising order."""
        offset, blocks = self._blocks(turn, number)
        return self._rows(offset, blocks)

    def _rows(self, offset: int, blocks: NDArray[np.intp]) -> NDArray[np.intp]:
        starts = blocks * self.block + offset
        return (starts[:, None] + np.arange(self.block)).ravel()

    def _blocks(self, turn: int, number: int) -> tuple[int, NDArray[np.intp]]:
        """Give the row at which a pass begins to cut, and the blocks of a window, rising."""
        n, each = len(self._images), self.size // self.block
        if self._order is None or self._order[0] != turn:
            rng = np.random.default_rng([self._seed, turn])
            offset = int(rng.integers(n % self.block + 1))  # so that none is left out every time
            self._order = turn, offset, rng.permutation(n // self.block)
        _, offset, order = self._order
        return offset, np.sort(order[number * each :][:each])

    def _read(self, turn: int, number: int) -> Window:
        offset, blocks = self._blocks(turn, number)
        cut = offset + len(self._images) // self.block * self.block
        shape = -1, self.block, *self._images.shape[1:]
        images = self._held[0]
        there, here = self._images[offset:cut].reshape(shape), images.reshape(shape)
        for i in range(0, len(blocks), _AT_ONCE):
            some = slice(i, i + _AT_ONCE)
            # One call for many blocks: nobody waits for this thread to let Python's lock go.
            np.take(there, blocks[some], axis=0, out=here[some], mode="clip")
            let_go(self._images)
        order = np.random.default_rng([self._seed, turn, number]).permutation(self.size)
        return Window(images, self._rows(offset, blocks), order)
