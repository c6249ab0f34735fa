"""What a row may say: the evidence of lattice and candidates, and the number asked for."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.ocr.constraints import expected
from mnistry.ocr.recognizer import BLANK, CLASSES
from mnistry.pictures.paths import Path
from mnistry.reader.rows import (
    _LOST,
    Hypothesis,
    RowEvidence,
    _through_another,
    choose,
    combine_readings,
    digit_probabilities,
    hypotheses,
)


def columns_saying(*likely: tuple[int, float]) -> np.ndarray:
    """A line of three columns for each digit: the digit with its probability, else nothing."""
    columns = []
    for digit, p in likely:
        between, there = np.full((2, CLASSES), 1e-6)
        between[BLANK] = 1
        there[digit], there[BLANK] = p, 1 - p
        columns += [between, there, between]
    array = np.array(columns)
    normalised: np.ndarray = np.log(array / array.sum(axis=1, keepdims=True))
    return normalised


def row(columns: np.ndarray, *digits: tuple[int, float, float]) -> RowEvidence:
    """A row of pieces, each a candidate: its digit, how sure that is, and that it is a digit."""
    n = len(digits)
    known = np.full((n, 10), 1e-4)
    whole = np.array([w for _, _, w in digits])
    for line, (digit, sure, _) in zip(known, digits, strict=True):
        line[digit] = sure
    known = known / known.sum(axis=1, keepdims=True)
    spans = [(i, i) for i in range(n)]
    return RowEvidence(spans, np.log(whole), np.log(1 - whole), np.log(known), columns)


def best(made: list[Hypothesis]) -> tuple[int, ...]:
    return max(made, key=lambda one: one.score).text


def test_line_and_candidates_that_agree_are_believed() -> None:
    """Both say 42: so does the row, and each digit has its candidate."""
    made = hypotheses(row(columns_saying((4, 0.9), (2, 0.9)), (4, 0.9, 0.95), (2, 0.9, 0.95)))
    chosen = max(made, key=lambda one: one.score)
    assert chosen.text == (4, 2)
    assert chosen.path is not None
    assert chosen.path.taken == (0, 1)
    assert chosen.path.digit == (True, True)


def test_the_surer_one_wins_where_they_differ() -> None:
    """A line that is sure of a 1 beats candidates that take it for a 7 by a hair."""
    unsure = row(columns_saying((1, 0.98)), (7, 0.5, 0.9))
    unsure.known[0, 1] = np.log(0.4)
    assert best(hypotheses(unsure)) == (1,)
    columns = columns_saying((1, 0.5))
    columns[1, 7] = np.log(0.4)
    assert best(hypotheses(row(columns, (7, 0.99, 0.9)))) == (7,)


def test_a_thing_by_itself_is_rather_one_digit() -> None:
    """Where all hangs together, a line that sees two digits in it counts little."""
    columns = columns_saying((1, 0.99), (0, 0.99))
    spans = [(0, 0), (1, 1), (0, 1)]
    known = np.log(np.full((3, 10), 0.1))
    whole = np.array([0.4, 0.4, 0.9])
    scores = spans, np.log(whole), np.full(3, -14.0), known, columns
    assert best(hypotheses(RowEvidence(*scores))) == (1, 0)
    assert len(best(hypotheses(RowEvidence(*scores, single=True)))) == 1


@pytest.mark.parametrize(("whole", "text"), [(0.95, (7,)), (0.1, (2,))])
def test_a_thing_that_may_be_no_whole_digit_is_rather_read_as_a_line(
    whole: float, text: tuple[int, ...]
) -> None:
    """A 7 by itself, a 2 by its line, which sees the stroke that its ink lacks."""
    evidence = row(columns_saying((2, 0.9)), (7, 0.9, whole))
    columns = np.array(evidence.lattice)
    columns[1, 7] = np.log(0.015)
    evidence.known[0, 2] = np.log(0.06)
    scores = evidence.spans, evidence.digit, np.full(1, -14.0), evidence.known, columns
    made = RowEvidence(*scores, single=True)
    assert made.whole == pytest.approx(whole)
    assert best(hypotheses(made)) == text


def test_what_the_line_passes_over_is_no_digit() -> None:
    """A speck that could be a 1, where the line sees nothing beside the 5."""
    made = hypotheses(row(columns_saying((5, 0.99)), (5, 0.9, 0.9), (1, 0.6, 0.5)))
    chosen = max(made, key=lambda one: one.score)
    assert chosen.text == (5,)
    assert chosen.path is not None
    assert chosen.path.digit == (True, False)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_texts_are_of_the_number_asked_for(pieces: int, count: int, seed: int) -> None:
    """Texts have at most `count` digits; a path has those of its text; every number is there."""
    rng = np.random.default_rng(seed)
    columns = columns_saying(*((int(rng.integers(10)), rng.random()) for _ in range(pieces)))
    digits = [(int(rng.integers(10)), 0.9, float(rng.uniform(0.1, 0.9))) for _ in range(pieces)]
    made = hypotheses(row(columns, *digits), count)
    for one in made:
        assert len(one.text) <= count
        assert one.path is None or sum(one.path.digit) == len(one.text)
        assert np.isfinite(one.score)
    assert {len(one.text) for one in made} >= set(range(min(count, pieces) + 1))


def test_a_digit_that_binarization_lost_is_read() -> None:
    """The lattice says 135, the ink holds 3 and 5 alone: the 1 is read without a candidate."""
    columns = columns_saying((1, 0.99999), (3, 0.99999), (5, 0.99999))
    made = hypotheses(row(columns, (3, 0.99, 0.95), (5, 0.99, 0.95)))
    chosen = max(made, key=lambda one: one.score)
    assert chosen.text == (1, 3, 5)
    assert chosen.path is None
    _, probability = choose([made], None)
    assert 0.5 < probability < 1
    columns = columns_saying((1, 0.5), (3, 0.99999), (5, 0.99999))
    assert best(hypotheses(row(columns, (3, 0.99, 0.95), (5, 0.99, 0.95)))) == (3, 5)


def test_ink_that_is_wrong_in_both_views_is_overruled() -> None:
    """Candidates and the ink's lattice share a lost 8 or an invented 1; the grey one decides."""
    whole, lost = ((3, 0.99999), (8, 0.99999), (5, 0.99999)), ((3, 0.99999), (5, 0.99999))
    invented = ((3, 0.99999), (1, 0.99999), (8, 0.99999), (5, 0.99999))
    for ink in (lost, invented):
        shown = row(columns_saying(*whole), *((digit, 0.99, 0.95) for digit, _ in ink))
        made = hypotheses(replace(shown, ink=columns_saying(*ink)))
        chosen = max(made, key=lambda one: one.score)
        assert chosen.text == (3, 8, 5)
        assert chosen.path is None
        _, probability = choose([made], None)
        assert 0.5 < probability < 0.999


