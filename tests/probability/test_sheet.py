"""The score sheet: the whole, the halves, the audited labels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError
from mnistry.models.softmax import SoftmaxRegression
from mnistry.probability.sheet import score


@pytest.fixture(scope="module")
def model(mnist: DataSets) -> SoftmaxRegression:
    return SoftmaxRegression().fit(mnist.train.images, mnist.train.labels, classes=mnist.classes)


def test_parts_add_up(mnist: DataSets, model: SoftmaxRegression) -> None:
    """Students and employees are the whole; the students' half is the harder one."""
    sheet = score(model, mnist.test)
    students, employees = sheet.parts["students"], sheet.parts["employees"]
    assert students.pictures + employees.pictures == sheet.pictures == 10_000
    assert (students.right + employees.right) / 10_000 == sheet.accuracy
    assert students.accuracy < employees.accuracy
    assert sheet.parts["audited"].pictures == 9_995
    assert np.trace(sheet.confusion) == round(sheet.accuracy * 10_000)
    low, high = sheet.accuracy_interval
    assert low < sheet.accuracy < high


def test_audited_labels_judge_the_answers(mnist: DataSets, model: SoftmaxRegression) -> None:
    """The audited score is the one that the corrected labels give, picture by picture."""
    answers = model.predict(mnist.test.images)
    labels = mnist.test.labels.copy()
    fixed = {947: 9, 6651: 6, 2462: 0, 2597: 3, 3558: 0}
    fixed |= {1621: 6, 1901: 4, 5937: 3, 6783: 6, 9729: 6}
    labels[list(fixed)] = list(fixed.values())
    keep = np.ones(10_000, bool)
    keep[[2130, 8527, 2654, 3520, 9679]] = False
    sheet = score(model, mnist.test)
    assert sheet.parts["audited"].right == (answers == labels)[keep].sum()


def test_other_sets_have_no_parts(mnist: DataSets, model: SoftmaxRegression) -> None:
    """Halves and audits are facts about MNIST's test split alone."""
    sheet = score(model, mnist.test.take(slice(100)))
    assert sheet.parts == {}
    assert json.loads(json.dumps(sheet.to_dict()))["pictures"] == 100


@pytest.mark.parametrize("names", [("3", "7"), ("three", "seven"), ("digit_3", "digit_7")])
def test_some_of_the_classes_are_scored(
    names: tuple[str, ...], mnist: DataSets, model: SoftmaxRegression
) -> None:
    """Data of two digits are scored by the model's ten columns; other classes have no accuracy."""
    chosen = np.isin(mnist.test.labels, [3, 7])
    data = mnist.test.take(chosen)
    ours = DataSet(data.images, (data.labels == 7).astype(int), names)
    sheet = score(model, ours)
    answers = model.predict(data.images)
    assert sheet.accuracy == (answers == data.labels).mean()
    assert sheet.classes == model.classes
    assert np.sum(sheet.confusion) == np.sum([sheet.confusion[3], sheet.confusion[7]]) == len(data)
    given = [i for i, share in enumerate(sheet.class_accuracy) if share is not None]
    assert given == [3, 7]
    assert json.loads(json.dumps(sheet.to_dict()))["class_accuracy"][9] is None


def test_light_borders_are_told(mnist: DataSets, model: SoftmaxRegression) -> None:
    """The share of images that look inverted is a part of the sheet."""
    some = mnist.test.take(slice(100))
    assert score(model, some).light_borders == 0
    assert score(model, replace(some, images=255 - some.images)).light_borders == 1


def test_score_refuses_other_classes(mnist: DataSets, model: SoftmaxRegression) -> None:
    """A model is scored on its own classes, and on at least one picture."""
    few = SoftmaxRegression(steps=1).fit(np.zeros((2, 784), np.uint8), [0, 1], classes=["a", "b"])
    with pytest.raises(InputError, match=r"images of '0', '1', .*; it knows the classes 'a', 'b'"):
        score(few, mnist.test)
    with pytest.raises(InputError, match=r"is empty"):
        score(model, mnist.test.take(slice(0)))
