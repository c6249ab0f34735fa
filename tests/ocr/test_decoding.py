"""Decoding against the sum over all alignments."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistry.ocr.constraints import DigitCount, OneOf, Pattern, allows
from mnistry.ocr.decoding import decode
from mnistry.ocr.recognizer import BLANK, CLASSES, OTHER


def lattice(seed: int, columns: int) -> NDArray[np.float64]:
    """Return a random lattice in which few classes are possible."""
    rng = np.random.default_rng(seed)
    logits = np.full((columns, CLASSES), -60.0)
    logits[:, [1, 2, OTHER, BLANK]] = 2 * rng.standard_normal((columns, 4))
    return np.asarray(logits - np.logaddexp.reduce(logits, axis=1)[:, None])


def by_enumeration(columns: NDArray[np.float64]) -> dict[tuple[int, ...], float]:
    """Sum the probability of all alignments of each text."""
    found: dict[tuple[int, ...], float] = {}
    possible = [np.flatnonzero(column > -50) for column in columns]
    for path in product(*possible):
        text = tuple(
            int(c) for i, c in enumerate(path) if c != BLANK and (i == 0 or c != path[i - 1])
        )
        p = float(np.exp(sum(columns[i, c] for i, c in enumerate(path))))
        found[text] = found.get(text, 0.0) + p
    return found


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_probabilities_are_sums_over_alignments(seed: int, columns: int) -> None:
    """Every text found has its exact probability, best first, and together they are all."""
    answers = lattice(seed, columns)
    expected = by_enumeration(answers)
    decoded = decode(answers, most=10_000)
    assert list(decoded.values()) == sorted(decoded.values(), reverse=True)
    for text, p in decoded.items():
        assert p == pytest.approx(expected[text], rel=1e-2, abs=1e-6)
    assert next(iter(decoded)) == max(expected, key=expected.__getitem__)
    assert sum(decoded.values()) == pytest.approx(1, abs=1e-3)


@given(st.integers(0, 10_000))
def test_a_constraint_leaves_what_it_allows(seed: int) -> None:
    """With a constraint: all texts that it allows, their probabilities unchanged."""
    answers = lattice(seed, 5)
    constraint = Pattern("1[12]|222?")
    expected = {
        text: p
        for text, p in by_enumeration(answers).items()
        if OTHER not in text and allows(constraint, text)
    }
    decoded = decode(answers, constraint=constraint)
    for text, p in decoded.items():
        assert p == pytest.approx(expected[text], rel=1e-3, abs=1e-5)
    assert sum(decoded.values()) == pytest.approx(sum(expected.values()), rel=1e-2, abs=1e-4)


def test_a_constraint_finds_texts_that_are_improbable() -> None:
    """The lattice speaks for 78: of 12 and 79, the latter is found with its small probability."""
    answers = np.full((3, CLASSES), -9.0)
    answers[[0, 1, 2], [7, BLANK, 8]] = 0
    answers -= np.logaddexp.reduce(answers, axis=1)[:, None]
    assert next(iter(decode(answers))) == (7, 8)
    found = decode(answers, constraint=OneOf(["12", "79"]))
    assert next(iter(found)) == (7, 9)
    assert 0 < found[7, 9] < 1e-3
    assert decode(answers, constraint=DigitCount(9)) == {}  # there is no room for nine


def test_the_same_digit_twice_needs_a_blank_between() -> None:
    """Two columns of a digit are one digit; with a blank between they are two."""
    answers = np.full((3, CLASSES), -30.0)
    answers[:, 4] = 0
    assert next(iter(decode(answers))) == (4,)
    answers[1, [4, BLANK]] = -30, 0
    assert next(iter(decode(answers))) == (4, 4)
