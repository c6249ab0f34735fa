"""Calibration: make probabilities as sure as they are right, and able to keep a promise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.models.base import cross_entropy
from mnistry.models.calibration import (
    LEVELS,
    MOST,
    Calibration,
    Gaussian,
    Levels,
    levels,
)
from mnistry.models.convnet import ConvNet
from mnistry.models.softmax import SoftmaxRegression
from mnistry.probability.conformal import doubt_by_class
from mnistry.probability.spoil import spoiled
from mnistry.probability.typical import fit_gaussian

Trained = SoftmaxRegression | ConvNet

_LOWEST, _HIGHEST = 0.05, 20.0
_SPOILED = 3  # times that each held-out picture is spoiled
_HEAT_BINS, _LEAST_IN_BIN = 16, 30
_USUAL = 0.99  # share of the held-out pictures that are not strange
_MOST_LEARNT = 4_000  # pictures that the model's Gaussian is fitted to


def calibrate(model: Trained, learnt: DataSet, held_out: DataSet) -> None:
    """Calibrate a trained model, in place: its temperature, and what its p-values follow from.

    With no picture held out, or a single class, it stays as it is.

    Parameters
    ----------
    learnt : what it learnt from: what typical pictures are like.
    held_out : others, best by other writers; of more than 20,000, so many of them.

    Raises
    ------
    InputError : the data has other classes than the model.
    """
    cross_calibrate(model, learnt, [(model, learnt, held_out)])


def cross_calibrate(
    model: Trained, learnt: DataSet, folds: Sequence[tuple[Trained, DataSet, DataSet]]
) -> None:
    """Calibrate a model, in place, by what models like it say of pictures that they don't know.

    So all pictures can be learnt from, and every writer has a say. It is cross-validation: nothing
    is proven of it, as it is of pictures held out from the model itself. Sets miss the truth as
    seldom as asked so far as the model is no worse than the others, which have learnt from less
    (compare the cross-conformal prediction of Vovk 2015, which asks all of them each time).

    Parameters
    ----------
    learnt : what the model learnt from.
    folds : a model each, what it learnt from, and other pictures. They are calibrated on the way.

    Raises
    ------
    InputError : the data has other classes than the model.
    """
    for name, data in (("learnt", learnt), *(("held_out", held_out) for *_, held_out in folds)):
        if data.classes != model.classes:
            raise InputError(f"`{name}` must have the model's classes; it has others.")
    others = [other for other, *_ in folds]
    parts = [_some(held_out, MOST // len(folds)) for *_, held_out in folds]
    labels = np.concatenate([part.labels for part in parts])
    if len(labels) == 0 or len(learnt) < 2 or len(model.classes) < 2:
        return
    judges = list(zip(others, parts, strict=True))
    logits = np.concatenate([other.logits(part.images) for other, part in judges])
    temperature = fit_temperature(logits, labels)
    known = {id(model): (model, learnt)} | {id(other): (other, own) for other, own, _ in folds}
    for one, _ in known.values():
        one.cool(temperature)
    logits = np.concatenate([other.logits(part.images) for other, part in judges])
    own = doubt_by_class(logits, labels)
    nothing = np.zeros(0, np.int64)
    gaussian = None
    for one, data in reversed(known.values()):  # the model's comes last, to be kept
        gaussian = _gaussian(one, data)
        one.promise(Calibration(own, nothing, gaussian))
    strange = np.sort(
        levels(np.concatenate([other.strangeness(part.images) for other, part in judges]))
    )
    heat = None
    if isinstance(model, ConvNet) and model.open:
        spoilt = [
            (other, spoiled(part.images, seed), part.labels)
            for other, part in judges
            for seed in range(_SPOILED)
        ]
        heat = fit_heat(
            np.concatenate([other.logits(bad) for other, bad, _ in spoilt]),
            np.concatenate([truth for *_, truth in spoilt]),
            np.concatenate([other.strangeness(bad) for other, bad, _ in spoilt]),
            strange,
        )
    model.promise(Calibration(own, strange, gaussian, heat))


def _some(data: DataSet, most: int) -> DataSet:
    """Give so many pictures at most, evenly spread over the set."""
    if len(data) <= most:
        return data
    return data.take(np.linspace(0, len(data) - 1, most, dtype=int))


def _gaussian(model: Trained, learnt: DataSet) -> Gaussian | None:
    """Find where the pictures lie that a model learnt from, unless it knows strange ones itself."""
    if isinstance(model, ConvNet) and model.open:
        return None
    some = _some(learnt, _MOST_LEARNT)
    return fit_gaussian(model.features(some.images), some.labels, len(model.classes))


def fit_heat(
    logits: ArrayLike, labels: ArrayLike, strangeness: ArrayLike, usual: Levels
) -> NDArray[np.float32]:
    """Find what to divide logits by at each level of strangeness: 1 at usual ones, then rising.

    Parameters
    ----------
    logits, labels, strangeness : of n pictures that are strange in many degrees.
    usual : sorted levels of pictures that are not; all but the last in a hundred stay at 1.

    Returns
    -------
    heat : float32 (LEVELS,).
    """
    z, y, at = np.asarray(logits, np.float64), np.asarray(labels), levels(strangeness)
    bound = int(usual[int(_USUAL * (len(usual) - 1))])
    order = np.argsort(at, kind="stable")
    order = order[at[order] > bound]
    parts = [part for part in np.array_split(order, _HEAT_BINS) if len(part) >= _LEAST_IN_BIN]
    if not parts:
        return np.ones(LEVELS, np.float32)
    middles = [float(at[part].mean()) for part in parts]
    best = [max(1.0, fit_temperature(z[part], y[part])) for part in parts]
    risen = _rising(np.array(best), np.array([len(part) for part in parts]))
    knots = [bound, *np.maximum(middles, bound + 1)]
    return np.asarray(np.interp(np.arange(LEVELS), knots, [1.0, *risen]), np.float32)


def _rising(values: NDArray[np.float64], weights: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give the nearest values that never fall, by pooling neighbours that do (Ayer et al. 1955)."""
    pools: list[tuple[float, int, int]] = []  # value, weight, how many it stands for
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        pool = value, weight, 1
        while pools and pools[-1][0] > pool[0]:
            last = pools.pop()
            both = last[1] + pool[1]
            mean = (last[0] * last[1] + pool[0] * pool[1]) / both
            pool = mean, both, last[2] + pool[2]
        pools.append(pool)
    return np.repeat([pool[0] for pool in pools], [pool[2] for pool in pools])


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
    found = float(np.exp((low + high) / 2))
    # The search comes near a wall and never touches it.
    return min((found, _LOWEST, _HIGHEST), key=lambda t: cross_entropy(z / t, labels))
