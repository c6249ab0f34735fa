"""The measures, against oracles and by their own laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.errors import InputError
from mnistry.models.base import cross_entropy, softmax
from mnistry.probability import measure


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    z = 3 * rng.normal(size=(4000, 10))
    p = softmax(z)
    y = np.array([rng.choice(10, p=row / row.sum()) for row in p])
    return p, y


def test_measures_match_scikit_learn(sample: tuple[np.ndarray, np.ndarray]) -> None:
    """Oracle: scikit-learn's accuracy, log loss, Brier score and confusion matrix."""
    metrics = pytest.importorskip("sklearn.metrics")
    p, y = sample
    answer = p.argmax(axis=1)
    assert measure.accuracy(p, y) == metrics.accuracy_score(y, answer)
    assert measure.nll(p, y) == pytest.approx(metrics.log_loss(y, p))
    one_hot = np.eye(10)[y]
    each = [metrics.brier_score_loss(one_hot[:, c], p[:, c]) for c in range(10)]
    assert measure.brier(p, y) == pytest.approx(sum(each))
    np.testing.assert_array_equal(measure.confusion(p, y), metrics.confusion_matrix(y, answer))


def test_interval_matches_the_beta_quantiles() -> None:
    """Oracle: Clopper and Pearson's interval by SciPy's beta distribution."""
    stats = pytest.importorskip("scipy.stats")
    for x, n in [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (9187, 10_000), (1, 60_000)]:
        low, high = measure.binomial_interval(x, n)
        assert low == pytest.approx(stats.beta.ppf(0.025, x, n - x + 1) if x else 0, abs=1e-9)
        assert high == pytest.approx(stats.beta.ppf(0.975, x + 1, n - x) if x < n else 1, abs=1e-9)


@pytest.mark.slow
@given(st.integers(1, 300), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_interval_holds_the_share(n: int, share: float, confidence: float) -> None:
    """The observed share lies inside, and mirrored counts give the mirrored interval."""
    x = round(share * n)
    low, high = measure.binomial_interval(x, n, confidence)
    assert 0 <= low <= x / n <= high <= 1
    mirrored = measure.binomial_interval(n - x, n, confidence)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


def test_interval_covers_as_often_as_it_says() -> None:
    """Summed over every outcome, the truth is inside with at least the probability claimed."""
    stats = pytest.importorskip("scipy.stats")
    n = 40
    inside = [measure.binomial_interval(x, n, 0.9) for x in range(n + 1)]
    for truth in (0.02, 0.3, 0.77, 0.95):
        held = sum(
            stats.binom.pmf(x, n, truth)
            for x, (low, high) in enumerate(inside)
            if low <= truth <= high
        )
        assert held >= 0.9


def test_true_probabilities_have_no_calibration_error(
    sample: tuple[np.ndarray, np.ndarray],
) -> None:
    """Labels drawn from the probabilities give an ECE of noise; overconfidence gives a lot."""
    p, y = sample
    assert measure.ece(p, y) < 0.03
    sharper = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert measure.ece(sharper, y) > 0.1


def test_reliability_bins_have_equal_mass(sample: tuple[np.ndarray, np.ndarray]) -> None:
    """Bins hold the same count but for one, and are ordered by confidence."""
    found = measure.reliability(*sample, bins=15)
    assert found.pictures.sum() == 4000
    assert np.ptp(found.pictures) <= 1
    assert (np.diff(found.confidence) >= 0).all()
    few = measure.reliability(sample[0][:3], sample[1][:3], bins=15)
    assert few.pictures.tolist() == [1, 1, 1]


def test_perfect_answers_score_perfectly() -> None:
    """Certain and right: accuracy 1, everything else 0."""
    p, y = np.eye(4), np.arange(4)
    assert measure.accuracy(p, y) == 1
    assert measure.nll(p, y) == measure.brier(p, y) == measure.ece(p, y) == 0
    assert measure.nll(np.eye(4)[::-1], y) > 600


@given(st.integers(0, 10**6), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_credible_sets_shrink_as_alpha_grows(seed: int, a: float, b: float) -> None:
    """A larger alpha gives a subset; a set claims at least 1 - alpha, and none of it is spare."""
    p = softmax(np.random.default_rng(seed).normal(size=(20, 6)))
    low, high = sorted((a, b))
    small, large = measure.credible_sets(p, high), measure.credible_sets(p, low)
    assert (small <= large).all()
    assert ((p * large).sum(axis=1) >= 1 - low - 1e-9).all()
    least = np.where(large, p, np.inf).min(axis=1)
    assert ((p * large).sum(axis=1) - least < 1 - low + 1e-9).all()


def test_relabelling_changes_no_measure(sample: tuple[np.ndarray, np.ndarray]) -> None:
    """Permuting the classes permutes the confusion matrix and nothing else."""
    p, y = sample
    order = np.random.default_rng(1).permutation(10)
    q = np.empty_like(p)
    q[:, order] = p
    for of in (measure.accuracy, measure.nll, measure.brier, measure.ece):
        assert of(q, order[y]) == pytest.approx(of(p, y))
    moved = measure.confusion(q, order[y])
    np.testing.assert_array_equal(moved[np.ix_(order, order)], measure.confusion(p, y))


def test_coverage_counts_truths_inside() -> None:
    """Two of three sets hold their label."""
    sets = np.array([[True, False], [True, True], [True, False]])
    assert measure.coverage(sets, [0, 1, 1]) == pytest.approx(2 / 3)


HALF = np.full((3, 2), 0.5)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: measure.nll(HALF * 3, [0, 1, 0]), r"sum to 1 within 1e-5.*call `softmax` first"),
        (lambda: measure.nll(HALF[0], [0]), r"floats of shape \(n, k\); got float64 of shape"),
        (lambda: measure.nll(HALF, [0, 1]), r"`labels` must be 3 ints"),
        (lambda: measure.nll(HALF, [0.0, 1.0, 1.0]), r"`labels` must be 3 ints.*got float64"),
        (lambda: measure.nll(HALF, [0, 1, 2]), r"must be in 0\.\.1; got values from 0 to 2"),
        (lambda: measure.nll(HALF[:0], np.zeros(0, int)), r"at least one picture"),
        (lambda: measure.reliability(HALF, [0, 1, 0], bins=0), r"`bins` must be at least 1; got 0"),
        (lambda: measure.credible_sets(HALF, 1.0), r"`alpha` must be between 0 and 1; got 1"),
        (lambda: measure.binomial_interval(5, 4), r"`successes` must be in 0\.\.n.*got 5 of 4"),
        (lambda: measure.binomial_interval(0, 1, 1.0), r"`confidence` must be between 0 and 1"),
    ],
)
def test_measures_refuse_other_forms(call: object, sentence: str) -> None:
    """What can't be measured is told why."""
    with pytest.raises(InputError, match=sentence):
        call()  # type: ignore[operator]


