"""How good are probabilities? Pure functions of arrays: nothing here knows a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.errors import InputError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def accuracy(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Give the share of pictures whose most probable class is their label."""
    p, y = _checked(probabilities, labels)
    return float((p.argmax(axis=1) == y).mean())


def binomial_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Give the exact interval of a proportion (Clopper & Pearson 1934, Biometrika 26).

    Parameters
    ----------
    successes : 0..n. n : at least 1.
    confidence : the least probability with which the interval covers the truth, in (0, 1).

    Returns
    -------
    low, high : in [0, 1]; the proportions at which so many successes or more, or so few or
        fewer, have probability (1 - confidence) / 2.
    """
    if not (n >= 1 and 0 <= successes <= n):
        raise InputError(f"`successes` must be in 0..n with n at least 1; got {successes} of {n}.")
    if not 0 < confidence < 1:
        raise InputError(f"`confidence` must be between 0 and 1; got {confidence}.")
    tail = (1 - confidence) / 2
    i = np.arange(n + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    log_choose = log_factorial[n] - log_factorial[i] - log_factorial[n - i]

    def at_least(p: float, count: int) -> float:
        """Give P(X >= count) for X binomial (n, p)."""
        with np.errstate(under="ignore"):
            terms = log_choose[count:] + i[count:] * np.log(p) + (n - i[count:]) * np.log1p(-p)
            return float(np.exp(terms).sum())

    low = 0.0 if successes == 0 else _root(lambda p: at_least(p, successes) - tail)
    high = 1.0 if successes == n else _root(lambda p: at_least(p, successes + 1) - (1 - tail))
    return low, high


def nll(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Give the mean of -log p(true class), in nats; probabilities of 0 count as 1e-300."""
    p, y = _checked(probabilities, labels)
    own = p[np.arange(len(y)), y].astype(np.float64)
    return float(-np.log(np.maximum(own, 1e-300)).mean()) + 0.0  # certainty is 0, not -0


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Give the mean squared distance to the one-hot truth, over all classes, in [0, 2]."""
    p, y = _checked(probabilities, labels)
    distance = p.astype(np.float64)
    distance[np.arange(len(y)), y] -= 1
    return float((distance**2).sum(axis=1).mean())


class Reliability(NamedTuple):
    """Bins of equal mass, from least to most confident.

    confidence : (bins,), the mean of the largest probability. accuracy : (bins,), the share
    that was right. pictures : (bins,), how many.
    """

    confidence: Floats
    accuracy: Floats
    pictures: Ints


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> Reliability:
    """Compare what the model claims with what happens, in bins of (nearly) equal mass.

    Parameters
    ----------
    probabilities : (n, k). labels : (n,) ints in 0..k-1. bins : at least 1; n if n is less.
    """
    p, y = _checked(probabilities, labels)
    if bins < 1:
        raise InputError(f"`bins` must be at least 1; got {bins}.")
    confidence = p.max(axis=1).astype(np.float64)
    right = p.argmax(axis=1) == y
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(bins, len(y)))
    return Reliability(
        np.array([confidence[part].mean() for part in parts]),
        np.array([right[part].mean() for part in parts]),
        np.array([len(part) for part in parts]),
    )


def ece(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> float:
    """Give the expected calibration error: the bins' mean gap between claim and truth.

    Of the most probable class, in bins of equal mass (Nixon et al. 2019, arXiv:1904.01685).
    """
    found = reliability(probabilities, labels, bins)
    return float(np.average(np.abs(found.confidence - found.accuracy), weights=found.pictures))


def ece_floor(
    probabilities: ArrayLike, bins: int = 15, *, draws: int = 100, seed: int = 0
) -> float:
    """Give the mean `ece` that these probabilities would have if they were true.

    It is not 0, since so many pictures are only a sample: an error at this floor is noise.

    Parameters
    ----------
    probabilities : (n, k). draws : how often "right or wrong" is drawn anew for all pictures.
    """
    p = np.sort(_as_probabilities(probabilities).max(axis=1).astype(np.float64))
    if bins < 1 or draws < 1 or len(p) == 0:
        raise InputError(
            f"`bins`, `draws` and the pictures must be at least 1; got {bins}, {draws}, {len(p)}."
        )
    rng = np.random.default_rng(seed)
    starts = np.linspace(0, len(p), min(bins, len(p)) + 1).astype(int)[:-1]
    gaps = [np.add.reduceat((rng.random(len(p)) < p) - p, starts) for _ in range(draws)]
    return float(np.abs(gaps).sum(axis=1).mean() / len(p))


class RiskCoverage(NamedTuple):
    """What it costs to answer, from the surest picture to all of them.

    answered : (n,), the share of pictures answered. risk : (n,), the share of these answered
    wrongly. confidence : (n,), the least confidence that is answered.
    """

    answered: Floats
    risk: Floats
    confidence: Floats


def risk_coverage(probabilities: ArrayLike, labels: ArrayLike) -> RiskCoverage:
    """Give how often answers are wrong if only the surest are given (Geifman & El-Yaniv 2017).

    Pictures of the same confidence are answered together or not at all.
    """
    p, y = _checked(probabilities, labels)
    confidence = p.max(axis=1).astype(np.float64)
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum((p.argmax(axis=1) != y)[order])
    ranked = confidence[order]
    ends = np.flatnonzero(np.append(ranked[:-1] != ranked[1:], True)) + 1
    return RiskCoverage(ends / len(y), wrong[ends - 1] / ends, ranked[ends - 1])


def answered_at_risk(curve: RiskCoverage, risk: float) -> float:
    """Give the largest share of pictures that can be answered with at most that risk."""
    good = curve.answered[curve.risk <= risk]
    return float(good.max(initial=0.0))


def auroc(usual: ArrayLike, strange: ArrayLike) -> float:
    """Give the probability that a strange one scores higher than a usual one; ties count half.

    Parameters
    ----------
    usual, strange : (n,) and (m,), the higher the stranger.
    """
    low, high = np.sort(np.asarray(usual)), np.asarray(strange)
    if not len(low) or not len(high):
        raise InputError(f"There must be scores of both kinds; got {len(low)} and {len(high)}.")
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / (2 * len(low)))


def confusion(probabilities: ArrayLike, labels: ArrayLike) -> Ints:
    """Count pictures by (label, most probable class): (k, k) ints that sum to n."""
    p, y = _checked(probabilities, labels)
    k = p.shape[1]
    return np.bincount(y * k + p.argmax(axis=1), minlength=k * k).reshape(k, k)


def credible_sets(probabilities: ArrayLike, alpha: float) -> NDArray[np.bool_]:
    """Mark, for each picture, the fewest classes whose probabilities add up to 1 - alpha.

    These are the sets that the probabilities themselves claim to be right 1 - alpha of the
    time; nothing guarantees it, and measuring it shows whether the probabilities are true.

    Parameters
    ----------
    probabilities : (n, k). alpha : the miss rate allowed, in (0, 1).
    """
    p = _as_probabilities(probabilities)
    if not 0 < alpha < 1:
        raise InputError(f"`alpha` must be between 0 and 1; got {alpha}.")
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p.astype(np.float64), order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    sets = np.zeros(p.shape, np.bool_)
    np.put_along_axis(sets, order, before < 1 - alpha, axis=1)
    return sets


def coverage(sets: ArrayLike, labels: ArrayLike) -> float:
    """Give the share of pictures whose label is in their set, for sets (n, k) of booleans."""
    marked = np.asarray(sets, np.bool_)
    return float(marked[np.arange(len(marked)), np.asarray(labels)].mean())


def _checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, Ints]:
    p = _as_probabilities(probabilities)
    y = np.asarray(labels)
    if y.shape != (len(p),) or not np.issubdtype(y.dtype, np.integer):
        raise InputError(
            f"`labels` must be {len(p)} ints, one a row of `probabilities`; "
            f"got {y.dtype} of shape {y.shape}."
        )
    if len(y) == 0:
        raise InputError("There must be at least one picture to measure; got none.")
    if y.min() < 0 or y.max() >= p.shape[1]:
        raise InputError(
            f"`labels` must be in 0..{p.shape[1] - 1}; got values from {y.min()} to {y.max()}."
        )
    return p, y.astype(np.intp)


def _as_probabilities(probabilities: ArrayLike) -> Floats:
    p = np.asarray(probabilities)
    if p.ndim != 2 or not np.issubdtype(p.dtype, np.floating):
        raise InputError(
            f"`probabilities` must be floats of shape (n, k); got {p.dtype} of shape {p.shape}."
        )
    if not ((p >= 0).all() and (np.abs(p.sum(axis=1, dtype=np.float64) - 1) <= 1e-5).all()):
        raise InputError(
            "Each row of `probabilities` must be at least 0 everywhere and sum to 1 within 1e-5; "
            "these don't. For logits, call `softmax` first."
        )
    return p


def _root(f: Callable[[float], float]) -> float:
    """Find where an increasing function crosses 0 in (0, 1), by bisection to the last bit."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if f(middle) < 0:
            low = middle
        else:
            high = middle
