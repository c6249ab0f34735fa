"""Recover strokes that binarization took for lines: the foot of a 2, the bar of a 3, a bare 1.

Such strokes look like lines, so their appearance does not decide. The reader also reads the ink
with them, and keeps the more probable reading. A reading is ambiguous where one of the strokes
could be a whole digit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.find import Found
from mnistry.pictures.ink import Inked
from mnistry.pictures.shade import median_near, odd
from mnistry.pictures.thicken import pen_width

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

# Loose strokes, which could be a 1 each. Lengths are in heights of digits.
_LOOSE_LOW, _LOOSE_HIGH, _LOOSE_WIDE = 0.6, 1.3, 0.5  # least and greatest height; greatest width
_LINE_ACROSS, _LINE_DOWN = 0.5, 1.5  # least length of a horizontal and of a vertical line
_GAP = 0.12  # a gap that a crossing line leaves in a stroke
_END = 0.1  # greatest distance between a stroke's end and the line on which it ends
_IN_ROW, _INKED = 0.7, 0.5  # least share of its height inside a row; greatest share that is ink
# Least contrast, relative to the pen's. Borders of photographed boxes mostly have 0.4 to 0.6, and
# every digit that was lost in the development images has 0.7 or more.
_LOOSE_DARK = 0.65
_MIDDLE = 0.75  # quantile of its pixels' contrast that counts: a stroke's edges are half paper

# Thresholds of `with_only_stroke`.
_NEAR, _WIDEST = 0.25, 255  # window for the paper's shade: share of the longer side; pixels at most
_MAD = 1.4826  # standard deviations in a median absolute deviation
_GRAINS, _FAINTEST_LONE = 8, 0.1  # least contrast: standard deviations of grain; of full scale
_HALF, _SPREAD = 0.4, 5  # contrast of its pixels: share of the highest; standard deviations
_UPRIGHT, _LEAST_LONE = 2, 12  # least height: widths; pixels
_NEARLY_ALL = 0.9  # least share of all pixels with such contrast
_CENTRAL = 0.3  # of the picture's width, how far from its middle; borders are at its sides


def with_lost_strokes(inked: Inked, found: Found) -> Inked | None:
    """Give back what is as dark and as wide as the pen, not longer than digits, and joined to ink.

    Parameters
    ----------
    found : the pieces of the ink of `inked`.

    Returns
    -------
    fuller : the same with more ink; None where nothing was lost, as on even paper.
    """
    contrast = _contrast(inked, found)
    return None if contrast is None else _with(inked, contrast, _strokes(contrast > _DARK, found))


def with_loose_strokes(inked: Inked, found: Found) -> Inked | None:
    """Recover upright strokes beside the ink, each of which could be a digit 1.

    They are as dark, as wide and as high as the digits' own strokes, lie in a row with digits, and
    join neither ink nor vertical lines; horizontal lines may cross them. Some of them are 1s, and
    some are parts of borders. Strokes that end on a horizontal line, as the teeth of a comb do, are
    not recovered.

    Parameters
    ----------
    found : the pieces of the ink of `inked`.

    Returns
    -------
    fuller : a copy with the ink of the strokes that end on no line; None where there are no such
        strokes at all, as on even paper.
    """
    contrast = _contrast(inked, found)
    if contrast is None:
        return None
    loose, standing = _loose(contrast, found)
    return _with(inked, contrast, loose) or (inked if standing else None)


def with_only_stroke(inked: Inked) -> Inked | None:
    """Return the picture with the ink of its one upright stroke, which is a 1 or a vertical line.

    For pictures in which no digit was found: a bare 1 by itself looks like a border's side.

    Returns
    -------
    fuller : None unless one stroke, at least twice as high as wide, holds nearly all that stands
        out from the paper and its grain; and on even, empty paper, of which all ink is known.
    """
    import cv2

    depth = inked.depth
    if depth is None:
        return None
    depth = np.asarray(depth, np.float32)
    over = depth - median_near(depth, odd(min(_NEAR * max(depth.shape), _WIDEST)))
    grain = _MAD * float(np.median(np.abs(over)))
    peak = float(np.sort(over, axis=None)[-_LEAST_PEN:].mean())  # single pixels may be grain
    if peak < max(_GRAINS * grain, _FAINTEST_LONE):
        return None
    marked = (over > max(_HALF * peak, _SPREAD * grain)).view(np.uint8)
    _, names, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    i = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    left, _, wide, high, area = map(int, stats[i])
    if abs((left + wide / 2) / depth.shape[1] - 0.5) > _CENTRAL:
        return None
    alone = area >= _NEARLY_ALL * int(stats[1:, cv2.CC_STAT_AREA].sum())
    if not alone or high < max(_UPRIGHT * wide, _LEAST_LONE):
        return None
    ink = np.where(names == i, np.clip(over / peak, 0, 1), 0)
    return replace(inked, ink=ink.astype(inked.ink.dtype))


def _contrast(inked: Inked, found: Found) -> Plane | None:
    """Return each pixel's contrast with its paper, times the pen's; None where it is unknown."""
    depth = inked.depth
    if depth is None or not found.rows:
        return None
    contrast = _over_paper(depth, found.ink, found.tall)
    middle = contrast[found.ink > _PEN]
    if len(middle) < _LEAST_PEN or (pen := float(np.median(middle))) <= _FAINTEST:
        return None
    return np.asarray(contrast / pen)


def _with(inked: Inked, contrast: Plane, strokes: NDArray[np.bool_]) -> Inked | None:
    """Return a copy with the ink of more strokes; None if there are none."""
    if not strokes.any():
        return None
    given_back = np.clip((contrast - _PALE) / (_FULL - _PALE), 0, 1)
    ink = inked.ink
    return replace(inked, ink=np.where(strokes, np.maximum(given_back, ink), ink).astype(ink.dtype))


def _loose(contrast: Plane, found: Found) -> tuple[NDArray[np.bool_], bool]:
    """Return a mask of the loose strokes, (h, w), and whether other strokes end on a line."""
    import cv2

    ink, tall = found.ink, found.tall
    dark = (contrast > _DARK).view(np.uint8)

    def bar(width: float, height: float) -> NDArray[np.uint8]:
        return np.ones((max(int(height), 1), max(int(width), 1)), np.uint8)

    across, down = (
        cv2.morphologyEx(dark, cv2.MORPH_OPEN, line)
        for line in (bar(_LINE_ACROSS * tall, 1), bar(1, _LINE_DOWN * tall))
    )
    rest = dark & ~across & ~down
    rest = np.asarray(cv2.morphologyEx(rest, cv2.MORPH_CLOSE, bar(1, max(_GAP * tall, 3))))
    count, names, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    h, w = ink.shape
    left, top, wide, high, area = stats.T
    pen = pen_width(found)
    width = area / high
    fits = (left >= _EDGE) & (top >= _EDGE)
    fits &= (left + wide <= w - _EDGE) & (top + high <= h - _EDGE)
    fits &= (
        (high >= _LOOSE_LOW * tall) & (high <= _LOOSE_HIGH * tall) & (wide <= _LOOSE_WIDE * tall)
    )
    fits &= (width >= _THIN * pen) & (width <= _THICK * max(pen, 1.0))
    fits &= np.bincount(names[ink > _INK], minlength=count) <= _INKED * area
    fits[0] = False  # the background
    bands = [row.box for row in found.rows if row.tall > _LOOSE_LOW * tall]
    free = np.zeros(count, np.bool_)
    standing = False
    reach = max(int(_END * tall), 2)
    for i in np.flatnonzero(fits):
        x, y, end = int(left[i]), int(top[i]), int(top[i] + high[i])
        inside = (min(end, box.y + box.h) - max(y, box.y) for box in bands)
        if max(inside, default=0) < _IN_ROW * high[i]:
            continue
        if np.quantile(contrast[names == i], _MIDDLE) < _LOOSE_DARK:
            continue
        beside = slice(max(x - reach, 0), x + int(wide[i]) + reach)
        ends = (
            across[max(y - reach, 0) : y + reach, beside],
            across[end - reach : end + reach, beside],
        )
        free[i] = not any(part.any() for part in ends)
        standing |= not free[i]
    return np.asarray(free[names]), bool(standing)


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
