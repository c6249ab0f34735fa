"""The best way to read a row: which of its candidates are digits, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Path:
    """A row read: indices of the candidates taken, from left to right.

    `taken[i]` is read as a digit where `digit[i]`, and passed over as something else where not.
    `probability` is that of just these candidates, among all ways to read the row.
    """

    taken: tuple[int, ...]
    digit: tuple[bool, ...]
    probability: float


def best_path(
    spans: Sequence[tuple[int, int]],
    digit: NDArray[np.floating[Any]],
    other: NDArray[np.floating[Any]],
    count: int | None = None,
) -> Path:
    """Find the most probable way to cover every piece of a row once.

    A candidate of several pieces counts as many times, so that every way has as many factors and
    few large candidates are no better than many small ones.

    Parameters
    ----------
    spans : (first, last) piece of each candidate; each piece must be a candidate of its own.
    digit, other : (n,) log probabilities that a candidate is a digit, and that it is a whole
        thing that is none.
    count : how many digits there must be; None for any number.

    Returns
    -------
    path : whose probability is its share of all ways' together; with no pieces, an empty one of
        probability 1. If no way has `count` digits, the count is dropped.
    """
    if len(spans) == 1 and spans[0] == (0, 0) and count is None:  # as most rows are
        share = 1 / (1 + np.exp(-abs(float(digit[0] - other[0]))))
        return Path((0,), (bool(digit[0] >= other[0]),), float(share))
    pieces = 1 + max((last for _, last in spans), default=-1)
    weight = np.array([last - first + 1 for first, last in spans], float)
    scores = np.stack([weight * digit, weight * other]) if len(spans) else np.zeros((2, 0))
    ends: list[list[int]] = [[] for _ in range(pieces + 1)]
    for i, (_, last) in enumerate(spans):
        ends[last + 1].append(i)
    most = pieces if count is not None else 0  # digits told apart, or not
    best = np.full((pieces + 1, most + 1), -np.inf)
    total = best.copy()
    came: dict[tuple[int, int], tuple[int, int]] = {}
    best[0, 0] = total[0, 0] = 0
    for at in range(1, pieces + 1):
        for i in ends[at]:
            before = spans[i][0]
            for is_digit in (1, 0):
                score = scores[1 - is_digit, i]
                step = is_digit if count is not None else 0
                for n in range(step, most + 1):
                    way = best[before, n - step] + score
                    total[at, n] = np.logaddexp(total[at, n], total[before, n - step] + score)
                    if way > best[at, n]:
                        best[at, n] = way
                        came[at, n] = (i, is_digit)
    n = 0
    if count is not None:
        n = (
            count
            if count <= most and np.isfinite(best[pieces, count])
            else int(best[pieces].argmax())
        )
    share = float(np.exp(best[pieces, n] - np.logaddexp.reduce(total[pieces])))
    taken: list[tuple[int, int]] = []
    at = pieces
    while at:
        i, is_digit = came[at, n]
        taken.append((i, is_digit))
        n -= is_digit if count is not None else 0
        at = spans[i][0]
    taken.reverse()
    return Path(tuple(i for i, _ in taken), tuple(bool(d) for _, d in taken), share)
