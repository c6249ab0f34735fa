"""A row of a picture -> a line of fixed height, as it is read whole: its ink, and its greys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.find import Found, Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]

HEIGHT = 32  # pixels
_TALL = 18  # pixels, that digits get
_LEAST = 0.75  # of it, where a row climbs or has tall digits, so that it fits as a whole
_ENDS = 8  # pixels at either end
_WIDEST = 4096  # pixels; what is wider is squeezed
_MAIN = 0.45  # of the row's height: what is lower doesn't say where its middle is
_AROUND = 2.0  # of the row's height: the paper that shades are measured against
_FULL = 0.6  # ink that is as dark as the pen
_FAINTEST = 0.02  # of full scale; what differs less from its paper isn't stretched to full depth
_DEEPEST = 1.25  # times as deep as the pen: what is deeper counts as this


def line_of(found: Found, row: Row, depth: Plane) -> NDArray[np.uint8]:
    """Give a row as a line of two planes: digits 18 pixels high, their middle at half height.

    The first plane is the row's own ink. The second is how deep everything there is, whether it
    was taken for ink or not, against the paper around it and the pen: it shows strokes that the
    ink lost. What is far above or below the digits is cut off.

    Parameters
    ----------
    depth : (h, w), as large as the ink: the picture's shades, more = more like ink.

    Returns
    -------
    line : uint8 (2, 32, w), 0 = paper.
    """
    x, y, w, h = row.box
    main = [piece for piece in row.pieces if piece.box.h >= _MAIN * row.tall]
    mass = sum(piece.mass for piece in main)
    middle = sum(p.mass * (p.box.y + p.box.h / 2) for p in main) / mass if main else y + h / 2

    scale = min(_TALL / row.tall, max(HEIGHT / h, _LEAST * _TALL / row.tall))
    reach = HEIGHT / 2 / scale
    if h <= 2 * reach:  # as near the middle as the row lets it, with nothing cut off
        middle = min(max(middle, y + h - reach), y + reach)
    across = min(scale, (_WIDEST - 2 * _ENDS) / w)
    left, right = round(x - _ENDS / across), round(x + w + _ENDS / across)
    top, bottom = round(middle - reach), round(middle + reach)
    size = round((right - left) * across), HEIGHT
    window = _Window(left, top, right, bottom)
    own = window.of(np.isin(found.owners, [piece.name for piece in row.pieces]) * found.ink)
    near = window.wider(round(_AROUND * row.tall))
    deep = _against_paper(near.of(depth, edge=True), near.of(found.ink), round(_AROUND * row.tall))
    deep = deep[top - near.top : bottom - near.top, left - near.left : right - near.left]
    full = deep[own > _FULL]
    pen = max(float(np.median(full)) if len(full) else 0.0, _FAINTEST)
    planes = own, np.clip(deep / pen, 0, _DEEPEST) / _DEEPEST
    return np.stack([_resized(plane, size) for plane in planes])


class _Window:
    """A part of the plane, which may reach out of a picture."""

    def __init__(self, left: int, top: int, right: int, bottom: int) -> None:
        self.left, self.top, self.right, self.bottom = left, top, right, bottom

    def wider(self, by: int) -> _Window:
        return _Window(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def of(self, plane: Plane, *, edge: bool = False) -> NDArray[np.float32]:
        """Cut it out; outside there is nothing, or with `edge`, what is at the picture's edge."""
        h, w = plane.shape
        rows = np.arange(self.top, self.bottom)
        columns = np.arange(self.left, self.right)
        cut = plane[np.ix_(rows.clip(0, h - 1), columns.clip(0, w - 1))].astype(np.float32)
        if not edge:
            cut[(rows < 0) | (rows >= h)] = 0
            cut[:, (columns < 0) | (columns >= w)] = 0
        return np.asarray(cut)


def _against_paper(
    depth: NDArray[np.float32], ink: NDArray[np.float32], side: int
) -> NDArray[np.float32]:
    """Give how much deeper each pixel is than the paper around it, where nothing is ink."""
    import cv2

    paper = (cv2.dilate(ink, np.ones((3, 3), np.uint8)) == 0).astype(np.float32)
    box = (2 * (side // 2) + 1,) * 2
    share = cv2.blur(paper, box)
    mean = cv2.blur(depth * paper, box) / np.maximum(share, 1e-3)
    return np.asarray(depth - np.where(share > 1e-3, mean, depth.min()), np.float32)


def _resized(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    import cv2

    how = cv2.INTER_AREA if size[1] < len(plane) else cv2.INTER_LINEAR
    small = np.clip(cv2.resize(plane, size, interpolation=how), 0, 1)
    return np.asarray(np.round(255 * small), np.uint8)
