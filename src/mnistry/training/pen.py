"""A pen: digits as strokes that can be drawn again, at any size, width and slant.

MNIST's pictures are 20 pixels of ink, too coarse to draw large. Their skeletons aren't: a skeleton
is a graph of points, to be bent, smoothed and gone over with a pen of any width.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

_FINER = 2  # a skeleton's grid is so much finer than the picture's
_FINEST = 8  # canvas pixels to one of the drawing's, each way
_CANVAS, _LONG = 96, 52  # pixels: of a canvas, and of the longer side of what is drawn on it
_CLOCKWISE = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


@dataclass(frozen=True)
class Strokes:
    """A drawing as a graph.

    Parameters
    ----------
    points : (n, 2) float, x and y; the digit's height is 1 and its middle at (0, 0).
    lines : (m, 2) int, the pairs of points that the pen joins.
    """

    points: NDArray[np.float64]
    lines: NDArray[np.intp]

    @property
    def size(self) -> tuple[float, float]:
        """Its width and height."""
        w, h = np.ptp(self.points, axis=0)
        return float(w), float(h)

    def bent(self, matrix: NDArray[np.float64], waves: NDArray[np.float64]) -> Strokes:
        """Give it turned and stretched by a (2, 2) matrix, then displaced by slow waves.

        `waves` is (2, 2, 2): for x and y, an amplitude's sine and cosine part along either axis.
        """
        points = self.points @ matrix.T
        phase = 2.2 * points[:, ::-1]
        moved = np.stack(
            [
                waves[axis, 0, 0] * np.sin(phase[:, axis])
                + waves[axis, 0, 1] * (np.cos(phase[:, axis]) - 1)
                + waves[axis, 1, 0] * np.sin(1.7 * points[:, axis] + 2.5 * points[:, 1 - axis])
                for axis in (0, 1)
            ],
            axis=1,
        )
        return Strokes(points + moved, self.lines)


def polyline(*corners: tuple[float, float], steps: int = 8) -> Strokes:
    """Give straight strokes from corner to corner, in steps that can be bent."""
    ends = np.array(corners, np.float64)
    share = np.arange(steps)[:, None] / steps
    parts = [a + (b - a) * share for a, b in pairwise(ends)]
    points = np.concatenate([*parts, ends[-1:]])
    at = np.arange(len(points) - 1)
    return Strokes(points, np.stack([at, at + 1], axis=1))


def curve(*corners: tuple[float, float], steps: int = 6) -> Strokes:
    """Give a smooth stroke through its corners (a Catmull-Rom spline)."""
    ends = np.array([corners[0], *corners, corners[-1]], np.float64)
    t = np.arange(steps)[:, None] / steps
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
               + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False)
    ]  # fmt: skip
    points = np.concatenate([*parts, ends[-1:]])
    at = np.arange(len(points) - 1)
    return Strokes(points, np.stack([at, at + 1], axis=1))


def together(*parts: Strokes) -> Strokes:
    """Give several strokes as one drawing."""
    first = np.cumsum([0, *(len(part.points) for part in parts)])
    lines = [part.lines + start for part, start in zip(parts, first, strict=False)]
    return Strokes(np.concatenate([p.points for p in parts]), np.concatenate(lines))


def draw(
    strokes: Strokes, size: float, width: float, at: tuple[float, float], canvas: NDArray[Any]
) -> None:
    """Add the strokes' ink to a canvas, anti-aliased.

    Parameters
    ----------
    size : pixels that a length of 1 becomes. width : of the pen, pixels.
    at : x and y of the middle, pixels.
    canvas : float32 (h, w), 0 = paper, 1 = ink; changed.
    """
    import cv2

    points = strokes.points * size + at
    reach = width / 2 + 1
    left, top = np.floor(points.min(axis=0) - reach).astype(int)
    right, bottom = np.ceil(points.max(axis=0) + reach).astype(int)
    h, w = canvas.shape
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, w), min(bottom, h)
    if x0 >= x1 or y0 >= y1:
        return
    fine = _FINEST if size < 100 else 4
    patch = np.zeros(((y1 - y0) * fine, (x1 - x0) * fine), np.uint8)
    fixed = np.round((points - (x0, y0)) * fine * 16).astype(np.int32)
    thick = 2 * max(round((width * fine - 1) / 2), 0) + 1  # OpenCV makes even ones odd
    cv2.polylines(patch, list(fixed[strokes.lines][:, :, None]), False, 255, thick, cv2.LINE_8, 4)
    ink = cv2.resize(patch, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    room = canvas[y0:y1, x0:x1]
    np.maximum(room, ink.astype(np.float32) / 255, out=room)


def by_hand(rng: Generator, strokes: Strokes) -> NDArray[np.float32]:
    """Draw strokes with a pen of any width, slanted and bent a little, on a canvas of their own."""
    slant, turn = rng.normal(0.1, 0.25), rng.normal(0, 0.1)
    stretch = float(np.exp(0.15 * rng.standard_normal()))
    waves = 0.05 * rng.standard_normal((2, 2, 2))
    strokes = strokes.bent(np.array([[stretch, -slant], [turn, 1.0]]), waves)
    size = _LONG / max(*strokes.size, 0.3)
    middle = (strokes.points.min(axis=0) + strokes.points.max(axis=0)) / 2 * size
    canvas = np.zeros((_CANVAS, _CANVAS), np.float32)
    at = float(_CANVAS / 2 - middle[0]), float(_CANVAS / 2 - middle[1])
    draw(strokes, size, _LONG * rng.uniform(0.04, 0.22), at, canvas)
    return canvas


def strokes_of(images: NDArray[np.uint8]) -> list[Strokes]:
    """Find the skeletons of pictures (n, h, w), 0 = paper, 255 = ink."""
    import cv2

    h, w = images.shape[1:]
    fine = np.stack(
        [
            cv2.GaussianBlur(
                cv2.resize(image, (w * _FINER, h * _FINER), interpolation=cv2.INTER_CUBIC),
                (0, 0), 0.8,
            )
            for image in images
        ]
    )  # fmt: skip
    return [_graph(skeleton) for skeleton in thinned(fine > 110)]


def thinned(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin shapes (n, h, w) to lines one pixel wide (Zhang & Suen 1984, CACM 27)."""
    masks = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    changed = True
    while changed:
        changed = False
        for first, second in (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))):
            ring = [np.roll(masks, (-dy, -dx), axis=(1, 2)) for dy, dx in _CLOCKWISE]
            count = np.sum(ring, axis=0, dtype=np.uint8)
            turns = np.sum([~ring[i] & ring[(i + 1) % 8] for i in range(8)], axis=0, dtype=np.uint8)
            goes = masks & (count >= 2) & (count <= 6) & (turns == 1)
            for three in (first, second):
                goes &= ~(ring[three[0]] & ring[three[1]] & ring[three[2]])
            if goes.any():
                masks = masks & ~goes
                changed = True
    return masks[:, 1:-1, 1:-1]


