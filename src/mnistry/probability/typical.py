"""Where the pictures learnt from lie, so that one that is like none of them can be told.

The distance is Mahalanobis' from the nearest class mean (Lee et al. 2018, arXiv:1807.03888). Of
many features, as pixels are, only the directions in which they differ most are told apart, and
the rest share one variance (Tipping & Bishop 1999, "Probabilistic principal component analysis").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.errors import InputError
from mnistry.models.calibration import Gaussian

_MOST_AXES = 128  # of so few features, all directions are told apart
_AXES = 32  # of more
_ROUNDS = 4  # of subspace iteration
_FLOOR = 0.01  # of the mean variance; no direction counts as narrower


def fit_gaussian(features: ArrayLike, labels: ArrayLike, classes: int) -> Gaussian:
    """Fit a normal distribution about each class mean, of one shape for all classes.

    Parameters
    ----------
    features : (n, d), finite, n at least 2. labels : (n,) ints in 0..classes-1; a class without
        any picture counts as one at the mean of all.

    Raises
    ------
    InputError : there are fewer than two pictures.
    """
    x, y = np.array(features, np.float32), np.asarray(labels)  # a copy, to be changed
    if len(x) < 2:
        raise InputError(f"`features` must be of two pictures or more; got {len(x)}.")
    d = x.shape[1]
    mean = x.mean(axis=0, dtype=np.float64)
    x -= mean.astype(np.float32)
    centres = np.zeros((classes, d))
    for label in range(classes):
        own = y == label
        if own.any():
            centres[label] = x[own].mean(axis=0, dtype=np.float64)
            x[own] -= centres[label].astype(np.float32)
    covariance = (x.T @ x).astype(np.float64) / len(x)  # within the classes
    variance = float(np.trace(covariance))  # of all directions together
    axes, along = _widest(covariance, d if d <= _MOST_AXES else _AXES)
    floor = _FLOOR * variance / d + 1e-12
    others = d - axes.shape[1]
    left = max(variance - float(along.sum()), 0.0) / max(others, 1) + floor
    rest = 1 / left if others else 0.0
    scale = 1 / (along + floor)
    shadow = centres @ axes
    weighed = (shadow * scale) @ axes.T + rest * (centres - shadow @ axes.T)
    return Gaussian(
        *(
            np.ascontiguousarray(array, np.float32)
            for array in (
                mean, axes, np.sqrt(scale), [rest], -2 * weighed.T,
                (weighed * centres).sum(axis=1),
            )
        )
    )  # fmt: skip


def _widest(covariance: NDArray[Any], r: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the r directions of largest variance, (d, r), and these."""
    d = len(covariance)
    if r == d:
        variances, axes = np.linalg.eigh(covariance)
        return axes, np.maximum(variances, 0)
    # Subspace iteration is enough for a few of many (Halko et al. 2011, arXiv:0909.4061).
    axes = np.random.default_rng(0).standard_normal((d, r + 8))
    for _ in range(_ROUNDS):
        axes, _ = np.linalg.qr(covariance @ axes)
    variances, turns = np.linalg.eigh(axes.T @ covariance @ axes)
    return axes @ turns[:, -r:], np.maximum(variances[-r:], 0)
