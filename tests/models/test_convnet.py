"""Convnets: the evidence is what convolutions written in NumPy give."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mnistry.errors import InputError
from mnistry.models.base import softmax
from mnistry.models.convnet import FIVE_VIEWS, NINE_VIEWS, ConvNet, Member, View
from mnistry.models.network import Block, Network

PLAIN = Network((8, 7), (Block(3, 3), Block(4, 3, 1, 1, 2)), 3)


def drawn(network: Network, seed: int = 0) -> Member:
    """A member with random arrays, as large as keeps the logits near 1."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in network.arrays.items():
        terms = shape[0] if name == "weights" else int(np.prod(shape[1:]))
        arrays[name] = (rng.normal(size=shape) * (2 / terms) ** 0.5).astype(np.float32)
    return Member(network, arrays)


def pictures(n: int, shape: tuple[int, int] = (8, 7), seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def by_hand(member: Member, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The logits of one member in NumPy, in double."""
    x = images[:, np.newaxis] / 255
    for i, block in enumerate(member.network.blocks):
        p, s, pool = block.padding, block.stride, block.pool
        x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        windows = sliding_window_view(x, (block.kernel,) * 2, axis=(2, 3))[:, :, ::s, ::s]
        kernel = member.arrays[f"kernel.{i}"].astype(np.float64)
        x = np.einsum("ncijab,ocab->noij", windows, kernel)
        x += member.arrays[f"bias.{i}"][:, np.newaxis, np.newaxis]
        n, channels, h, w = x.shape
        h, w = h // pool, w // pool
        x = x[:, :, : h * pool, : w * pool]
        x = x.reshape(n, channels, h, pool, w, pool).max(axis=(3, 5))
        x = np.maximum(x, 0)
    features = x.mean(axis=(2, 3)) if member.network.head == "mean" else x.reshape(len(x), -1)
    found = features @ member.arrays["weights"].astype(np.float64) + member.arrays["biases"]
    return np.asarray(found)


def moved(images: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """Pictures shifted by whole pixels, zeros filling what is left."""
    _, h, w = images.shape
    out = np.zeros_like(images)
    for i in range(h):
        for j in range(w):
            if 0 <= i - down < h and 0 <= j - right < w:
                out[:, i, j] = images[:, i - down, j - right]
    return out


@pytest.mark.parametrize("head", ["flatten", "mean"])
@pytest.mark.parametrize(
    "blocks",
    [
        (Block(3, 3),),
        (Block(3, 3, padding=1),),
        (Block(3, 3, stride=2),),
        (Block(3, 2, pool=2),),
        (Block(2, 3, 2, 2, 2),),
        (Block(3, 3), Block(4, 3, 1, 1, 2), Block(5, 2)),
        (Block(4, 1, pool=3), Block(2, 2, 1, 1)),
    ],
)
@pytest.mark.parametrize("shape", [(8, 7), (9, 12)])
def test_logits_are_those_of_numpy(shape: tuple[int, int], blocks: Any, head: Any) -> None:
    """Oracle: with padding, stride, pooling and either head, NumPy's convolutions agree."""
    member = drawn(Network(shape, blocks, 4, head))
    images = pictures(5, shape)
    found = ConvNet([member]).logits(images)
    assert found.shape == (5, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(member, images), atol=2e-5)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=5))
def test_views_are_shifted_pictures(shifts: list[tuple[int, int]]) -> None:
    """The logits of views are the mean over pictures shifted with NumPy, even out of sight."""
    member, images = drawn(PLAIN), pictures(4)
    views = [View(down, right) for down, right in shifts]
    expected = np.mean([by_hand(member, moved(images, *view)) for view in views], axis=0)
    found = ConvNet([member], views=views).logits(images)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_nine_views_are_all_shifts_by_a_pixel() -> None:
    """Test-time augmentation is the mean over the picture and its eight neighbours, or four."""
    assert sorted(NINE_VIEWS) == [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert sorted(FIVE_VIEWS) == [(-1, 0), (0, -1), (0, 0), (0, 1), (1, 0)]
    member, images = drawn(PLAIN), pictures(4)
    each = [ConvNet([member]).logits(moved(images, *view)) for view in NINE_VIEWS]
    found = ConvNet([member], views=NINE_VIEWS).logits(images)
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-5)


