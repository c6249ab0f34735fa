"""Convert arrays of images and labels, in any usual layout, to the splits of a data set.

Readers pass arrays on as they are in the file. This module alone decides what the pixels mean
(0 to 255, 0 to 1, black and white), which axis is which, and how labels are encoded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data.dataset import MOST_CLASSES, DataSet, Splits, name_classes
from mnistry.data.roles import SPLITS, Kind, Split, role_of
from mnistry.errors import DataError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLE = 1000  # images that decide whether the full scale of floats is 1 or 255
_ROWS = 4096  # images converted at a time
_ROUNDING = 1e-3  # how far floats may lie outside their range


def normalize_images(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Convert an array to images, uint8 (n, h, w); a uint8 array is not copied.

    Parameters
    ----------
    array : (n, h, w), (n, h, w, 1), (n, 1, h, w), or (n, d) with d the square of a side. Pixels
        are whole numbers from 0 to 255 or floats from 0 to 1. Whole
        numbers and booleans that are at most 1 have the full scale 1, too.
    name : what messages call the array.

    Raises
    ------
    DataError : the shape, the type or the range is not one of these.
    """
    images = _to_nhw(array, name)
    if images.dtype.kind not in "biuf":
        raise DataError(f"{name} holds {images.dtype}; images must be numbers.")
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(255)
    if images.dtype.kind in "iu":
        return _of_integers(images, name)
    return _of_floats(images, name)


def encode_labels(
    labels: Mapping[Split, NDArray[Any]], name: str
) -> tuple[dict[Split, NDArray[np.int64]], tuple[str, ...]]:
    """Convert the labels of all splits to class indices, and name the classes.

    Parameters
    ----------
    labels : for each split (n,) or (n, 1) whole numbers, also written as floats or strings, or
        names; or (n, k) one-hot.
    name : what messages call the file.

    Returns
    -------
    labels, classes : (n,) ints for each split. Classes of numbers are 0 to the largest number;
        classes of names are these in natural order (2 before 10).

    Raises
    ------
    DataError : the labels are of another kind, differ in kind between splits, or are too many.
    """
    flat = {split: _flat(values, f"{name} ({split} labels)") for split, values in labels.items()}
    for split, values in flat.items():
        if values.dtype.kind == "U" and (empty := int((values == "").sum())):
            raise DataError(
                f"{name} has {empty:,} {split} images without a label; give each of them one, or "
                "take them away."
            )
    kinds = {values.dtype.kind in "iu" for values in flat.values() if values.size}
    if len(kinds) > 1:
        raise DataError(
            f"{name} has numbers as labels in one split and names in another; use one of them."
        )
    if False not in kinds:
        for split, values in flat.items():
            if values.size and not 0 <= values.min() <= values.max() < MOST_CLASSES:
                raise DataError(
                    f"{name} has {split} labels from {values.min()} to {values.max()}; they must "
                    f"be from 0 to at most {MOST_CLASSES - 1:,}."
                )
        return {s: v.astype(np.int64) for s, v in flat.items()}, name_classes(*flat.values())
    names = sorted({str(one) for values in flat.values() for one in np.unique(values)}, key=_order)
    if len(names) > MOST_CLASSES:
        raise DataError(f"{name} has {len(names):,} different labels; they can't all be classes.")
    index = {one: i for i, one in enumerate(names)}
    return {
        split: np.array([index[str(one)] for one in values], np.int64)
        for split, values in flat.items()
    }, tuple(names)


def to_splits(
    images: Mapping[Split, NDArray[Any]],
    labels: Mapping[Split, NDArray[Any]],
    name: str,
    classes: Sequence[str] | None = None,
) -> Splits:
    """Make the splits of a data set from their arrays; see `normalize_images`, `encode_labels`.

    Parameters
    ----------
    images, labels : the arrays of the same splits, `train` among them.
    classes : the names of the classes 0, 1, …; None to name them by the labels.

    Raises
    ------
    DataError : an array can't be images or labels, or their numbers differ.
    """
    pixels = {
        split: normalize_images(images[split], f"{name} ({split} images)") for split in images
    }
    numbers, names = encode_labels(labels, name)
    if classes:
        names = tuple(classes)
    sets = {}
    for split in images:
        if len(pixels[split]) != len(numbers[split]):
            raise DataError(
                f"{name} has {len(pixels[split]):,} {split} images, but {len(numbers[split]):,} "
                "labels; they do not belong together."
            )
        try:
            sets[split] = DataSet(pixels[split], numbers[split], names)
        except InputError as error:
            raise DataError(f"{name} can't be a data set: {error}") from None
    return Splits(sets["train"], sets.get("validation"), sets.get("test"))