def test_calibration_error_of_true_probabilities_is_the_floor(
    sample: tuple[np.ndarray, np.ndarray],
) -> None:
    """Labels drawn from the probabilities give an error about the floor; a liar's is far above."""
    p, _ = sample
    floor = measure.ece_floor(p)
    rng = np.random.default_rng(5)
    found = []
    for _ in range(20):
        y = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1).clip(0, 9)
        found.append(measure.ece(p, y))
    assert np.mean(found) == pytest.approx(floor, rel=0.15)
    assert measure.ece_floor(p[:100]) > floor


def test_risk_coverage_by_hand(sample: tuple[np.ndarray, np.ndarray]) -> None:
    """At each threshold, the pictures at least so sure, and how many of them are wrong."""
    p, y = sample[0][:300].round(2), sample[1][:300]
    p = p / p.sum(axis=1, keepdims=True)
    curve = measure.risk_coverage(p, y)
    sure, wrong = p.max(axis=1), p.argmax(axis=1) != y
    for answered, risk, least in zip(*curve, strict=True):
        taken = sure >= least
        assert answered == taken.mean()
        assert risk == pytest.approx(wrong[taken].mean())
    assert curve.answered[-1] == 1
    assert curve.risk[-1] == pytest.approx(1 - measure.accuracy(p, y))
    assert measure.answered_at_risk(curve, 1) == 1
    best = measure.answered_at_risk(curve, 0.1)
    assert curve.risk[curve.answered == best] <= 0.1
    assert (curve.risk[curve.answered > best] > 0.1).all()


def test_auroc_matches_scikit_learn() -> None:
    """Oracle: scikit-learn's, with many ties."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    low, high = rng.integers(0, 12, 200), rng.integers(4, 20, 300)
    truth = [0] * 200 + [1] * 300
    expected = metrics.roc_auc_score(truth, np.concatenate([low, high]))
    assert measure.auroc(low, high) == pytest.approx(expected)
    assert measure.auroc([1, 2], [3]) == 1
    with pytest.raises(InputError, match=r"scores of both kinds; got 0 and 1"):
        measure.auroc([], [1])


def test_certainty_costs_nothing() -> None:
    """Where the truth is certain, nll and cross-entropy are 0, without a minus sign."""
    assert str(measure.nll([[1.0, 0.0]], [0])) == "0.0"
    assert str(cross_entropy([[1000.0, 0.0]], [0])) == "0.0"
