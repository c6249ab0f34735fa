"""The score sheet: every measure of a model on a data set, of the whole and of its parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.data.audit import audited_labels, halves
from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.models.base import Model
from mnistry.probability import measure

ALPHAS = (0.1, 0.05, 0.01, 0.005)


@dataclass(frozen=True)
class Share:
    """How many pictures of a part were right, with the exact 95% interval of the proportion."""

    right: int
    pictures: int
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class ScoreSheet:
    """What a model's probabilities are worth on a data set.

    Attributes
    ----------
    pictures : how many. accuracy, accuracy_interval : the share right, its exact 95% interval.
    nll : mean -log p(true class), in nats. brier : mean squared distance to the truth, 0 to 2.
    ece : expected calibration error of the largest probability, 15 bins of equal mass.
    coverage : for each alpha, how often the smallest set of classes that claims 1 - alpha
        holds the truth, and the sets' mean size.
    confusion : (k, k) counts, by label and answer.
    parts : shares by name: "audited" labels, "students" and "employees", where they are known.
    classes : the names of the k classes.
    """

    pictures: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    nll: float
    brier: float
    ece: float
    coverage: dict[str, dict[str, float]]
    confusion: list[list[int]]
    classes: tuple[str, ...]
    parts: dict[str, Share] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give the sheet as JSON-ready values."""
        return asdict(self)


def score(model: Model, data: DataSet) -> ScoreSheet:
    """Measure a model on a data set.

    On MNIST's test split the students' and the employees' halves are told apart, and the
    labels that reviewers did not uphold are also counted as they would have them.

    Raises
    ------
    InputError : the model knows other classes or another picture size, or `data` is empty.
    """
    if data.classes != model.classes:
        raise InputError(
            f"The model knows the classes {_some(model.classes)}, the data has "
            f"{_some(data.classes)}; evaluate it on data of its own classes."
        )
    if len(data) == 0:
        raise InputError("The data set to score on is empty; give one with pictures.")
    p, y = model.predict_proba(data.images), data.labels
    right = p.argmax(axis=1) == y
    whole = _share(right)
    parts = {name: _share(right[mask]) for name, mask in halves(data).items()}
    audited = audited_labels(data)
    if audited is not None:
        agreed = audited >= 0
        parts["audited"] = _share(p.argmax(axis=1)[agreed] == audited[agreed])
    return ScoreSheet(
        pictures=len(data),
        accuracy=whole.accuracy,
        accuracy_interval=whole.interval,
        nll=measure.nll(p, y),
        brier=measure.brier(p, y),
        ece=measure.ece(p, y),
        coverage={f"{alpha:g}": _coverage(p, y, alpha) for alpha in ALPHAS},
        confusion=measure.confusion(p, y).tolist(),
        classes=model.classes,
        parts=parts,
    )


def _coverage(p: NDArray[Any], y: NDArray[Any], alpha: float) -> dict[str, float]:
    sets = measure.credible_sets(p, alpha)
    return {"coverage": measure.coverage(sets, y), "size": float(sets.sum(axis=1).mean())}


def _share(right: NDArray[np.bool_]) -> Share:
    count, n = int(right.sum()), len(right)
    return Share(count, n, count / n, measure.binomial_interval(count, n))


def _some(names: tuple[str, ...]) -> str:
    """Name a few of many."""
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} … ({len(names)} in all)"
