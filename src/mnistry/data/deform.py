"""An endless set of digits, made from few: each picture bent a little, another way each time.

In the manner of infinite MNIST (Loosli, Canu & Bottou 2007, "Training invariant support vector
machines using selective sampling"): a smooth field moves every point, the whole is turned,
slanted and scaled a little, and the stroke grows thicker or thinner.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistry.cores import cores, each
from mnistry.data.dataset import DataSets
from mnistry.data.idx import write_idx, write_images
from mnistry.errors import InputError

CHUNK = 500  # pictures made together
_MARGIN = 4  # pixels of paper around each, from which its edge may be moved in
_SPACING = 5.0  # pixels between the knots of a field
# Standard deviations: of how far a field moves a point, in pixels; of turns in radians, slants in
# x per y, scales as a share; of the share of the slope at an edge that is added to it.
_BEND, _TURN, _SLANT, _SCALE, _THICK = 1.0, 0.09, 0.09, 0.06, 0.4
_TALLEST = 32_000  # rows that OpenCV remaps at once
_FILES = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_TEST_FILES = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

Progress = Callable[[int, int], None]


def write_deformed(
    folder: Path, data: DataSets, count: int, seed: int, progress: Progress | None = None
) -> None:
    """Write a folder of IDX files with `count` training pictures made of a data set's.

    The first are the validation pictures as they are, and none of what follows is made of them:
    hold out just these. The test files have the test pictures as they are.

    Parameters
    ----------
    folder : made where it is missing. progress : told pictures done, and of how many.

    Raises
    ------
    InputError : the count is less than the data set has, there are more than 256 classes, the
        folder holds a data set already, or the disk has too little room.
    OSError : a file can't be written.
    """
    held_out, learnt = data.validation, data.train
    least = len(held_out) + len(learnt)
    if count < least:
        raise InputError(f"`count` must be at least {least:,}, what {data.name} has; got {count}.")
    if len(data.classes) > 256:
        raise InputError(f"There may be 256 classes at most; {data.name} has {len(data.classes)}.")
    there = [name for name in (*_FILES, *_TEST_FILES) if (folder / name).exists()]
    if there:
        raise InputError(
            f"{str(folder)!r} holds a data set already ({there[0]}), which would be lost; "
            "name another folder, or delete it first."
        )
    h, w = data.shape
    folder.mkdir(parents=True, exist_ok=True)
    need, free = count * (h * w + 1), shutil.disk_usage(folder).free
    if need > free:
        raise InputError(
            f"{count:,} pictures take {need:,} bytes, and {str(folder)!r} has room for {free:,}; "
            "ask for fewer, or for another folder."
        )

    def parts() -> Iterator[NDArray[np.uint8]]:
        done = len(held_out)
        yield held_out.images
        for chunk in deformed(learnt.images, count - done, seed):
            yield chunk
            done += len(chunk)
            if progress is not None:
                progress(done, count)

    repeated = np.resize(learnt.labels.astype(np.uint8), count - len(held_out))
    labels = np.concatenate([held_out.labels.astype(np.uint8), repeated])
    try:
        write_idx(folder / _FILES[1], labels)
        write_idx(folder / _TEST_FILES[0], data.test.images)
        write_idx(folder / _TEST_FILES[1], data.test.labels.astype(np.uint8))
        write_images(folder / _FILES[0], (count, h, w), parts())
    except BaseException:  # an interruption as well: a set is whole, or there is none
        for name in (*_FILES, *_TEST_FILES):
            (folder / name).unlink(missing_ok=True)
        raise


def deformed(
    images: NDArray[np.uint8], count: int, seed: int, first: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """Give `count` pictures of the endless sequence, a chunk at a time.

    Number i is made of images[i % n]; the first n are the images themselves. What a picture is
    follows from its number and the seed alone.

    Parameters
    ----------
    images : (n, h, w) uint8. first : the number to begin with, a multiple of `CHUNK`.

    Raises
    ------
    InputError : there are no images, or a number is out of range.
    """
    if not len(images):
        raise InputError("`images` must hold at least one picture to deform; got none.")
    if count < 0 or seed < 0 or first < 0 or first % CHUNK:
        raise InputError(
            f"`count` and `seed` must be 0 or more, `first` a multiple of {CHUNK}; "
            f"got {count}, {seed} and {first}."
        )

    def make(start: int) -> NDArray[np.uint8]:
        numbers = np.arange(start, start + CHUNK)
        chunk = images[numbers % len(images)]
        if start + CHUNK > len(images):
            bent = _bent(chunk, np.random.default_rng([seed, start]))
            chunk = np.where((numbers < len(images))[:, None, None], chunk, bent)
        return chunk[: first + count - start]

    starts = range(first, first + count, CHUNK)
    together = 8 * cores()
    for i in range(0, len(starts), together):
        yield from each(make, starts[i : i + together])


def _bent(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    n, h, w = images.shape
    turn, slant, wide, tall, thick = rng.standard_normal((5, n, 1, 1), np.float32) * np.array(
        [_TURN, _SLANT, _SCALE, _SCALE, _THICK], np.float32
    ).reshape(5, 1, 1, 1)
    y = np.arange(h, dtype=np.float32)[:, None] - (h - 1) / 2
    x = np.arange(w, dtype=np.float32) - (w - 1) / 2
    down = y * (1 + tall) + x * turn + _BEND * _fields(n, h, w, rng) + (h - 1) / 2
    right = x * (1 + wide) + y * (slant - turn) + _BEND * _fields(n, h, w, rng) + (w - 1) / 2
    bent = _remapped(images, down, right)
    slope = np.hypot(*np.gradient(bent, axis=(1, 2)))
    return np.asarray(np.rint(np.clip(bent + thick * slope, 0, 255)), np.uint8)


def _fields(n: int, h: int, w: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give smooth random numbers (n, h, w) of variance 1: noise on few knots, spread out."""
    spread = []
    for side in (h, w):
        knots = np.arange(0, side + _SPACING, _SPACING)
        weights = np.exp(-(((np.arange(side)[:, None] - knots) / _SPACING) ** 2) / 2)
        weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
        spread.append(weights.astype(np.float32))
    noise = rng.standard_normal((n, spread[0].shape[1], spread[1].shape[1]), np.float32)
    return np.asarray(spread[0] @ noise @ spread[1].T)


def _remapped(
    images: NDArray[np.uint8], down: NDArray[np.float32], right: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Look each pixel up where `down` and `right`, (n, h, w), say; beyond an image is paper."""
    import cv2

    n, h, w = images.shape
    tile = h + 2 * _MARGIN
    # One tall image of all of them: OpenCV is called once and not for each.
    padded = np.pad(images, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)))
    down = np.clip(down + _MARGIN, 0, tile - 1)
    right = np.clip(right + _MARGIN, 0, w + 2 * _MARGIN - 1)
    found = np.empty((n, h, w), np.float32)
    step = max(1, _TALLEST // tile)
    for i in range(0, n, step):
        some = slice(i, min(i + step, n))
        tall = padded[some].reshape(-1, w + 2 * _MARGIN).astype(np.float32)
        tops = tile * np.arange(some.stop - i, dtype=np.float32)[:, None, None]
        found[some] = cv2.remap(
            tall,
            right[some].reshape(-1, w),
            (down[some] + tops).reshape(-1, w),
            cv2.INTER_LINEAR,
        ).reshape(-1, h, w)
    return found
