"""Held-out pictures spoiled step by step, so that a model can be asked how soon it errs.

None of these is what `mnistry.training.augment` does, nor `mnistry.data.corrupt`: a model that is
calibrated on them is not flattered where it is measured on those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = 8  # pixels of a side


def spoiled(images: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Spoil each picture in one way, a little or very much.

    It is mixed with another; its halves are those of two; pieces of it are covered, swapped or
    mirrored; it is coarsened.

    Parameters
    ----------
    images : uint8 (n, h, w), n at least 1; smaller ones than 8×8 are given back as they are.
    """
    n, h, w = images.shape
    if min(h, w) < _LEAST:
        return images
    rng = np.random.default_rng(seed)
    others = images[rng.permutation(n)]
    out = images.copy()
    kinds = rng.integers(len(_KINDS), size=(n,))
    hard = rng.random(size=(n,))
    for i in range(n):
        out[i] = _KINDS[kinds[i]](rng, images[i], others[i], float(hard[i]))
    return out


def _mixed(_: Any, image: Any, other: Any, hard: float) -> Any:
    part = 0.6 * hard
    return ((1 - part) * image + part * other).astype(np.uint8)


def _halved(rng: Any, image: Any, other: Any, hard: float) -> Any:
    made = image.copy()
    end = round((0.2 + 0.4 * hard) * len(image))
    turned, from_other = (made, other) if rng.random() < 0.5 else (made.T, other.T)
    turned[:end] = from_other[:end]
    return made


def _piece(rng: Any, image: Any, hard: float) -> tuple[slice, slice]:
    h, w = (max(2, round((0.15 + 0.4 * hard) * side)) for side in image.shape)
    top, left = rng.integers(image.shape[0] - h + 1), rng.integers(image.shape[1] - w + 1)
    return slice(top, top + h), slice(left, left + w)


def _covered(rng: Any, image: Any, _: Any, hard: float) -> Any:
    made = image.copy()
    made[_piece(rng, image, hard)] = rng.integers(256)
    return made


def _mirrored(rng: Any, image: Any, _: Any, hard: float) -> Any:
    made = image.copy()
    where = _piece(rng, image, hard)
    made[where] = made[where][:, ::-1]
    return made


def _swapped(rng: Any, image: Any, other: Any, hard: float) -> Any:
    made = image.copy()
    for _ in range(1 + round(3 * hard)):
        where = _piece(rng, image, hard / 2)
        made[where] = other[where]
    return made


def _coarse(_: Any, image: Any, __: Any, hard: float) -> Any:
    import cv2

    h, w = image.shape
    few = max(2, round(w / (1 + 5 * hard))), max(2, round(h / (1 + 5 * hard)))
    small = cv2.resize(image, few, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_NEAREST)


_KINDS: tuple[Callable[[Any, Any, Any, float], Any], ...] = (
    _mixed,
    _halved,
    _covered,
    _mirrored,
    _swapped,
    _coarse,
)
