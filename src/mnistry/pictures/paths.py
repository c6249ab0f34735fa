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
    table = _Table(spans, digit, other, *_of_any_text(spans))
    return table.path(0, int(table.best[0].argmax()))


def counted_paths(spans: Spans, digit: Floats, other: Floats, most: int) -> list[Path]:
    """Find the best way for each number of digits up to `most` that has a way; see `best_path`."""
    table = _Table(spans, digit, other, *_of_any_text(spans))
    counts = np.flatnonzero(np.isfinite(table.best[0, : most + 1]))
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
    classes = np.full((len(texts), most), -1)  # behind a text's end, the one added here
    for row, text in zip(classes, texts, strict=True):
        row[: len(text)] = text
    known = np.pad(known, ((0, 0), (0, 1)), constant_values=-np.inf)
    table = _Table(spans, digit, other, known, classes)
    return [
        table.path(h, len(text)) if np.isfinite(table.best[h, len(text)]) else None
        for h, text in enumerate(texts)
    ]


def _of_any_text(spans: Spans) -> tuple[Floats, NDArray[np.intp]]:
    """Give one text as long as a row may be, and what is known of its only class: nothing."""
    return np.zeros((len(spans), 1)), np.zeros((1, _pieces(spans)), np.intp)


def _pieces(spans: Spans) -> int:
    return 1 + max((last for _, last in spans), default=-1)


class _Table:
    """The best scores of reading a row, for each text and number of digits.

    Of a row up to each piece they are kept as long as candidates begin there; from then on only how
    they came about is, in two bytes each, for there are as many as pieces times digits.

    Parameters
    ----------
    known : (n, k), what each candidate adds to the score as a digit of each class.
    classes : (texts, most), the class of each text's 1st, 2nd, … digit.
    """

    def __init__(
        self, spans: Spans, digit: Floats, other: Floats, known: Floats, classes: NDArray[Any]
    ) -> None:
        texts, most = classes.shape
        self._spans = spans
        self._ending: list[list[int]] = [[] for _ in range(_pieces(spans))]
        behind: dict[int, int] = {}  # of where candidates begin: where the last of them ends
        for i, (first, last) in enumerate(spans):
            self._ending[last].append(i)
            behind[first] = max(behind.get(first, 0), last)
        self.best = np.full((texts, most + 1), -np.inf)
        self.best[:, 0] = 0
        up_to = {0: self.best}
        # Of the candidates that end with a piece: 2 × the one taken, + 1 if it is a digit.
        self._came = np.full((len(self._ending), texts, most + 1), -1, np.int16)
        for last, own in enumerate(self._ending):
            self.best, came = np.full_like(self.best, -np.inf), self._came[last]
            for k, i in enumerate(own):
                first = spans[i][0]
                weight = last - first + 1
                before = up_to[first]
                self._keep(self.best, came, before + weight * other[i], 2 * k)
                as_digit = before[:, :-1] + (weight * digit[i] + known[i][classes])
                self._keep(self.best[:, 1:], came[:, 1:], as_digit, 2 * k + 1)
            up_to = {at: best for at, best in up_to.items() if behind.get(at, 0) > last}
            up_to[last + 1] = self.best

    @staticmethod
    def _keep(best: Floats, came: NDArray[Any], score: Floats, by: int) -> None:
        better = score > best
        best[better] = score[better]
        came[better] = by

    def path(self, text: int, count: int) -> Path:
        """Give the way that reads the whole row as so many digits."""
        at = len(self._ending)
        score = float(self.best[text, count])
        taken: list[tuple[int, bool]] = []
        while at:
            k, is_digit = divmod(int(self._came[at - 1, text, count]), 2)
            i = self._ending[at - 1][k]
            taken.append((i, bool(is_digit)))
            count -= is_digit
            at = self._spans[i][0]
        taken.reverse()
        share = np.exp(score - np.logaddexp.reduce(self.best[text]))
        return Path(tuple(i for i, _ in taken), tuple(d for _, d in taken), score, float(share))
