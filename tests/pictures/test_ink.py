"""Ink: whatever the paper, the pen and the file, ink is up to 1 and paper is exactly 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.pictures.frame import frame
from mnistry.pictures.grey import have_light_borders, to_grey
from mnistry.pictures.ink import to_ink


@pytest.fixture(scope="module")
def digit(mnist: DataSets) -> NDArray[np.float64]:
    """A digit drawn 112 pixels large, (160, 150) in [0, 1], 1 = ink."""
    large = Image.fromarray(mnist.test.images[0]).resize((112, 112), Image.Resampling.BICUBIC)
    return np.pad(np.asarray(large) / 255, ((20, 28), (10, 28)))


def likeness(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Correlate framed digits; a hair of ink may move the centre to the next pixel."""
    moved = [np.roll(a, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return max(float(np.corrcoef(one.ravel(), b.ravel())[0, 1]) for one in moved)


@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (0, 255), (230, 60), (90, 200), (200, 150)])
@pytest.mark.parametrize("noise", [0, 3])
def test_ink_does_not_see_paper_and_pen(
    paper: int, pen: int, noise: int, digit: NDArray[np.float64]
) -> None:
    """Any paper and pen, light or dark, give ink that frames to the digit; paper is exactly 0."""
    rng = np.random.default_rng(0)
    picture = paper + (pen - paper) * digit + noise * rng.standard_normal(digit.shape)
    ink = to_ink(np.clip(picture, 0, 255).astype(np.uint8))
    assert ink.shape == digit.shape
    assert ink.min() == 0
    assert ink.max() == 1
    assert ink[digit == 0].mean() < (0.005 if noise else 1e-9)
    assert likeness(frame(ink), frame(digit)) > 0.93


def test_ink_of_blank_paper_is_none() -> None:
    """Paper with a little noise, and a single pixel, hold no ink."""
    rng = np.random.default_rng(0)
    assert not to_ink(rng.integers(200, 212, (40, 40), np.uint8)).any()
    assert not to_ink(np.zeros((1, 1), np.uint8)).any()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_ink_does_not_see_the_files_mode(mode: str, digit: NDArray[np.float64]) -> None:
    """Every mode that Pillow decodes to gives the same ink, nearly."""
    greys = (255 * (1 - digit)).astype(np.uint8)
    image = Image.fromarray(greys)
    if mode == "I;16":
        image = Image.fromarray(greys.astype(np.uint16) * 257)
    elif mode in ("I", "F"):
        image = Image.fromarray(greys.astype(np.int32 if mode == "I" else np.float32))
    else:
        image = image.convert(mode, dither=Image.Dither.NONE)
    assert image.mode == mode
    assert likeness(to_ink(image), to_ink(greys)) > 0.9


@pytest.mark.parametrize("pen", [0, 255])
def test_ink_on_nothing_is_ink(pen: int, digit: NDArray[np.float64]) -> None:
    """A drawing on a transparent ground, of a dark or a light pen, is ink on paper."""
    picture = np.full((*digit.shape, 4), pen, np.uint8)
    picture[:, :, 3] = 255 * digit
    for source in (picture, Image.fromarray(picture)):
        assert likeness(to_ink(source), digit) > 0.95


def test_ink_is_turned_as_exif_says(digit: NDArray[np.float64]) -> None:
    """A photo that the camera held upside down is turned."""
    greys = (255 * (1 - digit)).astype(np.uint8)
    image = Image.fromarray(greys[::-1, ::-1].copy())
    image.getexif()[0x0112] = 3
    assert np.array_equal(to_ink(image), to_ink(greys))


def test_ink_of_floats_is_that_of_bytes(digit: NDArray[np.float64]) -> None:
    """Floats in [0, 1] and bytes, grey and RGB, mean the same."""
    greys = (255 * (1 - digit)).astype(np.uint8)
    expected = to_ink(greys)
    assert np.array_equal(to_ink(greys / 255), expected)
    assert np.allclose(to_ink(np.repeat(greys[:, :, None], 3, axis=2)), expected, atol=1e-6)


def test_ink_of_odd_float_files_is_finite() -> None:
    """Infinities and NaN in a float TIFF do no harm."""
    odd = np.zeros((9, 9), np.float32)
    odd[2], odd[3], odd[4, 4:] = np.nan, np.inf, 3e38
    ink = to_ink(Image.fromarray(odd))
    assert np.isfinite(ink).all()
    assert ink[4, 8] == 1
    assert not to_ink(Image.fromarray(np.full((9, 9), np.nan, np.float32))).any()


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (np.zeros(5, np.uint8), r"`picture` must be \(h, w\).* got shape \(5,\)"),
        (np.zeros((5, 5, 2), np.uint8), r"got shape \(5, 5, 2\)"),
        (np.zeros((0, 5), np.uint8), r"got shape \(0, 5\)"),
        (np.full((5, 5), -1), r"must be uint8, other whole numbers from 0, .*; got int64 from -1"),
        (np.full((5, 5), 255.0), r"bool, or floats in \[0, 1\]; got float64"),
        (np.full((5, 5), np.nan), r"bool, or floats in \[0, 1\]; got float64"),
    ],
)
def test_ink_refuses_what_is_no_picture(picture: NDArray[Any], sentence: str) -> None:
    """Other shapes, types and ranges are refused with a sentence."""
    for function in (to_ink, to_grey):
        with pytest.raises(InputError, match=sentence):
            function(picture)


def test_light_borders_are_told_by_picture(mnist: DataSets) -> None:
    """Of the same digits, those that are inverted."""
    images = mnist.test.images[:30].copy()
    images[:14] = 255 - images[:14]
    np.testing.assert_array_equal(have_light_borders(images), np.arange(30) < 14)
