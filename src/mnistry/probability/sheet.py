"""The score sheet: every measure of a model on a data set, of the whole and of its parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.data.audit import audited_labels, halves
from mnistry.data.classes import with_classes
from mnistry.data.dataset import DataSet
from mnistry.data.mapped import in_parts
from mnistry.errors import InputError
from mnistry.models.base import Model, softmax
from mnistry.pictures.grey import have_light_borders
from mnistry.probability import measure
from mnistry.probability.conformal import prediction_sets

ALPHAS = (0.1, 0.05, 0.01, 0.005)
RISKS = (0.01, 0.005, 0.001)
LEVELS = (0.01, 0.05)  # of typicality
_POINTS = 200  # of the risk-coverage curve that are told


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
    ece_floor : the mean of `ece` if the probabilities were true: sampling noise.
    sets : "conformal", or "claimed" where the model was not calibrated and its sets are the
        smallest whose probabilities add up to 1 - alpha.
    coverage : for each alpha, how often sets hold the truth ("coverage", its exact 95%
        "interval"), their mean "size" and the share that is "empty"; for conformal sets also
        "by_class": with a promise for each class, the least coverage of any, and the size.
    reliability : the bins of `ece`: "confidence", "accuracy" and "pictures" of each.
    risk_coverage : points of the curve from the surest answers to all: "answered", "risk".
    answered : for each risk, the largest share that can be answered with at most it.
    refused : for each level, the share of pictures whose typicality is at or below it.
    confusion : (k, k) counts, by label and answer.
    class_accuracy : the share right of each class; None for a class without test images.
    light_borders : the share of images whose border is light, as if paper were 255 and not 0.
    parts : shares by name: "audited" labels, "students" and "employees", where they are known.
    classes : the names of the k classes.
    """

    pictures: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    nll: float
    brier: float
    ece: float
    ece_floor: float
    sets: str
    coverage: dict[str, dict[str, Any]]
    reliability: dict[str, list[float]]
    risk_coverage: dict[str, list[float]]
    answered: dict[str, float]
    refused: dict[str, float]
    confusion: list[list[int]]
    class_accuracy: list[float | None]
    light_borders: float
    classes: tuple[str, ...]
    parts: dict[str, Share] = field(default_factory=dict)

    def __repr__(self) -> str:
        low, high = self.accuracy_interval
        return (
            f"ScoreSheet({self.pictures:,} images, accuracy {self.accuracy:.2%} ({low:.2%} to "
            f"{high:.2%}), NLL {self.nll + 0.0:.4f}, ECE {self.ece:.4f})"
        )

    def _repr_html_(self) -> str:
        """Return HTML for notebooks: accuracy and its interval, by class, and calibration."""
        import mnistry.notebook as notebook

        low, high = self.accuracy_interval
        scores = notebook.facts(
            (
                ("95% interval", f"{low:.2%} to {high:.2%}"),
                ("images", f"{self.pictures:,}"),
                ("NLL", f"{self.nll + 0.0:.4f}"),
                ("Brier score", f"{self.brier:.4f}"),
                ("ECE", f"{self.ece:.4f} (chance alone gives {self.ece_floor:.4f})"),
            )
        )
        rows = []
        for i, (name, counts) in enumerate(zip(self.classes, self.confusion, strict=True)):
            total = sum(counts)
            right = notebook.bar(counts[i] / total) if total else "no test images"
            rows.append((escape(name), right))
        by_class = notebook.table(rows, ("class", "accuracy"))
        return notebook.box(f"accuracy {self.accuracy:.2%}", scores, by_class)

    def to_dict(self) -> dict[str, Any]:
        """Give the sheet as JSON-ready values."""
        return asdict(self)


