"""Texts in columns: against trying every way, and what holds for any columns."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnistry.probability.ctc import alternatives, likely_texts, log_likelihoods

NOTHING = 3


def normalised(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=1)[:, None])


columns_of_three = st.integers(1, 5).flatmap(
    lambda t: arrays(np.float64, (t, NOTHING + 1), elements=st.floats(-6, 0)).map(normalised)
)


def by_every_way(columns: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of every text: the sum over all ways to name the columns."""
    texts: dict[tuple[int, ...], float] = defaultdict(float)
    for way in itertools.product(range(NOTHING + 1), repeat=len(columns)):
        text = tuple(c for c, _ in itertools.groupby(way) if c != NOTHING)
        texts[text] += float(np.exp(sum(column[c] for column, c in zip(columns, way, strict=True))))
    return texts


@given(columns_of_three)
def test_likelihoods_are_the_sums_over_all_ways(columns: np.ndarray) -> None:
    """Each text's probability is right, and together they are 1."""
    texts = by_every_way(columns)
    found = np.exp(log_likelihoods(columns, list(texts)))
    np.testing.assert_allclose(found, list(texts.values()), atol=1e-12)
    assert found.sum() == pytest.approx(1)


def test_text_without_room_is_impossible() -> None:
    """Two of a kind need three columns; more digits than columns need more."""
    columns = np.log(np.full((2, 4), 0.25))
    found = log_likelihoods(columns, [(0, 0), (0, 1, 2), (0, 1)])
    assert found[0] == found[1] == -np.inf
    assert found[2] == pytest.approx(np.log(1 / 16))


def test_no_texts_and_no_columns() -> None:
    """Without columns a line says nothing, for sure."""
    assert log_likelihoods(np.zeros((0, 4)), [(), (1,)]).tolist() == [0, -np.inf]
    assert log_likelihoods(np.zeros((3, 4)), []).shape == (0,)
    assert likely_texts(np.zeros((0, 4)), 3) == [()]


@given(columns_of_three)
def test_likeliest_texts_come_first(columns: np.ndarray) -> None:
    """The search finds what trying every way finds; ties may be in any order."""
    texts = by_every_way(columns)
    best = sorted(texts.values(), reverse=True)[:3]
    found = likely_texts(columns, 3)
    np.testing.assert_allclose([texts[text] for text in found], best[: len(found)], rtol=0.02)


@given(columns_of_three, st.integers(1, 3))
def test_alternatives_are_probabilities_of_single_changes(columns: np.ndarray, n: int) -> None:
    """Each place's ten sum to 1, and are in the ratio of the whole texts'."""
    text = likely_texts(columns, 1)[0][:n]
    found = alternatives(columns, text)
    assert found.shape == (len(text), NOTHING)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)
    texts = by_every_way(columns)
    for place, row in enumerate(found):
        changed = [texts.get((*text[:place], c, *text[place + 1 :]), 0.0) for c in range(NOTHING)]
        np.testing.assert_allclose(np.exp(row), np.array(changed) / sum(changed), atol=1e-9)
