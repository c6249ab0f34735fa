"""Classes are matched by name, however people write digits."""

from __future__ import annotations

import numpy as np
import pytest

from mnistry.data.classes import digit_name, with_classes
from mnistry.data.dataset import DataSet
from mnistry.errors import InputError

DIGITS = tuple("0123456789")


def few(classes: tuple[str, ...], labels: list[int]) -> DataSet:
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    return DataSet(images, np.array(labels), classes)


@pytest.mark.parametrize(
    ("name", "digit"),
    [
        *[
            (word, "7")
            for word in ("7", "07", "7.0", "seven", "Seven", " 7 ", "七", "柒", "７", "٧")
        ],
        *[(word, "0") for word in ("00", "zero", "零", "〇", "digit_0", "digit-0", "Digit 0")],
        *[(word, "3") for word in ("class3", "label_3", "num:3", "digit_three", "digits 3")],
        *[(word, None) for word in ("A", "cat", "7a", "digit", "x7", "-7", "7.5", "", "sevens")],
        ("10", "10"),
    ],
)
def test_digit_names_in_use(name: str, digit: str | None) -> None:
    """Words, scripts, zeros and prefixes stand for the digit; other names for none."""
    assert digit_name(name) == digit


@pytest.mark.parametrize(
    "classes",
    [("3", "7"), ("03", "07"), ("three", "seven"), ("三", "七"), ("digit_3", "digit_7")],
)
def test_some_of_the_classes_are_matched(classes: tuple[str, ...]) -> None:
    """Data of two digits get the labels of the model's ten; images and order stay."""
    data = few(classes, [1, 0, 1])
    found = with_classes(data, DIGITS)
    assert found.labels.tolist() == [7, 3, 7]
    assert found.classes == DIGITS
    assert np.array_equal(found.images, data.images)


def test_same_classes_are_the_same_set() -> None:
    """If the classes are equal, the same object is returned."""
    data = few(DIGITS, [1, 2])
    assert with_classes(data, DIGITS) is data


def test_own_names_go_before_digits() -> None:
    """If a model has both `07` and `7`, classes are matched by their exact names."""
    assert with_classes(few(("07", "7"), [0, 1]), ("7", "07")).labels.tolist() == [1, 0]


def test_classes_without_images_need_no_match() -> None:
    """A class without images does not matter."""
    assert with_classes(few(("1", "cat"), [0]), DIGITS).labels.tolist() == [1]


def test_classes_that_the_model_lacks_are_refused() -> None:
    """The error names these classes and those that the model knows."""
    with pytest.raises(InputError, match=r"images of 'cat', which the model does not know; it"):
        with_classes(few(("1", "cat"), [0, 1]), DIGITS)
