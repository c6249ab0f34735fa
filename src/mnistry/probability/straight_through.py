"""Scores of whole texts: exact match, calibration, and the straight-through rate.

The straight-through rate at a risk is the share of texts that can be accepted without a person, the
most probable first, so that at most this share of the accepted ones is wrong. In the literature on
selective prediction it is the coverage at a risk (El-Yaniv & Wiener 2010, JMLR 11).
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.errors import InputError
from mnistry.probability.measure import binomial_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

RISKS = (0.001, 0.005, 0.01, 0.02)
_BINS = 10


@dataclass(frozen=True)
class Accepted:
    """What can be accepted at a risk.

    Parameters
    ----------
    risk : greatest share of the accepted texts that may be wrong.
    threshold : probability from which texts are accepted; None if none can be.
    accepted, wrong : numbers of texts. share : of all texts, accepted.
    share_interval, error_interval : exact 95% intervals of `share` and of `wrong` / `accepted`.
    """

    risk: float
    threshold: float | None
    accepted: int
    wrong: int
    share: float
    share_interval: tuple[float, float]
    error_interval: tuple[float, float]


@dataclass(frozen=True)
class Bin:
    """Texts whose claimed probability is in [low, high]: how many, the mean claim, share right."""

    low: float
    high: float
    count: int
    claimed: float
    right: float


@dataclass(frozen=True)
class TextScores:
    """Scores of texts that were read.

    Parameters
    ----------
    count, right : numbers of texts, and of those read exactly. exact : their share.
    exact_interval : its exact 95% interval, for independent texts.
    claimed : mean probability. ece : expected calibration error over ten bins of equal width.
    accepted : for each risk. bins : the calibration plot's; empty ones are left out.
    """

    count: int
    right: int
    exact: float
    exact_interval: tuple[float, float]
    claimed: float
    ece: float
    accepted: tuple[Accepted, ...]
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def score_texts(
    probabilities: ArrayLike, right: ArrayLike, risks: Sequence[float] = RISKS
) -> TextScores:
    """Score texts by their claimed probabilities and whether they are right.

    Parameters
    ----------
    probabilities : (n,), in [0, 1]. right : (n,) bool. At least one each.
    risks : greatest shares of errors among what is accepted, in [0, 1).

    Raises
    ------
    InputError : there are none, or the arrays do not match.
    """
    p, hits = np.asarray(probabilities, np.float64), np.asarray(right, bool)
    if p.ndim != 1 or p.shape != hits.shape or not len(p):
        raise InputError("`probabilities` and `right` must have one value for each text.")
    n = len(p)
    places = np.minimum((p * _BINS).astype(int), _BINS - 1)
    bins = tuple(
        Bin(
            k / _BINS,
            (k + 1) / _BINS,
            int(own.sum()),
            float(p[own].mean()),
            float(hits[own].mean()),
        )
        for k in range(_BINS)
        if (own := places == k).any()
    )
    total = int(hits.sum())
    return TextScores(
        n, total, total / n, binomial_interval(total, n), float(p.mean()),
        sum(one.count / n * abs(one.claimed - one.right) for one in bins),
        tuple(_accepted(p, hits, risk) for risk in risks), bins,
    )  # fmt: skip


def acceptance_threshold(risk: float, calibration: str | os.PathLike[str] | None = None) -> float:
    """Return the probability from which texts are accepted at a risk.

    Parameters
    ----------
    risk : greatest share of the accepted texts that may be wrong, between 0 and 1.
    calibration : file that ``mnistry evaluate --images FOLDER --labels FILE --json`` printed: the
        threshold that kept the risk on these labelled images. Of the risks in the file, the
        greatest that is not above `risk` is used. None: 1 - `risk`, so that each accepted text has
        at most this risk by its own claimed probability.

    Returns
    -------
    threshold : in [0, 1]; infinity if the sample has no threshold that keeps the risk. Since it is
        chosen on the sample, the risk on other images is at least as uncertain as the report's
        `error_interval` says.

    Raises
    ------
    InputError : the risk is out of range, or the file is not such a report.
    """
    if isinstance(risk, bool) or not isinstance(risk, Real) or not 0 < risk < 1:
        raise InputError(f"`risk` must be a number between 0 and 1; got {risk!r}.")
    if calibration is None:
        return 1 - float(risk)
    name = os.fspath(calibration)
    try:
        report = json.loads(Path(name).read_text("utf-8"))
        found = {
            float(one["risk"]): math.inf if one["threshold"] is None else float(one["threshold"])
            for one in report["accepted"]
        }
        if not all(0 <= own <= 1 or own == math.inf for own in found.values()):
            raise ValueError("a threshold is no probability")
    except OSError as error:
        raise InputError(f"{name!r} can't be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{name!r} is no report of `mnistry evaluate --images FOLDER --labels FILE --json`."
        ) from None
    known = [own for own in found if own <= risk]
    if not known:
        listed = ", ".join(f"{own:g}" for own in sorted(found))
        raise InputError(f"{name!r} has thresholds for the risks {listed}; {risk:g} is below them.")
    return found[max(known)]


def _accepted(p: np.ndarray, hits: np.ndarray, risk: float) -> Accepted:
    """Accept as many as the risk allows; texts of the same probability are accepted together."""
    order = np.argsort(-p, kind="stable")
    errors = np.cumsum(~hits[order])
    last = np.append(np.diff(p[order]) != 0, True)  # of each probability
    good = np.flatnonzero(last & (errors <= risk * np.arange(1, len(p) + 1)))
    k = int(good[-1]) + 1 if len(good) else 0
    wrong = int(errors[k - 1]) if k else 0
    return Accepted(
        risk, float(p[order][k - 1]) if k else None, k, wrong, k / len(p),
        binomial_interval(k, len(p)), binomial_interval(wrong, k) if k else (0.0, 1.0),
    )  # fmt: skip
