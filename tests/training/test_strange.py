"""What is no digit is made of many kinds, the same for the same seed, and framed as digits are."""

from __future__ import annotations

import numpy as np
import pytest

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError
from mnistry.training.feed import Feed
from mnistry.training.forms import foreign_digits
from mnistry.training.made import made
from mnistry.training.recipe import Recipe, deeper
from mnistry.training.strange import _ALIKE, _letters, strangers

torch = pytest.importorskip("torch")


@pytest.mark.slow
def test_strangers_repeat_and_differ(little: DataSet) -> None:
    """The seed decides every pixel; no two pictures are the same; each shows something."""
    made = strangers(little, 300, seed=4)
    assert made.shape == (300, 28, 28)
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, strangers(little, 300, seed=4))
    assert len({picture.tobytes() for picture in made}) > 295
    assert (strangers(little, 300, seed=5) != made).any(axis=(1, 2)).mean() > 0.95


@pytest.mark.slow
def test_letters_that_are_written_as_digits_are_left_out() -> None:
    """Neither O nor l is among the letters, nor any that is a class of the data."""
    assert set("0189OolIZS") <= _ALIKE
    all_, fewer = _letters(frozenset()), _letters(frozenset("AaKkMm"))
    assert len(all_) > 500
    assert len(all_) - 14 <= len(fewer) < len(all_)


@pytest.mark.slow
def test_most_strangers_are_strange_to_the_shipped_model(mnist: DataSets) -> None:
    """The model that learnt from others of them refuses most at a level of 5%."""
    from mnistry.models.file import shipped_model

    typicality = shipped_model().typicality(strangers(mnist.train, 400, seed=77))
    assert (typicality <= 0.05).mean() > 0.85


@pytest.mark.slow
def test_foreign_digits_are_all_ten() -> None:
    """With those more often that differ more."""
    images, labels = foreign_digits(600, seed=1)
    counts = np.bincount(labels, minlength=10)
    assert images.shape == (600, 28, 28)
    assert counts.min() > 5
    assert counts[1] > counts[8]


@pytest.mark.slow
def test_what_is_made_is_of_no_class_but_for_a_fifth(little: DataSet) -> None:
    """None of the classes is one more; among digits, a fifth are digits in other forms."""
    found = made(little, 50, seed=0)
    assert len(found) == 50
    assert (found.labels == 10).sum() == 40
    letters = DataSet(little.images, little.labels, tuple("abcdefghij"))
    assert (made(letters, 50, seed=0).labels == 10).all()


@pytest.mark.slow
def test_feed_shows_every_made_picture_in_a_pass(little: DataSet) -> None:
    """A pass has the focus and all that was made; epochs still count the data's own pictures."""
    recipe = Recipe.robust(1)
    feed = Feed(little, recipe, 0, torch.device("cpu"))
    assert feed.in_epoch == max(1, len(little) // feed.size)
    focus = feed.stock.order(0, torch.Generator())
    count = round(recipe.made * feed.stock.focus)
    assert (focus >= len(little)).sum() == count
    assert (feed.stock.labels[focus] == 10).any()


@pytest.mark.slow
def test_open_networks_and_made_pictures_go_together() -> None:
    """A recipe can't have one without the other."""
    with pytest.raises(InputError, match=r"must be open where pictures are made besides"):
        Recipe(1, deeper((28, 28), 10), made=0.5)
    assert Recipe.robust(1).network.open
    assert not Recipe.robust(1, (32, 32)).network.open
    assert not Recipe.for_epochs(1).network.open
