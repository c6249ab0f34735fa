"""The best ways to read a row: which of its candidates are digits, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Spans = Sequence[tuple[int, int]]
    Text = tuple[int, ...]


@dataclass(frozen=True)
class Path:
    """A row read: indices of the candidates taken, from left to right.

    `taken[i]` is read as a digit where `digit[i]`, and passed over as something else where not.
    `score` is the logarithm of what speaks for it, and `probability` its part among the best ways
    to read the row as each number of digits.
    """

    taken: tuple[int, ...]
    digit: tuple[bool, ...]
    score: float
    probability: float


def best_path(spans: Spans, digit: Floats, other: Floats) -> Path:
    """Find the most probable way to cover every piece of a row once.

    A candidate of several pieces counts as many times, so that every way has as many factors and
    few large candidates are no better than many small ones.

    Parameters
    ----------
    spans : (first, last) piece of each candidate; each piece must be a candidate of its own.
    digit, other : (n,) log probabilities that a candidate is a digit, and that it is a whole
        thing that is none.
    """
    if len(spans) == 1 and spans[0] == (0, 0):  # as most rows are
        best, rest = float(max(digit[0], other[0])), float(min(digit[0], other[0]))
        return Path((0,), (bool(digit[0] >= other[0]),), best, float(1 / (1 + np.exp(rest - best))))
    table = _Table(spans, digit, other, np.zeros((len(spans), 1, _pieces(spans))))
    return table.path(0, int(table.best[-1, 0].argmax()))


def counted_paths(spans: Spans, digit: Floats, other: Floats, most: int) -> list[Path]:
    """Find the best way for each number of digits up to `most` that has a way; see `best_path`."""
    table = _Table(spans, digit, other, np.zeros((len(spans), 1, _pieces(spans))))
    counts = np.flatnonzero(np.isfinite(table.best[-1, 0, : most + 1]))
    return [table.path(0, int(count)) for count in counts]


def text_paths(
    spans: Spans, digit: Floats, other: Floats, known: Floats, texts: Sequence[Text]
) -> list[Path | None]:
    """Find, for each text, the best way to read the row that says it; see `best_path`.

    Parameters
    ----------
    known : (n, k), log probabilities of each class for each candidate, if it is a digit.

    Returns
    -------
    paths : whose score has the text's own evidence in it; None where a text has no room.
    """
    most = max((len(text) for text in texts), default=0)
    says = np.full((len(spans), len(texts), most), -np.inf)
    for h, text in enumerate(texts):
        says[:, h, : len(text)] = known[:, list(text)]
    table = _Table(spans, digit, other, says)
    return [
        table.path(h, len(text)) if np.isfinite(table.best[-1, h, len(text)]) else None
        for h, text in enumerate(texts)
    ]


def _pieces(spans: Spans) -> int:
    return 1 + max((last for _, last in spans), default=-1)


class _Table:
    """The best scores of reading a row up to each piece, for each text and number of digits.

    Parameters
    ----------
    says : (n, texts, most), what each candidate adds to the score as a text's 1st, 2nd, … digit.
    """

    def __init__(self, spans: Spans, digit: Floats, other: Floats, says: Floats) -> None:
        pieces, (_, texts, most) = _pieces(spans), says.shape
        self._spans = spans
        self.best = np.full((pieces + 1, texts, most + 1), -np.inf)
        self._came = np.full(self.best.shape, -1)  # 2 × the last candidate, + 1 if it is a digit
        self.best[0, :, 0] = 0
        for i in sorted(range(len(spans)), key=lambda i: spans[i][1]):
            first, last = spans[i]
            weight = last - first + 1
            here = self.best[last + 1], self._came[last + 1]
            before = self.best[first]
            self._keep(*here, before + weight * other[i], 2 * i)
            as_digit = before[:, :-1] + (weight * digit[i] + says[i])
            self._keep(here[0][:, 1:], here[1][:, 1:], as_digit, 2 * i + 1)

    @staticmethod
    def _keep(best: Floats, came: NDArray[Any], score: Floats, by: int) -> None:
        better = score > best
        best[better] = score[better]
        came[better] = by

    def path(self, text: int, count: int) -> Path:
        """Give the way that reads the whole row as so many digits."""
        at = len(self.best) - 1
        score = float(self.best[at, text, count])
        taken: list[tuple[int, bool]] = []
        while at:
            i, is_digit = divmod(int(self._came[at, text, count]), 2)
            taken.append((i, bool(is_digit)))
            count -= is_digit
            at = self._spans[i][0]
        taken.reverse()
        share = np.exp(score - np.logaddexp.reduce(self.best[-1, text]))
        return Path(tuple(i for i, _ in taken), tuple(d for _, d in taken), score, float(share))
