"""The figures of trust draw the numbers that they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from mnistry.errors import InputError
from mnistry.evidence.page import save
from mnistry.evidence.trust import coverage, reliability

BINS: dict[str, list[float]] = {
    "confidence": [0.4, 0.8, 0.999],
    "accuracy": [0.5, 0.75, 1.0],
    "pictures": [20, 20, 20],
}
INTERVALS = [(0.3, 0.7), (0.5, 0.9), (0.8, 1.0)]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def dots(figure: Figure) -> np.ndarray:
    return np.array([p.center for p in figure.axes[0].patches if isinstance(p, Circle)])


def test_reliability_has_two_dots_a_bin(tmp_path: Path) -> None:
    """On plain scales at (claim, truth); on the others where it is wrong, to the right of it."""
    figure = reliability(BINS, INTERVALS, title="T")
    found = dots(figure)
    plain, near = found[:3], found[3:]
    x, y = plain.T
    across = (x - x[0]) / (x[1] - x[0])
    np.testing.assert_allclose(across, (np.array([0.4, 0.8, 0.999]) - 0.4) / 0.4, atol=1e-9)
    down = (y - y[0]) / (y[1] - y[0])
    np.testing.assert_allclose(down, (np.array([0.5, 0.75, 1.0]) - 0.5) / 0.25, atol=1e-9)
    assert (near[:, 0] > x.max()).all()
    assert (np.diff(near[:, 0]) < 0).all()
    assert {"T", "accuracy (lines: 95% intervals)", "error rate", "0%", "100%"} <= set(
        words(figure)
    )
    save(figure, tmp_path / "r.svg")
    save(reliability(BINS, INTERVALS, title="T"), tmp_path / "again.svg")
    assert (tmp_path / "r.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()


def test_coverage_draws_both_curves() -> None:
    """The curve of coverage starts at the first promise; risk ends at all pictures answered."""
    risk = {"answered": [0.5, 1.0], "risk": [0.0, 0.034]}
    figure = coverage([0.9, 0.8], [0.91, 0.82], risk)
    curves = [np.asarray(line.get_xydata()) for line in figure.axes[0].lines
              if line.get_linewidth() > 1]  # fmt: skip
    assert len(curves) == 2
    held, risks = curves
    assert held[0, 0] > held[1, 0]
    assert held[0, 1] < held[1, 1]
    assert risks[0, 0] < risks[1, 0]
    assert {"0%", "1%", "2%", "3%", "4%", "80%", "100%"} <= set(words(figure))


@pytest.mark.parametrize("most", [1e-4, 0.0034, 0.05, 0.3, 0.99])
def test_ticks_are_round_and_few(most: float) -> None:
    """Whatever the risk, from three to six ticks."""
    figure = coverage([0.5], [0.5], {"answered": [1.0], "risk": [most]})
    ticks = {text for text in words(figure) if text.endswith("%")}
    assert 7 <= len(ticks) <= 14


def test_figures_refuse_what_does_not_fit() -> None:
    """One interval a bin, one coverage a promise."""
    with pytest.raises(InputError, match=r"`intervals` must be one a bin, .* got 2 for 3"):
        reliability(BINS, INTERVALS[:2])
    with pytest.raises(InputError, match=r"as many, at least 1; got 1, 0"):
        coverage([0.9], [], {"answered": [1], "risk": [0]})
