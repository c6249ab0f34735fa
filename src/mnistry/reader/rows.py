"""What a row may say: texts that its line and its candidates suggest, weighed against each other.

The line is read whole, and knows what is a digit by what is beside it; candidates are looked at one
by one, at their best size, and know where each digit is. A text is as likely as both together say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mnistry.pictures.paths import Path, best_path, counted_paths, text_paths
from mnistry.probability.ctc import likely_texts, log_likelihoods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Text = tuple[int, ...]

_MOST = 8  # texts that the line suggests
# What the line's log probability of a text counts, against the candidates'; where all hangs
# together and is one digit for sure, which is seen better as such, and the more the less sure; and
# where it may be two digits, one above the other, of which the line knows nothing.
_LINE, _LINE_OF_ONE, _LINE_OF_DOUBTFUL, _LINE_OF_BROKEN = 2.0, 0.25, 1.0, 0.1
_LEAST = -200.0  # log probability that no text goes below


@dataclass(frozen=True)
class RowEvidence:
    """What is known of a row's candidates, and of its line.

    Parameters
    ----------
    spans, digit, other : see `best_path`.
    known : (n, 10), log probabilities of the digits for each candidate, if it is one.
    columns : (t, 11), the line's; see `log_likelihoods`.
    single : whether all of it hangs together. broken : whether it may be one digit, broken across.
    """

    spans: Sequence[tuple[int, int]]
    digit: Floats
    other: Floats
    known: Floats
    columns: Floats
    single: bool = False
    broken: bool = False

    @property
    def whole(self) -> float:
        """How likely all of it is one digit, as its candidate looks."""
        last = max(end for _, end in self.spans)
        scores = zip(self.spans, self.digit, strict=True)
        return max((math.exp(score) for span, score in scores if span == (0, last)), default=0.0)


@dataclass(frozen=True)
class Hypothesis:
    """A text that a row may say, where its digits are, and the log of what speaks for it."""

    text: Text
    path: Path
    score: float


def hypotheses(row: RowEvidence, count: int | None = None) -> list[Hypothesis]:
    """Give the texts that the row may say, of at most `count` digits, at least one."""
    texts = likely_texts(row.columns, _MOST)
    scores = row.spans, row.digit, row.other
    for path in [best_path(*scores)] if count is None else counted_paths(*scores, count):
        taken = [i for i, is_digit in zip(path.taken, path.digit, strict=True) if is_digit]
        texts.append(tuple(int(k) for k in row.known[taken].argmax(axis=1)))
    texts = [t for t in dict.fromkeys(texts) if count is None or len(t) <= count]
    weight = _LINE_OF_BROKEN if row.broken else _LINE
    if row.single and not row.broken:
        weight = _LINE_OF_ONE + (_LINE_OF_DOUBTFUL - _LINE_OF_ONE) * (1 - row.whole)
    lines = np.maximum(log_likelihoods(row.columns, texts), _LEAST)
    paths = text_paths(row.spans, row.digit, row.other, row.known, texts)
    return [
        Hypothesis(text, path, path.score + weight * float(line))
        for text, path, line in zip(texts, paths, lines, strict=True)
        if path is not None
    ]


def choose(
    rows: Sequence[Sequence[Hypothesis]], count: int | None
) -> tuple[list[Hypothesis], float]:
    """Choose what each row says, so that there are `count` digits in all, where that can be.

    Returns
    -------
    chosen : one of each row's. probability : that each row has as many digits as are chosen.
    """
    # By the number of digits up to a row: what speaks for the best choice, for all, and the best.
    ways: dict[int, tuple[float, float, list[Hypothesis]]] = {0: (0.0, 0.0, [])}
    for row in rows:
        found: dict[int, tuple[float, float, list[Hypothesis]]] = {}
        for before, (best, total, chosen) in ways.items():
            for one in row:
                n = 0 if count is None else before + len(one.text)
                if count is not None and n > count:
                    continue
                old = found.get(n, (-np.inf, -np.inf, []))
                sum_ = float(np.logaddexp(old[1], total + one.score))
                if best + one.score > old[0]:
                    found[n] = (best + one.score, sum_, [*chosen, one])
                else:
                    found[n] = (old[0], sum_, old[2])
        ways = found
    if count is not None and count not in ways:
        return choose(rows, None)
    _, total, chosen = ways[count or 0]
    alike = sum(
        float(np.logaddexp.reduce([o.score for o in row if len(o.text) == len(one.text)]))
        for row, one in zip(rows, chosen, strict=True)
    )
    return chosen, float(np.exp(alike - total))
