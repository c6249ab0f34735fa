"""What a run draws its batches from: a whole data set, or window after window of a larger one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mnistry.data.dataset import DataSet
from mnistry.data.mapped import is_large
from mnistry.data.windows import Windows
from mnistry.training.focus import hardest
from mnistry.training.made import made
from mnistry.training.ranks import ALONE, Ranks
from mnistry.training.recipe import Recipe

_LEAST_FOCUS = 500  # pictures: of little data, no focus is so narrow that a class could be missing


class Stock(Protocol):
    """Pictures to draw from, on a device.

    Attributes
    ----------
    images : uint8 (n, h, w), with as much paper around each as pictures may be moved by.
    labels : (n,). focus : pictures of the data that a part sees, about.
    changes : whether images and labels are others in each part.
    """

    images: Tensor
    labels: Tensor
    focus: int
    changes: bool

    def count(self) -> int:
        """Give how many pictures a part sees."""
        ...

    def order(self, part: int, generator: torch.Generator) -> Tensor:
        """Give the rows that a part of the run sees, in a random order, and hold its pictures."""
        ...

    def forget(self) -> None:
        """Drop what was found on the way, to be found again when it is needed."""
        ...


def stock_of(
    data: DataSet, recipe: Recipe, seed: int, device: torch.device, ranks: Ranks = ALONE
) -> Stock:
    """Choose by whether the pictures are in memory; every rank has the same."""
    if is_large(data.images):
        return Windowed(data, recipe, seed, device)
    return Whole(data, recipe, seed, device, ranks)


class Whole:
    """A data set in memory; a part is a pass over the pictures that are worth it."""

    changes = False

    def __init__(
        self, data: DataSet, recipe: Recipe, seed: int, device: torch.device, ranks: Ranks
    ) -> None:
        self._data, self._seed, self._ranks = data, seed, ranks
        self._share = max(recipe.focus, min(1.0, _LEAST_FOCUS / len(data)))
        self.focus = round(self._share * len(data))
        more = made(data, round(recipe.made * self.focus), seed) if recipe.made else None
        self.images, self.labels = _held(data.images, data.labels, more, _margin(recipe), device)
        self._worth_it: Tensor | None = None

    def count(self) -> int:
        """Give how many pictures a part sees."""
        return len(self._rows())

    def order(self, part: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        """Give the rows that a part of the run sees, in a random order."""
        rows = self._rows()
        return rows[torch.randperm(len(rows), generator=generator)].to(self.labels.device)

    def forget(self) -> None:
        """Drop the focus."""
        self._worth_it = None

    def _rows(self) -> Tensor:
        """Give the rows of the focus; found when first needed, for that is training."""
        if self._worth_it is None:
            if self._share < 1:
                # Found once, since processors of two kinds could differ in the last picture.
                ranks = self._ranks
                own = hardest(self._data, self._share, self._seed).tobytes() if ranks.leads else b""
                focus = torch.frombuffer(bytearray(ranks.from_lead(own)), dtype=torch.int64)
            else:
                focus = torch.arange(len(self._data))
            made = torch.arange(len(self._data), len(self.labels))
            self._worth_it = torch.cat([focus, made])
        return self._worth_it


class Windowed:
    """A data set that is larger than memory; a part is one pass over a window.

    It has no focus, and what is made besides the data's pictures is made once, of a sample.
    """

    changes = True

    def __init__(self, data: DataSet, recipe: Recipe, seed: int, device: torch.device) -> None:
        self._labels, self._margin, self._device = data.labels, _margin(recipe), device
        self._windows = Windows(data.images, seed)
        self.focus = self._windows.size
        self._more: DataSet | None = None
        if recipe.made:
            rows = np.linspace(0, len(data) - 1, self.focus, dtype=int)
            self._more = made(data.take(rows), round(recipe.made * self.focus), seed)
        self.images = self.labels = torch.empty(0)

    def count(self) -> int:
        """Give how many pictures a part sees."""
        return self.focus + (0 if self._more is None else len(self._more))

    def order(self, part: int, generator: torch.Generator) -> Tensor:
        """Give the rows that a part of the run sees, in a random order, and hold its pictures."""
        window = self._windows.get(*divmod(part, self._windows.count))
        labels = self._labels[window.rows]
        self.images = self.labels = torch.empty(0)  # gone before the next take their room
        self.images, self.labels = _held(
            window.images, labels, self._more, self._margin, self._device
        )
        return torch.randperm(len(self.labels), generator=generator).to(self._device)

    def forget(self) -> None:
        """Keep all: windows are read anew."""


def _margin(recipe: Recipe) -> int:
    change = recipe.augmentation
    return 0 if change.bends else round(change.shift)


def _held(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    more: DataSet | None,
    margin: int,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Put pictures and labels, with what is made behind them, on the device."""
    if more is not None:
        images = np.concatenate([images, more.images])
        labels = np.concatenate([labels, more.labels])
    # A data set's arrays are read-only, which PyTorch does not know; a window's are its own.
    if not images.flags.writeable:
        images, labels = images.copy(), labels.copy()
    held = torch.from_numpy(images).to(device)
    return functional.pad(held, (margin,) * 4), torch.from_numpy(labels).to(device)
