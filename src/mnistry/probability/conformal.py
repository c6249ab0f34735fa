"""Sets of classes that miss the truth as seldom as asked, by split conformal prediction.

Pictures that the model did not learn from say how much doubt about the true class is usual. A
class stays in the set while its doubt is; so the set misses the truth with probability at most
alpha (Vovk, Gammerman & Shafer 2005; Lei et al. 2018, arXiv:1604.04173), whatever the model is
worth, so long as a new picture could as well have been one of those held out: the same sort of
writers, pens and framing. The promise is about all pictures together, or with `by_class` about
each class, never about a single picture; it ends where other people write.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.errors import InputError
from mnistry.models.calibration import Levels, doubt, levels

Bools = NDArray[np.bool_]


def doubt_by_class(logits: ArrayLike, labels: ArrayLike) -> tuple[Levels, ...]:
    """Give the levels of doubt about the true classes, sorted, a class each.

    Parameters
    ----------
    logits : (n, k), k at least 2. labels : (n,) ints in 0..k-1.
    """
    z, y = np.asarray(logits), np.asarray(labels)
    own = levels(doubt(z)[np.arange(len(y)), y]) if len(y) else np.zeros(0, np.int64)
    return tuple(np.sort(own[y == label]) for label in range(z.shape[1]))


def prediction_sets(p_values: ArrayLike, alpha: float) -> Bools:
    """Mark the classes of each picture's set: those whose p-value is above alpha.

    Where the model is surer than alpha asks for, sets are empty for the oddest pictures, so that
    together they miss the truth alpha of the time and not less.

    Parameters
    ----------
    p_values : (n, k), of `Model.p_values`. alpha : the miss rate allowed, in (0, 1).
    """
    if not 0 < alpha < 1:
        raise InputError(f"`alpha` must be between 0 and 1; got {alpha}.")
    return np.asarray(np.asarray(p_values) > alpha)


def never_empty(sets: Bools, probabilities: ArrayLike) -> Bools:
    """Add to each set the most probable class: what a person is shown always has one.

    Such sets miss the truth at most as often as before.
    """
    p: NDArray[Any] = np.asarray(probabilities)
    likeliest = np.arange(p.shape[1]) == p.argmax(axis=1)[:, np.newaxis]
    return np.asarray(sets | likeliest)
