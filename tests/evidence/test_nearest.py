"""The nearest pictures: found by what the model itself compares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError
from mnistry.evidence.nearest import nearest
from mnistry.models.convnet import FIVE_VIEWS, ITSELF, ConvNet, Member, View
from mnistry.models.file import shipped_model
from mnistry.models.network import Block, Network
from mnistry.models.softmax import SoftmaxRegression


def drawn(network: Network, seed: int) -> Member:
    rng = np.random.default_rng(seed)
    arrays = {
        name: (rng.normal(size=shape) / 4).astype(np.float32)
        for name, shape in network.arrays.items()
    }
    return Member(network, arrays)


def test_softmax_regression_compares_pixels(little: DataSet) -> None:
    """Oracle: sorted by Euclidean distance of pixels in [0, 1], the picture itself first."""
    model = SoftmaxRegression(steps=1).fit(little.images, little.labels, classes=little.classes)
    found = nearest(model, little.images[7], little, 9)
    apart = np.linalg.norm(little.X.astype(np.float64) - little.X[7], axis=1)
    order = np.argsort(apart, kind="stable")[:9]
    assert np.array_equal(found.indices, order)
    np.testing.assert_allclose(found.distances, apart[order], rtol=1e-5, atol=1e-6)
    assert np.array_equal(found.labels, little.labels[order])
    assert (found.indices[0], found.distances[0]) == (7, 0)


@pytest.mark.parametrize("views", [ITSELF, FIVE_VIEWS, (View(1, 0), View(0, -2))])
@pytest.mark.parametrize("members", [1, 2])
def test_a_convnet_compares_what_its_last_layer_reads(
    members: int, views: tuple[View, ...], little: DataSet
) -> None:
    """Oracle: weights that pass one feature on make it a logit; together they are all features."""
    networks = [
        Network((28, 28), (Block(3, 5, 3), Block(4, 3, pool=2)), 10, "mean"),
        Network((28, 28), (Block(2, 7, 4),), 10, "flatten"),
    ][:members]
    data = little.take(slice(150))
    made = [drawn(network, i) for i, network in enumerate(networks)]
    features = []
    for member in made:
        width = member.network.features
        for start in range(0, width, 10):
            pick = np.zeros((width, 10), np.float32)
            for j in range(min(10, width - start)):
                pick[start + j, j] = 1
            arrays: dict[str, Any] = {**member.arrays, "weights": pick}
            arrays["biases"] = np.zeros(10, np.float32)
            part = ConvNet([Member(member.network, arrays)], views=views).logits(data.images)
            features.append(part[:, : width - start])
    whole = np.concatenate(features, axis=1).astype(np.float64)
    apart = np.linalg.norm(whole - whole[3], axis=1)
    model = ConvNet(made, views=views)
    for image in (data.images[3], data.images[3] / 255, data.images[3].ravel()):
        found = nearest(model, image, data, 20)
        np.testing.assert_allclose(found.distances, np.sort(apart)[:20], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(apart[found.indices], found.distances, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_the_nearest_have_the_pictures_class(mnist: DataSets) -> None:
    """As the packaged convnet sees them, training digits nearest to test digits are alike."""
    model, some = shipped_model("convnet"), mnist.train.take(slice(2000))
    right = [
        (nearest(model, mnist.test.images[i], some, 3).labels == mnist.test.labels[i]).mean()
        for i in range(10)
    ]
    assert np.mean(right) > 0.9


def test_nearest_gives_no_more_than_there_are(little: DataSet) -> None:
    """Of three pictures, all three are given."""
    found = nearest(shipped_model("softmax"), little.images[0], little.take(slice(3)), 7)
    assert sorted(found.indices) == [0, 1, 2]
    assert (np.diff(found.distances) >= 0).all()


def test_nearest_refuses_what_it_cannot_compare(little: DataSet) -> None:
    """No pictures, pictures of another size, and none asked for, each have a sentence."""
    model, image = shipped_model("softmax"), little.images[0]
    with pytest.raises(InputError, match="`n` must be 1 or more; got 0"):
        nearest(model, image, little, 0)
    with pytest.raises(InputError, match=r"`data` must hold pictures of 28x28.*got DataSet\(0 "):
        nearest(model, image, little.take([]))
    other = DataSet(np.zeros((2, 8, 8), np.uint8), np.zeros(2, np.int64), ("a",))
    with pytest.raises(InputError, match=r"as the model reads; got DataSet\(2 images of 8x8"):
        nearest(model, image, other)
    with pytest.raises(InputError, match="`images` must have 784 pixels each"):
        nearest(model, np.zeros((8, 8)), little)
