"""Pen strokes of many writers, loaded from a folder of `.npz` files.

MNIST's writers are 500 Americans. Strokes that people wrote elsewhere show the forms that MNIST
lacks: slashed zeros, hooked nines, barred sevens. The files are not part of the package; the path
to them is given on the command line.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnistry.errors import InputError
from mnistry.training.pen import Strokes

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Letters and signs that could be read as digits are of no use as negatives.
DIGIT_LIKE = frozenset("0123456789OoDQCcIilLjJ|!/\\()[]{}zZsSbgqyGBTtPp'`,.-_~^\"")
_MOST_OF_A_WRITER = 100  # items of one writer and file, since ten writers wrote 37% of UNIPEN
_HELD_OUT = 8  # every eighth writer of a file is held out for validation
_LEAST_KINDS = 8  # digits that a writer must have written for whole rows in one hand


@dataclass(frozen=True)
class StrokeSet:
    """Items written by people.

    Parameters
    ----------
    strokes : an item's pen strokes, of height 1 around (0, 0).
    labels : (n,) int, the digit; -1 for letters and signs that are no digits.
    writers : (n,) int, unique over all files.
    """

    strokes: list[Strokes]
    labels: NDArray[np.intp]
    writers: NDArray[np.intp]

    def digits(self) -> StrokeSet:
        """Return the digits alone."""
        return self._only(self.labels >= 0)

    def others(self) -> list[Strokes]:
        """Return the letters and signs alone."""
        return self._only(self.labels < 0).strokes

    def full_hands(self) -> list[NDArray[np.intp]]:
        """Return the indices of each writer who wrote at least eight of the ten digits."""
        hands = [np.flatnonzero(self.writers == writer) for writer in np.unique(self.writers)]
        return [own for own in hands if len(np.unique(self.labels[own])) >= _LEAST_KINDS]

    def _only(self, which: NDArray[np.bool_]) -> StrokeSet:
        kept = np.flatnonzero(which)
        return StrokeSet([self.strokes[i] for i in kept], self.labels[kept], self.writers[kept])


def load_strokes(folder: str | os.PathLike[str], *, held_out: bool = False) -> StrokeSet:
    """Load the strokes of all `.npz` files in a folder.

    Parameters
    ----------
    folder : files with the arrays `points` (n, 2), y downwards, `stroke_start`, `item_start`,
        `label`, `writer`, `doubtful`, and maybe `split`, 1 for writers held out.
    held_out : load the writers that are held out for validation, instead of the others. They are
        those of `split` 1, and in files without splits every eighth writer.

    Raises
    ------
    InputError : the folder holds no such files.
    """
    paths = sorted(Path(folder).glob("*.npz"))
    if not paths:
        raise InputError(f"{os.fspath(folder)!r} holds no .npz files of pen strokes.")
    parts = [_load(path, held_out) for path in paths]
    # Each file numbers its writers from the start, so that each gets a range of numbers of its own.
    first = np.cumsum([0, *(10_000 for _ in parts)])[:-1]
    return StrokeSet(
        [strokes for part in parts for strokes in part.strokes],
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.writers + start for part, start in zip(parts, first, strict=True)]),
    )


def _load(path: Path, held_out: bool) -> StrokeSet:
    """Load one file."""
    with np.load(path, allow_pickle=False) as file:
        data = dict(file)
    writers = data["writer"].astype(np.intp)
    split = data["split"] == 1 if "split" in data else writers % _HELD_OUT == 0
    usable = (split == held_out) & ~data["doubtful"]
    strokes, labels, of = [], [], []
    count: dict[int, int] = {}
    # Shuffling keeps all labels in a writer's share, since files may be sorted by label.
    for i in np.random.default_rng(0).permutation(np.flatnonzero(usable)):
        label = str(data["label"][i])
        if not label.isdigit() and label in DIGIT_LIKE:
            continue
        writer = int(writers[i])
        count[writer] = count.get(writer, 0) + 1
        if count[writer] <= _MOST_OF_A_WRITER:
            strokes.append(_item(data, int(i)))
            labels.append(int(label) if label.isdigit() else -1)
            of.append(writer)
    return StrokeSet(strokes, np.array(labels, np.intp), np.array(of, np.intp))


def _item(data: dict[str, NDArray[np.generic]], i: int) -> Strokes:
    """Return an item's strokes, scaled to height 1 around (0, 0)."""
    starts, first = data["stroke_start"], data["item_start"]
    points, lines, before = [], [], 0
    for s in range(int(first[i]), int(first[i + 1])):
        own = data["points"][starts[s] : starts[s + 1]].astype(np.float64)
        if len(own) == 1:  # a dot is drawn as a short line
            own = np.concatenate([own, own + 1])
        at = np.arange(len(own) - 1) + before
        points.append(own)
        lines.append(np.stack([at, at + 1], axis=1))
        before += len(own)
    all_points = np.concatenate(points)
    low, high = all_points.min(axis=0), all_points.max(axis=0)
    # A dash has hardly any height, so it is scaled by half of its width.
    height = max(high[1] - low[1], (high[0] - low[0]) / 2, 1)
    return Strokes((all_points - (low + high) / 2) / height, np.concatenate(lines))
