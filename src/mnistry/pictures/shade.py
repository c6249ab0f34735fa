"""Paper's own shade at each place, under strokes and beside the edges of shadows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]

_NARROW = 27  # pixels; no stroke is so broad where digits are as tall as the inker likes them
_DARKEST = 5  # of 255, light that a share can be told of
_MOSTLY = 0.05, 0.95  # quantiles of light that are its least and its most
_UNEVEN = 1.4  # times as much of it


def median_near(shades: Plane, side: int) -> Plane:
    """Give the median of the `side` by `side` pixels around each, to a 255th of the range.

    What is thinner than half of that, as strokes are, hardly changes it, and a shadow keeps its
    edge.

    Parameters
    ----------
    shades : (h, w), finite. side : odd; of 8 bits OpenCV takes windows of any size at one price.
    """
    import cv2

    low, high = float(shades.min()), float(shades.max())
    step = max(high - low, 1e-9) / 255
    coarse = np.rint((shades - low) * (1 / step)).astype(np.uint8)
    return np.asarray(low + step * cv2.medianBlur(coarse, side).astype(np.float32))


def evenly_lit(grey: Plane) -> Plane:
    """Give greys as they would be in even light: their shares of the light at each place.

    Light is what is left when all is filled that is dark and narrower than `_NARROW` pixels, as
    strokes and printed lines are and shadows aren't. Where light differs little, it is left alone:
    what has many shades may be print, whose paper isn't evenly white.

    Parameters
    ----------
    grey : (h, w) in [0, 1], ink darker than paper, digits some 36 pixels tall.

    Returns
    -------
    lit : (h, w) in [0, 1]; `grey` itself where nothing is changed.
    """
    import cv2

    # Single bright pixels would stay in the light all around them.
    quiet = cv2.medianBlur(np.rint(255 * grey).astype(np.uint8), 3)
    light = cv2.morphologyEx(quiet, cv2.MORPH_CLOSE, np.ones((_NARROW, _NARROW), np.uint8))
    below = np.bincount(light.ravel(), minlength=256).cumsum()
    low, high = below.searchsorted(np.multiply(_MOSTLY, light.size))
    if high < _UNEVEN * max(low, _DARKEST):
        return grey
    share = np.float32(high) / np.maximum(light, np.float32(_DARKEST))
    return np.asarray(np.minimum(grey * share, 1), np.float32)


def odd(side: float) -> int:
    """Give the side of a window that has a middle, as near below as there is, at least 3."""
    return max((int(side) - 1) // 2 * 2 + 1, 3)
