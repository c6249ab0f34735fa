"""Forms photographed turned: the tilt is told by their lines, and their boxes are no ink."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from mnistry.data.dataset import DataSets
from mnistry.pictures import inker
from mnistry.pictures.inker import handwriting
from mnistry.pictures.tilt import level, tilt_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]

SHAPE = (90, 150)


def turned(plane: Plane, degrees: float) -> Plane:
    """Turn clockwise, on nothing."""
    turn = cv2.getRotationMatrix2D((75, 45), -degrees, 1)
    return np.asarray(cv2.warpAffine(plane, turn, SHAPE[::-1]), np.float32)


def box() -> Plane:
    """Draw the border of a field."""
    plane = np.zeros(SHAPE, np.float32)
    return np.asarray(cv2.rectangle(plane, (20, 20), (130, 70), 1.0, 1, cv2.LINE_AA))


def digit(image: Plane) -> Plane:
    """Write a digit into the field."""
    plane = np.zeros(SHAPE, np.float32)
    plane[27:63, 40:76] = cv2.resize(image, (36, 36), interpolation=cv2.INTER_CUBIC) / 255
    return plane


@pytest.mark.parametrize("degrees", [-11, -6, -3, 3, 6, 11])
@pytest.mark.parametrize("scale", [1, 4])
def test_tilt_is_that_of_a_box(degrees: float, scale: int) -> None:
    """Whatever the picture's size; clockwise is more than 0."""
    grey = 0.8 - 0.3 * turned(box(), degrees)
    large = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    assert tilt_of(inker._scaled(large, inker._coarse(large))) == pytest.approx(degrees, abs=1)


def test_what_is_not_turned_has_no_tilt(mnist: DataSets) -> None:
    """A level box, paper, grain, digits by themselves, and what is tiny."""
    rng = np.random.default_rng(0)
    assert tilt_of(0.8 - 0.3 * box()) == 0
    assert tilt_of(0.8 - 0.3 * turned(box(), 1)) == 0
    assert tilt_of(np.full(SHAPE, 0.8, np.float32)) == 0
    assert tilt_of(rng.random(SHAPE, np.float32)) == 0
    assert tilt_of(rng.random((1, 1), np.float32)) == 0
    assert tilt_of(rng.random((1, 400), np.float32)) == 0
    found = [tilt_of(1 - digit(image)) for image in mnist.test.images[:200]]
    assert np.count_nonzero(found) <= 4


def test_lines_in_all_directions_have_no_tilt() -> None:
    """A fan is no form, however long its lines are."""
    grey = np.ones(SHAPE, np.float32)
    for angle in np.radians(np.arange(-80, 81, 9)):
        end = round(75 + 200 * np.sin(angle)), round(90 - 200 * np.cos(angle))
        cv2.line(grey, (75, 90), end, 0.3, 1, cv2.LINE_AA)
    assert tilt_of(grey) == 0


@pytest.mark.parametrize("shape", [(40, 60), (61, 7), (1, 1)])
def test_levelled_answers_lie_where_they_belong(shape: tuple[int, int]) -> None:
    """Turned back and forth, a smooth picture is what it was; none is turned for no tilt."""
    rng = np.random.default_rng(0)
    grey = cv2.GaussianBlur(rng.random(shape, np.float32), (0, 0), 4)
    assert level(grey, 7.0, lambda plane: plane) == pytest.approx(grey, abs=0.01)
    assert level(grey, 0.0, lambda plane: plane) is grey


@pytest.mark.parametrize("shape", [(100, 40_000), (40_000, 100), (200, 1200), (100, 150)])
@pytest.mark.parametrize("tilt", [-12.0, 2.0, 12.0])
def test_a_turned_strip_takes_no_memory_without_bound(shape: tuple[int, int], tilt: float) -> None:
    """What would need more than thrice its pixels isn't turned; a form is."""
    seen: list[int] = []

    def answer(plane: Plane) -> Plane:
        seen.append(plane.size)
        return plane

    grey = np.zeros(shape, np.float32)
    assert level(grey, tilt, answer).shape == shape
    assert seen[0] <= 3.1 * grey.size
    assert (seen[0] > grey.size) == (max(shape) < 10_000)


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [-9, -5, 0, 5, 9])
def test_a_box_held_aslant_is_no_ink(degrees: float, mnist: DataSets) -> None:
    """Of digits in turned boxes, the digits are found, and hardly a border."""
    digits, rest = [], []
    for image in mnist.test.images[:12]:
        ink, border = turned(digit(image), degrees), turned(box(), degrees)
        found, scale, _ = handwriting(np.clip(0.8 - 0.25 * ink - 0.2 * border, 0, 1))
        ink = cv2.resize(ink, found.shape[::-1])
        reach = 2 * int(3 * scale) + 1
        close = cv2.dilate(ink, np.ones((reach, reach), np.uint8)) > 0
        digits.append(np.minimum(found, ink).sum() / ink.sum())
        rest.append(found[~close].sum() / ink.sum())
    assert np.mean(digits) > 0.7
    assert np.mean(rest) < 0.15
