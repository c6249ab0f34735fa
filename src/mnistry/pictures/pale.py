"""What is far paler than a picture's digits: hairs, creases, smudges, what shines through."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.find import Found, find
from mnistry.pictures.ink import Inked
from mnistry.pictures.layout import Piece, weighted_quantile
from mnistry.pictures.shade import median_near, odd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]

# Of what a quarter of the ink at least stands out from its paper by, what a piece must at least.
_USUAL, _PALE = 0.75, 0.3
_FULL = 0.6  # ink that is a stroke's middle
# Of the height of digits, and pixels at most: a side of the window that paper's shade is told from.
_NEAR, _WIDEST = 0.6, 255
_DEEP = 0.75  # quantile of a piece's own shades: a thin stroke's edges are half paper


def pieces_of(inked: Inked) -> Found:
    """Find the pieces of a picture's ink, but for what is far paler than the rest."""
    return without_pale(find(inked.ink), inked)


def without_pale(found: Found, inked: Inked) -> Found:
    """Leave out what is far paler than the darker ink in the same picture.

    Smudges may be more than the digits are; they aren't darker.

    On even paper, where ink is all that differs from it, nothing is left out.

    Parameters
    ----------
    found : of the ink of `inked`, not cut yet.
    """
    pieces = [piece for row in found.rows for piece in row.pieces]
    if len(pieces) < 2 or (depth := inked.depth) is None:
        return found
    depth = np.asarray(depth, np.float32)
    over = depth - median_near(depth, odd(min(_NEAR * found.tall, _WIDEST)))
    contrast = {piece.name: _contrast(found, over, piece) for piece in pieces}
    usual = weighted_quantile(((contrast[p.name], p.mass) for p in pieces), _USUAL)
    if not 0 < usual < np.inf:
        return found
    rows = []
    for row in found.rows:
        kept = tuple(piece for piece in row.pieces if contrast[piece.name] >= _PALE * usual)
        if len(kept) == len(row.pieces):
            rows.append(row)
        elif kept:
            rows.append(replace(row, pieces=kept, broken=False))
    return replace(found, rows=tuple(rows))


def _contrast(found: Found, over: Plane, piece: Piece) -> float:
    """Give how much deeper a piece is than its paper; infinite where none of it is a stroke."""
    box = piece.box
    room = slice(box.y, box.y + box.h), slice(box.x, box.x + box.w)
    own = over[room][(found.owners[room] == piece.name) & (found.ink[room] > _FULL)]
    return float(np.quantile(own, _DEEP)) if len(own) else np.inf
