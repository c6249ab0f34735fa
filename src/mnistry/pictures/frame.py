"""Frame ink as MNIST's own pictures were framed: 28x28, the digit in 20x20, centred by mass.

The recipe is MNIST's as Yadav and Bottou reconstructed it ("Cold Case: The Lost MNIST
Digits", 2019), to the bit: applied to MNIST's pictures it gives them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.cores import cores, each
from mnistry.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SIDE = 28
_BOX = 20  # the side that the digit's longer side is brought to
_SMALLEST = 10  # the least side of the square that is cut out, in pixels of the source
_FUDGE = 0.99  # the original's pixels fall short of their neighbours; its aliasing is MNIST's
_EPS = 1e-11
_LONGEST = 4096  # pixels of ink along a side; what is longer is no digit, and made smaller first
_TOGETHER = 500_000  # pixels
# Times as large: what is brought to one size to be worked on together. Padding costs, and so does
# every further part, which counts among few.
_ALIKE, _ALIKE_OF_FEW, _FEW = 1.25, 1.8, 200
_WORTH_THREADS = 3_000_000  # pixels


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
    arrays = [_modest(_checked(ink)) for ink in inks]
    images = np.zeros((len(arrays), SIDE, SIDE), np.uint8)
    sides = np.array([max(array.shape) for array in arrays], np.intp)
    order = np.argsort(sides, kind="stable")
    alike = _ALIKE if len(arrays) > _FEW else _ALIKE_OF_FEW
    parts, start = [], 0
    while start < len(order):  # together: as many as are of about one size and stay in the cache
        side = sides[order[start]]
        most = max(int(_TOGETHER // (alike * side) ** 2), 1)
        end = min(int(np.searchsorted(sides[order], alike * side, "right")), start + most)
        parts.append(order[start:end])
        start = end

    def work(part: NDArray[np.intp]) -> None:
        images[part] = _centred(_quantised(_shrunk([arrays[i] for i in part])))

    if sum(array.size for array in arrays) > _WORTH_THREADS and cores() > 1:
        each(work, parts)
    else:
        for part in parts:
            work(part)
    return images


def _checked(ink: ArrayLike) -> NDArray[Any]:
    array = np.asarray(ink)
    if array.ndim != 2 or array.dtype.kind != "f" or 0 in array.shape:
        raise InputError(
            f"`ink` must be floats of shape (h, w) in [0, 1]; got {array.dtype} of shape "
            f"{array.shape}. Of a picture, `mnistry.pictures.ink.to_ink` makes such an array."
        )
    return array


def _modest(array: NDArray[Any]) -> NDArray[Any]:
    """Make ink of huge extent smaller by a whole factor: its matrices would be huge too."""
    if max(array.shape) <= _LONGEST:
        return array
    _check_range(array)
    inked = array > 0
    side = max(int(_extent(np.asarray(inked.any(axis=axis))[None])[1][0]) for axis in (0, 1))
    factor = -(-side // _LONGEST)
    if factor <= 1:
        return array
    for axis, length in enumerate(array.shape):
        array = np.add.reduceat(array, range(0, length, factor), axis, np.float64)
    return np.asarray(array / factor**2)


def _check_range(ink: NDArray[Any]) -> None:
    low, high = ink.min(), ink.max()
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise InputError(f"`ink` must be in [0, 1], 1 being ink; got {low:g} to {high:g}.")


def _shrunk(arrays: list[NDArray[Any]]) -> NDArray[np.float64]:
    """Resample the square around each digit's box to (n, 20, 20)."""
    n = len(arrays)
    height, width = (max(array.shape[axis] for array in arrays) for axis in (0, 1))
    stack = np.zeros((n, height, width))
    for room, array in zip(stack, arrays, strict=True):
        room[: array.shape[0], : array.shape[1]] = array
    _check_range(stack)
    top, h = _extent(stack @ np.ones(width) > 0)
    left, w = _extent(np.ones(height) @ stack > 0)
    sides = np.maximum(np.maximum(h, w), _SMALLEST)
    down = _weights(height, top - (sides - h) // 2, sides)
    across = _weights(width, left - (sides - w) // 2, sides)
    return np.asarray(down.transpose(0, 2, 1) @ (stack @ across))


def _weights(length: int, first: NDArray[np.intp], sides: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give each picture's matrix (n, length, 20) for an axis on which its square starts at first.

    What is outside of the square weighs nothing. Squares aren't cut out: their pixels are many,
    and the rows of these matrices few.
    """
    different = np.flatnonzero(np.bincount(sides))  # `numpy.unique` takes longer
    which = different.searchsorted(sides)
    tables = [_table(int(side)) for side in different]
    base = np.cumsum([0, *map(len, tables[:-1])])[which]
    at = np.clip(np.arange(length) - first[:, None], -1, sides[:, None]) + 1
    return np.asarray(np.concatenate(tables)[base[:, None] + at])


@lru_cache(maxsize=256)
def _table(side: int) -> NDArray[np.float64]:
    """Give the rows (side + 2, 20) that `_weights` takes: nothing, the matrix, nothing."""
    table = np.pad(_matrix(side).T, ((1, 1), (0, 0)))
    table.flags.writeable = False  # it is shared
    return table


def _extent(inked: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give where the first True of each of (n, k) is, and how far it is to behind the last."""
    first = inked.argmax(axis=1)
    behind = inked.shape[1] - inked[:, ::-1].argmax(axis=1)
    return first, np.where(inked.any(axis=1), behind - first, 0)


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
    return np.asarray(matrix.reshape(_BOX, side, doubled // side).sum(axis=2))


def _quantised(small: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stretch each picture of (n, 20, 20) that is too faint, in place; whole numbers up to 255."""
    peak = small.reshape(len(small), -1).max(axis=1)
    small *= 255
    small /= np.where(peak > 0, np.minimum(peak, 1), 1)[:, None, None]
    small += 0.5
    np.floor(small, out=small)
    return np.clip(small, 0, 255, out=small)


def _centred(small: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Paste (n, 20, 20) into (n, 28, 28) so that the centre of mass is in the middle."""
    n = len(small)
    rows, columns = small @ np.ones(_BOX), np.ones(_BOX) @ small
    mass = np.maximum(rows.sum(axis=1), 1)
    middles = np.arange(_BOX) + 0.5
    # Pasted into 48x48, of which the middle 28x28 are kept: a part may be cut off.
    margin = (48 - SIDE) // 2
    top, left = (
        np.clip(np.floor(15 - sums @ middles / mass).astype(int) + margin, 0, 28)
        for sums in (rows, columns)
    )
    large = np.zeros((n, 48, 48), np.uint8)
    whole = small.astype(np.uint8)
    place = 48 * top + left
    for at in np.flatnonzero(np.bincount(place)):  # a few dozen of them, however many pictures
        y, x = divmod(int(at), 48)
        which = place == at
        large[which, y : y + _BOX, x : x + _BOX] = whole[which]
    kept = slice(margin, margin + SIDE)
    return large[:, kept, kept]
