"""What is known about the pictures of MNIST's test split, for honest scores.

Nothing here is ever trained on or chosen by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSet

MNIST_TEST = "7621cb11296be19c012211dac8f6c1f97be851c2366f40933b55993e4ed87e9b"
_STUDENTS = 5001  # the first so many; the others are census employees'
# Labels that five reviewers each did not uphold (Northcutt, Athalye and Mueller, "Pervasive
# Label Errors in Test Sets", 2021), and the digit that they see, where they agree on one.
_CORRECTED = {
    947: 9,
    1621: 6,
    1901: 4,
    2462: 0,
    2597: 3,
    3558: 0,
    5937: 3,
    6651: 6,
    6783: 6,
    9729: 6,
}
_NOT_AGREED = (2130, 2654, 3520, 8527, 9679)


def is_mnist_test(data: DataSet) -> bool:
    """Say whether `data` is MNIST's test split: its pictures and labels, in its order."""
    return len(data) == 10_000 and data.fingerprint == MNIST_TEST


def halves(data: DataSet) -> dict[str, NDArray[np.bool_]]:
    """Mark whose digits are whose: the students' half is the harder one.

    Returns
    -------
    halves : `students` and `employees`, (n,) each, for MNIST's test split; empty for any
        other set, of which this is not known.
    """
    if not is_mnist_test(data):
        return {}
    students = np.arange(len(data)) < _STUDENTS
    return {"students": students, "employees": ~students}


def audited_labels(data: DataSet) -> NDArray[np.int64] | None:
    """Give MNIST's test labels as five reviewers each would have them.

    Returns
    -------
    labels : (n,), -1 where no digit was agreed on (leave these pictures out); None for any
        other set, which was not audited so.
    """
    if not is_mnist_test(data):
        return None
    labels = data.labels.copy()
    labels[list(_CORRECTED)] = list(_CORRECTED.values())
    labels[list(_NOT_AGREED)] = -1
    return labels