@pytest.mark.parametrize("views", [[View(0, 0)], [View(0, 0), View(2, -1)]])
def test_an_ensemble_is_the_mean_of_its_members(views: list[View]) -> None:
    """Members of different networks are asked alike, and their logits averaged."""
    members = [
        drawn(PLAIN, 1),
        drawn(Network((8, 7), (Block(5, 4, 2),), 3, "mean"), 2),
        drawn(PLAIN, 3),
    ]
    images = pictures(6)
    each = [ConvNet([member], views=views).logits(images) for member in members]
    found = ConvNet(members, views=views).logits(images)
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-5)


@pytest.mark.parametrize("temperature", [0.001, 0.5, 1.7, 1000])
def test_temperature_divides(temperature: float) -> None:
    """Logits are divided by the temperature; probabilities follow and the digit does not."""
    member, images = drawn(PLAIN), pictures(6)
    cold, hot = ConvNet([member]), ConvNet([member], temperature=temperature)
    np.testing.assert_allclose(hot.logits(images), cold.logits(images) / temperature, rtol=1e-5)
    np.testing.assert_array_equal(hot.predict(images), cold.predict(images))
    np.testing.assert_array_equal(hot.predict_proba(images), softmax(hot.logits(images)))


def test_any_form_of_pictures_gives_the_same() -> None:
    """uint8 and floats in [0, 1], as pictures or as rows, agree."""
    model, images = ConvNet([drawn(PLAIN)], views=NINE_VIEWS), pictures(6)
    logits = model.logits(images)
    np.testing.assert_array_equal(model.logits(images.reshape(6, -1)), logits)
    for dtype in ("float32", "float64"):
        ink = (images / 255).astype(dtype)
        np.testing.assert_allclose(model.logits(ink), logits, atol=1e-5)
        np.testing.assert_allclose(model.logits(ink.reshape(6, -1)), logits, atol=1e-5)
    transposed = np.asfortranarray(images)
    np.testing.assert_array_equal(model.logits(transposed), logits)


