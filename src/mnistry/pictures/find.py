"""Ink -> rows of pieces in reading order, and the groups of pieces that could be a digit each.

A digit may be in two pieces, and two digits may touch. So ink is cut wherever a digit might end,
too often rather than too seldom, and every run of neighbouring pieces is a candidate. Which of them
are digits is for a model to say, and for `mnistry.pictures.paths` to make a row of.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnistry.pictures.cut import cuts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ink = NDArray[np.floating[Any]]
    Owner = NDArray[np.int32]
    Boxes = NDArray[Any]

MOST_PIECES = 8  # of a candidate
_MASK = 0.4  # ink that counts as such where pieces are told apart
_PEAK = 0.6  # ink that a piece must have somewhere
_MOST_COMPONENTS = 2_000  # the largest ones
_LEAST_TALL = 0.45  # of a row's height: what is as tall founds rows; what is smaller joins one
_SAME_ROW, _BESIDE = 0.35, 0.6  # of the lower height: what two in a row share
_FAR, _NEAR = 6, 0.8  # heights: what is further apart isn't together
_WIDEST = 1.7  # a candidate's width, in heights of its row


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
    """Pieces from left to right, and the height that digits have in it, in pixels."""

    pieces: tuple[Piece, ...]
    tall: float

    @property
    def box(self) -> Box:
        """The box around all of it."""
        return reduce(Box.around, (piece.box for piece in self.pieces))

    @property
    def is_one(self) -> bool:
        """Whether all of it hangs together, cut or not."""
        return len({piece.whole for piece in self.pieces}) == 1


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
    ink : float (h, w) in [0, 1]. owners : int32 (h, w), the piece of each pixel's ink; 0 = none.
    rows : from top to bottom.
    stroke, tall : how wide the pen is and how high most digits are, in pixels.
    """

    ink: Ink
    owners: Owner
    rows: tuple[Row, ...]
    stroke: float
    tall: float

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
        owners = self.owners.copy()
        rows = tuple(_cut(row, owners, self.ink, self.stroke) for row in self.rows)
        return Found(self.ink, owners, rows, self.stroke, self.tall)


def find(ink: Ink) -> Found:
    """Find rows of pieces, each as it hangs together.

    Parameters
    ----------
    ink : float (h, w) in [0, 1], 0 = paper.
    """
    import cv2

    mask = (ink > _MASK).astype(np.uint8)
    count, owners, stats, _ = cv2.connectedComponentsWithStats(
        mask, connectivity=8, ltype=cv2.CV_32S
    )
    if count == 1:
        return Found(ink, owners, (), 0.0, 0.0)
    stroke = _stroke(mask)
    boxes = [Box(*map(int, row[:4])) for row in stats[1:]]
    at = mask.view(np.bool_).ravel().nonzero()[0]  # most of a picture is paper
    whose, inks = owners.ravel()[at], ink.ravel()[at]
    masses = np.bincount(whose, inks, count)
    clear = np.bincount(whose[inks > _PEAK], minlength=count)
    order = np.argsort(-masses[1:])[:_MOST_COMPONENTS] + 1
    pieces = [Piece(int(i), int(i), boxes[i - 1], float(masses[i])) for i in order if clear[i]]
    if not pieces:
        return Found(ink, np.zeros_like(owners), (), stroke, 0.0)
    owners = _with_halo(owners, count, ink)
    if len(pieces) == 1:  # as most pictures are
        tall = float(pieces[0].box.h)
        return Found(ink, owners, (Row(tuple(pieces), tall),), stroke, tall)
    tall = _height(pieces)
    least = max(0.05 * tall, 1.2) ** 2  # a speck
    rows = _rows([p for p in pieces if p.mass > least], tall)
    return Found(ink, owners, tuple(rows), stroke, tall)


def groups(row: Row) -> list[Group]:
    """Give every run of pieces that could be one digit, and every thing that hangs together."""
    parts = Counter(piece.whole for piece in row.pieces)
    found = []
    for first, piece in enumerate(row.pieces):
        box, same = piece.box, True
        for last in range(first, len(row.pieces)):
            box = box.around(row.pieces[last].box)
            same = same and row.pieces[last].whole == piece.whole
            entire = same and last - first + 1 == parts[piece.whole]
            few = last - first < MOST_PIECES and (last == first or box.w <= _WIDEST * row.tall)
            if few or entire:
                found.append(Group(first, last, box, entire))
            if not few and not same:
                break
    return found


def _with_halo(owners: Owner, count: int, ink: Ink) -> Owner:
    """Give the paler ink around each of `count` pieces, paper counted as one, to it."""
    import cv2

    inked = ink > 0
    # The smallest type that OpenCV dilates and all names fit in: most pictures have one piece.
    names: NDArray[Any] = owners.astype(
        np.uint8 if count <= 2**8 else np.uint16 if count <= 2**16 else np.float32
    )
    for _ in range(2):
        names = names + cv2.dilate(names, np.ones((3, 3), np.uint8)) * (inked & (names == 0))
    return names.astype(np.int32)


def _stroke(mask: NDArray[np.uint8]) -> float:
    """Give the width of the pen: ink has two edges a stroke."""
    import cv2

    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=0)
    area = int(np.count_nonzero(mask))
    edge = area - int(np.count_nonzero(inner))
    # A stroke w pixels wide has 2 of them on its edge, or all of them where w is 1 or 2.
    return 2 * area / edge


def _height(pieces: list[Piece]) -> float:
    """Give the height of digits: that of the pieces that hold the middle of the ink."""
    # Long lines are thin: by mass times height they weigh less.
    weighed = sorted((p.box.h, p.mass * p.box.h) for p in pieces)
    half = sum(weight for _, weight in weighed) / 2
    for height, weight in weighed:
        half -= weight
        if half <= 0:
            return float(height)
    return float(weighed[-1][0])


def _rows(pieces: list[Piece], tall: float) -> list[Row]:
    """Sort pieces into rows: what overlaps its neighbour in height is in its row."""
    main = sorted((p for p in pieces if p.box.h >= _LEAST_TALL * tall), key=lambda p: p.box.x)
    rest = [p for p in pieces if p.box.h < _LEAST_TALL * tall]
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
    made = [Row(tuple(row), _height(row)) for row in rows]
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


def _cut(row: Row, owners: Owner, ink: Ink, stroke: float) -> Row:
    """Cut pieces where a digit may end; `owners` is changed to match."""
    pieces: list[Piece] = []
    for piece in row.pieces:
        x, y, w, h = piece.box
        if w < 0.35 * row.tall or h < _LEAST_TALL * row.tall:
            pieces.append(piece)
            continue
        room = owners[y : y + h, x : x + w]
        own = room == piece.name
        paths = cuts(np.where(own, ink[y : y + h, x : x + w], 0), row.tall, stroke)
        if not len(paths):
            pieces.append(piece)
            continue
        part = (np.arange(w)[None, :, None] >= paths.T[:, None, :]).sum(axis=2)
        highest = int(owners.max())
        for k in range(len(paths) + 1):
            here = own & (part == k)
            mass = float(ink[y : y + h, x : x + w][here].sum())
            if mass < 0.5:
                room[here] = 0
                continue
            ys, xs = np.flatnonzero(here.any(axis=1)), np.flatnonzero(here.any(axis=0))
            box = Box(x + int(xs[0]), y + int(ys[0]), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1)
            name = highest + 1 + k
            room[here] = name
            pieces.append(Piece(name, piece.name, box, mass))
    pieces.sort(key=lambda p: p.box.x + p.box.w / 2)
    return Row(tuple(pieces), row.tall)
