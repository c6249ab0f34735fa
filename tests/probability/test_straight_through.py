"""Scores of whole texts against their definitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.errors import InputError
from mnistry.probability.straight_through import acceptance_threshold, score_texts

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


def test_a_threshold_without_a_sample_is_the_claim_itself() -> None:
    """Each accepted text has at most the risk by its own probability."""
    assert acceptance_threshold(0.01) == 0.99
    for bad in (0, 1, -0.1, float("nan"), True, "0.1"):
        with pytest.raises(InputError, match="`risk` must be a number between 0 and 1"):
            acceptance_threshold(bad)  # type: ignore[arg-type]


def test_a_threshold_comes_from_the_sample(tmp_path: Path) -> None:
    """Of the sample's risks the greatest that is not above the asked one is used."""
    report = tmp_path / "report.json"
    claims = np.linspace(0.5, 1, 400)
    right = claims > 0.7
    scores = score_texts(claims, right)
    report.write_text(json.dumps({"images": "x", **scores.to_dict()}))
    for risk, of in ((0.01, 0.01), (0.015, 0.01), (0.5, 0.02)):
        threshold = acceptance_threshold(risk, report)
        assert threshold == next(one.threshold for one in scores.accepted if one.risk == of)
        accepted = claims >= threshold
        assert (~right[accepted]).mean() <= risk
    with pytest.raises(InputError, match=r"risks 0.001, 0.005, 0.01, 0.02; 0.0001 is below them"):
        acceptance_threshold(0.0001, report)
    report.write_text(json.dumps(score_texts([0.9], [False]).to_dict()))
    assert acceptance_threshold(0.01, report) == float("inf")
    wrong = [{"accepted": [{"risk": 0.01, "threshold": bad}]} for bad in ("x", -1, 2, float("nan"))]
    for bad in ([1], *wrong):
        report.write_text(json.dumps(bad))
        with pytest.raises(InputError, match="is no report of"):
            acceptance_threshold(0.01, report)
    with pytest.raises(InputError, match="can't be read"):
        acceptance_threshold(0.01, tmp_path / "missing.json")
