"""The batches of a run: which pictures each step sees and how they are changed.

All of it follows from the seed and the number of the step alone, so that a run that was
interrupted needs no state of random generators to go on as if it had not been.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.training.augment import augment
from mnistry.training.ranks import ALONE, Ranks
from mnistry.training.recipe import Recipe
from mnistry.training.stock import stock_of

# Pictures that are changed at once: fewer and larger operations.
_AHEAD, _AHEAD_ON_GPU = 1024, 8192
# Of little data, no batch is so large that hardly a step would be taken, or so small that
# normalisation has nothing to go by.
_LEAST_STEPS = 16  # in a pass
_LEAST_BATCH = 8  # pictures


class Feed:
    """Batches of a data set as PyTorch's tensors, on a device.

    Each pass sees every picture of the recipe's focus once, and every one that is made besides,
    but for the few that don't fill a last batch; they are others each time. Of a data set that is
    larger than memory, a pass is over one window after the other. Of several ranks each gets its
    share of every batch, changed as it would have been in the whole.

    Attributes
    ----------
    size : pictures in a batch. own : those that this rank gets of it.
    in_epoch : batches that make as many pictures as the data has.

    Raises
    ------
    InputError : there are more ranks than pictures in a batch.
    """

    def __init__(
        self,
        data: DataSet,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        self.recipe, self.seed, self.device = recipe, seed, device
        self.stock = stock_of(data, recipe, seed, device, ranks)
        focus = self.stock.focus
        self.size = max(2, min(recipe.batch, max(focus // _LEAST_STEPS, min(focus, _LEAST_BATCH))))
        if self.size < ranks.count:
            raise InputError(
                f"Batches of {self.size} pictures can't be shared by {ranks.count} ranks; train "
                f"with at most {self.size}, or with more data."
            )
        self._mine = ranks.share(self.size)
        self.own = self._mine.stop - self._mine.start
        self.in_epoch = max(1, len(data) // self.size)
        self._bends = recipe.augmentation.bends
        self._shift = 0 if self._bends else round(recipe.augmentation.shift)
        self._ahead = _AHEAD_ON_GPU if device.type != "cpu" else _AHEAD if self._bends else 1
        self._order: tuple[int, Tensor] | None = None
        self._chunk: tuple[int, Tensor, Tensor] | None = None

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Give the pictures, float (own, 1, h, w) in [0, 1], and the labels (own,) of a step."""
        many = self._cut()[1]
        chunk, place = divmod(step, many)
        if self._chunk is None or self._chunk[0] != chunk:
            self._chunk = chunk, *self._made(range(chunk * many, (chunk + 1) * many))
        rows = slice(place * self.own, (place + 1) * self.own)
        return self._chunk[1][rows], self._chunk[2][rows]

    def forget(self) -> None:
        """Drop all that was found on the way, to be found again when it is needed."""
        self._order = self._chunk = None
        self.stock.forget()

    def _rows(self, step: int) -> Tensor:
        part, place = divmod(step, self._cut()[0])
        if self._order is None or self._order[0] != part:
            self._order = part, self.stock.order(part, self._generator(0, part, "cpu"))
        return self._order[1][place * self.size :][: self.size]

    def _cut(self) -> tuple[int, int]:
        """Give the batches of a part and of a chunk, which is of one part if it must be."""
        part = max(1, self.stock.count() // self.size)
        chunk = max(1, self._ahead // self.size)
        if self.stock.changes:
            chunk = min(chunk, part)
            part -= part % chunk
        return part, chunk

    def _made(self, steps: range) -> tuple[Tensor, Tensor]:
        """Give the batches of a chunk, one after the other."""
        rows = [self._rows(step) for step in steps]
        own = torch.cat([of_step[self._mine] for of_step in rows])
        labels = self.stock.labels[own]
        if self._bends:
            return self._changed(torch.cat(rows), steps), labels
        return as_ink(self._moved(own, steps) if self._shift else self.stock.images[own]), labels

    def _moved(self, rows: Tensor, steps: range) -> Tensor:
        """Move each picture by whole pixels: a window into the wider one."""
        most = self._shift
        h, w = (side - 2 * most for side in self.stock.images.shape[1:])
        drawn = [
            torch.randint(2 * most + 1, (2, self.size), generator=self._generator(1, step, "cpu"))
            for step in steps
        ]
        down, right = torch.cat([own[:, self._mine] for own in drawn], dim=1).to(self.device)
        return self.stock.images.unfold(1, h, 1).unfold(2, w, 1)[rows, down, right]

    def _changed(self, rows: Tensor, steps: range) -> Tensor:
        """Bend this rank's of the pictures, as they would be bent in the whole."""
        mine = None
        if self.own < self.size:
            at = torch.arange(len(rows), device=self.device).view(len(steps), self.size)
            mine = at[:, self._mine].flatten()
        generator = self._generator(2, steps.start // len(steps), self.device.type)
        ink = as_ink(self.stock.images[rows])
        changed = augment(ink, self.recipe.augmentation, generator, mine)
        return changed.contiguous(memory_format=torch.channels_last)

    def _generator(self, use: int, number: int, device: str) -> torch.Generator:
        """Give the generator of one draw; no two uses and numbers share theirs."""
        return torch.Generator(device).manual_seed(mixed(self.seed, use, number))


def as_ink(images: Tensor) -> Tensor:
    """Turn uint8 pictures (n, h, w) into float (n, 1, h, w) in [0, 1], channels last."""
    ink = images.to(torch.float32).mul_(1 / 255)
    return ink[:, None].contiguous(memory_format=torch.channels_last)


def mixed(*numbers: int) -> int:
    """Mix numbers into one of 63 bits that shows no trace of them (Steele et al. 2014)."""
    state = 0
    for number in numbers:
        state = (state ^ number) + 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1
