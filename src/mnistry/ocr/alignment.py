"""CTC lattice and a text -> where in the row each of the text's symbols is (Viterbi alignment)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mnistry.ocr.recognizer import BLANK

if TYPE_CHECKING:
    from numpy.typing import NDArray


def align(columns: NDArray[np.floating], text: Sequence[int]) -> list[tuple[int, int]]:
    """Find the columns of each symbol in the most probable alignment of a text.

    Parameters
    ----------
    columns : (t, 12), log probabilities, as `recognize` returns them.
    text : the symbols, at least one.

    Returns
    -------
    spans : first and last column of each symbol, from left to right; empty if the text has no
        room in so few columns.
    """
    columns = np.asarray(columns, np.float64)
    symbols = np.full(2 * len(text) + 1, BLANK)
    symbols[1::2] = text
    n = len(symbols)
    skip = np.zeros(n, bool)  # over the blank between two symbols that differ
    skip[3::2] = symbols[3::2] != symbols[1:-2:2]
    best = np.full(n, -np.inf)
    best[:2] = columns[0, symbols[:2]]
    came = np.zeros((len(columns), n), np.int8)  # states that were moved forward
    for t in range(1, len(columns)):
        options = np.full((3, n), -np.inf)
        options[0] = best
        options[1, 1:] = best[:-1]
        options[2, 2:] = np.where(skip[2:], best[:-2], -np.inf)
        came[t] = options.argmax(axis=0)
        best = options.max(axis=0) + columns[t, symbols]
    state = n - 1 if best[-1] >= best[-2] else n - 2
    if not np.isfinite(best[state]):
        return []
    first = np.full(n, len(columns))
    last = np.full(n, -1)
    for t in range(len(columns) - 1, -1, -1):
        first[state] = t
        last[state] = max(last[state], t)
        state -= came[t, state]
    return [(int(first[i]), int(last[i])) for i in range(1, n, 2)]
