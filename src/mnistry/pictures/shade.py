"""Paper's own shade at each place, under strokes and beside the edges of shadows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]


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


def odd(side: float) -> int:
    """Give the side of a window that has a middle, as near below as there is, at least 3."""
    return max((int(side) - 1) // 2 * 2 + 1, 3)
