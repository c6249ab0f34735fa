"""What a run draws from: the same from a file as from memory, window by window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistry.data.dataset import DataSet
from mnistry.data.mapped import is_mapped
from mnistry.data.windows import Windows
from mnistry.training import stock
from mnistry.training.augment import Augmentation
from mnistry.training.feed import Feed
from mnistry.training.recipe import Recipe
from mnistry.training.trainer import Trainer

CPU = torch.device("cpu")
RECIPES = [Recipe.for_epochs(0.5), Recipe.for_epochs(8), Recipe.robust(1)]


@pytest.fixture
def large(little: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """Give a set in a file, read in windows of 128."""

    def small_windows(images: np.ndarray, seed: int) -> Windows:
        return Windows(images, seed, size=128, block=8)

    monkeypatch.setattr(stock, "Windows", small_windows)
    monkeypatch.setattr("mnistry.data.mapped.IN_MEMORY", 0)
    path = tmp_path / "images.bin"
    little.images.tofile(path)
    images = np.memmap(path, np.uint8, "r", 0, little.images.shape)
    found = DataSet(images, little.labels, little.classes)
    assert is_mapped(found.images)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_follows_from_its_number(large: DataSet, recipe: Recipe) -> None:
    """Also across windows, whichever steps came before."""
    feed, other = Feed(large, recipe, 3, CPU), Feed(large, recipe, 3, CPU)
    there = [feed.batch(i) for i in range(40)]
    back = [other.batch(i) for i in reversed(range(40))][::-1]
    for (x, y), (x_again, y_again) in zip(there, back, strict=True):
        assert torch.equal(x, x_again)
        assert torch.equal(y, y_again)
        assert x.shape == (feed.size, 1, 28, 28)


def test_a_pass_sees_each_window_once(large: DataSet, little: DataSet) -> None:
    """Pictures with their own labels, none twice, of all windows."""
    recipe = replace(Recipe.for_epochs(1), augmentation=Augmentation())
    feed = Feed(large, recipe, 0, CPU)
    known = {image.tobytes(): int(y) for image, y in zip(little.images, little.labels, strict=True)}
    seen = set()
    steps = 4 * (128 // feed.size)
    for i in range(steps):
        for image, label in zip(*feed.batch(i), strict=True):
            key = (image[0] * 255).round().to(torch.uint8).numpy().tobytes()
            assert known[key] == label
            seen.add(key)
    assert len(seen) == steps * feed.size


@pytest.mark.slow
def test_made_pictures_are_in_every_window(large: DataSet) -> None:
    """As many as the recipe asks for."""
    recipe = Recipe.robust(1)
    found = stock.stock_of(large, recipe, 0, CPU)
    for part in range(3):
        rows = found.order(part, torch.Generator())
        assert len(rows) == found.count() == 128 + round(recipe.made * 128)
        assert (found.labels == 10).sum() > 0.5 * recipe.made * 128


@pytest.mark.slow
def test_a_run_from_a_file_learns(large: DataSet, quick: Recipe) -> None:
    """It ends with finite weights that know more than chance."""
    trainer = Trainer(quick, large, validation=large.take(slice(200)), seed=0, device="cpu")
    trainer.run()
    assert trainer.accuracy(large) > 0.3
