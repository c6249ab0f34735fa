"""The focus is what softmax regression finds hard."""

from __future__ import annotations

import numpy as np
import pytest

from mnistry.data.dataset import DataSet, DataSets
from mnistry.models.softmax import SoftmaxRegression
from mnistry.training.focus import hardest


@pytest.mark.slow
def test_hardest_are_hard_for_another_linear_model(mnist: DataSets) -> None:
    """An independent softmax regression errs on the focus many times as often as elsewhere."""
    data = mnist.train.take(slice(20_000))
    rows = hardest(data, 0.25, seed=0)
    assert len(rows) == 5000
    assert (np.diff(rows) > 0).all()
    other = mnist.train.take(slice(20_000, 40_000))
    judge = SoftmaxRegression(seed=1).fit(other.images, other.labels)
    wrong = judge.predict(data.images) != data.labels
    outside = np.ones(len(data), bool)
    outside[rows] = False
    assert wrong[rows].mean() > 10 * wrong[outside].mean()


def test_the_seed_decides(little: DataSet) -> None:
    """The same seed gives the same rows."""
    np.testing.assert_array_equal(hardest(little, 0.5, 3), hardest(little, 0.5, 3))


def test_wrong_labels_widen_the_focus(little: DataSet) -> None:
    """Where labels are drawn by lot, the linear model errs so often that all is taken."""
    labels = np.random.default_rng(0).integers(0, 10, len(little))
    noise = DataSet(little.images, labels, little.classes)
    assert len(hardest(noise, 0.1, 0)) > 0.5 * len(little)