@given(st.lists(st.lists(st.integers(0, 2), max_size=4).map(tuple), min_size=1, unique=True))
def test_a_text_is_reached_through_what_it_contains(texts: list[tuple[int, ...]]) -> None:
    """The score is the best over all texts of which one is a subsequence of the other."""
    scores = np.random.default_rng(len(texts)).uniform(-30, 0, len(texts)).tolist()
    for i, text in enumerate(texts):
        reached = [scores[i]]
        for other, score in zip(texts, scores, strict=True):
            short, long = sorted((text, other), key=len)
            if len(short) < len(long) and short in itertools.combinations(long, len(short)):
                reached.append(score + (len(long) - len(short)) * _LOST)
        score, as_seen = _through_another(texts, scores, i)
        assert score == pytest.approx(max(reached))
        assert as_seen == (score == scores[i])


def test_inks_are_weighed_by_the_grey_lattice() -> None:
    """The emptier ink is surer of its text, but the grey image does not show it."""
    grey = columns_saying((1, 0.99), (5, 0.99), (0, 0.99))
    shares = combine_readings(grey, [[("15", 0.999), ("5", 0.001)], [("150", 0.9), ("15", 0.1)]])
    assert max(shares, key=lambda text: shares[text]) == "150"
    assert sum(shares.values()) == pytest.approx(1)
    same = [("150", 0.9), ("15\n0", 0.1)]  # a row may have been taken for two
    assert combine_readings(grey, [same, same]) == pytest.approx(dict(same))


def test_what_is_known_decides_between_texts() -> None:
    """A 4 that could be a 9 is what fits; the digit's probabilities agree; nothing is forced."""
    evidence = row(columns_saying((2, 0.99), (4, 0.6)), (2, 0.99, 0.95), (4, 0.6, 0.95))
    evidence.lattice[4, 9] = np.log(0.35)
    evidence.known[1, 9] = np.log(0.35)
    assert best(hypotheses(evidence)) == (2, 4)
    made = hypotheses(evidence, expected=expected(allowed=["29", "31"]))
    assert best(made) == (2, 9)
    [chosen], probability = choose([made], None)
    assert chosen.fits
    assert probability > 0.8
    alone = np.exp(evidence.known) / np.exp(evidence.known).sum(axis=1, keepdims=True)
    p = digit_probabilities(made, chosen, alone)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p.argmax(axis=1).tolist() == [2, 9]
    assert best(hypotheses(evidence, expected=expected(allowed=["31"]))) == (2, 4)


def some(rng: np.random.Generator, n: int) -> list[Hypothesis]:
    lengths = [0, *rng.integers(0, 4, n - 1)]
    path = Path((), (), 0.0, 1.0)
    return [Hypothesis((1,) * int(k), path, float(rng.normal(0, 3))) for k in lengths]


@given(st.integers(1, 4), st.none() | st.integers(0, 6), st.integers(0, 99))
def test_choice_is_the_best_of_all(n: int, count: int | None, seed: int) -> None:
    """Against trying every choice: the best with the count, and its share of them."""
    rng = np.random.default_rng(seed)
    rows = [some(rng, 3) for _ in range(n)]
    choices = list(itertools.product(*rows))
    counted = [c for c in choices if count in (None, sum(len(one.text) for one in c))] or choices
    chosen, probability = choose(rows, count)
    scores = [sum(one.score for one in c) for c in counted]
    assert sum(one.score for one in chosen) == pytest.approx(max(scores))
    share = np.exp(max(scores) - np.logaddexp.reduce(scores))
    assert probability == pytest.approx(share)


def test_choice_of_nothing_is_nothing() -> None:
    """No rows: nothing is said, for sure."""
    assert choose([], None) == ([], 1.0)
