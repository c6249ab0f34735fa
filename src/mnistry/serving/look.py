"""The data with its labels, and what a model makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data.audit import halves
from mnistry.data.sources import load_data
from mnistry.errors import InputError
from mnistry.probability.sheet import score
from mnistry.serving.errors import Refused
from mnistry.serving.query import whole

if TYPE_CHECKING:
    from mnistry.data.dataset import DataSet, DataSets
    from mnistry.serving.store import Served

MOST = 1000  # pictures at a time
_TOLD = (
    "accuracy", "accuracy_interval", "nll", "brier", "ece", "ece_floor", "coverage", "reliability",
    "risk_coverage", "parts",
)  # fmt: skip


@cache
def mnist() -> DataSets:
    """Give MNIST, loaded once."""
    return load_data("mnist")


def split(name: str) -> DataSet:
    """Give the pictures to train on or to test on.

    Raises
    ------
    Refused : 404, it is neither.
    """
    if name not in ("train", "test"):
        raise Refused(404, f"MNIST's splits are train and test; there is no {name[:40]!r}.")
    return mnist().train if name == "train" else mnist().test


def labels(name: str) -> dict[str, Any]:
    """Return the labels of a split and, of the test split, which writers are students."""
    data = split(name)
    students = halves(data).get("students")
    return {
        "labels": data.labels.tolist(),
        "students": None if students is None else students.tolist(),
    }


def images(name: str, query: Mapping[str, str]) -> bytes:
    """Give pictures' bytes, 0 = paper: `count` of them `from` one on, or those at `indices`.

    Raises
    ------
    InputError : they are no numbers, out of range or too many.
    """
    data = split(name)
    if "indices" in query:
        at = [whole("indices", part) for part in query["indices"].split(",") if part]
    else:
        start, count = (
            whole(key, query.get(key, d)) for key, d in (("from", "0"), ("count", "200"))
        )
        at = list(range(start, min(start + min(count, MOST + 1), len(data))))
    if len(at) > MOST:
        raise InputError(f"At most {MOST:,} pictures are given at a time; ask for fewer.")
    if at and max(at) >= len(data):
        raise InputError(
            f"The {name} split has {len(data):,} pictures; the last is {len(data) - 1:,}."
        )
    return np.ascontiguousarray(data.images[at]).tobytes()


def answers(served: Served) -> dict[str, Any]:
    """Return a model's predictions on the test split, their probabilities and its scores.

    Raises
    ------
    InputError : the model is for other classes or pictures.
    """
    data = mnist().test
    sheet = score(served.model, data).to_dict()
    p = served.model.predict_proba(data.images)
    return {
        "labels": data.labels.tolist(),
        "answers": p.argmax(axis=1).tolist(),
        "probabilities": p.max(axis=1).round(6).tolist(),
        "sheet": {key: sheet[key] for key in _TOLD},
    }
