"""Why this class and not that one: the map adds up, for every model that can be asked."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.evidence.contrast import Contrast, contrast, more_ink
from mnistry.models.base import Floats, Model
from mnistry.models.convnet import FIVE_VIEWS, ITSELF, ConvNet, Member, View
from mnistry.models.file import shipped_model
from mnistry.models.network import Block, Network
from mnistry.models.softmax import SoftmaxRegression


def linear(h: int, w: int, k: int, seed: int = 0) -> SoftmaxRegression:
    rng = np.random.default_rng(seed)
    model = SoftmaxRegression()
    model.classes, model.shape = tuple(f"class {i}" for i in range(k)), (h, w)
    model.weights, model.biases = rng.normal(size=(h * w, k)), rng.normal(size=k)
    return model


def drawn(network: Network, seed: int) -> Member:
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in network.arrays.items():
        terms = shape[0] if name == "weights" else int(np.prod(shape[1:]))
        arrays[name] = (rng.normal(size=shape) * (2 / terms) ** 0.5).astype(np.float32)
    return Member(network, arrays)


SOME = [
    ((Block(4, 3, padding=1, pool=2), Block(5, 3, padding=1)), "flatten"),
    ((Block(4, 3, 2, 1), Block(6, 3, padding=2, pool=2)), "mean"),
    ((Block(6, 2, pool=3),), "flatten"),
    ((Block(3, 3), Block(4, 3), Block(5, 2, padding=1, pool=2)), "mean"),
]


def small(which: int, members: int, views: tuple[View, ...], seed: int) -> ConvNet:
    """One of some convnets, or an ensemble of them, that read pictures of 12x11."""
    made = []
    for i in range(members):
        blocks, head = SOME[(which + i) % len(SOME)]
        made.append(drawn(Network((12, 11), blocks, 4, head), seed + i))  # type: ignore[arg-type]
    return ConvNet(made, views=views, temperature=0.6)


def picture(seed: int, shape: tuple[int, int] = (12, 11)) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 256, shape) * (rng.random(shape) < 0.3)).astype(np.uint8)


def check_sum(found: Contrast, model: Model, image: NDArray[Any]) -> None:
    """What a contrast says of logits is the model's, and its map accounts for their difference."""
    logits = model.logits(image[np.newaxis])[0].astype(np.float64)
    paper = model.logits(np.zeros_like(image)[np.newaxis])[0].astype(np.float64)
    rest = np.arange(len(logits)) != found.why

    def difference(of: NDArray[np.float64]) -> float:
        other = of[rest].mean() if found.against is None else of[found.against]
        return float(of[found.why] - other)

    assert found.difference == pytest.approx(difference(logits), abs=1e-9)
    assert found.baseline == pytest.approx(difference(paper), abs=1e-9)
    assert found.logits[0] - found.logits[1] == pytest.approx(found.difference, abs=1e-9)
    assert found.logits[0] == logits[found.why]
    p = model.predict_proba(image[np.newaxis])[0]
    other = p[rest].sum() if found.against is None else p[found.against]
    assert found.probabilities == pytest.approx((p[found.why], other), abs=1e-6)
    assert found.sum == float(found.map.sum())
    accounted = found.baseline + found.sum + found.residual
    assert accounted == pytest.approx(found.difference, abs=1e-9)
    # The sum itself is right to rounding, of float32 in ONNX Runtime.
    assert abs(found.residual) <= 1e-4 * max(1, abs(found.difference))


@pytest.mark.slow
@settings(max_examples=60)
@given(
    which=st.integers(0, len(SOME) - 1), members=st.integers(1, 3),
    views=st.sampled_from([ITSELF, FIVE_VIEWS, (View(2, -1), View(0, 0))]),
    why=st.integers(0, 3), against=st.one_of(st.none(), st.integers(0, 3)),
    seed=st.integers(0, 2**32 - 4),
)  # fmt: skip
def test_a_convnets_map_adds_up(
    which: int, members: int, views: tuple[View, ...], why: int, against: int | None, seed: int
) -> None:
    """Completeness, of any picture, classes and network, ensembles and views included."""
    assume(why != against)
    model, image = small(which, members, views, seed), picture(seed)
    found = contrast(model, image, why, against)
    check_sum(found, model, image)
    assert not found.map[image == 0].any()
    assert found.steps >= 16


