"""The pictures worth a step: a convnet's time goes to those that softmax regression finds hard.

Three of four pictures of MNIST are clear to a linear model after 300 steps, a tenth of a second;
a convnet learns next to nothing from them. `benchmarks/LOG.md` has what this gains.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.data.dataset import DataSet
from mnistry.models.softmax import SoftmaxRegression

_STEPS = 300  # of 100 pictures
# Where the linear model errs often, its errors may be wrong labels or beyond anybody; the share
# is then so many times its errors at least, so that they stay a minority of what is learnt.
_PER_ERROR = 2.5


def hardest(data: DataSet, share: float, seed: int) -> NDArray[np.intp]:
    """Give the share of the pictures whose labels softmax regression finds least probable.

    Parameters
    ----------
    share : in [0, 1]; taken larger where softmax regression's errors are more than 40% of it.

    Returns
    -------
    rows : indices into `data`, in rising order.
    """
    linear = SoftmaxRegression(steps=_STEPS, seed=seed)
    linear.fit(data.images, data.labels, classes=data.classes)
    p: NDArray[Any] = linear.predict_proba(data.images)
    own = p[np.arange(len(p)), data.labels]
    error = float((p.argmax(axis=1) != data.labels).mean())
    count = max(2, round(min(1.0, max(share, _PER_ERROR * error)) * len(data)))
    return np.sort(np.argsort(own, kind="stable")[:count])
