"""MNIST's framing in NumPy as its recipe reads: one crop after the other."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from crops import Ink, Task


def frame(ink: Ink) -> NDArray[np.uint8]:
    """Frame one digit: its box, the square around it, 20x20 by area, centred by mass."""
    ys, xs = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    answer = np.zeros((28, 28), np.uint8)
    if not len(ys):
        return answer
    h, w = int(ys[-1] - ys[0]) + 1, int(xs[-1] - xs[0]) + 1
    side = max(h, w, 10)
    square = np.zeros((side, side))
    top, left = (side - h) // 2, (side - w) // 2
    square[top : top + h, left : left + w] = ink[ys[0] : ys[0] + h, xs[0] : xs[0] + w]
    while len(square) < 20:
        square = square.repeat(2, axis=0).repeat(2, axis=1)
    weights = matrix(len(square))
    small = weights @ square @ weights.T
    whole = np.clip(np.floor(255 * small / min(small.max(), 1) + 0.5), 0, 255)
    middles, mass = np.arange(20) + 0.5, whole.sum()
    y = math.floor(15 - whole.sum(axis=1) @ middles / mass) + 10
    x = math.floor(15 - whole.sum(axis=0) @ middles / mass) + 10
    large = np.zeros((48, 48), np.uint8)
    y, x = min(max(y, 0), 28), min(max(x, 0), 28)
    large[y : y + 20, x : x + 20] = whole
    return large[10:38, 10:38]


@cache
def matrix(side: int) -> Ink:
    """Give (20, side): how much of each pixel falls into each of 20."""
    scale = 20 / side
    weights = np.zeros((20, side))
    for i in range(side):
        start = 10 + scale * (i - side / 2)
        end = start + 0.99 * scale
        first, last = math.floor(start + 1e-11), math.ceil(end - 1e-11) - 1
        if first == last:
            weights[first, i] = scale
        else:
            weights[first:last, i] = 1
            weights[first, i] = min(max(first + 1 - start, 0), 1)
            weights[last, i] = min(max(end - last, 0), 1)
    return weights


def main() -> None:
    """Frame, print."""
    task = Task()
    task.run(lambda: np.stack([frame(ink) for ink in task.crops]), lambda _: 1.0)


if __name__ == "__main__":
    main()
