"""From evidence to probabilities: exact, stable, checked at the boundary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnistry.errors import InputError
from mnistry.models.base import (
    as_features,
    as_labels,
    as_weights,
    cross_entropy,
    log_softmax,
    softmax,
)

logits = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.floats(-1e4, 1e4),
)


@given(logits)
def test_softmax_rows_sum_to_one(z: np.ndarray) -> None:
    """Whatever the evidence, even ±10,000, each row is a probability distribution."""
    p = softmax(z)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)


@given(logits, st.floats(-1e4, 1e4))
def test_softmax_ignores_a_shift(z: np.ndarray, shift: float) -> None:
    """The same amount of evidence for every class changes no probability."""
    np.testing.assert_allclose(softmax(z + shift), softmax(z), atol=1e-9)


@given(logits)
def test_log_softmax_is_the_log_of_softmax(z: np.ndarray) -> None:
    """Where the probability does not underflow, the log domain agrees with it."""
    p = softmax(z)
    seen = p > 1e-300
    np.testing.assert_allclose(log_softmax(z)[seen], np.log(p[seen]), atol=1e-9)


def test_log_softmax_is_exact_where_softmax_underflows() -> None:
    """A probability of e^-20000 is 0 in float, its log is not lost."""
    assert log_softmax([[10_000.0, -10_000.0]])[0, 1] == -20_000
    assert cross_entropy([[10_000.0, -10_000.0]], [1]) == 20_000


def test_cross_entropy_matches_scikit_learn() -> None:
    """Oracle: scikit-learn's log_loss, with and without weights."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    z, y, w = rng.normal(size=(50, 7)), rng.integers(0, 7, 50), rng.random(50)
    p = softmax(z)
    assert cross_entropy(z, y) == pytest.approx(metrics.log_loss(y, p, labels=range(7)))
    assert cross_entropy(z, y, w) == pytest.approx(
        metrics.log_loss(y, p, labels=range(7), sample_weight=w)
    )
    assert cross_entropy(z, np.eye(7)[y]) == cross_entropy(z, y)


def test_features_keep_uint8_and_flatten_without_a_copy() -> None:
    """uint8 pictures pass as they are; half and extended floats become float32."""
    images = np.zeros((5, 28, 28), np.uint8)
    assert np.shares_memory(as_features(images), images)
    assert as_features(images).shape == (5, 784)
    assert as_features(np.zeros((2, 4), np.float16)).dtype == np.float32
    assert as_features(np.zeros((2, 4), np.bool_)).dtype == np.float32
    assert as_features(np.zeros((2, 4), np.float64)).dtype == np.float64


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (
            np.zeros(784, np.uint8),
            r"must have shape .*For one picture, pass `images\[np.newaxis\]`",
        ),
        (
            np.zeros((28, 28), np.uint8),
            r"got uint8 of shape \(28, 28\), which is one image: pass `images\[np.newaxis\]`",
        ),
        (np.zeros((1, 2, 3, 4), np.uint8), r"must have shape \(n, h, w\).*\(1, 2, 3, 4\)"),
        (np.zeros((5, 784), np.int64), r"must be uint8 .* got int64 .*astype"),
        (np.array([["a"]]), r"must be uint8 .* got <U1"),
        (np.zeros((5, 100), np.uint8), r"must have 784 pixels each.*got uint8 of shape \(5, 100\)"),
        (np.full((5, 784), np.nan), r"must be finite.*NaN or infinity"),
    ],
)
def test_features_refuse_other_forms(images: np.ndarray, sentence: str) -> None:
    """Each other form is told what it is and what to do."""
    with pytest.raises(InputError, match=sentence):
        as_features(images, 784)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0.5, 1.0, 2.0], r"`labels` must be ints .* got float64"),
        ([0, 1], r"as many as `images`; got 2 for 3"),
        ([0, 1, 10], r"in 0\.\.9; got values from 0 to 10"),
        ([0, -1, 1], r"in 0\.\.9; got values from -1 to 1"),
        ([[1, 0], [0, 1], [1, 1]], r"single 1 and zeros in each row"),
        ([[1, 0], [0, 1], [0, 1]], r"must have 10 columns.*\(3, 2\)"),
    ],
)
def test_labels_refuse_other_forms(labels: list[object], sentence: str) -> None:
    """Each other form is told what it is and what to do."""
    with pytest.raises(InputError, match=sentence):
        as_labels(np.asarray(labels), 3, 10)


@pytest.mark.parametrize("weights", [[1.0], [1, -1, 1], [0, 0, 0], [1, np.nan, 1]])
def test_weights_refuse_other_forms(weights: list[float]) -> None:
    """Weights are as many as pictures, finite, none negative and not all zero."""
    with pytest.raises(InputError, match=r"`sample_weight` must be 3 finite numbers"):
        as_weights(weights, 3)
