"""A row of a picture -> a line of fixed height, as it is read whole: its ink, and its greys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnistry.pictures.find import Found
from mnistry.pictures.layout import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.floating[Any]]
    Small = NDArray[np.float32]

HEIGHT = 32  # pixels
_TALL = 18  # pixels, that digits get
_LEAST = 0.75  # of it, where a row climbs or has tall digits, so that it fits as a whole
_ENDS = 8  # pixels at either end
_WIDEST = 4096  # pixels; what is wider is squeezed
_MAIN = 0.45  # of the row's height: what is lower doesn't say where its middle is
_AROUND = 2.0  # of the row's height: the paper that shades are measured against
_COARSE = 12  # pixels, that digits get where paper is looked at
_FULL = 0.6  # ink that is as dark as the pen
_FAINTEST = 0.02  # of full scale; what differs less from its paper isn't stretched to full depth
_DEEPEST = 1.25  # times as deep as the pen: what is deeper counts as this


def line_of(found: Found, row: Row, depth: Plane | None) -> NDArray[np.uint8]:
    """Give a row as a line of two planes: digits 18 pixels high, their middle at half height.

    The first plane is the row's own ink. The second is how deep everything there is, whether it
    was taken for ink or not, against the paper around it and the pen: it shows strokes that the
    ink lost, and by what runs on beyond the picture, what its edges cut. What is far above or below
    the digits is cut off.

    Parameters
    ----------
    depth : (h, w), as large as the ink: the picture's shades, more = more like ink. None: the ink
        says it all, as on even paper.

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
    everything = found.ink if depth is None else depth
    own = window.of(np.isin(found.owners, [piece.name for piece in row.pieces]) * found.ink, size)
    deep = window.of(everything, size, edge=True)
    if depth is not None:
        deep -= _paper(found.ink, depth, window, size, row.tall)
    full = deep[own > _FULL]
    pen = max(float(np.median(full)) if len(full) else 0.0, _FAINTEST)
    planes = np.stack([own, np.clip(deep / pen, 0, _DEEPEST) / _DEEPEST])
    return np.asarray(np.round(255 * planes), np.uint8)


class _Window(NamedTuple):
    """A part of the plane, which may reach out of a picture."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, plane: Plane, size: tuple[int, int], *, edge: bool = False) -> Small:
        """Cut it out and resize it to (w, h).

        Outside there is nothing, or with `edge`, what is at the picture's edge.
        """
        import cv2

        h, w = plane.shape
        rows = np.arange(self.top, self.bottom)
        columns = np.arange(self.left, self.right)
        cut = plane[np.ix_(rows.clip(0, h - 1), columns.clip(0, w - 1))].astype(np.float32)
        if not edge:
            cut[(rows < 0) | (rows >= h)] = 0
            cut[:, (columns < 0) | (columns >= w)] = 0
        how = cv2.INTER_AREA if size[1] < len(cut) else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(cut, size, interpolation=how).clip(0, 1))


def _paper(ink: Plane, depth: Plane, window: _Window, size: tuple[int, int], tall: float) -> Small:
    """Give how deep the paper is in a window resized to (w, h): what is near and no ink."""
    import cv2

    reach = round(_AROUND * tall)
    left, top = max(window.left - reach, 0), max(window.top - reach, 0)
    near = slice(top, window.bottom + reach), slice(left, window.right + reach)
    deep = depth[near].astype(np.float32)
    empty = cv2.dilate(ink[near].astype(np.float32), np.ones((3, 3), np.uint8)) == 0
    fewer = min(_COARSE / tall, 1.0)
    h, w = (max(round(n * fewer), 1) for n in deep.shape)
    box = (2 * round(reach * fewer / 2) + 1,) * 2
    count, total = (
        cv2.blur(
            cv2.resize(plane, (w, h), interpolation=cv2.INTER_AREA),
            box,
            borderType=cv2.BORDER_CONSTANT,
        )
        for plane in (empty.astype(np.float32), deep * empty)
    )
    mean = np.where(count > 1e-3, total / np.maximum(count, 1e-3), deep.min())
    # Where the middle of each pixel of the line is among those of `mean`.
    across, down = w / deep.shape[1], h / deep.shape[0]
    step = (
        across * (window.right - window.left) / size[0],
        down * (window.bottom - window.top) / size[1],
    )
    to_mean = np.array(
        [
            [step[0], 0, across * (window.left - left) + step[0] / 2 - 0.5],
            [0, step[1], down * (window.top - top) + step[1] / 2 - 0.5],
        ]
    )
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    paper = cv2.warpAffine(
        mean.astype(np.float32), to_mean, size, flags=how, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(paper)
