"""A sheet on a desk: what is around it goes, what is on it stays; and what is no sheet stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mnistry.data.dataset import DataSets
from mnistry.pictures.ink import find_ink
from mnistry.pictures.sheet import on_paper
from mnistry.reader import Reader

SIDE = 360
Picture = NDArray[np.uint8]


def desk(rng: np.random.Generator, shade: float = 0.3) -> NDArray[np.float32]:
    """Draw wood: streaks of a dark shade."""
    grain = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)), (0, 0), 9, sigmaY=1.2)
    return np.asarray(shade + 0.05 * grain / grain.std(), np.float32)


def on_desk(
    written: NDArray[np.float32], turn: float, least: float, rng: np.random.Generator
) -> Picture:
    """Lay ink (h, w), 1 = ink, on a white sheet, that on a desk, turned, in light that fades."""
    sheet = 0.92 - 0.75 * np.pad(written, 60)
    h, w = sheet.shape
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), turn, 1)
    matrix[:, 2] += (SIDE - w) / 2, (SIDE - h) / 2
    there = cv2.warpAffine(np.ones_like(sheet), matrix, (SIDE, SIDE))
    laid = cv2.warpAffine(sheet, matrix, (SIDE, SIDE)) + (1 - there) * desk(rng)
    light = np.linspace(1, least, SIDE)[None] + 0.01 * rng.standard_normal((SIDE, SIDE))
    return np.asarray(np.rint(255 * np.clip(laid * light, 0, 1)), np.uint8)


def digits(mnist: DataSets, indices: list[int]) -> NDArray[np.float32]:
    """Write test digits beside each other, 84 pixels high."""
    row = np.concatenate(list(mnist.test.images[indices]), axis=1)
    return np.asarray(cv2.resize(row, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) / 255, "f4")


@pytest.mark.slow
@pytest.mark.parametrize("turn", [0.0, -4.0, 11.0])
@pytest.mark.parametrize("least", [1.0, 0.7])
def test_what_is_on_the_sheet_is_read(mnist: DataSets, turn: float, least: float) -> None:
    """Digits photographed on a sheet on a desk are read; boxes are the photograph's."""
    rng, reader = np.random.default_rng(5), Reader()
    right = 0
    for i in range(8):
        photo = on_desk(digits(mnist, [2 * i, 2 * i + 1]), turn, least, rng)
        reading = reader.read(photo)
        right += reading.text == "".join(map(str, mnist.test.labels[2 * i : 2 * i + 2]))
        for digit in reading.digits:
            x, y, w, h = digit.box
            assert 80 < x < x + w < SIDE - 80
            assert 80 < y < y + h < SIDE - 80
    assert right >= 6


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_greys_keep_their_kind_and_the_sheet_its_bytes(mnist: DataSets, kind: type) -> None:
    """Inside the sheet nothing changes; around it is paper, as bright as the sheet's edge."""
    photo = on_desk(digits(mnist, [0]), 0.0, 1.0, np.random.default_rng(0))
    given = photo if kind is np.uint8 else (photo / 255).astype(np.float32)
    mended = on_paper(given)
    assert mended is not None
    assert mended.dtype == kind
    middle = slice(SIDE // 2 - 80, SIDE // 2 + 80)
    np.testing.assert_allclose(mended[middle, middle], given[middle, middle], atol=1e-6)
    white = np.median(given[middle, middle])
    assert abs(np.median(mended[:60]) - white) < 0.03 * white
    assert mended[:60].std() < 0.02 * white


def test_a_sheet_on_an_even_ground_is_no_ink(mnist: DataSets) -> None:
    """A scan with black around the paper: the ink is the digit, not the sheet."""
    photo = np.full((SIDE, SIDE), 20, np.uint8)
    sheet = 235 - 200 * np.pad(digits(mnist, [0]), 60)
    photo[80 : 80 + len(sheet), 70 : 70 + len(sheet)] = np.rint(sheet)
    assert 0 < (find_ink(photo).ink > 0.5).mean() < 0.03
    assert Reader().read(photo).text == "7"


def ring(thick: int) -> Picture:
    """Draw a 0 in white on black."""
    photo = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(photo, (180, 180), (70, 100), 0, 0, 360, 255, thick)
    return photo


def test_what_is_no_sheet_stays_as_it_is(mnist: DataSets) -> None:
    """White digits on black, a page half in shadow, a lamp's light, a page without a rim."""
    rng = np.random.default_rng(1)
    page = 0.9 + 0.01 * rng.standard_normal((SIDE, SIDE))
    shaded = page * np.where(np.arange(SIDE) < 170, 1, 0.5)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    lamp = page * (0.35 + 0.65 * np.exp(-(x**2 + y**2) / 9000))
    box = page.copy()
    cv2.rectangle(box, (60, 60), (300, 300), 0.2, 6)
    for shades in (shaded, lamp, box, page, desk(rng)):
        assert on_paper(np.rint(255 * np.clip(shades, 0, 1)).astype(np.uint8)) is None
    for thick in (10, 30, 60):
        assert on_paper(ring(thick)) is None
    for image in mnist.test.images[:60]:
        large = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        assert on_paper(large) is None
        assert on_paper(255 - large) is None
        for side, broad in ((64, 5), (110, 9)):
            small = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
            assert on_paper(cv2.dilate(small, np.ones((broad, broad)))) is None
    for thick in (30, 50, 90):  # a 1 in white on black, as straight as a sheet
        stroke = np.zeros((SIDE, SIDE), np.uint8)
        cv2.line(stroke, (220, 50), (140, 310), 255, thick)
        assert on_paper(stroke) is None
    assert on_paper(np.zeros((30, 30), np.uint8)) is None  # what small ones show is cut out already


@pytest.mark.slow
@pytest.mark.parametrize("shade", [0, 60, 120])
def test_a_dark_frame_around_a_small_picture_is_no_paper(shade: int, mnist: DataSets) -> None:
    """As of a screenshot, or of a scan whose lid was open."""
    reader, right = Reader(), 0
    for image, label in zip(mnist.test.images[:30], mnist.test.labels, strict=False):
        large = 255 - cv2.resize(image, (64, 64), interpolation=cv2.INTER_CUBIC)
        framed = cv2.copyMakeBorder(large, 9, 9, 9, 9, cv2.BORDER_CONSTANT, value=shade)
        right += reader.read(framed).text == str(label)
    assert right >= 24  # none was; of some, strokes run into the frame
