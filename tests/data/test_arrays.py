"""Arrays of any layout become images and class indices, or an error names the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from mnistry.data.arrays import encode_labels, find_images, from_named, normalize_images
from mnistry.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 5, 5), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    "array",
    [
        IMAGES,
        IMAGES[..., None],
        IMAGES[:, None],
        IMAGES.reshape(6, 25),
        IMAGES.astype(np.int64),
        IMAGES.astype(np.float32),
        IMAGES / 255,
        (IMAGES / 255).astype(np.float16),
        (IMAGES / np.float32(255)).reshape(6, 25),
        np.asfortranarray(IMAGES),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_images_of_every_form_become_the_same(array: Any) -> None:
    """Flat, with an axis of 1, as ints, as floats to 255 or to 1: the same uint8 (n, h, w)."""
    found = normalize_images(array, "a")
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - IMAGES).max() <= (array.dtype == np.float16)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32])
def test_black_and_white_is_full_scale(dtype: Any) -> None:
    """If no pixel is above 1, 1 is full ink, whatever the type."""
    ink = IMAGES > 127
    assert np.array_equal(normalize_images(ink.astype(dtype), "a"), np.where(ink, 255, 0))


def test_images_of_uint8_are_not_copied() -> None:
    """An array of the right form is returned without a copy."""
    assert np.shares_memory(normalize_images(IMAGES, "a"), IMAGES)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((3, 26)), r"a has shape \(3, 26\), and 26 pixels are no square; reshape it to"),
        (np.zeros(25), r"a has shape \(25,\); images must have the shape \(n, height, width\)"),
        (np.zeros((3, 0, 5)), r"a has shape \(3, 0, 5\); images must"),
        (np.zeros((3, 5, 5, 3)), r"colour images; average the channels .*mean\(axis=3\)"),
        (np.zeros((3, 3, 5, 5)), r"colour images; average the channels .*mean\(axis=1\)"),
        (np.full((3, 5, 5), "x"), r"a holds <U1; images must be numbers"),
        (IMAGES.astype(int) - 9, r"int64 from -\d+ to 24\d; .*: undo their standardisation"),
        (IMAGES.astype(np.uint16) * 257, r"uint16 from .* to 6\d,\d+; pixels .* scale them, as by"),
        (IMAGES / 127.5 - 1, r"float64 from -1 to .*; .* undo their standardisation"),
        (IMAGES * 2.0, r"float64 from .*; pixels must be from 0 to 1 or from 0 to 255"),
        (np.where(IMAGES > 9, np.nan, 0.5), r"values that are not numbers \(NaN\)"),
    ],
)
def test_images_that_can_not_be_are_refused(array: Any, sentence: str) -> None:
    """The message names the cause: the shape, the type or the range."""
    with pytest.raises(DataError, match=sentence):
        normalize_images(array, "a")


@pytest.mark.slow
@given(
    arrays_of.arrays(
        st.sampled_from([np.float32, np.int16, np.uint8, np.bool_]),
        arrays_of.array_shapes(min_dims=1, max_dims=4, max_side=5),
    )
)
def test_images_are_converted_or_refused(array: Any) -> None:
    """Whatever the array, the answer is uint8 (n, h, w) or a DataError."""
    try:
        found = normalize_images(array, "a")
    except DataError:
        return
    assert found.dtype == np.uint8
    assert found.ndim == 3
    assert len(found) == len(array)


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS[:, None],
        LABELS[None],
        LABELS.astype(np.float64),
        np.eye(3)[LABELS],
        np.eye(3, dtype=np.uint8)[LABELS],
        LABELS.astype(str),
        LABELS.astype("S1"),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_labels_of_every_form_become_the_same(labels: Any) -> None:
    """Columns, rows, floats, one-hot, strings and bytes that are numbers are these numbers."""
    found, classes = encode_labels({"train": labels}, "a")
    assert found["train"].tolist() == LABELS.tolist()
    assert classes == ("0", "1", "2")


def test_labels_that_are_names_are_classes_in_natural_order() -> None:
    """Names are sorted with the numbers in them by value, over all splits together."""
    labels = {"train": np.array(["d10", "d2"]), "test": np.array(["d10", "d1"])}
    found, classes = encode_labels(labels, "a")  # type: ignore[arg-type]
    assert classes == ("d1", "d2", "d10")
    assert found["train"].tolist() == [2, 1]
    assert found["test"].tolist() == [2, 0]
    assert encode_labels({"train": np.array(["01", "1"])}, "a")[1] == ("01", "1")


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.array([0.5, 1]), r"holds numbers that are not whole; labels must be classes"),
        (np.array([1e300, 1]), r"holds labels up to 1e\+300, no classes"),
        (np.array([-1, 1]), r"has train labels from -1 to 1; they must be from 0 to at most"),
        (np.array([70_000, 1]), r"has train labels from 1 to 70000; they must be from 0"),
        (np.ones((6, 3)), r"its rows are not one-hot"),
        (np.full((2, 2), "a"), r"has shape \(2, 2\); labels must have the shape \(n,\)"),
        (np.array(["3", " ", "1", ""]), r"a has 2 train images without a label; give each"),
        (np.array([1j]), r"holds complex128; labels must be whole numbers or names"),
    ],
)
def test_labels_that_can_not_be_are_refused(labels: Any, sentence: str) -> None:
    """Fractions, negative numbers, many or no labels a row and other types are named."""
    with pytest.raises(DataError, match=sentence):
        encode_labels({"train": labels}, "a")


def test_named_arrays_of_one_role_are_refused() -> None:
    """Two arrays that could both be the training images are an error."""
    arrays = {"x_train": IMAGES, "train_images": IMAGES, "y_train": LABELS}
    with pytest.raises(DataError, match=r"a holds both `x_train` and `train_images`; keep one"):
        from_named(arrays, "a")


def test_named_arrays_without_a_split_are_for_training() -> None:
    """`images` and `labels`, and `train` beside `train_labels`, are a training split."""
    for names in (("images", "labels"), ("data", "target"), ("train", "train_labels")):
        train, validation, test = from_named(dict(zip(names, (IMAGES, LABELS), strict=True)), "a")
        assert np.array_equal(train.images, IMAGES)
        assert validation is test is None


def test_found_images_are_not_chosen_between() -> None:
    """Of two arrays of one split, the one named as images is taken, or else neither."""
    a, b = np.zeros((2, 4, 4), np.uint8), np.ones((3, 4, 4), np.uint8)
    assert len(find_images({"a": a, "images": b}, "x")) == 3
    with pytest.raises(DataError, match=r"x holds several arrays that may be the images: `a`, `b`"):
        find_images({"a": a, "b": b}, "x")


def test_found_images_are_the_test_split() -> None:
    """Images for prediction: of several splits, the test split; else the only ones."""
    assert len(find_images({"x_train": IMAGES, "x_test": IMAGES[:2]}, "a")) == 2
    assert len(find_images({"arr_0": IMAGES, "labels": LABELS}, "a")) == 6
