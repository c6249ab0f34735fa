"""Frame ink as MNIST's own pictures were framed: 28x28, the digit in 20x20, centred by mass.

The recipe is MNIST's as Yadav and Bottou reconstructed it ("Cold Case: The Lost MNIST
Digits", 2019), to the bit: applied to MNIST's pictures it gives them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mnistry.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SIDE = 28
_BOX = 20  # the side that the digit's longer side is brought to
_SMALLEST = 10  # the least side of the square that is cut out, in pixels of the source
_FUDGE = 0.99  # the original's pixels fall short of their neighbours; its aliasing is MNIST's
_EPS = 1e-11


def frame(ink: ArrayLike) -> NDArray[np.uint8]:
    """Frame one digit; where and how large it lies in its picture does not matter.

    Parameters
    ----------
    ink : (h, w) floats in [0, 1]: 0 = paper, exactly, everywhere around the digit; 1 = ink.

    Returns
    -------
    image : (28, 28), 0 = paper, 255 = ink. Blank ink gives a blank picture.

    Raises
    ------
    InputError : `ink` is not such an array.
    """
    images: NDArray[np.uint8] = frame_many([ink])[0]
    return images


def frame_many(inks: Iterable[ArrayLike]) -> NDArray[np.uint8]:
    """Frame many digits, each as `frame` does; their sizes may differ.

    Returns
    -------
    images : (n, 28, 28), 0 = paper, 255 = ink.

    Raises
    ------
    InputError : one of `inks` is not an (h, w) array of floats in [0, 1].
    """
    small = [_shrink(_square(_checked(ink))) for ink in inks]
    if not small:
        return np.zeros((0, SIDE, SIDE), np.uint8)
    return _centre(_quantised(np.stack(small)))


def _checked(ink: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(ink)
    if array.ndim != 2 or array.dtype.kind != "f" or 0 in array.shape:
        raise InputError(
            f"`ink` must be floats of shape (h, w) in [0, 1]; got {array.dtype} of shape "
            f"{array.shape}. Of a picture, `mnistry.pictures.ink.to_ink` makes such an array."
        )
    if not (array.min() >= 0 and array.max() <= 1):  # also refuses NaN
        raise InputError(
            f"`ink` must be in [0, 1], 1 being ink; got {array.min():g} to {array.max():g}."
        )
    return array.astype(np.float64, copy=False)


def _square(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut out the square around the digit's box."""
    rows, cols = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return np.zeros((_SMALLEST, _SMALLEST))
    box = ink[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    h, w = box.shape
    side = max(h, w, _SMALLEST)
    square = np.zeros((side, side))
    top, left = (side - h) // 2, (side - w) // 2
    square[top : top + h, left : left + w] = box
    return square


@lru_cache(maxsize=64)
def _matrix(side: int) -> NDArray[np.float64]:
    """Give the (20, side) matrix that resamples an axis by area, pixel doubling included."""
    doubled = side
    while doubled < _BOX:
        doubled *= 2
    scale = _BOX / doubled
    start = _BOX / 2 + scale * (np.arange(doubled) - doubled / 2)
    end = start + _FUDGE * scale
    first = np.floor(start + _EPS).astype(int)
    last = np.ceil(end - _EPS).astype(int) - 1
    inside = first == last
    column = np.arange(doubled)
    matrix = np.zeros((_BOX, doubled))
    matrix[first, column] = np.where(inside, scale, np.clip(first + 1 - start, 0, 1))
    across = ~inside
    matrix[last[across], column[across]] = np.clip(end - last, 0, 1)[across]
    matrix = np.asarray(matrix.reshape(_BOX, side, doubled // side).sum(axis=2))
    matrix.flags.writeable = False  # it is shared
    return matrix


def _shrink(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Resample (side, side) to (20, 20)."""
    matrix = _matrix(len(square))
    small: NDArray[np.float64] = matrix @ square @ matrix.T
    return small


def _quantised(small: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stretch each picture of (n, 20, 20) that is too faint; whole numbers up to 255."""
    peak = small.max(axis=(1, 2), keepdims=True)
    peak = np.where(peak > 0, np.minimum(peak, 1), 1)
    quantised: NDArray[np.float64] = np.clip(np.floor(255 * small / peak + 0.5), 0, 255)
    return quantised


def _centre(small: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Paste (n, 20, 20) into (n, 28, 28) so that the centre of mass is in the middle."""
    n = len(small)
    mass = np.maximum(small.sum(axis=(1, 2)), 1)
    middles = np.arange(_BOX) + 0.5
    # Pasted into 48x48, of which the middle 28x28 are kept: a part may be cut off.
    margin = (48 - SIDE) // 2
    top, left = (
        np.clip(np.floor(15 - small.sum(axis=axis) @ middles / mass).astype(int) + margin, 0, 28)
        for axis in (2, 1)
    )
    large = np.zeros((n, 48, 48), np.uint8)
    span = np.arange(_BOX)
    rows, cols = top[:, None] + span, left[:, None] + span
    large[np.arange(n)[:, None, None], rows[:, :, None], cols[:, None, :]] = small
    kept = slice(margin, margin + SIDE)
    return np.ascontiguousarray(large[:, kept, kept])
