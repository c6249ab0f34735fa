"""Softmax regression: the tutorial's recipe, and what may be fed to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError, ModelError
from mnistry.models.base import softmax
from mnistry.models.file import shipped_model
from mnistry.models.softmax import SoftmaxRegression


@pytest.fixture(scope="module")
def trained(mnist: DataSets) -> SoftmaxRegression:
    return SoftmaxRegression().fit(mnist.train.images, mnist.train.labels)


@pytest.mark.slow
def test_tutorial_reaches_its_score(mnist: DataSets, trained: SoftmaxRegression) -> None:
    """1000 batches of 100 at rate 0.5 give the tutorial's 91 to 92%, whatever the seed."""
    others = [SoftmaxRegression(seed=s).fit(mnist.train.images, mnist.train.labels) for s in (1, 2)]
    for model in (trained, *others):
        right = (model.predict(mnist.test.images) == mnist.test.labels).mean()
        assert 0.905 < right < 0.93


def test_one_step_matches_the_gradient_written_out(mnist: DataSets) -> None:
    """From zero, a step is -rate · Xᵀ(p - y)/n with p = 1/10 everywhere."""
    part = mnist.train.take(slice(100))
    model = SoftmaxRegression(steps=1).fit(part.images, part.labels, classes=part.classes)
    x = part.images.reshape(100, -1) / 255.0
    residual = 0.1 - np.eye(10)[part.labels]
    np.testing.assert_allclose(model.weights, -0.5 * x.T @ residual / 100, atol=1e-6)
    np.testing.assert_allclose(model.biases, -0.5 * residual.mean(axis=0), atol=1e-6)


def test_gradient_matches_finite_differences() -> None:
    """Oracle: the weighted, penalised loss itself, moved a little along each weight."""
    rng = np.random.default_rng(1)
    x, y, w = rng.random((10, 4)), rng.integers(0, 3, 10), rng.random(10)
    model = SoftmaxRegression(rate=1.0, batch=10, l2=0.3)
    model.partial_fit(x[:0], y[:0], classes=["a", "b", "c"])
    model.weights, model.biases = rng.normal(size=(4, 3)), rng.normal(size=3)
    start = np.vstack([model.weights, model.biases])

    def loss(theta: np.ndarray) -> float:
        p = softmax(x @ theta[:-1] + theta[-1])
        each = -np.log(p[np.arange(10), y])
        return float((w * each).mean() + 0.15 * (theta[:-1] ** 2).sum())

    model.partial_fit(x, y, sample_weight=w)
    moved = start - np.vstack([model.weights, model.biases])
    for i, j in np.ndindex(5, 3):
        nudge = np.zeros((5, 3))
        nudge[i, j] = 1e-6
        slope = (loss(start + nudge) - loss(start - nudge)) / 2e-6
        assert moved[i, j] == pytest.approx(slope, abs=1e-8)


def test_forms_of_the_same_data_agree(mnist: DataSets, trained: SoftmaxRegression) -> None:
    """uint8 pictures, floats in [0, 1], integer and one-hot labels give the same model."""
    part = mnist.train.take(slice(2000))
    models = [
        SoftmaxRegression(steps=100).fit(part.images, part.labels),
        SoftmaxRegression(steps=100).fit(part.X, part.labels),
        SoftmaxRegression(steps=100).fit(part.X.astype(np.float64), part.one_hot),
    ]
    for model in models[1:]:
        np.testing.assert_allclose(model.weights, models[0].weights, atol=1e-5)
    assert models[2].weights.dtype == np.float64
    np.testing.assert_allclose(
        trained.logits(part.images), trained.logits(part.X), atol=1e-4, rtol=1e-4
    )


def test_same_seed_same_bytes(mnist: DataSets) -> None:
    """The same seed gives the same weights to the bit, another seed others."""
    part = mnist.train.take(slice(3000))
    a, b, c = (
        SoftmaxRegression(steps=60, seed=s).fit(part.images, part.labels).weights for s in (7, 7, 8)
    )
    assert a.tobytes() == b.tobytes()
    assert a.tobytes() != c.tobytes()


