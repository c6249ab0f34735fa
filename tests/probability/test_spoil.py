"""Spoiled pictures are the same for the same seed, and spoiled in every degree."""

from __future__ import annotations

import numpy as np

from mnistry.data.dataset import DataSets
from mnistry.models.calibration import LEVELS
from mnistry.models.file import shipped_model
from mnistry.probability.calibrate import fit_heat
from mnistry.probability.spoil import spoiled


def test_spoiled_pictures_repeat(mnist: DataSets) -> None:
    """By the seed; the pictures given are not changed; most are spoiled, a little or much."""
    images = mnist.validation.images[:400]
    before = images.copy()
    made = spoiled(images, seed=3)
    np.testing.assert_array_equal(made, spoiled(images, seed=3))
    np.testing.assert_array_equal(images, before)
    change = np.abs(made.astype(int) - images).mean(axis=(1, 2))
    assert (change > 0).mean() > 0.9
    assert np.quantile(change, 0.9) > 4 * np.quantile(change, 0.3)
    tiny = images[:, :5, :5]
    np.testing.assert_array_equal(spoiled(tiny, 0), tiny)


def test_spoiled_pictures_are_read_worse(mnist: DataSets) -> None:
    """Some are still read, some can't be."""
    images, labels = mnist.validation.images[:1000], mnist.validation.labels[:1000]
    right = (shipped_model().predict(spoiled(images, 1)) == labels).mean()
    assert 0.4 < right < 0.95


def test_heat_finds_how_sure_one_may_be() -> None:
    """Where strange pictures' logits are three times too large, their heat is near three."""
    rng = np.random.default_rng(0)
    n = 6000
    strangeness = rng.uniform(-8, 8, n)
    z = 2 * rng.normal(size=(n, 10))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, 9)
    told = np.where(strangeness[:, None] > 4, 3 * z, z)
    usual = np.sort(rng.integers(1000, 1800, 500))
    heat = fit_heat(told, labels, strangeness, usual)
    assert heat.shape == (LEVELS,)
    assert (heat[:1700] == 1).all()
    assert (np.diff(heat) >= 0).all()
    assert heat[2200] < 1.3
    assert 2.5 < heat[3600] < 3.5


def test_heat_needs_strange_pictures() -> None:
    """Without any beyond the usual, nothing is cooled."""
    heat = fit_heat(np.zeros((5, 3)), [0, 1, 2, 0, 1], np.full(5, -16.0), np.array([100, 200]))
    assert (heat == 1).all()
