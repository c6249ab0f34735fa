"""Pictures made besides the data's: digits in foreign forms, and what is none of its classes."""

from __future__ import annotations

import numpy as np

from mnistry.data.dataset import DataSet
from mnistry.training.forms import foreign_digits
from mnistry.training.strange import strangers

_DIGITS = tuple("0123456789")
_FOREIGN = 0.2  # share of the made pictures that are digits


def made(data: DataSet, n: int, seed: int) -> DataSet:
    """Make n pictures to learn from besides a data set's, 28×28, with one more class: none.

    Digits in other forms are among them only where the classes are the ten digits.
    """
    foreign = round(_FOREIGN * n) if data.classes == _DIGITS else 0
    none = len(data.classes)
    images, labels = [strangers(data, n - foreign, seed)], [np.full(n - foreign, none, np.int64)]
    if foreign:
        more, digits = foreign_digits(foreign, seed)
        images.append(more)
        labels.append(digits)
    return DataSet(np.concatenate(images), np.concatenate(labels), (*data.classes, "none of these"))
