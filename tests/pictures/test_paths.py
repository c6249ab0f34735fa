"""The best path: it covers a row, is the most probable way, and its probability is its share."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnistry.pictures.paths import best_path, counted_paths, text_paths

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
    scores = scores_of(spans, digit, other)
    path = best_path(spans, digit, other)
    assert path.score == pytest.approx(scores[path.taken, path.digit])
    assert path.score == pytest.approx(max(scores.values()))
    best_by_count: dict[int, float] = {}
    for (_, kinds), score in scores.items():
        best_by_count[sum(kinds)] = max(score, best_by_count.get(sum(kinds), -np.inf))
    total = np.logaddexp.reduce(list(best_by_count.values()))
    assert path.probability == pytest.approx(np.exp(path.score - total), abs=1e-9)


def scores_of(
    spans: list[Span], digit: np.ndarray, other: np.ndarray
) -> dict[tuple[tuple[int, ...], tuple[bool, ...]], float]:
    """The score of every way to read the row."""
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
    return scores


@pytest.mark.slow
@given(rows(), arrays(np.float64, (12, 3), elements=st.floats(-9, 0)), st.data())
def test_text_paths_are_the_best_that_say_the_text(
    row: tuple[list[Span], np.ndarray, np.ndarray], known: np.ndarray, data: st.DataObject
) -> None:
    """Against trying every way, for several texts at once; None where there is no room."""
    spans, digit, other = row
    texts = data.draw(
        st.lists(st.lists(st.integers(0, 2), max_size=6).map(tuple), min_size=1, max_size=4)
    )
    scores = scores_of(spans, digit, other)
    for text, path in zip(
        texts, text_paths(spans, digit, other, known[: len(spans)], texts), strict=True
    ):
        saying = {
            (way, kinds): score
            + sum(known[i, c] for i, c in zip(itertools.compress(way, kinds), text, strict=True))
            for (way, kinds), score in scores.items()
            if sum(kinds) == len(text)
        }
        if path is None:
            assert not saying
        else:
            assert path.score == pytest.approx(saying[path.taken, path.digit])
            assert path.score == pytest.approx(max(saying.values()))


@given(rows(), st.integers(0, 6))
def test_counted_paths_are_the_best_of_their_number(
    row: tuple[list[Span], np.ndarray, np.ndarray], most: int
) -> None:
    """Against trying every way: the best for each number of digits, as far as there are pieces."""
    spans, digit, other = row
    best: dict[int, float] = {}
    for (_, kinds), score in scores_of(spans, digit, other).items():
        best[sum(kinds)] = max(score, best.get(sum(kinds), -np.inf))
    found = counted_paths(spans, digit, other, most)
    assert [sum(path.digit) for path in found] == [n for n in sorted(best) if n <= most]
    for path in found:
        assert path.score == pytest.approx(best[sum(path.digit)])


@pytest.mark.slow
def test_long_rows_take_little_memory() -> None:
    """A row of 600 pieces is read as each of nine texts of 200 digits in two bytes for each."""
    rng = np.random.default_rng(0)
    spans = [(a, b) for a in range(600) for b in range(a, min(a + 8, 600))]
    digit, other = -9 * rng.random((2, len(spans)))
    known = -5 * rng.random((len(spans), 10))
    texts = [tuple(rng.integers(0, 10, 200).tolist()) for _ in range(9)]
    tracemalloc.start()
    best = best_path(spans, digit, other)
    said = text_paths(spans, digit, other, known, texts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20
    for path in (best, *said):
        assert path is not None
        taken = [spans[i] for i in path.taken]
        assert [a for a, _ in taken] == [0, *(b + 1 for _, b in taken[:-1])]
    assert [sum(path.digit) for path in said if path] == [200] * 9


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
