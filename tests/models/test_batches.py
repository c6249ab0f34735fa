"""Batches for gradient descent, from memory and from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistry.data.dataset import DataSets
from mnistry.data.mapped import is_mapped
from mnistry.models.batches import batches
from mnistry.models.softmax import SoftmaxRegression


def mapped(x: NDArray[np.uint8], folder: Path) -> NDArray[np.uint8]:
    """Give the same array from a file."""
    path = folder / "x.bin"
    x.tofile(path)
    found = np.memmap(path, np.uint8, "r", 0, x.shape)
    assert is_mapped(found)
    return found


@pytest.fixture(autouse=True)
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make whatever lies in a file larger than memory."""
    monkeypatch.setattr("mnistry.data.mapped.IN_MEMORY", 0)


@pytest.mark.parametrize("size", [1, 7, 100, 640])
@pytest.mark.parametrize("large", [False, True])
def test_batches_are_the_pictures_of_their_rows(
    mnist: DataSets, tmp_path: Path, size: int, large: bool
) -> None:
    """No picture comes again before the epoch ends; every one comes in time."""
    x = mnist.train.images[:640].reshape(640, 784)
    given = mapped(x, tmp_path) if large else x
    epoch = 640 // size
    seen = []
    for pictures, at, rows in batches(given, size, 4 * epoch, seed=0):
        batch = pictures[at]
        assert len(batch) == len(rows) <= size
        np.testing.assert_array_equal(batch, x[rows])
        seen.append(rows)
    assert len(seen) == 4 * epoch
    first = np.concatenate(seen[:epoch])
    assert len(set(first.tolist())) == len(first)
    assert len(set(np.concatenate(seen).tolist())) > 630


def test_batches_repeat_by_seed(mnist: DataSets, tmp_path: Path) -> None:
    """And differ by it."""
    x = mapped(mnist.train.images[:600].reshape(600, 784), tmp_path)
    one, same, other = ([r.tolist() for _, _, r in batches(x, 50, 20, seed)] for seed in (1, 1, 2))
    assert one == same
    assert one != other


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_what_is_learnt_from_a_file_is_what_is_learnt_from_memory(
    mnist: DataSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, solver: str
) -> None:
    """Even of a file that is sorted by class: nearly the same loss, by either solver."""
    monkeypatch.setattr("mnistry.models.batches.SIZE", 4096)
    data, test = mnist.train.take(slice(12_000)), mnist.test
    by_class = np.argsort(data.labels, kind="stable")
    x, y = data.images[by_class].reshape(-1, 784), data.labels[by_class]
    losses = []
    for given in (x, mapped(x, tmp_path)):
        model = SoftmaxRegression(solver=solver, steps=1000, l2=1e-4)  # type: ignore[arg-type]
        model.fit(given, y)
        p = model.predict_proba(test.images.reshape(-1, 784))
        losses.append(-np.log(p[np.arange(len(test)), test.labels]).mean())
    assert losses[1] == pytest.approx(losses[0], abs=0.02 if solver == "sgd" else 1e-3)
