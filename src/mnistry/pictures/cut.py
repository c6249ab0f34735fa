"""Where digits that touch may be cut: paths from top to bottom through their ink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ink = NDArray[np.floating[Any]]
    Paths = NDArray[np.intp]

_CUT_APART = 0.15  # of the row's height: the least distance of two cuts
_CUT_COST = 5  # strokes: the most ink that a cut may cross
_MASK = 0.4  # ink that has a contour
_DEEP = 0.08  # of the row's height, the least depth of a notch in a contour
_REACH = 0.7  # of it, how far to both sides a notch is compared
_LEAN = 0.45  # of it, how far a cut may lean from the upper notch to the lower
_ASIDE = 0.01  # of full ink, what a step aside costs a seam


def cuts(ink: Ink, tall: float, stroke: float) -> Paths:
    """Find where a digit may end, too often rather than too seldom.

    Digits touch in two ways: by a stroke, which is cut where least ink is crossed, or by a common
    wall, which lies between a notch in the upper contour and one in the lower.

    Parameters
    ----------
    ink : (h, w), of what hangs together.
    tall, stroke : the digits' height and the pen's width, in pixels.

    Returns
    -------
    paths : (n, h), from left to right, the column where each path is in each row; what is left of
        it ends before.
    """
    walls = notches(ink, tall)
    apart = max(int(_CUT_APART * tall), 2)
    middle = len(ink) // 2
    paths = seams(ink, tall, stroke)
    if len(walls) and len(paths):
        distance = np.abs(walls[:, None, middle] - paths[None, :, middle]).min(axis=0)
        paths = paths[distance >= apart]
    both = np.concatenate([walls, paths])
    return both[np.argsort(both[:, middle], kind="stable")]


def notches(ink: Ink, tall: float) -> Paths:
    """Find the paths from a notch in the upper contour to one in the lower; see `cuts`."""
    h = len(ink)
    mask = ink > _MASK
    inked = mask.any(axis=0)
    upper = np.where(inked, mask.argmax(axis=0), h).astype(float)
    lower = np.where(inked, mask[::-1].argmax(axis=0), h).astype(float)  # from below
    paths = []
    bottoms = _notches(lower, tall)
    for x in _notches(upper, tall):
        leans = [abs(b - x) for b in bottoms]
        if leans and min(leans) <= _LEAN * tall:
            end = bottoms[int(np.argmin(leans))]
            top, foot = upper[x], max(h - 1 - lower[end], upper[x] + 1)
            share = np.clip((np.arange(h) - top) / (foot - top), 0, 1)
            paths.append(np.round(x + share * (end - x)).astype(np.intp))
    return np.array(paths, np.intp).reshape(-1, h)


def _notches(depth: NDArray[np.float64], tall: float) -> list[int]:
    """Find where a contour, (w,), is deeper than somewhere on both sides of it."""
    w, reach = len(depth), max(int(_REACH * tall), 2)
    found: list[int] = []
    x = 1
    while x < w - 1:
        end = x
        while end < w - 1 and depth[end] == depth[x]:
            end += 1
        left, right = depth[max(x - reach, 0) : x], depth[end : end + reach]
        peak = len(left) and len(right) and depth[x] > depth[x - 1] and depth[x] > depth[end]
        if peak and depth[x] - max(left.min(), right.min()) >= _DEEP * tall:
            found.append((x + end - 1) // 2)
        x = end
    return found


def seams(ink: Ink, tall: float, stroke: float) -> Paths:
    """Find the paths from top to bottom that cross least ink; see `cuts`.

    Parameters
    ----------
    ink : (h, w). tall : the digits' height; stroke : the pen's width; pixels.

    Returns
    -------
    paths : (n, h), the column where each path is in each row; what is left of it ends before.
    """
    h, w = ink.shape
    cost = ink + 0.02
    middle = h // 2
    above = _descend(cost[: middle + 1])
    below = _descend(cost[: middle - 1 if middle else None : -1])
    total = above[-1, 1:-1] + below[-1, 1:-1] - cost[middle]
    apart = max(int(_CUT_APART * tall), 2)
    margin = max(int(0.1 * tall), 1)
    limit = _CUT_COST * stroke
    chosen: list[int] = []
    near = np.zeros(w, np.bool_)  # to one that is chosen
    for x in np.argsort(total[margin : w - margin]) + margin if w > 2 * margin else []:
        if total[x] > limit:
            break
        if not near[x]:
            low, high = max(x - apart, 0), min(x + apart + 1, w)
            if total[x] <= total[low:high].min() + 1e-6:
                chosen.append(int(x))
                near[max(x - apart + 1, 0) : x + apart] = True
    paths = np.empty((len(chosen), h), np.intp)
    for i, x in enumerate(sorted(chosen)):
        paths[i, middle::-1] = _way_back(above, x)
        paths[i, middle:] = _way_back(below, x)
    return paths


def _descend(cost: Ink) -> NDArray[np.float64]:
    """Give the least cost (h, w + 2) of reaching each place from the first row, between walls."""
    h, w = cost.shape
    totals = np.full((h, w + 2), np.inf)
    totals[0, 1:-1] = cost[0]
    for row in range(1, h):
        before = totals[row - 1]
        best = np.minimum(before[:-2], before[2:])
        best += _ASIDE
        np.minimum(best, before[1:-1], out=best)
        np.add(best, cost[row], out=totals[row, 1:-1])
    return totals


def _way_back(totals: NDArray[np.float64], x: int) -> list[int]:
    """Give the columns of the cheapest way from column x of the last row to the first."""
    way = [x]
    for before in totals[-2::-1]:
        costs = before[x + 1], before[x] + _ASIDE, before[x + 2] + _ASIDE
        x += (0, -1, 1)[costs.index(min(costs))]
        way.append(x)
    return way
