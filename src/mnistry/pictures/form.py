"""What a candidate's form and place say of its being a digit, before a model has looked at it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from mnistry.pictures.find import Found, Group
from mnistry.pictures.layout import Box, Piece, Row

_SMALL, _SMALL_SOFT = 0.24, 0.04  # of the row's height: what is lower is rather a point or a dash
_SMALL_ROW = 0.5  # of the height of most digits, by which a row of one or two things is judged
_SELDOM = 0.015  # how often a mark as tall as a digit is none
_LEFT_OVER = 0.9  # how often it is none if it is a line by itself, at the picture's edge or low
_THIN, _LOW = 0.2, 0.7  # of the height of most digits: such a line's width, and its height inside
_LONELY = 0.9  # of it: what is as far from everything else is by itself
_TWO, _TWO_SOFT = 1.35, 0.15  # width to height at which ink is as well one digit as several
_GAP, _GAP_SOFT = 0.2, 0.04  # of the row's height: a gap as wide parts two digits
_RARE = 0.03  # how often narrow ink is several digits, and wide ink one
_LEAST_TALL = 0.6  # of the row's height, by which the width of flat ink is measured


def alone(row: Row, some: Sequence[Group]) -> list[float]:
    """Give what a candidate's form says of its being a digit, before a model has looked.

    What hangs together is one digit unless it is wide; then it is rather several that touch.
    """
    boxes = _things(row.pieces)
    several = {
        name: _RARE
        + (1 - 2 * _RARE) * _above(box.w / max(box.h, _LEAST_TALL * row.tall), _TWO, _TWO_SOFT)
        for name, box in boxes.items()
    }
    if len(row.pieces) == 1:  # as most rows have
        return [1 - several[row.pieces[0].whole]] * len(some)
    parts = Counter(piece.whole for piece in row.pieces)
    out = []
    for group in some:
        if group.entire:
            out.append(1 - several[row.pieces[group.first].whole])
            continue
        # Of what is cut here, the least likely.
        inside = Counter(piece.whole for piece in row.pieces[group.first : group.last + 1])
        least = min((several[n] for n in inside if inside[n] < parts[n]), default=1.0)
        out.append(least * _near(row, group))
    return out


def _things(pieces: Iterable[Piece]) -> dict[int, Box]:
    """Give the box of everything that hangs together, cut or not, by its number."""
    boxes: dict[int, Box] = {}
    for piece in pieces:
        boxes[piece.whole] = piece.box.around(boxes.get(piece.whole, piece.box))
    return boxes


def _near(row: Row, group: Group) -> float:
    """Give what the widest gap in a candidate says of its being one digit."""
    end, gap = row.pieces[group.first].box.x, 0
    for piece in row.pieces[group.first : group.last + 1]:
        gap = max(gap, piece.box.x - end)
        end = max(end, piece.box.x + piece.box.w)
    return 1 - _above(gap / row.tall, _GAP, _GAP_SOFT)


def size(found: Found, row: Row, some: Sequence[Group]) -> list[float]:
    """Give what a candidate's height says of its being a digit.

    Digits may be small beside others in their row; one or two small things by themselves are none.
    """
    few = len({piece.whole for piece in row.pieces}) <= 2 and len(found.rows) > 1
    tall, small = (found.tall, _SMALL_ROW) if few else (row.tall, _SMALL)
    return [_above(group.box.h / tall, small, _SMALL_SOFT) for group in some]


def _above(share: float, middle: float, soft: float) -> float:
    """Give a soft step: from 0 below the middle to 1 above it."""
    return 1 / (1 + math.exp(min((middle - share) / soft, 50)))


def seldom(found: Found, row: Row, some: Sequence[Group], sizes: Sequence[float]) -> list[float]:
    """Give how often a candidate is something else than a digit, or a part or a pair of them.

    Only what hangs together and is by itself can be something else: a point, or what is left of a
    border. As tall as a digit it seldom is; `sizes` are what `size` gave.
    """
    h, w = found.ink.shape
    things = _things(piece for r in found.rows for piece in r.pieces)
    things = {name: found.as_written(box) for name, box in things.items()}
    inside = any(not _at_edge(box, h, w) for box in things.values())
    out = []
    for group, likely in zip(some, sizes, strict=True):
        if not group.entire:
            out.append(0.0)
            continue
        box = found.as_written(group.box)
        thin = min(box.w, box.h) < _THIN * found.tall
        own = row.pieces[group.first].whole
        left = inside and thin and _at_edge(box, h, w)
        left |= thin and box.h < _LOW * found.tall and _is_lonely(box, own, things, found.tall)
        rare = _LEFT_OVER if left else _SELDOM
        out.append(rare + (0.99 - rare) * (1 - likely))
    return out


def _is_lonely(box: Box, name: int, things: dict[int, Box], tall: float) -> bool:
    return len(things) > 1 and all(
        max(box.x - other.x - other.w, other.x - box.x - box.w) > _LONELY * tall
        for key, other in things.items()
        if key != name
    )


def _at_edge(box: Box, h: int, w: int) -> bool:
    return box.x <= 1 or box.y <= 1 or box.x + box.w >= w - 1 or box.y + box.h >= h - 1


def sign(box: Box, row: Row) -> str:
    """Name what is no digit by its form and place."""
    around = row.box
    low = (box.y + box.h / 2 - around.y) / max(around.h, 1)
    if box.h < 0.25 * row.tall and box.w > 1.8 * box.h:
        return "-"
    if box.h < 0.5 * row.tall and box.w < 0.4 * row.tall and low > 0.5:
        return "." if box.h < 0.25 * row.tall else ","
    return "?"
