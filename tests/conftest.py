"""What tests of several rooms share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mnistry.data.sources import load_data

if TYPE_CHECKING:
    from mnistry.data.dataset import DataSets


@pytest.fixture(scope="session")
def mnist() -> DataSets:
    """The embedded MNIST, split as the tutorial splits it; its arrays are read-only."""
    return load_data("mnist")
