"""The dial gives a sensible recipe for every length, size and number of classes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.errors import InputError
from mnistry.training.recipe import Recipe, broad, deeper, large, medium, small


@given(
    st.floats(0, 1000), st.integers(1, 200), st.integers(1, 200), st.integers(1, 100), st.booleans()
)
def test_any_pictures_have_a_recipe(
    epochs: float, h: int, w: int, classes: int, robust: bool
) -> None:
    """Whatever the pictures' size and the classes, the network fits; JSON tells it whole."""
    make = Recipe.robust if robust else Recipe.for_epochs
    recipe = make(epochs, (h, w), classes)
    assert recipe.network.shape == (h, w)
    assert recipe.network.classes == classes
    assert recipe.network.products > 0
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_longer_runs_get_larger_networks() -> None:
    """The dial never goes back: more epochs, no smaller a network and no milder changes."""
    recipes = [Recipe.for_epochs(epochs) for epochs in (0.1, 0.5, 1, 3, 8, 12, 30, 100)]
    products = [recipe.network.products for recipe in recipes]
    shifts = [recipe.augmentation.shift for recipe in recipes]
    assert products == sorted(products)
    assert shifts == sorted(shifts)


@pytest.mark.parametrize(
    ("make", "most"),
    [(small, 0.6e6), (medium, 1.1e6), (deeper, 1.8e6), (broad, 2.3e6), (large, 20e6)],
)
def test_networks_cost_what_they_say(make: object, most: float) -> None:
    """The docstrings' products for 28×28 are true."""
    assert callable(make)
    assert 0.7 * most < make((28, 28), 10).products < most


@pytest.mark.parametrize(
    ("field", "value"),
    [("epochs", -1), ("epochs", 1e9), ("focus", 2), ("batch", 1), ("rate", float("nan")),
     ("momentum", -0.1), ("smoothing", 2), ("warmup", -1), ("dropout", 1), ("weight_decay", 2)],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(field: str, value: float) -> None:
    """Each number has its range, and the sentence says it."""
    facts = {**Recipe.for_epochs(1).to_dict(), field: value}
    with pytest.raises(InputError, match=rf"`{field}` must be from .* to .*; got {value}"):
        Recipe.from_dict(facts)
