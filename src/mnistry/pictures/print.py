"""What is printed or drawn around digits, told from their strokes: rules, boxes, rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]
    Marks = NDArray[np.uint8]
    Owners = NDArray[np.int32]
    Stats = NDArray[np.int32]

_MARKED = 0.3  # ink that counts
_SHORT = 40  # pixels; a drawing's stroke may fill so small a side
_LINE = 0.8  # share of a side that lines run along
_SIDE = 0.7  # share of all that is marked, in width or in height, that a box's sides run along
_WHOLE = 0.9  # share of a side; what is longer has no room beside it
_LOWEST = 8  # the part of the rows that a box stands on is one in so many
_SPECK = 0.02  # share of all that is marked; a piece with less says nothing
_FRAMED = 0.2  # height of what is in a frame, at least, in heights of that; a 0 may have a dot
_MOST_FRAMED = 500  # pieces, among which frames are looked for
_HALO = np.ones((5, 5), np.uint8)  # around a frame, whose paler ink is its own
_HOLLOW = 0.8  # share of it that a box fills, at most
_RIM = 6  # a box's sides are within the sixth of it that is next to its edge
_AS_TALL = 0.75  # least height of a digit beside a bare 1, relative to the highest mark
_LEAST_WIDE, _MOST_WIDE = 0.25, 1.5  # width of a digit other than 1, relative to its height
_NARROWEST = 6  # pixels between a box's outer edges; a thin stroke has soft edges, not sides


def drawn_around(ink: Plane) -> NDArray[np.bool_] | None:
    """Mark what is drawn around other ink, soft edges too, (h, w); None where nothing is."""
    owners, stats = _named((ink > _MARKED).view(np.uint8))
    around = frames(owners, stats)
    return _with_edges(owners, around) if around.any() else None


def frames(owners: Owners, stats: Stats) -> NDArray[np.bool_]:
    """Mark the pieces that surround others, as boxes, grids and rings do.

    Parameters
    ----------
    owners, stats : connected components as OpenCV gives them, (h, w) and (n, 5), the paper first.

    Returns
    -------
    frames : (n,).
    """
    import cv2

    found = np.zeros(len(stats), np.bool_)
    if not 2 < len(stats) <= _MOST_FRAMED:
        return found
    x, y, w, h, size = stats.T
    inside = (x > x[:, None]) & (x + w < (x + w)[:, None])
    inside &= (y > y[:, None]) & (y + h < (y + h)[:, None]) & (h >= _FRAMED * h[:, None])
    inside[0] = False  # the paper
    for i in np.flatnonzero(inside.any(axis=1)):
        own = owners[y[i] : y[i] + h[i], x[i] : x[i] + w[i]]
        outlines, _ = cv2.findContours(
            (own == i).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        filled = cv2.drawContours(np.zeros(own.shape, np.uint8), outlines, -1, 1, -1) > 0
        held = np.bincount(own[filled], minlength=len(stats)) == size
        found[i] = (held & inside[i]).any()
    return found


def erased(ink: Plane, owners: Owners, which: NDArray[np.bool_]) -> Plane:
    """Give ink without some of its pieces, marked by their names, and their soft edges."""
    return np.where(_with_edges(owners, which), 0, ink).astype(ink.dtype, copy=False)


def has_print(ink: Plane) -> bool:
    """Say whether there are lines beside what is written, or boxes around it.

    What runs along most of a side, as ruling and borders do, may also be a stroke of the only
    digit: one that fills the picture, or was cut out along its own edges, but none that goes on
    from one edge to the opposite one and leaves room beside it.

    Parameters
    ----------
    ink : (h, w) in [0, 1], of all that differs from the paper.
    """
    import cv2

    h, w = ink.shape
    marks = (ink > _MARKED).view(np.uint8)
    across, down = (
        cv2.reduce(marks, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for axis in (1, 0)
    )
    ruled = w > _SHORT and across.max() > _LINE * w
    long = ruled or (h > _SHORT and down.max() > _LINE * h)
    wide, high = int(np.count_nonzero(down)), int(np.count_nonzero(across))
    boxed = (
        _are_sides(across, wide, high) or _are_sides(down, high, wide) or _is_based(across, wide)
    )
    if not (long or boxed):
        return False  # nothing is named, which takes longer than all else about a picture
    pieces = _Pieces.of(*_named(marks))
    # In a row of digits cut out along its edges, a bare 1 is as long as the picture is high.
    lines = long and (ruled or not pieces.have_digit_as_tall())
    if lines and (len(pieces.names) > 1 or pieces.run_on(w, h)):
        return True
    return boxed and pieces.have_boxes()


def _with_edges(owners: Owners, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    import cv2

    marked = which[owners]
    edges = cv2.dilate(marked.view(np.uint8), _HALO) > 0
    return np.asarray(marked | (edges & (owners == 0)))


def _named(marks: Marks) -> tuple[Owners, Stats]:
    import cv2

    _, owners, stats, _ = cv2.connectedComponentsWithStats(marks)
    return owners, stats


def _are_sides(marked: NDArray[np.int32], long: int, apart: int) -> bool:
    """Say whether some rows are marked so `long`, and far `apart`, as a box's two sides are."""
    at = np.flatnonzero(marked > _SIDE * long)
    return bool(0 < len(at) < apart / 2 < at[-1] - at[0])