@given(
    h=st.integers(1, 9), w=st.integers(1, 9), k=st.integers(2, 7), seed=st.integers(0, 2**32 - 1),
    alone=st.booleans(), kind=st.sampled_from(["uint8", "float32", "float64"]),
)  # fmt: skip
@settings(max_examples=60)
def test_softmax_regression_is_exact(
    h: int, w: int, k: int, seed: int, alone: bool, kind: str
) -> None:
    """Each pixel's ink times the difference of its weights; blank paper says the biases'."""
    model, image = linear(h, w, k, seed), picture(seed, (h, w))
    why, against = 0, None if alone else k - 1
    given_ = image if kind == "uint8" else image.astype(kind) / np.dtype(kind).type(255)
    found = contrast(model, given_, why, against)
    weights, biases = model.weights, model.biases
    if alone:
        weight = weights[:, 0] - weights[:, 1:].mean(axis=1)
        bias = biases[0] - biases[1:].mean()
    else:
        weight, bias = weights[:, 0] - weights[:, k - 1], biases[0] - biases[k - 1]
    expected = weight.reshape(h, w) * image / 255
    np.testing.assert_allclose(found.map, expected, rtol=0, atol=1e-6)
    assert found.baseline == pytest.approx(bias, abs=1e-12)
    assert (found.steps, found.change) == (1, 0)
    check_sum(found, model, np.asarray(given_))
    assert abs(found.residual) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["softmax", "convnet"])
def test_the_models_that_ship_add_up(kind: str, mnist: DataSets) -> None:
    """On MNIST: the answer against its rival, for pictures right and wrong."""
    model = shipped_model(kind)
    images = mnist.test.images[:30]
    best = np.argsort(-model.logits(images), axis=1)
    for image, (why, rival, *_) in zip(images, best, strict=True):
        found = contrast(model, image, why, rival)
        check_sum(found, model, image)
        assert found.change <= 0.01
        assert found.difference >= 0


def test_the_other_way_round_is_the_negative(mnist: DataSets) -> None:
    """Why 5 and not 6 is, pixel by pixel, less why 6 and not 5."""
    image = mnist.test.images[8]
    for model in (shipped_model("softmax"), shipped_model("convnet")):
        one, other = contrast(model, image, 5, 6), contrast(model, image, 6, 5)
        np.testing.assert_allclose(one.map, -other.map, rtol=0, atol=1e-12)
        for name in ("baseline", "difference", "residual"):
            assert getattr(one, name) == pytest.approx(-getattr(other, name), abs=1e-9)
        assert one.probabilities == other.probabilities[::-1]
        np.testing.assert_allclose(
            more_ink(model, image, 5, 6), -more_ink(model, image, 6, 5), rtol=0, atol=1e-5
        )


