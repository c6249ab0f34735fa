"""Calibration: make probabilities as sure as they are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mnistry.errors import InputError
from mnistry.models.base import cross_entropy

_LOWEST, _HIGHEST = 0.05, 20.0


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Find the number by which to divide logits so that the labels become most probable.

    It changes how sure the answers are, never which they are (Guo et al. 2017,
    arXiv:1706.04599). The cross-entropy is convex in 1/temperature, so there is one best.

    Parameters
    ----------
    logits : (n, k), of pictures that the model did not learn from.
    labels : (n,) ints in 0..k-1.

    Returns
    -------
    temperature : in 0.05..20; above 1 where the model was too sure.

    Raises
    ------
    InputError : there are no pictures.
    """
    z = np.asarray(logits, np.float64)
    if len(z) == 0:
        raise InputError("`logits` must hold at least one picture to calibrate on; got none.")
    # Golden-section search on the logarithm, where the cross-entropy has one valley as well.
    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    golden = (np.sqrt(5) - 1) / 2
    while high - low > 1e-5:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if cross_entropy(z / np.exp(left), labels) < cross_entropy(z / np.exp(right), labels):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
