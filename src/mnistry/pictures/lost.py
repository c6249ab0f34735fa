"""Strokes that the inker took for lines: the foot of a 2, the bar of a 3, half of a 4.

Whether they are handwriting can't be told by how they look, for so do lines. So they make a second
ink, and the reader takes whichever says something more probable.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.find import Found
from mnistry.pictures.ink import Inked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]

_DARK = 0.4  # times the pen's contrast; what is paler is no stroke of the pen's
_PALE, _FULL = 0.3, 0.7  # times the pen's contrast, that are no ink, and all of it
_PEN, _INK, _PAPER = 0.8, 0.4, 0.05  # ink: of the pen's middle, of any stroke, and of none
_LEAST_PEN, _FAINTEST = 10, 0.02  # pixels that show the pen, and the contrast it has
_SHORT, _LONG = 0.25, 0.9  # times the height of digits, how long a stroke is; and, at least,
_SHORT_PEN = 2.0  # times the pen's width
_THIN, _THICK = 0.4, 1.8  # times the pen's width, how wide it is
_SQUARE = np.ones((3, 3), np.uint8)  # a pixel and its neighbours
_EDGE = 2  # pixels: what is nearer to the picture's edge goes on outside, as lines do


def with_lost_strokes(inked: Inked, found: Found) -> Inked | None:
    """Give back what is as dark and as wide as the pen, not longer than digits, and joined to ink.

    Parameters
    ----------
    found : the pieces of the ink of `inked`.

    Returns
    -------
    fuller : the same with more ink; None where nothing was lost, as on even paper.
    """
    depth = inked.depth
    if depth is None or not found.rows:
        return None
    ink = found.ink
    contrast = _over_paper(depth, ink, found.tall)
    middle = contrast[ink > _PEN]
    if len(middle) < _LEAST_PEN or (pen := float(np.median(middle))) <= _FAINTEST:
        return None
    strokes = _strokes(contrast > _DARK * pen, found)
    if not strokes.any():
        return None
    given_back = np.clip((contrast / pen - _PALE) / (_FULL - _PALE), 0, 1)
    return replace(inked, ink=np.where(strokes, given_back, ink).astype(ink.dtype))


def _over_paper(depth: Plane, ink: Plane, tall: float) -> Plane:
    """Give how much deeper each pixel is than the paper within a digit's height."""
    import cv2

    touched = cv2.dilate((ink > _PAPER).view(np.uint8), _SQUARE)
    bare = (touched == 0).astype(np.float32)
    side = (int(2 * tall) | 1,) * 2
    depth = depth.astype(np.float32)
    share, sums = cv2.blur(bare, side), cv2.blur(depth * bare, side)
    # The box sums of float32 leave traces where no paper is near.
    paper = np.where(share > 1e-3, sums / np.maximum(share, 1e-3), depth.min())
    return np.asarray(depth - paper)


def _strokes(dark: NDArray[np.bool_], found: Found) -> NDArray[np.bool_]:
    """Mark what, of the dark pixels without ink, has a stroke's size and place."""
    import cv2

    ink, stroke = found.ink, max(found.stroke, 1.0)
    lost = (dark & (ink < _INK)).view(np.uint8)
    _, names, stats, _ = cv2.connectedComponentsWithStats(lost, connectivity=8)
    h, w = ink.shape
    left, top, wide, high, area = stats.T
    long = np.maximum(wide, high)
    width = area / long
    fits = (left >= _EDGE) & (top >= _EDGE)
    fits &= (left + wide <= w - _EDGE) & (top + high <= h - _EDGE)
    fits &= (long >= max(_SHORT * found.tall, _SHORT_PEN * stroke)) & (long <= _LONG * found.tall)
    fits &= (width >= _THIN * stroke) & (width <= _THICK * stroke)
    fits[0] = False  # what isn't lost
    beside = cv2.dilate((ink > _INK).view(np.uint8), _SQUARE).view(np.bool_)
    joined = np.bincount(names[beside], minlength=len(stats)) > 0
    return np.asarray((fits & joined)[names])
