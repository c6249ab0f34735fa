"""A sheet of paper that lies on something darker, as people photograph it: what is around it goes.

What the desk is made of would be read, and hides what is on the sheet: edges of paper and grain of
wood are darker than any ink. So all around the sheet is made paper, in the shades that its edges
have, and the picture keeps its size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Greys = NDArray[Any]  # floats in [0, 1], or uint8 up to 255

_LEAST_PIXELS = 2000
_MANY_PIXELS = 20_000  # in fewer, which are cut out already, only a frame's inside is a sheet
_COARSE = 160  # pixels, the longest side of the picture that a sheet is looked for in
_LEAST, _MOST = 0.1, 0.92  # share of the picture that a sheet covers
# Share of the smallest rectangle around it that it fills. Ellipses fill 0.79, a broad 0 up to 0.9.
_SQUARE, _FRAMED = 0.82, 0.93
_WHOLE = 0.93  # share of its convex hull that it fills
_EMPTY = 0.7  # share of it that is as bright as paper; the rest is written on
_LONG = 2.2  # times as long as wide; what is longer and bears no ink is a stroke too, as of a 1
_INSIDE = 0.3  # share of the picture's border that it may cover
_DARKER = 0.75  # times as bright as the sheet, at most, is what it lies on
_RIM = 3  # pixels of its edge, in the coarse picture, that go with what is around
_REACH = 32.0, 16.0, 8.0, 4.0  # pixels there, over which shades are carried outwards


def on_paper(greys: Greys) -> Greys | None:
    """Give a picture (h, w) whose sheet goes on beyond its edges; None where there is no sheet.

    Parameters
    ----------
    greys : floats in [0, 1], or uint8 up to 255; 0 = black.
    """
    import cv2

    h, w = greys.shape
    framed = greys.size < _MANY_PIXELS
    if greys.size < _LEAST_PIXELS or (framed and not _has_dark_border(greys)):
        return None
    scale = min(1.0, _COARSE / max(h, w))
    size = max(round(w * scale), 1), max(round(h * scale), 1)
    small = cv2.resize(greys, size, interpolation=cv2.INTER_AREA)
    if small.dtype != np.uint8:
        small = np.rint(255 * small).astype(np.uint8)
    small = np.asarray(cv2.medianBlur(small, 3), np.uint8)
    bright = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    sheet = _sheet(small, bright, framed)
    if sheet is None:
        return None
    kept = _without_rim(sheet)
    shade = _beyond(small.astype(np.float32), (kept & bright).astype(np.float32))
    if shade is None:
        return None
    part = cv2.resize(kept.astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR)
    around = cv2.resize(shade, (w, h), interpolation=cv2.INTER_LINEAR)
    if greys.dtype == np.uint8:
        return np.asarray(np.rint(greys * part + around * (1 - part)), np.uint8)
    return np.asarray(greys * part + around / 255 * (1 - part), greys.dtype)


def _has_dark_border(greys: Greys) -> bool:
    """Say whether most of the border is darker than a sheet inside would be: it is soon told."""
    border = np.concatenate([greys[0], greys[-1], greys[:, 0], greys[:, -1]])
    return bool(np.count_nonzero(border <= _DARKER * greys.max()) > 0.5 * len(border))


def _sheet(
    small: NDArray[np.uint8], bright: NDArray[np.uint8], framed: bool
) -> NDArray[np.uint8] | None:
    """Give the mask of the sheet, with what is written on it; None if there is none.

    Where it would be a frame's inside, it is as good as square, and something is written on it.
    """
    import cv2

    tidy = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(tidy, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    area = cv2.contourArea(outline)
    _, sides, _ = cv2.minAreaRect(outline)
    hull = cv2.contourArea(cv2.convexHull(outline))
    if not _LEAST * small.size <= area <= _MOST * small.size:
        return None
    square = _FRAMED if framed else _SQUARE
    if area < _WHOLE * hull or area < square * sides[0] * sides[1]:
        return None
    sheet = np.zeros_like(small)
    cv2.drawContours(sheet, [outline], -1, 1, -1)
    border = np.concatenate([sheet[0], sheet[-1], sheet[:, 0], sheet[:, -1]])
    inside = sheet > 0
    if bright[inside].mean() < _EMPTY or border.mean() > _INSIDE or inside.all():
        return None
    long = max(sides) > _LONG * min(sides)
    if (framed or long) and bright[_without_rim(sheet) > 0].all():
        return None
    return sheet if np.median(small[~inside]) <= _DARKER * np.median(small[inside]) else None


def _without_rim(sheet: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    around = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
    return np.asarray(cv2.erode(sheet, around, borderValue=1), np.uint8)


def _beyond(shades: NDArray[np.float32], paper: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Carry paper's shades outwards, from far to near, so that light goes on falling off there."""
    import cv2

    if not paper.any():
        return None
    found = np.full(shades.shape, np.median(shades[paper > 0]), np.float32)
    for reach in _REACH:
        weight = cv2.GaussianBlur(paper, (0, 0), reach)
        mean = cv2.GaussianBlur(shades * paper, (0, 0), reach) / np.maximum(weight, 1e-6)
        sure = np.clip(weight / 0.05, 0, 1)
        found = sure * mean + (1 - sure) * found
    return found
