"""What tests of several rooms share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mnistry.data.idx import write_idx
from mnistry.data.sources import load_data

if TYPE_CHECKING:
    from pathlib import Path

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
def small(mnist: DataSets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a little of MNIST: 3,000 training pictures and 500 to test."""
    folder = tmp_path_factory.mktemp("small")
    for part, data, n in (("train", mnist.train, 3000), ("t10k", mnist.test, 500)):
        write_idx(folder / f"{part}-images-idx3-ubyte", data.images[:n])
        write_idx(folder / f"{part}-labels-idx1-ubyte", data.labels[:n].astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def quick() -> Recipe:
    """A recipe whose network is tiny: a step takes a millisecond."""
    from mnistry.models.network import Block, Network
    from mnistry.training.recipe import Recipe

    network = Network((28, 28), (Block(4, 6, 4), Block(8, 3)), 10)
    return replace(Recipe.for_epochs(2), network=network, batch=32)
