"""Alignment against the best of all alignments."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mnistry.ocr.alignment import align
from mnistry.ocr.recognizer import BLANK, CLASSES


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    """Return the text of a path: repeated classes once, without blanks."""
    return tuple(c for i, c in enumerate(path) if c != BLANK and (i == 0 or c != path[i - 1]))


@given(st.integers(0, 10_000), st.integers(1, 5), st.lists(st.sampled_from([3, 7]), min_size=1))
def test_alignment_is_the_most_probable(seed: int, t: int, said: list[int]) -> None:
    """Each symbol is where the best of all paths has it; a text without room has none."""
    columns = np.random.default_rng(seed).standard_normal((t, CLASSES))
    paths = [path for path in product([3, 7, BLANK], repeat=t) if collapsed(path) == tuple(said)]
    spans = align(columns, said)
    if not paths:
        assert spans == []
        return
    best = max(paths, key=lambda path: sum(columns[i, c] for i, c in enumerate(path)))
    expected: list[tuple[int, int]] = []
    for i, c in enumerate(best):
        if c == BLANK:
            continue
        if i and best[i - 1] == c:
            expected[-1] = (expected[-1][0], i)
        else:
            expected.append((i, i))
    assert spans == expected