@pytest.mark.parametrize("n", [127, 128, 129, 300])
def test_more_pictures_than_a_batch(n: int) -> None:
    """However many pictures are asked at once, each gets its own answer."""
    member, images = drawn(PLAIN), pictures(n)
    found = ConvNet([member]).logits(images)
    np.testing.assert_allclose(found, by_hand(member, images), atol=2e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_no_pictures_no_answers(dtype: Any) -> None:
    """Zero pictures give zero rows of k."""
    model = ConvNet([drawn(PLAIN)])
    assert model.logits(np.zeros((0, 8, 7), dtype)).shape == (0, 3)
    assert model.predict_proba(np.zeros((0, 56), dtype)).shape == (0, 3)
    assert model.predict(np.zeros((0, 56), dtype)).shape == (0,)


def test_pickling_keeps_the_answers() -> None:
    """scikit-learn's users pickle: the copy answers to the bit, asked before or not."""
    model = ConvNet([drawn(PLAIN)], views=NINE_VIEWS, temperature=1.3, classes=["a", "b", "c"])
    images = pictures(5)
    fresh = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    logits = model.logits(images)
    used = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    for copy in (fresh, used):
        np.testing.assert_array_equal(copy.logits(images), logits)
        assert (copy.classes, copy.views, copy.shape) == (("a", "b", "c"), NINE_VIEWS, (8, 7))
        assert copy.temperature == model.temperature
    np.testing.assert_array_equal(model.logits(images), logits)


def test_what_is_not_said_has_a_default() -> None:
    """Classes are "0", "1", …; one view; temperature 1; nothing known of how it came about."""
    model = ConvNet([drawn(PLAIN)])
    assert model.classes == ("0", "1", "2")
    assert model.shape == (8, 7)
    assert model.views == (View(0, 0),)
    assert model.temperature == 1
    assert model.provenance == {}


def nan(array: NDArray[np.float32]) -> NDArray[np.float32]:
    array.flat[-1] = np.nan
    return array


@pytest.mark.parametrize("name", list(PLAIN.arrays))
def test_members_refuse_other_arrays(name: str) -> None:
    """Each array must be there, of its shape, and finite."""
    shape = PLAIN.arrays[name]
    arrays = dict(drawn(PLAIN).arrays)
    told = rf"`arrays` must hold '{name}', finite, of shape \({shape[0]},.*\); got "
    with pytest.raises(InputError, match=told + "nothing"):
        Member(PLAIN, {key: array for key, array in arrays.items() if key != name})
    with pytest.raises(InputError, match=told + r"shape \(1, 2\)"):
        Member(PLAIN, {**arrays, name: np.zeros((1, 2), np.float32)})
    with pytest.raises(InputError, match=told + r"shape \("):
        Member(PLAIN, {**arrays, name: nan(arrays[name].copy())})


def test_members_must_agree() -> None:
    """No member, or members for other pictures or classes, get one sentence."""
    told = r"`members` must be trained networks for one picture size and number of classes, "
    with pytest.raises(InputError, match=r"`members` must be from 1 to 64; got 0"):
        ConvNet([])
    wide, many = Network((8, 9), (Block(1, 3),), 3), Network((8, 7), (Block(1, 3),), 4)
    opened = replace(PLAIN, open=True)
    for other in (wide, many, opened):
        with pytest.raises(
            InputError, match=told + r"all open or none; got \[\(\(8, 7\), 3, False\), "
        ):
            ConvNet([drawn(PLAIN), drawn(other)])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"classes": ["a", "b"]}, r"`classes` must name 3 classes; got 2\."),
        ({"classes": []}, r"`classes` must name 3 classes; got 0\."),
        ({"views": []}, r"`views` must be from 1 to 64; got 0"),
        ({"views": [View(0, 65)]}, r"`views` must be pairs of whole pixels, .* 64; got \[View"),
        ({"views": [View(0, 0), View(-65, 0)]}, r"`views` must be pairs of whole pixels"),
        ({"temperature": 0}, r"`temperature` must be from 0\.001 to 1000; got 0\."),
        ({"temperature": -1.0}, r"`temperature` must be .*; got -1\.0\."),
        ({"temperature": 1001}, r"`temperature` must be .*; got 1001\."),
        ({"temperature": float("nan")}, r"`temperature` must be .*; got nan\."),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], sentence: str) -> None:
    """Classes, views and temperature each have their sentence."""
    with pytest.raises(InputError, match=sentence):
        ConvNet([drawn(PLAIN)], **options)


def test_other_pictures_are_refused() -> None:
    """Pictures of another size or type are told what they are."""
    model = ConvNet([drawn(PLAIN)])
    with pytest.raises(InputError, match=r"`images` must have 56 pixels each.*\(2, 28, 28\)"):
        model.logits(np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(InputError, match=r"`images` must be uint8 .* got int64"):
        model.logits(np.zeros((2, 8, 7), np.int64))
    with pytest.raises(InputError, match=r"`images` must be finite"):
        model.logits(np.full((2, 8, 7), np.inf))
    for wrong, told in ((255.0, "from 255 to 255"), (-1.0, "from -1 to -1")):
        with pytest.raises(InputError, match=rf"floats must be in \[0, 1\].*values {told}"):
            model.logits(np.full((2, 8, 7), wrong))
    assert model.logits(np.full((2, 8, 7), 1.0 + 1e-6)).shape == (2, 3)
