"""Rows of a layout -> the grey windows that the line recognizer sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mnistry.pictures.find import Found
from mnistry.pictures.ink import Inked
from mnistry.pictures.layout import Box, Piece, Row
from mnistry.runtime import load_cv2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Margins around a row's ink, in heights of its digits. A row that is alone is seen in the image's
# full width, since binarization may have lost whole digits at its ends.
_ABOVE, _BESIDE = 0.35, 0.6
_HALF_DIGIT = 0.5  # greatest half width of a digit's box, in heights of its row's digits
# Quantiles of the darkness in a digit's box that count as paper and as pen. What is darker than the
# paper by less than the third value, relative to the pen, is no ink.
_PAPER, _PEN, _NO_INK = 0.5, 0.98, 0.35
_TALL_OF_WHOLE = 0.8  # assumed height of digits in a whole image, relative to the image's
# Least range of grey levels, from 0 to 255, between the darkest and the lightest hundredth.
_LEAST_CONTRAST, _DARKEST = 12, 0.01
_MOST_PIXELS = 4_000_000  # of a window; larger ones are seen by every second pixel, and so on


class Window(NamedTuple):
    """A part of an image: grey levels, uint8 (h, w), dark on light, and its place in px."""

    grey: NDArray[np.uint8]
    box: Box


def window_of(inked: Inked, found: Found, row: Row) -> Window:
    """Cut a row out of the image, with the margins that its neighbours leave."""
    h, w = inked.shades.shape
    x, y, wide, high = row.box
    top, bottom = y - _ABOVE * row.tall, y + high + _ABOVE * row.tall
    left, right = 0.0, float(w)
    if len(found.rows) > 1:
        left, right = x - _BESIDE * row.tall, x + wide + _BESIDE * row.tall
        for other in found.rows:
            if other is row:
                continue
            # The window ends in the middle of the gap to a neighbouring row.
            ox, oy, ow, oh = other.box
            if ox < x + wide and x < ox + ow:
                if oy + oh / 2 < y + high / 2:
                    top = max(top, min((oy + oh + y) / 2, y))
                else:
                    bottom = min(bottom, max((y + high + oy) / 2, y + high))
            elif oy < y + high and y < oy + oh:
                if ox + ow / 2 < x + wide / 2:
                    left = max(left, min((ox + ow + x) / 2, x))
                else:
                    right = min(right, max((x + wide + ox) / 2, x + wide))
    box = _within(left, top, right, bottom, h, w)
    grey = _bytes(inked, box)
    if found.grown:  # the strokes are so thin that they would vanish at a height of 48 px
        grey = np.asarray(load_cv2().erode(grey, np.ones((found.grown + 1,) * 2, np.uint8)))
    return Window(grey, box)


def whole(inked: Inked) -> Window:
    """Return the whole image as a row."""
    h, w = inked.shades.shape
    box = Box(0, 0, w, h)
    return Window(_bytes(inked, box), box)


def whole_row(window: Window) -> Row:
    """Return a row that fills a window, for an image in which no ink was found."""
    piece = Piece(1, 1, window.box, 1.0)
    return Row((piece,), _TALL_OF_WHOLE * window.box.h)


def has_contrast(grey: NDArray[np.uint8]) -> bool:
    """Return whether an image is more than one grey level and its noise."""
    return float(np.ptp(np.quantile(grey, (_DARKEST, 1 - _DARKEST)))) >= _LEAST_CONTRAST


def _within(left: float, top: float, right: float, bottom: float, h: int, w: int) -> Box:
    x0, y0 = max(int(left), 0), max(int(top), 0)
    x1, y1 = min(int(np.ceil(right)), w), min(int(np.ceil(bottom)), h)
    return Box(x0, y0, max(x1 - x0, 1), max(y1 - y0, 1))


def _bytes(inked: Inked, box: Box) -> NDArray[np.uint8]:
    """Return grey levels of a part, from 0 to 255, with dark ink on light paper."""
    step = 1 + int(np.sqrt(box.w * box.h / _MOST_PIXELS))
    part = inked.shades[box.y : box.y + box.h : step, box.x : box.x + box.w : step]
    if part.dtype != np.uint8:
        part = np.clip(255 * part.astype(np.float32), 0, 255).astype(np.uint8)
    return np.asarray(part if inked.dark else 255 - part)


def digit_boxes(
    inked: Inked, window: Window, row: Row, spans: Sequence[tuple[int, int]], columns: int
) -> list[Box]:
    """Return a box for each digit, from the columns of the lattice that it was read in.

    Parameters
    ----------
    spans : first and last column of each digit, of `columns` in all; see `align`.
    """
    h, w = inked.shades.shape
    wide = window.box.w / columns
    middle = [window.box.x + (first + last + 1) / 2 * wide for first, last in spans]
    reach = _HALF_DIGIT * row.tall
    top, bottom = max(row.box.y, 0), min(row.box.y + row.box.h, h)
    boxes = []
    for i, x in enumerate(middle):
        left = max(x - reach, (middle[i - 1] + x) / 2 if i else 0)
        right = min(x + reach, (middle[i + 1] + x) / 2 if i + 1 < len(middle) else w)
        boxes.append(_within(left, top, right, bottom, h, w))
    return boxes


def darkness(inked: Inked, box: Box) -> NDArray[np.float32]:
    """Return how dark a part of the image is against its paper, from 0 to 1."""
    plane = inked.ink if inked.depth is None else inked.depth
    part = np.asarray(plane[box.y : box.y + box.h, box.x : box.x + box.w], np.float32)
    paper, pen = np.quantile(part, (_PAPER, _PEN))
    over = (part - paper) / max(float(pen - paper), 1e-3)
    return np.asarray(np.clip((over - _NO_INK) / (1 - _NO_INK), 0, 1), np.float32)