def from_named(arrays: Mapping[str, NDArray[Any]], name: str) -> Splits:
    """Make the splits of a data set from named arrays.

    `x_train`, `X_train`, `train_images`, `trainX` and the like name a split and what it holds;
    `x`, `images`, `data` and `y`, `labels`, `target` without a split are the training split.

    Raises
    ------
    DataError : there are no training images and labels, a split lacks one of them, two arrays
        have the same role, or see `to_splits`.
    """
    found: dict[Kind, dict[Split, str]] = {"images": {}, "labels": {}}
    for key in arrays:
        split, kind, _ = role_of(key)
        if kind is None:
            # `train` beside `train_labels` holds images.
            kind = "images" if split and arrays[key].ndim > 1 else None
        if kind is None:
            continue
        place = found[kind]
        if (split or "train") in place:
            raise DataError(
                f"{name} holds both `{place[split or 'train']}` and `{key}`; keep one of them."
            )
        place[split or "train"] = key
    listed = ", ".join(f"`{key}` {array.dtype} {array.shape}" for key, array in arrays.items())
    for split in SPLITS:
        has = [split in found["images"], split in found["labels"]]
        if (split == "train" and not all(has)) or has[0] != has[1]:
            lacking = "labels" if has[0] and not has[1] else "images"
            raise DataError(
                f"{name} lacks the {split} {lacking}; it holds {listed or 'nothing':.300}. Name "
                "the arrays `x_train`, `y_train`, `x_test`, `y_test`."
            )
    return to_splits(
        {split: arrays[key] for split, key in found["images"].items()},
        {split: arrays[key] for split, key in found["labels"].items()},
        name,
    )


def find_images(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.uint8]:
    """Return the images among named arrays: the test images where there are several splits.

    Raises
    ------
    DataError : no array, or more than one without a split, can be images.
    """
    by_split: dict[Split | None, list[str]] = {}
    for key, array in arrays.items():
        split, kind, _ = role_of(key)
        if kind != "labels" and array.ndim > 1:
            by_split.setdefault(split, []).append(key)
    for wanted in ("test", None, "train", "validation"):
        keys = by_split.get(wanted, [])
        # If there are several arrays, the one whose name says images is used.
        keys = [key for key in keys if role_of(key).kind == "images"] or keys
        if len(keys) > 1:
            raise DataError(
                f"{name} holds several arrays that may be the images: "
                f"{', '.join(f'`{key}`' for key in keys):.200}; keep one of them."
            )
        if keys:
            return normalize_images(arrays[keys[0]], f"{name} (`{keys[0]}`)")
    listed = ", ".join(f"`{key}` {array.dtype} {array.shape}" for key, array in arrays.items())
    raise DataError(f"{name} holds no images; it holds {listed or 'nothing':.300}.")


