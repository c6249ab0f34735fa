"""Ink -> rows of pieces in reading order, and the groups of pieces that could be a digit each.

A digit may be in two pieces, and two digits may touch. So ink is cut wherever a digit might end,
too often rather than too seldom, and every run of neighbouring pieces is a candidate. Which of them
are digits is for a model to say, and for `mnistry.pictures.paths` to make a row of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import length_hint
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.cut import cuts
from mnistry.pictures.layout import LEAST_TALL, Box, Piece, Row, height, rows_of
from mnistry.pictures.print import erased, frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ink = NDArray[np.floating[Any]]
    Owner = NDArray[np.integer[Any]]

MOST_PIECES = 8  # of a candidate
_MASK = 0.4  # ink that counts as such where pieces are told apart
_PEAK = 0.6  # ink that a piece must have somewhere
_HALO = 2  # pixels around a piece, whose paler ink is its own
_MOST_COMPONENTS = 2_000  # the largest ones
_WIDEST = 1.7  # a candidate's width, in heights of its row
_LONGEST = 60  # heights: what hangs together and is wider is no digits, and isn't cut
_MOST_PARTS = 4_000  # of a picture, that its pieces are cut into
_BROAD = 1.2  # width of a digit that is broken across, in heights of it, at most
_BREAK = 3.0  # widths of the pen between two of its parts, at most
_AROUND = np.ones((3, 3), np.uint8)  # a pixel and its neighbours


@dataclass(frozen=True)
class Group:
    """A candidate: the pieces `first` to `last` of a row, the last one included.

    `entire` says whether they are all of one thing that hangs together, and nothing else.
    """

    first: int
    last: int
    box: Box
    entire: bool


@dataclass(frozen=True)
class Found:
    """What is in a picture's ink.

    Parameters
    ----------
    ink : float (h, w) in [0, 1]. owners : integers (h, w), the piece of each pixel's ink; 0 = none.
    rows : from top to bottom.
    stroke, tall : how wide the pen is and how high most digits are, in pixels.
    grown : pixels by which strokes were dilated, and with them all boxes and heights.
    """

    ink: Ink
    owners: Owner
    rows: tuple[Row, ...]
    stroke: float
    tall: float
    grown: int = 0

    def as_written(self, box: Box) -> Box:
        """Return a box as it was before the strokes were dilated."""
        less = self.grown // 2
        width, height = max(box.w - self.grown, 1), max(box.h - self.grown, 1)
        return Box(box.x + less, box.y + less, width, height) if self.grown else box

    def crop(self, row: Row, group: Group) -> Ink:
        """Cut out a candidate's own ink, without its neighbours'."""
        x, y, w, h = group.box
        owners = self.owners[y : y + h, x : x + w]
        own = np.zeros(owners.shape, np.bool_)
        for piece in row.pieces[group.first : group.last + 1]:
            own |= owners == piece.name
        return np.where(own, self.ink[y : y + h, x : x + w], 0)

    def cut(self) -> Found:
        """Give the same with every piece cut where a digit may end in it."""
        owners = self.owners.astype(np.int32)
        highest = int(owners.max(initial=0))
        names = iter(range(highest + 1, highest + 1 + _MOST_PARTS))
        rows = tuple(_cut(row, owners, names, self.ink, self.stroke) for row in self.rows)
        return Found(self.ink, owners, rows, self.stroke, self.tall, self.grown)


def find(ink: Ink) -> Found:
    """Find rows of pieces, each as it hangs together, but for what is drawn around others.

    Parameters
    ----------
    ink : float (h, w) in [0, 1], 0 = paper.
    """
    import cv2

    mask = (ink > _MASK).view(np.uint8)
    box = Box(*cv2.boundingRect(mask))
    if box.w == 0:
        return Found(ink, np.zeros(ink.shape, np.uint8), (), 0.0, 0.0)
    left, top = max(box.x - _HALO, 0), max(box.y - _HALO, 0)
    room = slice(top, box.y + box.h + _HALO), slice(left, box.x + box.w + _HALO)
    near, mask = ink[room], mask[room]  # most of a picture is paper
    area = int(cv2.countNonZero(mask))
    stroke = _stroke(mask, area)
    count, owners = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    names = np.zeros(ink.shape, np.uint8 if count == 2 else np.int32)
    if count == 2:  # as most pictures are
        if near.max() <= _PEAK:
            return Found(ink, names, (), stroke, 0.0)
        names[room] = _with_halo_of_one(mask, near)
        tall = float(box.h)
        piece = Piece(1, 1, box, cv2.mean(near, mask)[0] * area)
        return Found(ink, names, (Row((piece,), tall),), stroke, tall)
    _, owners, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if (around := frames(owners, stats)).any():
        bare = ink.copy()
        bare[room] = erased(near, owners, around)
        return find(bare)
    boxes = [Box(left + x, top + y, w, h) for x, y, w, h, _ in stats[1:].tolist()]
    at = mask.view(np.bool_).ravel().nonzero()[0]
    whose, inks = owners.ravel()[at], near[mask.view(np.bool_)]
    masses = np.bincount(whose, inks, count)
    clear = np.bincount(whose[inks > _PEAK], minlength=count)
    order = np.argsort(-masses[1:])[:_MOST_COMPONENTS] + 1
    pieces = [Piece(int(i), int(i), boxes[i - 1], float(masses[i])) for i in order if clear[i]]
    if not pieces:
        return Found(ink, names, (), stroke, 0.0)
    names[room] = _with_halo(owners, count, near)
    tall = height(pieces)
    least = max(0.05 * tall, 1.2) ** 2 if len(pieces) > 1 else 0.0  # a speck beside others
    rows = rows_of([p for p in pieces if p.mass > least], tall)
    if len(rows) > 1:
        rows = _mended(rows, owners, (left, top), stroke)
    return Found(ink, names, tuple(rows), stroke, tall)


def groups(row: Row) -> list[Group]:
    """Give every run of pieces that could be one digit, and every thing that hangs together."""
    if len(row.pieces) == 1:  # as most rows have
        return [Group(0, 0, row.pieces[0].box, True)]
    parts = Counter(piece.whole for piece in row.pieces)
    found = []
    for first, piece in enumerate(row.pieces):
        box, same = piece.box, True
        begins = not first or row.pieces[first - 1].whole != piece.whole
        for last in range(first, len(row.pieces)):
            box = box.around(row.pieces[last].box)
            same = same and row.pieces[last].whole == piece.whole
            entire = same and last - first + 1 == parts[piece.whole]
            few = last - first < MOST_PIECES and (last == first or box.w <= _WIDEST * row.tall)
            if few or entire:
                found.append(Group(first, last, box, entire))
            if not few and not (same and begins):
                break
    return found


def _with_halo(owners: Owner, count: int, ink: Ink) -> NDArray[Any]:
    """Give the paler ink around each of `count` pieces, paper counted as one, to it."""
    import cv2

    inked = ink > 0
    # The smallest type that OpenCV dilates and all names fit in.
    names: NDArray[Any] = owners.astype(
        np.uint8 if count <= 2**8 else np.uint16 if count <= 2**16 else np.float32
    )
    for _ in range(_HALO):
        names = names + cv2.dilate(names, _AROUND) * (inked & (names == 0))
    return names


def _with_halo_of_one(mask: NDArray[np.uint8], ink: Ink) -> NDArray[np.uint8]:
    """Give the paler ink around the only piece to it: as `_with_halo` in fewer steps."""
    import cv2

    inked = (ink > 0).view(np.uint8)
    for _ in range(_HALO):
        mask = cv2.bitwise_and(cv2.dilate(mask, _AROUND), inked)
    return mask


def _stroke(mask: NDArray[np.uint8], area: int) -> float:
    """Give the width of the pen: ink has two edges a stroke."""
    import cv2

    inner = cv2.erode(mask, _AROUND, borderValue=0)
    # A stroke w pixels wide has 2 of them on its edge, or all of them where w is 1 or 2.
    return 2 * area / (area - int(cv2.countNonZero(inner)))


def _mended(rows: list[Row], owners: Owner, corner: tuple[int, int], stroke: float) -> list[Row]:
    """Make one row of two, one above the other, that may be a digit broken across.

    Beside other digits its parts are in their row anyway; alone, each would be a row of its own.
    """
    out: list[Row] = []
    for row in rows:
        while out and _is_broken(out[-1], row, owners, corner, stroke):
            upper = out.pop()
            tall = float(upper.box.around(row.box).h)
            row = Row(upper.pieces + row.pieces, tall, broken=True)
        out.append(row)
    return out


def _is_broken(
    upper: Row, lower: Row, owners: Owner, corner: tuple[int, int], stroke: float
) -> bool:
    """Tell whether two rows may be a digit's parts: hardly wider than high, and close together."""
    import cv2

    over, under = upper.box, lower.box
    x, y, w, h = over.around(under)
    shared = min(over.x + over.w, under.x + under.w) - max(over.x, under.x)
    many = len(upper.pieces) + len(lower.pieces) > MOST_PIECES
    if many or w > _BROAD * h or shared < min(over.w, under.w) / 2:
        return False
    x, y = x - corner[0], y - corner[1]
    near = owners[y : y + h, x : x + w]
    ours, theirs = (np.isin(near, [piece.name for piece in row.pieces]) for row in (upper, lower))
    away = cv2.distanceTransform((~ours).view(np.uint8), cv2.DIST_L2, 5)
    return bool(away[theirs].min() <= _BREAK * stroke)


