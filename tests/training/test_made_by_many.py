"""Making scenes in several processes ends, also when one of them is killed."""

from __future__ import annotations

import os
import signal
from concurrent.futures import BrokenExecutor
from multiprocessing import active_children
from typing import TYPE_CHECKING

import pytest

from mnistry.data.dataset import DataSets
from mnistry.training.many import by_many
from mnistry.training.scene import Scenes

if TYPE_CHECKING:
    from numpy.random import Generator


def numbered(scenes: Scenes, rng: Generator, n: int) -> list[int]:  # noqa: ARG001
    """Make a number instead of a scene."""
    return [int(rng.integers(1000)) for _ in range(n)]


def killed(scenes: Scenes, rng: Generator, n: int) -> None:  # noqa: ARG001
    """Be killed at the first."""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_what_is_made_comes_in_order_whoever_makes_it(mnist: DataSets) -> None:
    """One process or three give the same parts, in the same order."""
    one, three = (
        by_many(numbered, mnist.train, 20, 5, chunk=4, digits=20, workers=workers)
        for workers in (1, 3)
    )
    assert [len(part) for part in one] == [4] * 5
    assert one == three


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
@pytest.mark.parametrize("workers", [1, 3])
def test_a_killed_process_is_an_error(mnist: DataSets, workers: int) -> None:
    """A worker that is killed raises `BrokenExecutor`, and no process is left behind."""
    before = active_children()
    with pytest.raises(BrokenExecutor):
        by_many(killed, mnist.train, 20, 5, chunk=4, digits=20, workers=workers)
    assert set(active_children()) <= set(before)
