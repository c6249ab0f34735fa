"""What tests of several rooms share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mnistry.data.sources import load_data

if TYPE_CHECKING:
    from mnistry.data.dataset import DataSet, DataSets
    from mnistry.training.recipe import Recipe


@pytest.fixture(scope="session")
def mnist() -> DataSets:
    """The embedded MNIST, split as the tutorial splits it; its arrays are read-only."""
    return load_data("mnist")


@pytest.fixture(scope="session")
def little(mnist: DataSets) -> DataSet:
    """The first 600 training pictures."""
    return mnist.train.take(slice(600))


@pytest.fixture(scope="session")
def quick() -> Recipe:
    """A recipe whose network is tiny: a step takes a millisecond."""
    from mnistry.models.network import Block, Network
    from mnistry.training.recipe import Recipe

    network = Network((28, 28), (Block(4, 6, 4), Block(8, 3)), 10)
    return replace(Recipe.for_epochs(2), network=network, batch=32)