def _cut(row: Row, owners: Owner, names: Iterator[int], ink: Ink, stroke: float) -> Row:
    """Cut pieces where a digit may end, until `names` for parts run out; `owners` is changed."""
    if row.broken:
        return row
    pieces: list[Piece] = []
    for piece in row.pieces:
        x, y, w, h = piece.box
        if not 0.35 * row.tall <= w <= _LONGEST * row.tall or h < LEAST_TALL * row.tall:
            pieces.append(piece)
            continue
        room = owners[y : y + h, x : x + w]
        own = room == piece.name
        paths = cuts(np.where(own, ink[y : y + h, x : x + w], 0), row.tall, stroke)
        if not 0 < len(paths) < length_hint(names):
            pieces.append(piece)
            continue
        edges = np.pad(np.sort(paths, axis=0), ((1, 1), (0, 0)), constant_values=((0, w), (0, 0)))
        for left, right in pairwise(edges[:, :, None]):
            start, stop = int(left.min()), int(right.max())
            columns = np.arange(start, stop)
            here = own[:, start:stop] & (left <= columns) & (columns < right)
            mass = float(ink[y : y + h, x + start : x + stop][here].sum())
            if mass < 0.5:
                room[:, start:stop][here] = 0
                continue
            ys, xs = np.flatnonzero(here.any(axis=1)), np.flatnonzero(here.any(axis=0)) + start
            box = Box(x + int(xs[0]), y + int(ys[0]), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1)
            name = next(names)
            room[:, start:stop][here] = name
            pieces.append(Piece(name, piece.name, box, mass))
    pieces.sort(key=lambda p: p.box.x + p.box.w / 2)
    return Row(tuple(pieces), row.tall)
