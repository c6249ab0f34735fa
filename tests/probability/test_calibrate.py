"""The temperature found is the best there is, and changes no answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mnistry.errors import InputError
from mnistry.models.base import cross_entropy, softmax
from mnistry.probability.calibrate import fit_temperature

LOW, HIGH = 0.05, 20.0


def sample(n: int, k: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Logits, and labels drawn with the very probabilities that the logits tell."""
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=2.5, size=(n, k))
    return z, (z + rng.gumbel(size=(n, k))).argmax(axis=1)


cases = st.integers(2, 5).flatmap(
    lambda k: st.integers(1, 12).flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.float64, (n, k), elements=st.floats(-30, 30)),
            hnp.arrays(np.intp, n, elements=st.integers(0, k - 1)),
        )
    )
)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 1.8, 6.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_known_temperature_is_found(temperature: float, dtype: type) -> None:
    """Where labels are drawn from softmax(z), z times T has temperature T, within 3%."""
    z, labels = sample(20_000, 10)
    found = fit_temperature((z * temperature).astype(dtype), labels)
    assert found == pytest.approx(temperature, rel=0.03)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_no_neighbour_is_better(case: tuple[NDArray[np.float64], NDArray[np.intp]]) -> None:
    """The cross-entropy at T is at most that a hundredth above or below, within the range."""
    z, labels = case
    t = fit_temperature(z, labels)
    assert LOW <= t <= HIGH
    here = cross_entropy(z / t, labels)
    for other in (max(t * 0.99, LOW), min(t * 1.01, HIGH), 1.0):
        # Golden section ends within 1e-5 of the valley's floor; at a wall it may be so far off.
        assert here <= cross_entropy(z / other, labels) * (1 + 2e-5) + 1e-9


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.int64, (6, 4), elements=st.integers(-100, 100)),
    hnp.arrays(np.intp, 6, elements=st.integers(0, 3)),
)
def test_no_answer_changes(z: NDArray[np.int64], labels: NDArray[np.intp]) -> None:
    """Dividing by the temperature leaves every row's largest where it was."""
    t = fit_temperature(z, labels)
    np.testing.assert_array_equal((z / t).argmax(axis=1), z.argmax(axis=1))
    np.testing.assert_array_equal(softmax(z / t).argmax(axis=1), softmax(z).argmax(axis=1))


@pytest.mark.parametrize("seed", range(4))
def test_scipy_finds_the_same(seed: int) -> None:
    """Oracle: SciPy's bounded minimisation over the temperature."""
    optimize = pytest.importorskip("scipy.optimize")
    z, labels = sample(300, 5, seed)
    z *= 3.0
    peer = optimize.minimize_scalar(
        lambda t: cross_entropy(z / t, labels), bounds=(LOW, HIGH), method="bounded",
        options={"xatol": 1e-7},
    )  # fmt: skip
    assert fit_temperature(z, labels) == pytest.approx(peer.x, rel=1e-4)


def test_the_range_ends_where_evidence_is_all_right_or_all_wrong() -> None:
    """Evidence that never errs can't be too sure, and evidence that always errs never unsure."""
    z = np.tile([1.0, 0.0, -1.0], (50, 1))
    assert fit_temperature(z, np.zeros(50, int)) < 0.06
    assert fit_temperature(z, np.full(50, 2)) == pytest.approx(HIGH, rel=1e-4)


def test_one_hot_labels_are_labels() -> None:
    """Either form of labels finds the same."""
    z, labels = sample(100, 4)
    assert fit_temperature(z, np.eye(4)[labels]) == fit_temperature(z, labels)


def test_calibration_needs_pictures_and_their_labels() -> None:
    """No pictures, and labels of another number, each get one sentence."""
    with pytest.raises(
        InputError, match=r"`logits` must hold at least one picture to calibrate on; got none\."
    ):
        fit_temperature(np.zeros((0, 10)), [])
    with pytest.raises(InputError, match=r"`labels` must be as many as `images`; got 2 for 3"):
        fit_temperature(np.zeros((3, 10)), [0, 1])
    with pytest.raises(InputError, match=r"`labels` must be in 0\.\.9"):
        fit_temperature(np.zeros((1, 10)), [10])
