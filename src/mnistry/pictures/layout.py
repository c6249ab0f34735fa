"""Pieces of ink -> rows in reading order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Boxes = NDArray[Any]

LEAST_TALL = 0.45  # of a row's height: what is as tall founds rows; what is smaller joins one
_SAME_ROW, _BESIDE = 0.35, 0.6  # of the lower height: what two in a row share
_FAR, _NEAR = 6, 0.8  # heights: what is further apart isn't together


class Box(NamedTuple):
    """Where something is, in whole pixels."""

    x: int
    y: int
    w: int
    h: int

    def around(self, other: Box) -> Box:
        """Give the box around both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.w, other.x + other.w)
        return Box(x, y, right - x, max(self.y + self.h, other.y + other.h) - y)


@dataclass(frozen=True)
class Piece:
    """Ink that belongs together.

    Parameters
    ----------
    name : its number in the map of owners. whole : the number of what it was cut from, or its own.
    mass : the sum of its ink.
    """

    name: int
    whole: int
    box: Box
    mass: float


@dataclass(frozen=True)
class Row:
    """Pieces from left to right, and the height that digits have in it, in pixels.

    Of a `broken` one, which may be a digit broken across, they go from top to bottom.
    """

    pieces: tuple[Piece, ...]
    tall: float
    broken: bool = False

    @property
    def box(self) -> Box:
        """The box around all of it."""
        return reduce(Box.around, (piece.box for piece in self.pieces))

    @property
    def is_one(self) -> bool:
        """Whether all of it hangs together, cut or not."""
        return len({piece.whole for piece in self.pieces}) == 1


def height(pieces: list[Piece]) -> float:
    """Give the height of digits: that of the pieces that hold the middle of the ink."""
    # Long lines are thin: by mass times height they weigh less.
    return weighted_quantile((p.box.h, p.mass * p.box.h) for p in pieces)


def weighted_quantile(values: Iterable[tuple[float, float]], share: float = 0.5) -> float:
    """Give a quantile, the median unless told, of values each with what it weighs; at least one."""
    weighed = sorted(values)
    left = share * sum(weight for _, weight in weighed)
    for value, weight in weighed:
        left -= weight
        if left <= 0:
            return float(value)
    return float(weighed[-1][0])


def rows_of(pieces: list[Piece], tall: float) -> list[Row]:
    """Sort pieces into rows: what overlaps its neighbour in height is in its row."""
    main = sorted((p for p in pieces if p.box.h >= LEAST_TALL * tall), key=lambda p: p.box.x)
    rest = [p for p in pieces if p.box.h < LEAST_TALL * tall]
    rows: list[list[Piece]] = []
    ends = np.empty((len(main), 2, 4))  # of each row, the two boxes at its right end
    for piece in main:
        best = None
        if rows:
            last = ends[: len(rows)]
            near = piece.box.x - last[:, 1, 0] - last[:, 1, 2] <= _FAR * tall
            shared = np.where(near, _shared(np.array(piece.box), last).max(axis=1), -1)
            best = int(shared.argmax())
        if best is None or shared[best] < _SAME_ROW:
            ends[len(rows)] = piece.box
            rows.append([piece])
        else:
            ends[best] = ends[best, 1], piece.box
            rows[best].append(piece)
    rows = _joined(rows)
    if rows and rest:
        owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        boxes = np.array([p.box for row in rows for p in row])
        for piece in rest:
            apart = _apart(np.array(piece.box), boxes)
            nearest = int(apart.argmin())
            if apart[nearest] < _NEAR * tall:
                rows[owner[nearest]].append(piece)
            else:
                rows.append([piece])
    else:
        rows += [[piece] for piece in rest]
    rows = [sorted(row, key=lambda p: p.box.x + p.box.w / 2) for row in rows]
    made = [Row(tuple(row), height(row)) for row in rows]
    return sorted(made, key=_middle)


def _middle(row: Row) -> float:
    return sum(p.box.y + p.box.h / 2 for p in row.pieces) / len(row.pieces)


def _joined(rows: list[list[Piece]]) -> list[list[Piece]]:
    """Join rows that are beside each other."""
    out: list[list[Piece]] = []
    around = np.empty((len(rows), 4))
    for row in sorted(rows, key=lambda r: r[0].box.x):
        box = row[0].box
        for piece in row[1:]:
            box = box.around(piece.box)
        known = around[: len(out)]
        beside = (box.x - known[:, 0] - known[:, 2] > -0.2 * row[0].box.w) & (
            _shared(np.array(box), known) > _BESIDE
        )
        if beside.any():
            i = int(beside.argmax())
            out[i].extend(row)
            around[i] = Box(*map(int, around[i])).around(box)
        else:
            around[len(out)] = box
            out.append(list(row))
    return out


def _shared(box: Boxes, others: Boxes) -> Boxes:
    """Give the height that a box shares with others (…, 4), as a part of the lower one's."""
    y, h = others[..., 1], others[..., 3]
    common = np.minimum(box[1] + box[3], y + h) - np.maximum(box[1], y)
    return np.asarray(common / np.minimum(box[3], h))


def _apart(box: Boxes, others: Boxes) -> Boxes:
    """Give the distance of a box from others (n, 4)."""
    x, y, w, h = others.T
    dx = np.maximum(np.maximum(box[0] - x - w, x - box[0] - box[2]), 0)
    dy = np.maximum(np.maximum(box[1] - y - h, y - box[1] - box[3]), 0)
    return np.asarray(np.hypot(dx, dy))
