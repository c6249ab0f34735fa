"""The inker: a small convnet that tells handwriting from paper, print and lines."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.find import find
from mnistry.pictures.shade import evenly_lit, median_near, odd
from mnistry.pictures.tilt import level, tilt_of
from mnistry.runtime import open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST, DOWN = 8, (16, 32, 48, 64)  # channels: at full size, and at each half of it
STEP = 2 ** len(DOWN)  # pixels, of which the network's pictures have whole multiples
_NEAR, _FAR = 33, 97  # pixels, the sides of the windows that shades are compared in
_FAINTEST = 0.004  # of full scale; paper without ink isn't stretched to more than this
_PAPER, _INK = 0.2, 0.8  # the network's answers that are paper, and ink, for sure
_LEAST_TALL, _BEST_TALL, _MOST_TALL = 16, 36, 68  # of digits, in pixels; it learnt from 14 to 72
_SMOOTH = 1.2  # pixels, by which grain is smoothed to compare
_AROUND = 0.5  # heights of a digit, a side of the window that paper's shade at a place is told from
# How much darker than the paper at its place the darkest quarter of the ink is, in standard
# deviations of smoothed paper. 14 of 15 sheets of grain have less, and 2 real pictures of 581.
_LEAST_CONTRAST = 2.2
_MAD = 1.4826  # standard deviations in a median absolute deviation
_COARSE = 192  # pixels, the longest side that is looked at first
_LARGEST = 2.0  # times the picture's own size
_MOST_PIXELS = 6_000_000
_TRIES = 4
_TILE, _OVERLAP = 640, 64  # pixels; larger ones are no quicker, and take more memory


def planes(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give what the network sees of a picture (h, w): (2, h, w), shades against their surroundings.

    The first is against a wide window and the picture's own contrast, the second against a narrow
    one and the contrast in it: the one knows what is dark, the other what is faint.
    """
    import cv2

    def mean(plane: NDArray[np.float32], side: int) -> NDArray[np.float32]:
        border = cv2.BORDER_REFLECT
        return np.asarray(cv2.blur(plane, (side, side), borderType=border))

    def limit(side: int) -> int:
        return side if side < 2 * min(grey.shape) else 2 * min(grey.shape) - 1

    # In place: pictures may be large, and each plane of them is.
    out = np.empty((2, *grey.shape), np.float32)
    wide, near = out
    np.subtract(grey, mean(grey, limit(_FAR)), out=wide)
    wide /= wide.std() + _FAINTEST
    np.subtract(grey, mean(grey, limit(_NEAR)), out=near)
    spread = mean(near * near, limit(_NEAR))
    np.sqrt(np.maximum(spread, 0, out=spread), out=spread)
    spread += np.float32(_FAINTEST)
    near /= spread
    return np.clip(out, -6, 6, out=out)


def padded(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give planes (2, h, w) at a size that the network takes, their last pixels repeated."""
    h, w = planes.shape[1:]
    return np.pad(planes, ((0, 0), (0, -h % STEP), (0, -w % STEP)), mode="edge")


def handwriting(
    grey: NDArray[np.float32],
) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
    """Find handwriting, darker than what it is on, at the size that suits the network.

    Parameters
    ----------
    grey : (h, w) in [0, 1].

    Returns
    -------
    ink : (h', w') in [0, 1], 0 = none. scale : h' / h. shown : the greys at that size.
    """
    wanted = _coarse(grey)
    tilt = tilt_of(evenly_lit(_scaled(grey, wanted)))
    largest = min(_LARGEST, (_MOST_PIXELS / grey.size) ** 0.5)
    for _ in range(_TRIES):
        scale = wanted
        shown = _scaled(grey, scale)
        lit = evenly_lit(shown)
        ink = level(lit, tilt, answer)
        rows = find(ink).rows
        tall = max((row.tall for row in rows), default=0.0)
        if _LEAST_TALL <= tall <= _MOST_TALL:
            break
        wanted = scale * (min(max(_BEST_TALL / tall, 0.2), 4) if tall else 4)
        wanted = min(wanted, largest)
        if abs(wanted / scale - 1) < 0.1:
            break
    if not _stands_out(ink, lit, tall):
        ink = np.zeros_like(ink)
    return ink, scale, shown


def is_darker(grey: NDArray[np.float32]) -> bool:
    """Say whether the network is surer of handwriting darker than its paper than of lighter."""
    shown = _scaled(grey, _coarse(grey))
    both = [_probabilities(evenly_lit(one)) for one in (shown, 1 - shown)]
    darker, lighter = (np.minimum(p, 1 - p).mean() for p in both)  # how unsure
    return bool(darker <= lighter)


def _coarse(grey: NDArray[np.float32]) -> float:
    return min(1.0, _COARSE / float(max(grey.shape)))


def _stands_out(ink: NDArray[np.float32], grey: NDArray[np.float32], tall: float) -> bool:
    """Say whether ink, of digits so `tall`, is darker than the paper near it by more than grain.

    What the network sees in mere grain is as dark as the grain's darker half. Paper's shade is
    told at each place, since light falls off and shadows have edges: it is the median around, of
    which strokes are less than half. Medians again of what is left, since paper has borders and
    smudges on it, and ink may be smudges for the most part.
    """
    import cv2

    marked = ink > 0.5
    close = cv2.dilate((ink > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    near = cv2.dilate(marked.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    around = near & ~close
    if not around.any() or not marked.any():
        return bool(marked.any())
    smooth = cv2.GaussianBlur(grey, (0, 0), _SMOOTH)
    side = odd(_AROUND * min(max(tall, _LEAST_TALL), _MOST_TALL))
    off = smooth - median_near(smooth, side)
    usual = np.median(off[around])
    spread = _MAD * np.median(np.abs(off[around] - usual))
    return bool(usual - np.quantile(off[marked], 0.25) > _LEAST_CONTRAST * spread)


def _scaled(grey: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    import cv2

    if scale == 1:
        return grey
    h, w = grey.shape
    size = max(round(w * scale), 1), max(round(h * scale), 1)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(np.clip(cv2.resize(grey, size, interpolation=how), 0, 1))


def answer(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the ink (h, w) in [0, 1] that the network finds in greys."""
    return np.asarray(np.clip((_probabilities(grey) - _PAPER) / (_INK - _PAPER), 0, 1))


def _probabilities(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ask the network; large pictures in tiles."""
    h, w = grey.shape
    out = np.empty((h, w), np.float32)
    shades = planes(grey)
    step = _TILE - 2 * _OVERLAP
    for y in range(0, max(h - 2 * _OVERLAP, 1), step):
        for x in range(0, max(w - 2 * _OVERLAP, 1), step):
            tile = shades[:, y : y + _TILE, x : x + _TILE]
            th, tw = tile.shape[1:]
            [[[ink]]] = _session().run(["ink"], {"planes": padded(tile)[None]})
            top, left = _OVERLAP if y else 0, _OVERLAP if x else 0
            out[y + top : y + th, x + left : x + tw] = ink[top:th, left:tw]
    return out


@cache
def _session() -> Any:
    """Give what runs the network, made once."""
    return open_session(Path(__file__).with_name("ink.onnx").read_bytes())