def _is_based(marked: NDArray[np.int32], long: int) -> bool:
    """Say whether the lowest of the rows are marked nearly so `long`, as below a box or a comb."""
    at = np.flatnonzero(marked)
    if not len(at):
        return False
    low = marked[at[-1] - max(len(at) // _LOWEST, 1) : at[-1] + 1]
    return bool(low.max(initial=0) > _WHOLE * long)


@dataclass(frozen=True)
class _Pieces:
    """Connected marks, but for specks: (h, w) with their names, and the places of each (n,)."""

    owners: Owners
    names: NDArray[np.intp]
    left: NDArray[np.int32]
    top: NDArray[np.int32]
    right: NDArray[np.int32]
    bottom: NDArray[np.int32]

    @classmethod
    def of(cls, owners: Owners, stats: Stats) -> Self:
        import cv2

        size = stats[1:, cv2.CC_STAT_AREA]
        names = np.flatnonzero(size >= _SPECK * size.sum()) + 1
        x, y, w, h = stats[names, : cv2.CC_STAT_AREA].T
        return cls(owners, names, x, y, x + w, y + h)

    def run_on(self, w: int, h: int) -> bool:
        """Say whether one goes from edge to edge of a picture so large, with room beside it."""
        wide, high = self.right - self.left, self.bottom - self.top
        across = (wide == w) & (high < _WHOLE * h)
        down = (high == h) & (wide < _WHOLE * w)
        return bool((across | down).any())

    def have_digit_as_tall(self) -> bool:
        """Return whether a mark is nearly as high as the highest, and as wide as a 0 or 2 to 9."""
        wide, high = self.right - self.left, self.bottom - self.top
        like = (high > _AS_TALL * high.max()) & (wide > _LEAST_WIDE * high)
        like &= wide < _MOST_WIDE * high
        return any(not self._is_box(int(i)) for i in np.flatnonzero(like))

    def have_boxes(self) -> bool:
        """Say whether one surrounds another, or has three straight sides.

        The latter is a box that what is in it has run into.
        """
        inside = (self.left[:, None] < self.left) & (self.right < self.right[:, None])
        inside &= (self.top[:, None] < self.top) & (self.bottom < self.bottom[:, None])
        return bool(inside.any()) or any(map(self._is_box, range(len(self.names))))

    def _is_box(self, i: int) -> bool:
        room = slice(self.top[i], self.bottom[i]), slice(self.left[i], self.right[i])
        own = self.owners[room] == self.names[i]
        if min(own.shape) < _NARROWEST or own.mean() > _HOLLOW:
            return False
        deep, wide = (-(-side // _RIM) for side in own.shape)
        sides = (own[:deep], own[-deep:], own[:, :wide].T, own[:, -wide:].T)
        return sum(bool(side.mean(axis=1).max() > _LINE) for side in sides) >= 3
