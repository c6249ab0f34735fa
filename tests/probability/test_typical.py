"""Strangeness: Mahalanobis' distance where it is exact, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.models.softmax import SoftmaxRegression
from mnistry.probability import measure
from mnistry.probability.calibrate import calibrate
from mnistry.probability.typical import fit_gaussian


def cloud(n: int, d: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    shape = rng.normal(size=(d, d))
    return rng.normal(size=(n, d)) @ shape + 4 * rng.normal(size=(k, d))[labels], labels


def test_distance_is_mahalanobis() -> None:
    """Oracle: the least of (x - c) S⁻¹ (x - c)ᵀ over the classes, with S the common covariance."""
    x, y = cloud(3000, 6, 3)
    gaussian = fit_gaussian(x, y, 3)
    centres = np.stack([x[y == c].mean(axis=0) for c in range(3)])
    within = x - centres[y]
    covariance = within.T @ within / len(x)
    covariance += (0.01 * np.trace(covariance) / 6 + 1e-12) * np.eye(6)
    inverse = np.linalg.inv(covariance)
    each = [np.einsum("ni,ij,nj->n", x - c, inverse, x - c) for c in centres]
    np.testing.assert_allclose(gaussian.strangeness(x), np.log(np.min(each, axis=0)), atol=2e-3)


def test_directions_beyond_the_widest_share_one_variance() -> None:
    """Of many features, a step along a wide direction is less strange than one across them all."""
    rng = np.random.default_rng(1)
    spread = np.concatenate([np.full(20, 5.0), np.full(480, 0.5)])
    x = rng.normal(size=(2000, 500)) * spread
    gaussian = fit_gaussian(x, np.zeros(2000, int), 1)
    assert gaussian.axes.shape == (500, 32)
    np.testing.assert_allclose(gaussian.axes.T @ gaussian.axes, np.eye(32), atol=1e-5)
    here = np.zeros((3, 500))
    here[1, 0] = here[2, 400] = 30.0
    middle, along, across = gaussian.strangeness(here)
    assert middle < along < across
    assert along == pytest.approx(np.log(36), abs=0.3)


@pytest.mark.slow
def test_other_pictures_are_stranger(mnist: DataSets) -> None:
    """Noise and inverted digits are stranger than digits; a level refuses its share of digits."""
    model = SoftmaxRegression().fit(mnist.train.images, mnist.train.labels, classes=mnist.classes)
    calibrate(model, mnist.train, mnist.validation)
    digits = mnist.test.images[:3000]
    usual = model.strangeness(digits)
    noise = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)
    for other in (noise, 255 - digits[:300]):
        assert measure.auroc(usual, model.strangeness(other)) > 0.999
        assert (model.typicality(other) <= 0.01).mean() > 0.99
    assert 0.03 < (model.typicality(mnist.test.images) <= 0.05).mean() < 0.07


def test_fit_needs_two_pictures() -> None:
    """One picture has no shape."""
    with pytest.raises(InputError, match=r"two pictures or more; got 1"):
        fit_gaussian(np.ones((1, 3)), [0], 2)
    lonely = fit_gaussian(np.ones((2, 3)), [0, 0], 2)  # class 1 has no picture, all are alike
    assert np.isfinite(lonely.strangeness(np.ones((1, 3)))).all()
