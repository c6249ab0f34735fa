"""Greys: sizes, and pictures that are too large to be looked at whole."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistry.errors import InputError
from mnistry.pictures.decode import decode
from mnistry.pictures.grey import bounded, full_scale, size_of, to_bytes, to_contrast, to_grey
from mnistry.pictures.ink import to_ink


def bar(mode: str, size: tuple[int, int]) -> Image.Image:
    """A black bar on white, a quarter from the left."""
    w, h = size
    greys = np.full((h, w), 255, np.uint8)
    greys[h // 4 : 3 * h // 4, w // 4 : w // 4 + w // 8] = 0
    if mode == "I;16":
        return Image.fromarray(greys.astype(np.uint16) * 257)
    return Image.fromarray(greys).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I;16"])
def test_bounded_pictures_show_the_same(mode: str) -> None:
    """A picture of any mode made smaller has at most so many pixels and the same greys."""
    large = bar(mode, (416, 240))
    small, factor = bounded(large, 10_000)
    assert factor == 4
    grey = to_grey(small)
    assert grey.shape == (60, 104)
    assert np.abs(grey - to_grey(large)[::4, ::4]).max() < 0.01


def test_bounded_leaves_small_pictures_alone() -> None:
    """What is small enough is given back as it is, arrays too."""
    image, array = bar("L", (40, 24)), np.zeros((24, 40), np.uint8)
    assert bounded(image, 960) == (image, 1)
    assert bounded(array, 960)[0] is array
    assert bounded(np.full((200, 300, 3), 9, np.uint8), 20_000)[0].shape == (100, 150, 3)


def test_bounded_pictures_keep_their_depth() -> None:
    """White of 16 bits stays the full scale when a large picture is made smaller."""
    greys = np.full((240, 416), 40_000, np.uint16)
    greys[60:180, 100:200] = 20_000
    image = Image.fromarray(greys)
    small = to_grey(bounded(image, 10_000)[0])
    assert np.abs(small - to_grey(image)[::4, ::4]).max() < 1e-4
    assert small.max() == pytest.approx(40_000 / 65535, abs=1e-4)


@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float32, np.float64, np.longdouble])
def test_bounded_takes_the_arrays_that_are_pictures(kind: type) -> None:
    """Of every type, and of one row or column, a large array is made smaller."""
    array: np.ndarray = np.ones((200, 300), kind)
    assert np.array_equal(bounded(array, 20_000)[0], np.ones((100, 150)))
    for shape in ((1, 50_000), (50_000, 1), (1, 50_000, 3)):
        small, factor = bounded(np.ones(shape, kind), 20_000)
        assert factor == 3
        assert sorted(small.shape[:2]) == [1, 16_666]
    image, _ = bounded(Image.new("L", (50_000, 1)), 20_000)
    assert image.size == (16_667, 1)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.full((200, 300), -1), r"must be uint8, other whole .*; got int64 from -1 to -1"),
        (np.ones((200, 300), complex), r"or floats in \[0, 1\]; got complex128"),
        (np.full((200, 300), 9.0), r"got float64 from 9 to 9"),
        (np.full((200, 300), np.nan, np.float16), r"got float16 from nan to nan"),
        (np.ones((200, 300, 2), np.uint8), r"got shape \(200, 300, 2\)"),
        (np.ones((200, 300, 3, 1), np.uint8), r"got shape \(200, 300, 3, 1\)"),
    ],
)
def test_large_arrays_that_are_no_pictures_are_refused_as_small_ones_are(
    array: np.ndarray, sentence: str
) -> None:
    """The same sentence, whatever the size."""
    for refuse in (lambda: bounded(array, 20_000), lambda: to_grey(array)):
        with pytest.raises(InputError, match=sentence):
            refuse()


@pytest.mark.parametrize(("mode", "clear"), [("L", 0), ("RGB", (0, 0, 0))])
def test_transparent_shades_are_laid_on_paper(mode: str, clear: int | tuple[int, ...]) -> None:
    """A shade that a picture calls transparent is paper, as in the file that it makes; large too.

    Here a dark bar on black that isn't shown.
    """
    image = Image.new("L", (416, 240))
    image.paste(60, (104, 60, 156, 180))
    image = image.convert(mode)
    image.info["transparency"] = clear
    file = io.BytesIO()
    image.save(file, "PNG")
    expected = to_grey(decode(file.getvalue()))
    assert expected[0, 0] == 1
    assert np.array_equal(to_grey(image), expected)
    assert to_bytes(image) is None
    small = to_grey(bounded(image, 10_000)[0])
    assert np.abs(small - expected[::4, ::4]).max() < 0.01


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I", "F", "I;16"])
@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_images_without_pixels_are_refused(mode: str, size: tuple[int, int]) -> None:
    """Of every mode, in the sentence for arrays without any."""
    w, h = size
    for look in (to_grey, to_ink):
        with pytest.raises(InputError, match=rf"`picture` must be .*; got shape \({h}, {w}"):
            look(Image.new(mode, size))


@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_bounded_pictures_are_still_turned(mode: str, turn: int) -> None:
    """What is made smaller lies as EXIF says, and so does the size."""
    image = bar(mode, (416, 240))
    image.getexif()[0x0112] = turn
    assert size_of(image) == to_grey(image).shape
    assert to_grey(bounded(image, 10_000)[0]).shape == tuple(side // 4 for side in size_of(image))


@pytest.mark.parametrize("pen", [(20, 40, 200), (200, 30, 40), (10, 120, 30)])
def test_contrast_shows_coloured_ink_best(pen: tuple[int, int, int]) -> None:
    """Through the filter, ink of any colour is darker against white than the eye sees it."""
    picture = np.full((40, 40, 3), 255, np.uint8)
    picture[10:30, 15:20] = pen
    seen, filtered = to_grey(picture), to_contrast(picture)
    assert filtered[0, 0] == pytest.approx(1)
    assert filtered[20, 17] <= seen[20, 17] + 0.05
    assert filtered[20, 17] < 0.35


def test_bytes_are_the_greys_of_what_is_grey_in_8_bits() -> None:
    """Grey arrays and images, and RGB without colour, are given as they are; all else isn't."""
    greys = np.random.default_rng(0).integers(0, 256, (7, 9), np.uint8)
    rgb = np.stack([greys] * 3, axis=2)
    for picture in (greys, rgb, Image.fromarray(greys), Image.fromarray(rgb)):
        found = to_bytes(picture)
        assert found is not None
        assert np.array_equal(found, greys)
        assert np.array_equal(found / 255, to_grey(picture))
    coloured = rgb.copy()
    coloured[0, 0, 2] ^= 1
    deep = Image.fromarray(greys.astype(np.uint16) * 257)
    for picture in (greys / 255, coloured, deep, Image.fromarray(rgb).convert("RGBA")):
        assert to_bytes(picture) is None


