"""How far a form was turned when it was photographed, as the lines on it show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]

_SHADES = 0.02, 0.98  # quantiles that are black and white
_LONG = 0.35  # times the shorter side, how long a line is at least
_ALIKE = 1.5  # degrees between lines of one direction
_CLEAR = 1.5  # times the shorter side, how long those of one direction are together
_MOSTLY = 0.6  # share of all long lines that these are; strokes and patterns run in any direction
_LEAST, _MOST = 2.0, 12.0  # degrees; less doesn't matter, and more is some pattern's
_ROOM = 3.0  # times a picture's pixels, that it may need when turned; long strips need far more


def tilt_of(grey: Plane) -> float:
    """Tell by how many degrees a picture's long lines are off level and upright, or 0.

    The direction, right angles apart, that most of what the line segment detector of von Gioi et
    al. (2010) finds has in common. Clockwise, as rows run down, counts as more than 0.

    Parameters
    ----------
    grey : (h, w) in [0, 1], made so small that a line is a pixel or two wide.
    """
    import cv2

    low, high = np.quantile(grey, _SHADES)
    shown = np.clip((grey - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    found = cv2.createLineSegmentDetector().detect(shown)[0]
    if found is None:
        return 0.0
    ends = found.reshape(-1, 2, 2)
    right, down = (ends[:, 1] - ends[:, 0]).T
    length = np.hypot(right, down) / min(grey.shape)
    off = (np.degrees(np.arctan2(down, right)) + 45) % 90 - 45
    off, length = off[length >= _LONG], length[length >= _LONG]
    if not len(off):
        return 0.0
    alike = np.abs(off[:, None] - off) < _ALIKE
    together = alike @ length
    most = together.argmax()
    tilt = float((alike[most] * length) @ off / together[most])
    clear = together[most] >= max(_CLEAR, _MOSTLY * length.sum())
    return tilt if clear and _LEAST <= abs(tilt) <= _MOST else 0.0


def level(grey: Plane, tilt: float, answer: Callable[[Plane], Plane]) -> Plane:
    """Give what is answered of a picture (h, w) turned back by its tilt, turned as it is again.

    A long strip, which would need many times its pixels, is answered as it is.
    """
    if not tilt:
        return answer(grey)
    import cv2

    h, w = grey.shape
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), tilt, 1)
    size = np.ceil(np.abs(turn[:, :2]) @ (w, h)).astype(int)
    if size.prod() > _ROOM * (h + 1) * (w + 1):
        return answer(grey)
    turn[:, 2] += size / 2 - (w / 2, h / 2)
    upright = cv2.warpAffine(
        grey, turn, size.tolist(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    found = answer(np.asarray(upright, np.float32))
    back = cv2.warpAffine(found, turn, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(np.clip(back, 0, 1), np.float32)