def _to_nhw(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Bring an array to (n, h, w)."""
    shape = array.shape
    if array.ndim == 4:
        if shape[3] == 1:
            array = array[..., 0]
        elif shape[1] == 1:
            array = array[:, 0]
        else:
            raise DataError(
                f"{name} has shape {shape}, colour images; average the channels first, as by "
                f"`images.mean(axis={1 if shape[1] in (3, 4) else 3})`."
            )
    elif array.ndim == 2:
        side = math.isqrt(shape[1])
        if side * side != shape[1]:
            raise DataError(
                f"{name} has shape {shape}, and {shape[1]} pixels are no square; reshape it to "
                "(n, height, width)."
            )
        array = array.reshape(shape[0], side, side)
    if array.ndim != 3 or 0 in array.shape[1:]:
        raise DataError(
            f"{name} has shape {shape}; images must have the shape (n, height, width), "
            "(n, height, width, 1), (n, 1, height, width) or (n, pixels)."
        )
    return array


def _of_integers(images: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if not images.size:
        return images.astype(np.uint8)
    largest = int(images.max())
    if images.dtype != np.uint8:
        least = int(images.min())
        if least < 0 or largest > 255:
            raise DataError(
                f"{name} holds {images.dtype} from {least:,} to {largest:,}; pixels must be from 0 "
                f"to 255: {_rescale(least, largest)}."
            )
        images = images.astype(np.uint8)
    return images * np.uint8(255) if largest == 1 else images


def _of_floats(images: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Convert floats; the first images decide whether 1 or 255 is their full scale."""
    scale = full_scale(images[:_SAMPLE])
    out = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _ROWS):
        out[start : start + _ROWS] = scale_floats(images[start : start + _ROWS], scale, name)
    return out


def full_scale(images: NDArray[Any]) -> int:
    """Return the number that stands for full ink: 1 where no pixel is above it, else 255."""
    return 1 if not images.size or float(images.max()) <= 1 + _ROUNDING else 255


def scale_floats(images: NDArray[Any], scale: int, name: str) -> NDArray[np.uint8]:
    """Convert floats from 0 to `scale` to uint8, rounding.

    Raises
    ------
    DataError : a pixel is outside that range or not a number.
    """
    least, most = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
    slack = _ROUNDING * scale
    if not (least >= -slack and most <= scale + slack):
        if math.isnan(least) or math.isnan(most):
            raise DataError(f"{name} holds values that are not numbers (NaN); replace them first.")
        raise DataError(
            f"{name} holds {images.dtype} from {least:g} to {most:g}; pixels must be from 0 to 1 "
            f"or from 0 to 255: {_rescale(least, most)}."
        )
    scaled = np.rint(np.clip(images, 0, scale) * (255 / scale))
    return np.asarray(scaled.astype(np.uint8))


def _rescale(least: float, most: float) -> str:
    """Return advice on converting pixels of a range to 0 to 255."""
    if least < 0:
        return "undo their standardisation, as by `(x + 1) / 2` for -1 to 1"
    return f"scale them, as by `x / {most:g} * 255`"


def _flat(labels: NDArray[Any], name: str) -> NDArray[Any]:
    """Bring labels to (n,): whole numbers, or strings."""
    if labels.ndim == 2 and 1 in labels.shape:
        labels = labels.reshape(-1)
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        rows = labels.astype(np.float64)
        if not (((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all()):
            raise DataError(
                f"{name} has shape {labels.shape}, but its rows are not one-hot (a single 1 among "
                "zeros); give one label for each image."
            )
        return np.asarray(rows.argmax(axis=1))
    if labels.ndim != 1:
        raise DataError(
            f"{name} has shape {labels.shape}; labels must have the shape (n,), or (n, classes) "
            "one-hot."
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    if labels.dtype.kind == "U":
        return _numbers_of(np.char.strip(labels))
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        if not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
            raise DataError(f"{name} holds numbers that are not whole; labels must be classes.")
        if labels.size and np.abs(labels).max() > 2**53:
            raise DataError(f"{name} holds labels up to {np.abs(labels).max():g}, no classes.")
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise DataError(f"{name} holds {labels.dtype}; labels must be whole numbers or names.")
    return labels


def _numbers_of(labels: NDArray[Any]) -> NDArray[Any]:
    """Return strings that are all plain numbers, such as OpenML's, as these numbers."""
    different, of = np.unique(labels, return_inverse=True)
    texts = [str(one) for one in different]
    plain = [text for text in texts if text.isascii() and text.isdigit() and len(text) <= 9]
    if texts and len(plain) == len(texts) and all(text == str(int(text)) for text in texts):
        return np.array([int(text) for text in texts], np.int64)[of.reshape(-1)]
    return labels


def _order(name: str) -> tuple[list[tuple[bool, int, str]], str]:
    from mnistry.pictures.item import natural

    return natural(name), name