def test_contrasts_with_all_others_are_their_mean(mnist: DataSets) -> None:
    """Without a second class, the map is the mean of those against each of the others."""
    model, image = small(0, 1, ITSELF, 3), picture(3)
    alone = contrast(model, image, 2)
    each = [contrast(model, image, 2, other) for other in (0, 1, 3)]
    mean = np.mean([one.map for one in each], axis=0)
    assert np.abs(mean - alone.map).sum() < 0.03 * np.abs(mean).sum()
    assert alone.sum == pytest.approx(np.mean([one.sum for one in each]), abs=1e-9)
    linear_, ink = shipped_model("softmax"), mnist.test.images[8]
    maps = [contrast(linear_, ink, 5, other).map for other in range(10) if other != 5]
    np.testing.assert_allclose(contrast(linear_, ink, 5).map, np.mean(maps, axis=0), atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("which", range(len(SOME)))
def test_the_map_is_that_of_integrated_gradients(which: int) -> None:
    """Oracle: the mean of PyTorch's gradients at many points on the way, times the ink."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    model, ink = small(which, 1, ITSELF, which), picture(which) / 255
    [member] = model.members
    tensors = {name: torch.tensor(array).double() for name, array in member.arrays.items()}
    way = (np.arange(4000) + 0.5) / 4000
    path = torch.tensor(way[:, np.newaxis, np.newaxis] * ink, requires_grad=True)
    x = path[:, None]
    for i, block in enumerate(member.network.blocks):
        x = f.conv2d(x, tensors[f"kernel.{i}"], tensors[f"bias.{i}"], block.stride, block.padding)
        x = f.relu(f.max_pool2d(x, block.pool) if block.pool > 1 else x)
    x = x.mean(dim=(2, 3)) if member.network.head == "mean" else x.flatten(1)
    logits = (x @ tensors["weights"] + tensors["biases"]) / model.temperature
    (logits[:, 1] - logits[:, 3]).sum().backward()
    expected = path.grad.numpy().mean(axis=0) * ink
    found = contrast(model, ink, 1, 3)
    assert np.abs(found.map - expected).sum() < 0.02 * np.abs(expected).sum()


@pytest.mark.parametrize("model", [linear(12, 11, 4), small(1, 2, FIVE_VIEWS, 0)])
def test_blank_paper_says_what_it_says(model: Any) -> None:
    """Of a picture without ink the map is empty, and the baseline is all there is."""
    found = contrast(model, np.zeros((12, 11), np.uint8), 0, 1)
    assert not found.map.any()
    assert found.difference == found.baseline
    assert found.residual == 0
    assert found.change == 0


def test_more_ink_is_measured() -> None:
    """Each place tells by how much a dot there changes the difference, edges included."""
    for model in (linear(12, 11, 4), small(0, 1, ITSELF, 1)):
        image = picture(1)
        for dot in (1, 2, 3, 30):
            found = more_ink(model, image, 0, 2, dot=dot)
            before = contrast(model, image, 0, 2).difference
            for row, column in ((0, 0), (5, 6), (11, 10), (3, 0)):
                dotted = image.copy()
                top, left = row - dot // 2, column - dot // 2
                dotted[max(top, 0) : top + dot, max(left, 0) : left + dot] = 255
                after = contrast(model, dotted, 0, 2).difference
                assert found[row, column] == pytest.approx(after - before, abs=1e-5)
        assert more_ink(model, image / 255, 0, 2) == pytest.approx(
            more_ink(model, image, 0, 2), abs=1e-4
        )


class _Elsewhere(Model):
    classes, shape = ("a", "b"), (2, 2)

    def logits(self, images: ArrayLike) -> Floats:
        return np.zeros((len(np.asarray(images)), 2))


def test_contrast_refuses_what_it_cannot_tell() -> None:
    """Models, labels and pictures that don't fit each have a sentence."""
    model, image = linear(2, 3, 3), np.zeros((2, 3))
    sentence = "`model` must be a SoftmaxRegression or a ConvNet.*got _Elsewhere"
    with pytest.raises(InputError, match=sentence):
        contrast(_Elsewhere(), image, 0, 1)
    with pytest.raises(InputError, match="`model` must be a trained SoftmaxRegression"):
        contrast(SoftmaxRegression(), image, 0, 1)
    for bad in (3, -1, 0.0, "0"):
        for name, why, against in (("why", bad, 1), ("against", 1, bad)):
            sentence = re.escape(f"`{name}` must be an int in 0..2; got {bad!r}.")
            with pytest.raises(InputError, match=sentence):
                contrast(model, image, why, against)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must be two classes; got 2 for both"):
        contrast(model, image, 2, 2)
    with pytest.raises(InputError, match="knows a single class"):
        contrast(linear(2, 3, 1), image, 0)
    with pytest.raises(InputError, match="`images` must have 6 pixels each"):
        contrast(model, np.zeros((2, 2)), 0, 1)
    with pytest.raises(InputError, match="`dot` must be 1 pixel or more; got 0"):
        more_ink(model, image, 0, 1, dot=0)


def test_an_open_network_adds_up() -> None:
    """The logit for none of the classes takes no part in a difference of two classes."""
    network = Network((12, 11), (Block(4, 3, pool=2), Block(3, 2)), 4, open=True)
    model, image = ConvNet([drawn(network, 5)]), picture(5)
    for against in (3, None):
        check_sum(contrast(model, image, 1, against), model, image)
