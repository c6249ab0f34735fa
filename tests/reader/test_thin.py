"""Thin strokes: a bare 1 in a row is read, or the reading says that something was left out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mnistry.data.dataset import DataSets
from mnistry.reader import Reader
from mnistry.reading import Outcome, Reading

Bytes = NDArray[np.uint8]

TALL = 100  # pixels, of the digits drawn here


@pytest.fixture(scope="module")
def reader() -> Reader:
    """The reader with its defaults."""
    return Reader()


def drawn(text: str, pen: int = 1, lean: int = 0, room: int = 30, border: int = 40) -> Bytes:
    """Draw a text in black on white with a pen of whole pixels, each 1 as a bare stroke."""
    top, foot = border, border + TALL
    width = 60 * len(text) + room * (len(text) - 1) + 2 * border
    image = np.full((TALL + 2 * border, width), 255, np.uint8)

    def arc(x: int, y: int, axes: tuple[int, int], start: int = 0, end: int = 360) -> None:
        cv2.ellipse(image, (x, y), axes, 0, start, end, 0, pen)

    def line(start: tuple[int, int], end: tuple[int, int]) -> None:
        cv2.line(image, start, end, 0, pen)

    for i, digit in enumerate(text):
        x = border + (60 + room) * i
        if digit == "0":
            arc(x + 30, top + TALL // 2, (30, TALL // 2))
        elif digit == "1":
            line((x + 30 + lean, top), (x + 30 - lean, foot))
        elif digit == "6":
            arc(x + 28, foot - 28, (27, 28))
            arc(x + 50, foot - 28, (49, 72), 180, 258)
        elif digit == "7":
            line((x, top), (x + 55, top))
            line((x + 55, top), (x + 20, foot))
        else:
            assert digit == "8"
            arc(x + 30, top + 23, (22, 23))
            arc(x + 30, foot - 27, (28, 27))
    return image


def is_honest(reading: Reading, text: str) -> bool:
    """Return whether a reading is right or ambiguous."""
    return reading.text == text or (
        reading.outcome is Outcome.AMBIGUOUS and reading.probability < 0.95
    )


@pytest.mark.slow
@pytest.mark.parametrize("pen", [1, 2, 3])
@pytest.mark.parametrize("text", ["1068", "7018", "8601"])
def test_a_bare_1_is_read(text: str, pen: int, reader: Reader) -> None:
    """Digits drawn with a pen of 1 to 3 hundredths of their height, one of them a stroke."""
    assert reader.read(drawn(text, pen)).text == text


@pytest.mark.parametrize("lean", [-12, 6, 15])
def test_a_slanted_1_is_read(lean: int, reader: Reader) -> None:
    """A bare stroke that leans to either side."""
    assert reader.read(drawn("8016", lean=lean)).text == "8016"


def test_a_1_as_high_as_its_picture_is_no_ruling(reader: Reader) -> None:
    """A row of digits cut out along its edges."""
    assert reader.read(drawn("8016", pen=2, border=4)).text == "8016"


def test_boxes_of_thin_marks_are_where_the_ink_is(reader: Reader) -> None:
    """Dilation of thin strokes does not change the boxes that are reported."""
    last = reader.read(drawn("8601")).digits[-1]
    x, y, w, h = last.box
    assert last.digit == 1
    assert abs(x - 340) <= 3
    assert abs(y - 40) <= 3
    assert w <= 6
    assert abs(h - TALL) <= 4


@pytest.mark.slow
@pytest.mark.parametrize("at", [40 + 25, 40 + 50, 40 + 80])
@pytest.mark.parametrize("text", ["1068", "7018", "8601"])
def test_a_1_on_a_ruling_is_read_or_doubted(text: str, at: int, reader: Reader) -> None:
    """A reading that lacks a stroke as high as the digits is never sure."""
    page = drawn(text, pen=2)
    page[at : at + 2] = np.minimum(page[at : at + 2], 120)
    assert is_honest(reader.read(page), text)


@pytest.mark.parametrize("text", ["086", "7086"])
def test_boxes_are_no_1s(text: str, reader: Reader) -> None:
    """The sides of thin boxes around thin digits are not read."""
    page = drawn(text, pen=2)
    for i in range(len(text)):
        left = 40 + 90 * i - 15
        cv2.rectangle(page, (left, 15), (left + 90, 165), 90, 1)
    assert reader.read(page).text == text


@pytest.mark.parametrize(
    ("first", "turned", "last"), [(809, 122, 923), (2863, 1499, 587), (273, 448, 2273)]
)
def test_ink_that_may_be_a_digit_lowers_the_probability(
    first: int, turned: int, last: int, mnist: DataSets, reader: Reader
) -> None:
    """A digit turned by 90° is left out of the text, which is ambiguous for that reason."""
    images = mnist.train.images

    def row(*digits: Bytes) -> Bytes:
        ink = np.concatenate([np.pad(image, 4) for image in digits], axis=1)
        large: Bytes = cv2.resize(ink, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        return 255 - large

    clean = reader.read(row(images[first], images[last]))
    reading = reader.read(row(images[first], np.rot90(images[turned]), images[last]))
    assert reading.text == clean.text
    assert {Outcome.DIGIT, Outcome.NOT_A_DIGIT} == {mark.outcome for mark in reading.digits}
    assert reading.outcome is Outcome.AMBIGUOUS
    assert reading.probability < min(clean.probability, 0.95)


@pytest.mark.parametrize("size", [(100, 8), (100, 24), (100, 140)])
def test_a_lone_thin_1_is_no_blank(size: tuple[int, int], reader: Reader) -> None:
    """A stroke as high as its picture is read, whether or not the number of digits is known."""
    high, wide = size
    picture = np.full((high, wide), 255, np.uint8)
    picture[:, wide // 2 : wide // 2 + 1] = 0
    assert reader.read(picture).text == "1"
    assert Reader(count=1).read(picture).text == "1"


def test_a_lone_thin_1_on_shaded_paper(reader: Reader) -> None:
    """In falling light and grain, it is read with doubt; paper without it is blank."""
    rng = np.random.default_rng(0)
    light = 220 - 60 * np.linspace(0, 1, 160)[None] + 3 * rng.standard_normal((140, 160))
    page = light.copy()
    page[30:110, 80:82] -= 120
    reading = reader.read(np.clip(page, 0, 255).astype(np.uint8))
    assert reading.text == "1"
    assert reader.read(np.clip(light, 0, 255).astype(np.uint8)).outcome is Outcome.BLANK


def test_a_border_beside_nothing_is_no_1(reader: Reader) -> None:
    """A single line near the picture's side, from edge to edge, is not read."""
    picture = np.full((100, 140), 255, np.uint8)
    picture[:, 8:10] = 0
    assert reader.read(picture).text == ""