def test_bytes_of_a_turned_picture_are_left_to_others() -> None:
    """What EXIF says is turned isn't taken as it lies."""
    image = Image.fromarray(np.zeros((7, 9), np.uint8))
    image.getexif()[0x0112] = 6
    assert to_bytes(image) is None


DEPTHS = [8, 10, 12, 14, 16]


def deep(bits: int) -> np.ndarray:
    """Greys that use just so many bits, from black to white, in 16."""
    return np.linspace(0, 2**bits - 1, 240).round().astype(np.uint16).reshape(12, 20)


@pytest.mark.parametrize("bits", DEPTHS)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_white_of_a_deep_file_is_the_full_scale_that_it_uses(kind: str, bits: int) -> None:
    """A file of 16 bits that uses 8 to 14 of them has the same greys as one that uses all."""
    file = io.BytesIO()
    Image.fromarray(deep(bits)).save(file, kind)
    grey = to_grey(decode(file.getvalue()))
    assert np.abs(grey - np.linspace(0, 1, 240).reshape(12, 20)).max() < 0.5 / (2**bits - 1) + 1e-9


@pytest.mark.parametrize("bits", DEPTHS)
def test_white_of_whole_numbers_is_the_full_scale_that_they_use(bits: int) -> None:
    """Arrays of any integer type, and Pillow's modes I and F, use the same full scale."""
    values, expected = deep(bits), np.linspace(0, 1, 240).reshape(12, 20)
    named: dict[str, Any] = {name: values.astype(name) for name in ("uint16", "int32", "int64")}
    named["RGB"] = np.stack([values] * 3, axis=-1)
    named["I"] = Image.fromarray(values.astype(np.int32))
    named["F"] = Image.fromarray(values.astype(np.float32))
    for name, picture in named.items():
        assert np.abs(to_grey(picture) - expected).max() < 0.5 / (2**bits - 1) + 1e-9, name


@pytest.mark.parametrize(
    ("top", "white"),
    [(0, 1), (2, 255), (256, 1023), (1023, 1023), (1024, 4095), (16384, 65535), (65536, 2**20 - 1)],
)
def test_full_scale_is_at_or_above_the_largest_value(top: int, white: int) -> None:
    """Whites are one less than a power of two, and never below the largest value."""
    assert full_scale(top) == white


def test_deep_pictures_without_a_scale_are_stretched() -> None:
    """Fractions above 1, and numbers below 0, span black to white; other numbers do not."""
    for values in ([0.0, 1.5, 3.0], [-5.0, 0.0, 5.0], [0.0, 5e29, 1e30]):
        grey = to_grey(Image.fromarray(np.array([values], np.float32)))
        assert grey == pytest.approx(np.array([[0, 0.5, 1]]))
    faint = Image.fromarray(np.array([[3000, 3010, 3020]], np.int32))
    assert np.ptp(to_grey(faint)) < 0.01


def test_large_deep_pictures_keep_their_white() -> None:
    """When a large image of 12 bits is shrunk, its white stays 4095."""
    values = np.full((240, 416), 4095, np.uint16)
    values[60:180, 100:200] = 600
    for picture in (Image.fromarray(values), Image.fromarray(values.astype(np.float32)), values):
        small = to_grey(bounded(picture, 10_000)[0])
        assert np.abs(small - (values / 4095)[::4, ::4]).max() < 1e-6


def test_masks_and_single_channels_are_pictures() -> None:
    """A bool array is black and white, and (h, w, 1) is (h, w)."""
    mask = np.eye(20, dtype=bool)
    assert np.array_equal(to_grey(mask), np.eye(20))
    for picture in (mask, mask.astype(np.uint16), 255 * mask.astype(np.uint8)):
        assert np.array_equal(to_grey(picture[:, :, None]), np.eye(20))
        assert size_of(picture[:, :, None]) == (20, 20)
        assert np.array_equal(to_ink(picture[:, :, None]), to_ink(np.eye(20)))
    found = to_bytes(mask)
    assert found is not None
    assert np.array_equal(found, 255 * np.eye(20))
