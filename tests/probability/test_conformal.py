"""Sets keep their promise: by simulation, by an oracle, and by their own laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.models.calibration import Calibration
from mnistry.models.file import shipped_model
from mnistry.probability import measure
from mnistry.probability.conformal import doubt_by_class, never_empty, prediction_sets

NONE = np.zeros(0, np.int64)


def drawn(rng: np.random.Generator, n: int, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits of a poor, overconfident model, and labels that are harder for some classes."""
    labels = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) * 4
    logits[np.arange(n), labels] += 5.0 - 1.5 * labels
    return logits, labels


def calibrated(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    return Calibration(doubt_by_class(logits, labels), NONE)


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [19, 60, 200])
def test_promise_holds_over_thousands_of_splits(held_out: int) -> None:
    """Over 3,000 splits, sets miss the truth at most alpha of the time, and hardly less.

    The coverage of one split varies; its mean is from 1 - alpha to 1 - alpha + 1 / (n + 1), but
    for ties between levels, which only add to it.
    """
    rng = np.random.default_rng(held_out)
    alphas, splits, new = (0.3, 0.1, 0.05), 3000, 20
    logits, labels = drawn(rng, splits * (held_out + new))
    z, y = logits.reshape(splits, -1, 4), labels.reshape(splits, -1)
    found: dict[float, list[float]] = {alpha: [] for alpha in alphas}
    for one, own in zip(z, y, strict=True):
        p = calibrated(one[:held_out], own[:held_out]).p_values(one[held_out:])
        for alpha in alphas:
            found[alpha].append(measure.coverage(prediction_sets(p, alpha), own[held_out:]))
    for alpha, coverages in found.items():
        error = 4 * np.std(coverages) / np.sqrt(splits)
        mean = np.mean(coverages)
        assert 1 - alpha - error <= mean <= 1 - alpha + 1 / (held_out + 1) + 0.005 + error


@pytest.mark.slow
def test_promise_for_each_class_holds_where_that_for_all_does_not() -> None:
    """With 1,500 splits: the hardest class misses more than alpha in all, not by class."""
    rng = np.random.default_rng(0)
    alpha, held = 0.1, {True: np.zeros((2, 4)), False: np.zeros((2, 4))}
    for _ in range(1500):
        logits, labels = drawn(rng, 260)
        calibration = calibrated(logits[:200], labels[:200])
        for by_class, (right, all_) in held.items():
            p = calibration.p_values(logits[200:], by_class=by_class)
            own = prediction_sets(p, alpha)[np.arange(60), labels[200:]]
            right += np.bincount(labels[200:], own, 4)
            all_ += np.bincount(labels[200:], minlength=4)
    together, each = (held[by_class][0] / held[by_class][1] for by_class in (False, True))
    assert together.min() < 1 - alpha - 0.05
    assert each.min() > 1 - alpha - 0.005
    assert each.max() < 1 - alpha + 0.03


def test_sets_match_mapie() -> None:
    """Oracle: MAPIE's sets of two classes, where 1 - p(class) and doubt rank alike.

    Ours may only differ where levels round: then they hold more.
    """
    mapie = pytest.importorskip("mapie.classification")
    base = pytest.importorskip("sklearn.base")

    class Fixed(base.ClassifierMixin, base.BaseEstimator):  # type: ignore[misc, name-defined]
        classes_ = np.arange(2)

        def fit(self, *_: Any) -> Fixed:
            return self

        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            p = 1 / (1 + np.exp(-X[:, 0]))
            return np.stack([1 - p, p], axis=1)

        def predict(self, X: np.ndarray) -> np.ndarray:
            return np.asarray(X[:, 0] > 0).astype(int)

        def __sklearn_is_fitted__(self) -> bool:
            return True

    rng = np.random.default_rng(1)
    z = 3 * rng.normal(size=4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(-z))).astype(int)
    two = np.stack([np.zeros(4000), z], axis=1)
    p = calibrated(two[:1000], y[:1000]).p_values(two[1000:])
    for alpha in (0.2, 0.1, 0.02):
        theirs = mapie.SplitConformalClassifier(
            Fixed(), confidence_level=1 - alpha, conformity_score="lac", prefit=True
        )
        theirs.conformalize(z[:1000, None], y[:1000])
        _, sets = theirs.predict_set(z[1000:, None])
        ours = prediction_sets(p, alpha)
        assert (ours | sets[:, :, 0] == ours).all()
        assert (ours == sets[:, :, 0]).mean() > 0.998


@given(st.integers(0, 10_000), st.floats(0.001, 0.5), st.floats(0.001, 0.49))
def test_sets_are_nested(seed: int, alpha: float, more: float) -> None:
    """Where more may be missed, no set gains a class; the likeliest class goes last."""
    rng = np.random.default_rng(seed)
    logits, labels = drawn(rng, 60)
    p = calibrated(logits[:50], labels[:50]).p_values(logits[50:])
    wide, narrow = prediction_sets(p, alpha), prediction_sets(p, alpha + more)
    assert not (narrow & ~wide).any()
    best = p[np.arange(10), logits[50:].argmax(axis=1)]
    np.testing.assert_array_equal(best, p.max(axis=1))
    shown = never_empty(narrow, logits[50:])
    assert (shown.sum(axis=1) == np.maximum(narrow.sum(axis=1), 1)).all()


@pytest.mark.slow
def test_promise_of_the_shipped_model_holds_on_mnist(mnist: DataSets) -> None:
    """What is promised is kept; rather more, since the test split is easier than the training's."""
    model = shipped_model()
    p, y = model.p_values(mnist.test.images), mnist.test.labels
    for alpha in (0.1, 0.05, 0.01, 0.005):
        sets = prediction_sets(p, alpha)
        held = sets[np.arange(len(y)), y].mean()
        assert 0 <= held - (1 - alpha) <= alpha / 2
    assert prediction_sets(p, 0.01).sum(axis=1).mean() <= 1.01


def test_alpha_must_be_a_rate() -> None:
    """0, 1 and beyond get one sentence."""
    for alpha in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(InputError, match=r"`alpha` must be between 0 and 1; got "):
            prediction_sets(np.ones((1, 2)), alpha)
