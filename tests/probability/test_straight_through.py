"""Scores of whole texts against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.errors import InputError
from mnistry.probability.straight_through import score_texts

SOME = st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9, 0.95, 1.0]), st.booleans()), min_size=1)


def test_scores_of_a_few_texts() -> None:
    """Exact match, mean claim, calibration error and what can be accepted, by hand."""
    p = [0.99, 0.98, 0.9, 0.6, 0.2]
    scores = score_texts(p, [True, True, False, True, False], [0.0, 0.25, 0.4])
    assert (scores.count, scores.right, scores.exact) == (5, 3, 0.6)
    assert scores.exact_interval[0] < 0.6 < scores.exact_interval[1]
    assert scores.claimed == pytest.approx(np.mean(p))
    # The bins hold 0.99, 0.98 and 0.9; 0.6; 0.2.
    off = 3 * abs(np.mean(p[:3]) - 2 / 3) + abs(0.6 - 1) + abs(0.2 - 0)
    assert scores.ece == pytest.approx(off / 5)
    found = [(one.accepted, one.wrong, one.threshold) for one in scores.accepted]
    assert found == [(2, 0, 0.98), (4, 1, 0.6), (5, 2, 0.2)]
    assert scores.to_dict()["accepted"][0]["share"] == 0.4


def test_nothing_can_be_accepted_if_the_surest_is_wrong() -> None:
    """There is no threshold, and nothing is known of the error."""
    [one] = score_texts([0.9, 0.8], [False, True], [0.1]).accepted
    assert (one.threshold, one.accepted, one.error_interval) == (None, 0, (0.0, 1.0))


@given(SOME, st.sampled_from([0.0, 0.1, 0.3, 0.5]))
def test_the_threshold_accepts_as_many_as_the_risk_allows(
    texts: list[tuple[float, bool]], risk: float
) -> None:
    """All from the threshold on are accepted, few enough are wrong, and no lower one would do."""
    p, right = (np.array(column) for column in zip(*texts, strict=True))
    [one] = score_texts(p, right, [risk]).accepted
    for threshold in np.unique(p):
        taken = p >= threshold
        if (~right[taken]).mean() <= risk:
            assert one.accepted >= taken.sum()
    if one.threshold is not None:
        taken = p >= one.threshold
        assert (taken.sum(), (~right[taken]).sum()) == (one.accepted, one.wrong)
        assert one.wrong <= risk * one.accepted


@pytest.mark.parametrize(("p", "right"), [([], []), ([0.5], [True, False]), ([[0.5]], [[True]])])
def test_arrays_that_do_not_match_are_refused(p: list[float], right: list[bool]) -> None:
    """One value for each text, and at least one text."""
    with pytest.raises(InputError, match="must have one value for each text"):
        score_texts(p, right)