def score(model: Model, data: DataSet) -> ScoreSheet:
    """Measure a model on a data set.

    The data may hold only some of the model's classes, under any name that `with_classes` matches.
    On MNIST's test split the students' and the employees' halves are told apart, and the
    labels that reviewers did not uphold are also counted as they would have them.

    Raises
    ------
    InputError : the data has a class that the model does not know or another image size, or is
        empty.
    """
    data = with_classes(data, model.classes)
    if len(data) == 0:
        raise InputError("The data set to score on is empty; give one with pictures.")
    logits, y = model.logits(data.images), data.labels
    p = model.predict_proba(data.images)
    right = p.argmax(axis=1) == y
    whole = _share(right)
    parts = {name: _share(right[mask]) for name, mask in halves(data).items()}
    audited = audited_labels(data)
    if audited is not None:
        agreed = audited >= 0
        parts["audited"] = _share(p.argmax(axis=1)[agreed] == audited[agreed])
    confusion = measure.confusion(p, y)
    totals = confusion.sum(axis=1)
    curve = measure.risk_coverage(p, y)
    told = np.unique(np.linspace(0, len(curve.risk) - 1, _POINTS).round().astype(int))
    return ScoreSheet(
        pictures=len(data),
        accuracy=whole.accuracy,
        accuracy_interval=whole.interval,
        nll=measure.nll(p, y),
        brier=measure.brier(p, y),
        ece=measure.ece(p, y),
        ece_floor=measure.ece_floor(p),
        sets="claimed" if model.calibration is None else "conformal",
        coverage=_coverage(model, logits, y),
        reliability={
            name: values.tolist() for name, values in measure.reliability(p, y)._asdict().items()
        },
        risk_coverage={
            "answered": curve.answered[told].tolist(),
            "risk": curve.risk[told].tolist(),
        },
        answered={f"{risk:g}": measure.answered_at_risk(curve, risk) for risk in RISKS},
        refused=_refused(model, data.images),
        confusion=confusion.tolist(),
        class_accuracy=[
            float(confusion[i, i] / total) if total else None for i, total in enumerate(totals)
        ],
        light_borders=_light_borders(data.images),
        classes=model.classes,
        parts=parts,
    )


def _coverage(model: Model, logits: NDArray[Any], y: NDArray[Any]) -> dict[str, dict[str, Any]]:
    """Measure the sets of each alpha."""
    if model.calibration is None:
        claimed = softmax(logits)  # as it is, since nothing changes it
        return {f"{a:g}": _held(measure.credible_sets(claimed, a), y) for a in ALPHAS}
    p_values = model.calibration.p_values(logits)
    of_class = model.calibration.p_values(logits, by_class=True)
    found = {}
    for alpha in ALPHAS:
        own = prediction_sets(of_class, alpha)
        held = own[np.arange(len(y)), y]
        least = min(float(held[y == label].mean()) for label in np.unique(y))
        by_class = {"least": least, "size": float(own.sum(axis=1).mean())}
        found[f"{alpha:g}"] = {**_held(prediction_sets(p_values, alpha), y), "by_class": by_class}
    return found


def _held(sets: NDArray[np.bool_], y: NDArray[Any]) -> dict[str, Any]:
    sizes = sets.sum(axis=1)
    held = int(sets[np.arange(len(y)), y].sum())
    return {
        "coverage": held / len(y),
        "interval": measure.binomial_interval(held, len(y)),
        "size": float(sizes.mean()),
        "empty": float((sizes == 0).mean()),
    }


def _refused(model: Model, images: NDArray[Any]) -> dict[str, float]:
    if model.calibration is None:
        return {}
    typicality = model.typicality(images)
    return {f"{level:g}": float((typicality <= level).mean()) for level in LEVELS}


def _light_borders(images: NDArray[np.uint8]) -> float:
    light = sum(int(have_light_borders(np.asarray(part)).sum()) for part in in_parts(images))
    return light / len(images)


def _share(right: NDArray[np.bool_]) -> Share:
    count, n = int(right.sum()), len(right)
    return Share(count, n, count / n, measure.binomial_interval(count, n))