def test_relabelling_permutes_the_columns(mnist: DataSets) -> None:
    """Nothing depends on which class has which number."""
    part = mnist.train.take(slice(2000))
    order = np.random.default_rng(0).permutation(10)
    a = SoftmaxRegression(steps=50).fit(part.images, part.labels)
    b = SoftmaxRegression(steps=50).fit(part.images, order[part.labels])
    np.testing.assert_allclose(b.weights[:, order], a.weights, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_integer_weights_mean_repetition(solver: str) -> None:
    """A picture of weight 3 counts as three of weight 1, one of weight 0 as none."""
    rng = np.random.default_rng(0)
    x, y, w = rng.random((60, 5)), rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    settings = {"solver": solver, "l2": 0.01, "steps": 3000, "tol": 1e-12}
    # Batches of everything: smaller ones are drawn by picture, so they would differ.
    a = SoftmaxRegression(**settings, batch=60).fit(x, y, sample_weight=w)  # type: ignore[arg-type]
    again = SoftmaxRegression(**settings, batch=int(w.sum()))  # type: ignore[arg-type]
    b = again.fit(np.repeat(x, w, axis=0), np.repeat(y, w))
    np.testing.assert_allclose(a.weights, b.weights, atol=1e-4)


def test_partial_fit_goes_on(mnist: DataSets) -> None:
    """A thousand calls with batches of 100 are the tutorial's training."""
    model = SoftmaxRegression()
    for batch in list(mnist.train.batches(100, seed=0))[:500]:
        model.partial_fit(batch.images, batch.labels, classes=mnist.classes)
    assert (model.predict(mnist.test.images) == mnist.test.labels).mean() > 0.9
    with pytest.raises(InputError, match=r"`classes` must stay those of the first call"):
        model.partial_fit(batch.images, batch.labels, classes=["a", "b"])
    with pytest.raises(InputError, match=r"must have 784 pixels each"):
        model.partial_fit(batch.images[:, :20], batch.labels)


def test_what_is_known_of_weights_ends_with_them(mnist: DataSets) -> None:
    """Learning on, or anew, drops the calibration and the provenance of what was learnt before."""
    few = mnist.train.take(slice(300))
    for learn in (SoftmaxRegression.fit, SoftmaxRegression.partial_fit):
        model = shipped_model("softmax")
        model.solver, model.steps = "sgd", 10
        assert model.calibration is not None
        learn(model, few.images, few.labels)
        assert model.calibration is None
        assert model.provenance == {}
        with pytest.raises(ModelError, match="was not calibrated"):
            model.p_values(few.images)


def test_other_shapes_and_classes() -> None:
    """8×5 images of three named classes learn; one image of each class is enough."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (30, 8, 5), dtype=np.uint8), rng.integers(0, 3, 30)
    model = SoftmaxRegression(steps=20).fit(images, labels, classes=["ant", "bee", "cat"])
    assert model.shape == (8, 5)
    assert model.predict_proba(images).shape == (30, 3)
    assert SoftmaxRegression(steps=5).fit(images[:2], [0, 1]).predict(images).max() == 1


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_one_class_is_not_learnt(solver: Any) -> None:
    """Labels that are all the same are refused."""
    images = np.zeros((3, 8, 5), np.uint8)
    with pytest.raises(InputError, match=r"two classes or more; all 3 are of the class 'images'\."):
        SoftmaxRegression(solver=solver).fit(images, [1, 1, 1], classes=["more", "images"])


def test_extreme_evidence_stays_finite() -> None:
    """A step far too long gives huge logits, and still probabilities that sum to 1."""
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 4)).astype(np.float32), rng.integers(0, 3, 50)
    p = SoftmaxRegression(rate=1e6, steps=50, batch=10).fit(x, y).predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)


def test_progress_is_told(mnist: DataSets) -> None:
    """Every hundred steps the caller hears how far it is, and the loss falls."""
    heard: list[tuple[int, int, float]] = []
    part = mnist.train.take(slice(5000))
    SoftmaxRegression(steps=500).fit(
        part.images, part.labels, progress=lambda *news: heard.append(news)
    )
    assert [news[:2] for news in heard] == [(i, 500) for i in (100, 200, 300, 400, 500)]
    assert heard[-1][2] < heard[0][2] < 2.3


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"solver": "adam"}, r"`solver` must be 'sgd' or 'lbfgs'; got 'adam'"),
        ({"steps": -1}, r"`steps` must be at least 0; got -1"),
        ({"batch": 0}, r"`batch` must be at least 1; got 0"),
        ({"max_iter": -2}, r"`max_iter` must be at least 0"),
        ({"rate": 0}, r"`rate` must be a positive number; got 0"),
        ({"rate": float("nan")}, r"`rate` must be a positive number; got nan"),
        ({"l2": -1.0}, r"`l2` must be zero or a positive number; got -1"),
        ({"tol": 0.0}, r"`tol` must be a positive number"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], sentence: str) -> None:
    """A setting that makes no sense is refused by name."""
    with pytest.raises(InputError, match=sentence):
        SoftmaxRegression(**settings)  # type: ignore[arg-type]


def test_floats_are_of_the_range_learnt_from(little: DataSet, trained: SoftmaxRegression) -> None:
    """Bytes as floats are no pictures to what learnt from bytes, or from a file; else they are."""
    images = little.images[:200].reshape(200, -1)
    for model in (trained, shipped_model("softmax")):
        assert (model.predict(images / 255) == model.predict(images)).all()
        with pytest.raises(InputError, match=r"must be in \[0, 1\].*from 0 to 255. Divide"):
            model.predict(images.astype(np.float32))
    other = SoftmaxRegression(steps=10).fit(images - 100.0, little.labels[:200])
    assert len(other.predict(images - 100.0)) == 200


def test_a_wrong_label_fills_no_memory() -> None:
    """One label of a thousand millions would make as many classes."""
    with pytest.raises(InputError, match=r"must be below 65,536.*the largest is 1,000,000,000"):
        SoftmaxRegression().fit(np.zeros((2, 4), np.uint8), np.array([0, 10**9]))


def test_use_before_training_is_told() -> None:
    """An untrained model says what to call."""
    with pytest.raises(InputError, match=r"no weights yet; call `fit`"):
        SoftmaxRegression().predict(np.zeros((1, 784), np.uint8))
    with pytest.raises(InputError, match=r"at least one picture"):
        SoftmaxRegression().fit(np.zeros((0, 784), np.uint8), np.zeros(0, int), classes=["a"])
    with pytest.raises(InputError, match=r"`classes` must name at least one class"):
        SoftmaxRegression().fit(np.zeros((0, 784), np.uint8), np.zeros(0, int))
