"""What is far paler than a picture's digits: hairs, creases, smudges, what shines through."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.find import Found, find
from mnistry.pictures.ink import Inked
from mnistry.pictures.layout import Piece, weighted_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]

# Of what a quarter of the ink at least stands out from its paper by, what a piece must at least.
_USUAL, _PALE = 0.75, 0.3
_FULL, _EMPTY = 0.6, 0.05  # ink that is a stroke's middle; up to which there is none
_NEAR = 0.3  # of the height of digits: how far around a piece its paper is looked at
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
    contrast = {piece.name: _contrast(found, depth, piece) for piece in pieces}
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


def _contrast(found: Found, depth: Plane, piece: Piece) -> float:
    """Give how much deeper a piece is than the paper around it; infinite where none is seen."""
    h, w = depth.shape
    box, far = piece.box, max(round(_NEAR * found.tall), 2)
    room = (
        slice(max(box.y - far, 0), min(box.y + box.h + far, h)),
        slice(max(box.x - far, 0), min(box.x + box.w + far, w)),
    )
    ink, shades = found.ink[room], depth[room]
    own = shades[(found.owners[room] == piece.name) & (ink > _FULL)]
    paper = shades[ink < _EMPTY]
    if not len(own) or not len(paper):
        return np.inf
    return float(np.quantile(own, _DEEP) - np.median(paper))