def _graph(skeleton: NDArray[np.bool_]) -> Strokes:
    """Join a skeleton's neighbouring pixels, then smooth the steps away."""
    ys, xs = np.nonzero(skeleton)
    name = np.full(np.add(skeleton.shape, 2), -1)
    name[ys + 1, xs + 1] = np.arange(len(ys))
    lines = []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = name[ys + 1 + dy, xs + 1 + dx]
        here = other >= 0
        if dy and dx:  # not where a corner joins them already
            here &= (name[ys + 1 + dy, xs + 1] < 0) & (name[ys + 1, xs + 1 + dx] < 0)
        lines.append(np.stack([np.flatnonzero(here), other[here]], axis=1))
    joined = np.concatenate(lines)
    points = np.stack([xs, ys], axis=1).astype(np.float64)
    if not len(joined):  # a dot
        points, joined = np.zeros((1, 2)), np.zeros((1, 2), np.intp)
        return Strokes(points, joined)
    degree = np.bincount(joined.ravel(), minlength=len(points))
    inner = degree == 2  # ends and crossings stay
    for _ in range(3):
        near = np.zeros_like(points)
        np.add.at(near, joined[:, 0], points[joined[:, 1]])
        np.add.at(near, joined[:, 1], points[joined[:, 0]])
        points = np.where(inner[:, None], (points + near) / 3, points)
    low, high = points.min(axis=0), points.max(axis=0)
    height = max(high[1] - low[1], (high[0] - low[0]) / 2, 1)
    return Strokes((points - (low + high) / 2) / height, joined)
