"""The best path: it covers a row, is the most probable way, and its probability is its share."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.pictures.paths import best_path

Span = tuple[int, int]


def ways(spans: list[Span], pieces: int) -> list[list[int]]:
    """Every way to cover the pieces once, as indices of candidates."""
    if pieces == 0:
        return [[]]
    return [
        [*way, i]
        for i, (first, last) in enumerate(spans)
        if last == pieces - 1
        for way in ways([s for s in spans if s[1] < pieces], first)
        if all(spans[k][1] < first for k in way)
    ]


@st.composite
def rows(draw: st.DrawFn) -> tuple[list[Span], np.ndarray, np.ndarray]:
    pieces = draw(st.integers(1, 5))
    spans = [(a, b) for a in range(pieces) for b in range(a, min(a + 3, pieces))]
    spans.sort(key=lambda s: (s[1], s[0]))
    scores = st.lists(st.floats(-9, 0), min_size=len(spans), max_size=len(spans))
    return spans, np.array(draw(scores)), np.array(draw(scores))


@given(rows())
def test_path_is_the_best_of_all(row: tuple[list[Span], np.ndarray, np.ndarray]) -> None:
    """Against trying every way: the path's score is the highest, its probability its share."""
    spans, digit, other = row
    pieces = 1 + max(last for _, last in spans)
    weight = np.array([last - first + 1 for first, last in spans])
    scores: dict[tuple[tuple[int, ...], tuple[bool, ...]], float] = {}
    for way in ways(spans, pieces):
        for kinds in itertools.product((True, False), repeat=len(way)):
            score = sum(
                weight[i] * (digit if is_digit else other)[i]
                for i, is_digit in zip(way, kinds, strict=True)
            )
            scores[tuple(way), kinds] = score
    path = best_path(spans, digit, other)
    total = np.logaddexp.reduce(list(scores.values()))
    assert scores[path.taken, path.digit] == pytest.approx(max(scores.values()))
    assert path.probability == pytest.approx(np.exp(max(scores.values()) - total), abs=1e-9)


@given(rows(), st.integers(1, 4))
def test_path_has_the_number_of_digits_asked_for(
    row: tuple[list[Span], np.ndarray, np.ndarray], count: int
) -> None:
    """With a count, so many candidates are digits, wherever there are as many pieces."""
    spans, digit, other = row
    pieces = 1 + max(last for _, last in spans)
    path = best_path(spans, digit, other, count)
    if count <= pieces:
        assert sum(path.digit) == count
    covered = [k for i in path.taken for k in range(spans[i][0], spans[i][1] + 1)]
    assert covered == list(range(pieces))


def test_path_of_nothing_is_empty() -> None:
    """A row without pieces is read, for sure, as nothing."""
    path = best_path([], np.zeros(0), np.zeros(0))
    assert (path.taken, path.digit, path.probability) == ((), (), 1.0)


def test_path_joins_two_strokes_and_parts_two_digits() -> None:
    """Pieces that are only a digit together are joined; those that are digits alone aren't."""
    spans = [(0, 0), (1, 1), (0, 1), (2, 2), (1, 2)]
    digit = np.log([0.1, 0.1, 0.9, 0.95, 0.01])
    other = np.log([0.05, 0.05, 1e-6, 0.05, 1e-6])
    path = best_path(spans, digit, other)
    assert path.taken == (2, 3)
    assert path.digit == (True, True)
