"""Batches follow from the seed and the step alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mnistry.data.dataset import DataSet, DataSets
from mnistry.training.augment import Augmentation
from mnistry.training.feed import Feed, as_ink, mixed
from mnistry.training.recipe import Recipe

CPU = torch.device("cpu")


def feed(data: DataSet, recipe: Recipe, seed: int = 0) -> Feed:
    return Feed(data, recipe, seed, CPU)


def test_a_pass_sees_every_picture_once(little: DataSet, quick: Recipe) -> None:
    """Without augmentation and focus, an epoch's batches are the pictures, each once, as ink."""
    recipe = replace(quick, focus=1.0, augmentation=Augmentation(), batch=30)
    one = feed(little, recipe)
    assert one.in_epoch == 20
    x, y = (torch.cat(parts) for parts in zip(*(one.batch(i) for i in range(20)), strict=True))
    assert x.shape == (600, 1, 28, 28)
    order = np.lexsort(little.images.reshape(600, -1).T)
    seen = (x * 255).round().to(torch.uint8).numpy().reshape(600, -1)
    again = np.lexsort(seen.T)
    np.testing.assert_array_equal(seen[again], little.images.reshape(600, -1)[order])
    np.testing.assert_array_equal(y.numpy()[again], little.labels[order])


@pytest.mark.slow
@pytest.mark.parametrize("how", [Augmentation(), Augmentation(shift=2), Augmentation(blur=1)])
def test_any_step_can_be_the_first(how: Augmentation, little: DataSet, quick: Recipe) -> None:
    """A feed that starts at step 40 gives what one gives that started at 0; seeds differ."""
    recipe = replace(quick, augmentation=how)
    one, other = feed(little, recipe), feed(little, recipe)
    for step in range(40):
        one.batch(step)
    for step in (40, 41, 3):
        for a, b in zip(one.batch(step), other.batch(step), strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(one.batch(0)[0], feed(little, recipe, seed=1).batch(0)[0])


def test_whole_pixel_shifts_keep_the_ink(little: DataSet, quick: Recipe) -> None:
    """Shifts move pictures by whole pixels: the same levels, at other places."""
    data = DataSet(np.pad(little.images[:, 8:20, 8:20], ((0, 0), (8, 8), (8, 8))),
                   little.labels, little.classes)  # fmt: skip
    still = replace(quick, augmentation=Augmentation(), focus=1.0)
    moved = replace(still, augmentation=Augmentation(shift=2))
    (a, _), (b, _) = feed(data, still).batch(0), feed(data, moved).batch(0)
    assert not torch.equal(a, b)
    assert torch.equal(a.flatten(1).sort().values, b.flatten(1).sort().values)


def test_focus_narrows_what_is_seen(mnist: DataSets, quick: Recipe) -> None:
    """With a focus of a quarter, far fewer different pictures are seen, more often."""
    recipe = replace(quick, focus=0.25, augmentation=Augmentation(), batch=25)
    one = feed(mnist.train.take(slice(4000)), recipe)
    seen = {x.numpy().tobytes() for i in range(one.in_epoch) for x in one.batch(i)[0]}
    assert 700 <= len(seen) <= 1000


@pytest.mark.parametrize(("n", "size"), [(2, 2), (5, 5), (60, 8), (600, 31), (4000, 62)])
def test_little_data_makes_small_batches(mnist: DataSets, n: int, size: int) -> None:
    """A pass takes 16 steps or more where a batch can be of 8 pictures; no focus under 500."""
    recipe = Recipe.for_epochs(0.5)
    assert feed(mnist.train.take(slice(n)), recipe).size == size
    assert feed(mnist.train, recipe).size == recipe.batch


def test_ink_is_exact_and_channels_last(little: DataSet) -> None:
    """uint8 becomes level / 255, (n, 1, h, w), channels last in memory."""
    ink = as_ink(torch.from_numpy(little.images[:5].copy()))
    np.testing.assert_allclose(ink[:, 0].numpy(), little.images[:5] / 255, atol=1e-7)
    assert ink.is_contiguous(memory_format=torch.channels_last)


def test_mixed_numbers_are_far_apart() -> None:
    """Neighbouring seeds and uses share no number."""
    found = {mixed(s, use, i) for s in range(20) for use in range(5) for i in range(50)}
    assert len(found) == 20 * 5 * 50
    assert all(0 <= number < 2**63 for number in found)
