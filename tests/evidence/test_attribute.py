"""Evidence taken apart: what pixels say adds up to what the model says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.evidence.attribute import account, evidence_maps, weight_maps
from mnistry.models.base import Floats, Model, softmax
from mnistry.models.softmax import SoftmaxRegression


def make(h: int, w: int, k: int, seed: int = 0) -> SoftmaxRegression:
    rng = np.random.default_rng(seed)
    model = SoftmaxRegression()
    model.classes, model.shape = tuple(f"class {i}" for i in range(k)), (h, w)
    model.weights, model.biases = rng.normal(size=(h * w, k)), rng.normal(size=k)
    return model


@pytest.fixture(scope="module")
def trained(mnist: DataSets) -> SoftmaxRegression:
    return SoftmaxRegression(steps=200).fit(
        mnist.train.images, mnist.train.labels, classes=mnist.classes
    )


def test_evidence_maps_add_up_to_logits(trained: SoftmaxRegression, mnist: DataSets) -> None:
    """On MNIST, each map's sum plus the class's bias is the model's logit."""
    images = mnist.test.images[:200]
    maps = evidence_maps(trained, images)
    assert maps.shape == (200, 10, 28, 28)
    assert maps.dtype == np.float64
    logits = maps.sum(axis=(2, 3)) + trained.biases
    np.testing.assert_allclose(logits, trained.logits(images), rtol=0, atol=2e-5)


@given(
    h=st.integers(1, 9), w=st.integers(1, 9), k=st.integers(1, 7), n=st.integers(0, 5),
    kind=st.sampled_from(["uint8", "float32", "float64"]), flat=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(max_examples=60)
def test_evidence_maps_add_up_in_any_form(
    h: int, w: int, k: int, n: int, kind: str, flat: bool, seed: int
) -> None:
    """The same holds for any shape, number of classes and form of pictures, to rounding."""
    model = make(h, w, k, seed)
    images: ArrayLike = np.random.default_rng(seed).integers(0, 256, (n, h, w)).astype(kind)
    images = (
        np.asarray(images) if kind == "uint8" else np.asarray(images) / np.dtype(kind).type(255)
    )
    if flat:
        images = images.reshape(n, h * w)
    found = evidence_maps(model, images)
    assert found.shape == (n, k, h, w)
    np.testing.assert_allclose(
        found.sum(axis=(2, 3)) + model.biases, model.logits(images), rtol=0, atol=1e-12
    )


def test_evidence_is_pixel_times_weight(mnist: DataSets, trained: SoftmaxRegression) -> None:
    """One entry of a map is that pixel in [0, 1] times its weight; paper says nothing."""
    image = mnist.test.images[0]
    maps = evidence_maps(trained, image[np.newaxis])[0]
    row, column = np.argwhere(image == image.max())[0]
    for label in range(10):
        weight = trained.weights[28 * row + column, label]
        assert maps[label, row, column] == pytest.approx(weight * image.max() / 255, rel=1e-12)
    assert not maps[:, image == 0].any()


def test_evidence_maps_follow_relabelling(mnist: DataSets, trained: SoftmaxRegression) -> None:
    """With the classes in another order, the maps are the same in that order."""
    order = np.random.default_rng(0).permutation(10)
    other = SoftmaxRegression()
    other.classes, other.shape = tuple(trained.classes[i] for i in order), trained.shape
    other.weights, other.biases = trained.weights[:, order], trained.biases[order]
    images = mnist.test.images[:5]
    assert np.array_equal(evidence_maps(other, images), evidence_maps(trained, images)[:, order])
    assert np.array_equal(weight_maps(other), weight_maps(trained)[order])


def test_evidence_maps_of_chosen_classes(mnist: DataSets, trained: SoftmaxRegression) -> None:
    """`classes` picks maps, in its own order; none are picked by an empty one."""
    images = mnist.test.images[:5]
    some = evidence_maps(trained, images, [7, 0, 7])
    assert np.array_equal(some, evidence_maps(trained, images)[:, [7, 0, 7]])
    assert evidence_maps(trained, images, []).shape == (5, 0, 28, 28)


def test_account_is_a_sum(mnist: DataSets, trained: SoftmaxRegression) -> None:
    """An account's sums and biases make its logits, and these its probabilities."""
    images = mnist.test.images[:20]
    found = account(trained, images)
    assert np.array_equal(found.maps, evidence_maps(trained, images))
    np.testing.assert_allclose(found.sums + found.biases, found.logits, rtol=0, atol=2e-5)
    np.testing.assert_allclose(found.probabilities, softmax(found.logits), rtol=1e-6)
    chosen = account(trained, images, [3, 1])
    for some, whole in zip(chosen, found, strict=True):
        np.testing.assert_allclose(some, whole[:, [3, 1]], rtol=1e-12)


class _Elsewhere(Model):
    classes, shape = ("a", "b"), (2, 2)

    def logits(self, images: ArrayLike) -> Floats:
        return np.zeros((len(np.asarray(images)), 2))


@pytest.mark.parametrize("model", [SoftmaxRegression(), _Elsewhere()])
def test_evidence_needs_weights(model: SoftmaxRegression) -> None:
    """A model without weights on pixels, or not trained, is refused in one sentence."""
    sentence = f"`model` must be a trained SoftmaxRegression.*got {type(model).__name__}"
    with pytest.raises(InputError, match=sentence):
        weight_maps(model)
    with pytest.raises(InputError, match=sentence):
        evidence_maps(model, np.zeros((1, 2, 2)))


@pytest.mark.parametrize("classes", [[3], [-1], [0, 1.0], ["0"]])
def test_evidence_refuses_classes_there_are_not(classes: list[int]) -> None:
    """Labels that the model has not are refused, with what was found."""
    with pytest.raises(InputError, match=re.escape(f"ints in 0..2; got {classes!r}")):
        evidence_maps(make(2, 2, 3), np.zeros((1, 2, 2)), classes)


def test_evidence_refuses_other_pictures() -> None:
    """Pictures of another size get the model's own sentence."""
    with pytest.raises(InputError, match="`images` must have 6 pixels each"):
        evidence_maps(make(2, 3, 3), np.zeros((1, 2, 2)))
