"""The batches of a run: which pictures each step sees and how they are changed.

All of it follows from the seed and the number of the step alone, so that a run that was
interrupted needs no state of random generators to go on as if it had not been.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.training.augment import augment
from mnistry.training.focus import hardest
from mnistry.training.made import with_made
from mnistry.training.ranks import ALONE, Ranks
from mnistry.training.recipe import Recipe

_AHEAD = 1024  # pictures that are changed at once: fewer and larger operations
# Of little data, no focus is so narrow that a class could be missing from it, and no batch so
# large that hardly a step would be taken, or so small that normalisation has nothing to go by.
_LEAST_FOCUS = 500  # pictures
_LEAST_STEPS = 16  # in a pass
_LEAST_BATCH = 8  # pictures


class Feed:
    """Batches of a data set as PyTorch's tensors, on a device.

    Each pass sees every picture of the recipe's focus once, and every one that is made besides,
    but for the few that don't fill a last batch; they are others each time. Of several ranks each
    gets its share of every batch, changed as it would have been in the whole.

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
        self.recipe, self.seed, self.device, self._ranks = recipe, seed, device, ranks
        self._share = max(recipe.focus, min(1.0, _LEAST_FOCUS / len(data)))
        focus = round(self._share * len(data))
        self.size = max(2, min(recipe.batch, max(focus // _LEAST_STEPS, min(focus, _LEAST_BATCH))))
        if self.size < ranks.count:
            raise InputError(
                f"Batches of {self.size} pictures can't be shared by {ranks.count} ranks; train "
                f"with at most {self.size}, or with more data."
            )
        self._mine = ranks.share(self.size)
        self.own = self._mine.stop - self._mine.start
        self.in_epoch = max(1, len(data) // self.size)
        self._data = data
        if recipe.made:
            data = with_made(data, round(recipe.made * focus), seed)
        # A copy, since the data set's arrays are read-only, which PyTorch does not know.
        images = torch.from_numpy(data.images.copy()).to(device)
        self.labels = torch.from_numpy(data.labels.copy()).to(device)
        self._bends = recipe.augmentation.bends
        self._shift = 0 if self._bends else round(recipe.augmentation.shift)
        if self._shift:
            images = functional.pad(images, (self._shift,) * 4)
        self.images = images  # bytes, turned into numbers a batch at a time
        self._focus: Tensor | None = None
        self._order: tuple[int, Tensor] | None = None
        self._chunk: tuple[int, Tensor] | None = None

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Give the pictures, float (own, 1, h, w) in [0, 1], and the labels (own,) of a step."""
        rows = self._rows(step)[self._mine]
        if self._shift:
            return as_ink(self._moved(rows, step)), self.labels[rows]
        if not self._bends:
            return as_ink(self.images[rows]), self.labels[rows]
        return self._changed(step), self.labels[rows]

    def forget(self) -> None:
        """Drop all that was found on the way, to be found again when it is needed."""
        self._focus = self._order = self._chunk = None

    def _rows(self, step: int) -> Tensor:
        focus = self._worth_it()
        turn, place = divmod(step, max(1, len(focus) // self.size))
        if self._order is None or self._order[0] != turn:
            order = torch.randperm(len(focus), generator=self._generator(0, turn, "cpu"))
            self._order = turn, focus[order].to(self.device)
        return self._order[1][place * self.size :][: self.size]

    def _worth_it(self) -> Tensor:
        """Give the rows of the recipe's focus; found when first needed, for that is training."""
        if self._focus is None:
            if self._share < 1:
                # Found once, since processors of two kinds could differ in the last picture.
                found = hardest(self._data, self._share, self.seed) if self._ranks.leads else None
                sent = self._ranks.from_lead(b"" if found is None else found.tobytes())
                self._focus = torch.frombuffer(bytearray(sent), dtype=torch.int64)
            else:
                self._focus = torch.arange(len(self._data))
            made = torch.arange(len(self._data), len(self.labels))
            self._focus = torch.cat([self._focus, made])
        return self._focus

    def _moved(self, rows: Tensor, step: int) -> Tensor:
        """Move each picture by whole pixels: a window into the wider one."""
        most = self._shift
        h, w = (side - 2 * most for side in self.images.shape[1:])
        steps = torch.randint(
            2 * most + 1, (2, self.size), generator=self._generator(1, step, "cpu")
        )[:, self._mine].to(self.device)
        windows = self.images.unfold(1, h, 1).unfold(2, w, 1)
        return windows[rows, steps[0], steps[1]]

    def _changed(self, step: int) -> Tensor:
        """Give a batch out of a chunk of several that were changed together."""
        many = max(1, _AHEAD // self.size)
        chunk, place = divmod(step, many)
        if self._chunk is None or self._chunk[0] != chunk:
            rows = torch.cat([self._rows(chunk * many + i) for i in range(many)])
            mine = None
            if self.own < self.size:
                at = torch.arange(len(rows), device=self.device).view(many, self.size)
                mine = at[:, self._mine].flatten()
            generator = self._generator(2, chunk, self.device.type)
            changed = augment(as_ink(self.images[rows]), self.recipe.augmentation, generator, mine)
            self._chunk = chunk, changed.contiguous(memory_format=torch.channels_last)
        return self._chunk[1][place * self.own :][: self.own]

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
