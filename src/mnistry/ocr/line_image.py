"""Grey image of a row -> the line recognizer's input: 48 px high, of normalized contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HEIGHT = 48  # px
STRIDE = 4  # px of a row to one column of the recognizer's answer
_NARROWEST = 16  # px, so that there are a few columns
_LEAST_DEVIATION = 4.0  # grey levels; an even image is not stretched into noise
_CLIP = 5.0  # standard deviations


def resized(grey: NDArray[np.uint8], widest: int | None = None) -> NDArray[np.uint8]:
    """Resize a grey image to a height of 48 px, keeping its proportions.

    Parameters
    ----------
    grey : (h, w). widest : px; wider results are squeezed.
    """
    import cv2

    h, w = grey.shape
    width = max(_NARROWEST, round(w * HEIGHT / h))
    width = width if widest is None else min(width, widest)
    how = cv2.INTER_AREA if h > HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (width, HEIGHT), interpolation=how), np.uint8)


def normalized(line: NDArray[np.number]) -> NDArray[np.float32]:
    """Subtract a row's median and divide by its standard deviation.

    Parameters
    ----------
    line : (48, w), grey levels from 0 to 255; dark on light or light on dark.

    Returns
    -------
    (48, w), mostly near 0, clipped to ±5.
    """
    values = line.astype(np.float32)
    deviation = max(float(values.std()), _LEAST_DEVIATION)
    scaled = (values - np.median(values)) / np.float32(deviation)
    return np.asarray(np.clip(scaled, -_CLIP, _CLIP), np.float32)


def stacked(lines: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Stack normalized rows, with paper to their right, as (n, 1, 48, w); w is a multiple of 8."""
    widest = max(line.shape[1] for line in lines)
    out = np.zeros((len(lines), 1, HEIGHT, -(-widest // 8) * 8), np.float32)
    for row, line in zip(out, lines, strict=True):
        row[0, :, : line.shape[1]] = line
    return out
