"""What is known of MNIST's test split is said of that split alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mnistry.data.audit import audited_labels, halves, is_mnist_test

if TYPE_CHECKING:
    from mnistry.data.dataset import DataSets


def test_audit_halves_part_students_from_employees(mnist: DataSets) -> None:
    """Pictures 0 to 5000 are students', 5001 to 9999 employees'."""
    found = halves(mnist.test)
    assert list(found) == ["students", "employees"]
    assert np.flatnonzero(found["students"]).tolist() == list(range(5001))
    assert np.flatnonzero(found["employees"]).tolist() == list(range(5001, 10_000))


def test_audit_labels_change_in_fifteen_places(mnist: DataSets) -> None:
    """Ten labels become the digit that reviewers see, five become -1, no other changes."""
    labels = audited_labels(mnist.test)
    assert labels is not None
    changed = np.flatnonzero(labels != mnist.test.labels)
    assert {int(i): int(labels[i]) for i in changed} == {
        947: 9,
        6651: 6,
        2462: 0,
        2597: 3,
        3558: 0,
        1621: 6,
        1901: 4,
        5937: 3,
        6783: 6,
        9729: 6,
        2130: -1,
        8527: -1,
        2654: -1,
        3520: -1,
        9679: -1,
    }


def test_audit_knows_no_other_set(mnist: DataSets) -> None:
    """Of the test split in another order, of a part of it and of other splits nothing is said."""
    for other in (mnist.test.take(slice(None, None, -1)), mnist.validation, mnist.test.take([0])):
        assert not is_mnist_test(other)
        assert halves(other) == {}
        assert audited_labels(other) is None
