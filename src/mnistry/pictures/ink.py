"""A picture -> ink on paper: float (h, w) in [0, 1], paper exactly 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL.Image import Image

_FAINTEST = 0.06  # contrast, of full scale, below which a picture is blank
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's


def to_ink(picture: Image | ArrayLike) -> NDArray[np.float64]:
    """Find the ink in a picture of one piece of paper, evenly lit.

    Which shade is paper is told by the border; what differs from the paper's median by more
    than its noise and half of Otsu's threshold is ink, soft at its edges. A picture without
    contrast is blank.

    Parameters
    ----------
    picture : a Pillow image (turned as its EXIF says, laid on paper where it is transparent),
        or an array: (h, w) grey or (h, w, 3) RGB or (h, w, 4) RGBA, uint8 or floats in [0, 1].

    Returns
    -------
    ink : (h, w) in [0, 1], 0 = paper, 1 = ink.

    Raises
    ------
    InputError : the array is of another shape or type.
    """
    grey = to_grey(picture)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = np.median(border)
    low, high = grey.min(), grey.max()
    if high - low < _FAINTEST:
        return np.zeros_like(grey)
    # Ink reaches further from the border's median than anything on its other side.
    depth = paper - grey if paper - low > high - paper else grey - paper
    noise = np.median(np.abs(depth))  # most of a picture is paper
    depth = np.clip(depth, 0, None)
    threshold = _otsu(depth)
    floor = min(max(threshold / 2, 9 * noise), threshold)
    full = np.median(depth[depth > threshold])
    ink: NDArray[np.float64] = np.clip((depth - floor) / (full - floor), 0, 1)
    return ink


def dark_on_light(images: NDArray[np.uint8]) -> bool:
    """Say whether most of (n, h, w) pictures have a light border: dark ink on light paper."""
    border = np.concatenate(
        [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1
    )
    return bool((np.median(border, axis=1) > 127).mean() > 0.5)


def to_grey(picture: Image | ArrayLike) -> NDArray[np.float64]:
    """Give a picture's greys, (h, w) in [0, 1], 1 = white; `to_ink` says what it may be.

    Raises
    ------
    InputError : the array is of another shape or type.
    """
    return _from_image(picture) if hasattr(picture, "getexif") else _from_array(picture)


def _from_image(image: Any) -> NDArray[np.float64]:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return np.asarray(image, np.float64) / 65535
    if image.mode in ("I", "F"):  # what is white here is the picture's own affair
        deep = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
        span = np.ptp(deep)
        return (deep - deep.min()) / span if span else np.zeros_like(deep)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), np.float64) / 255
    return _from_array(np.asarray(image.convert("RGBA")))


def _from_array(picture: Any) -> NDArray[np.float64]:
    array = np.asarray(picture)
    channels = array.shape[2:]
    whole = array.dtype == np.uint8
    if array.ndim not in (2, 3) or channels not in [(), (3,), (4,)] or 0 in array.shape:
        raise InputError(
            f"`picture` must be (h, w), (h, w, 3) or (h, w, 4); got shape {array.shape}."
        )
    if not whole and not (array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1):
        raise InputError(f"`picture` must be uint8, or floats in [0, 1]; got {array.dtype}.")
    array = array / 255 if whole else array.astype(np.float64)
    if not channels:
        return array
    grey: NDArray[np.float64] = array[:, :, :3] @ _LUMA
    if channels == (4,):
        alpha = array[:, :, 3]
        if alpha.min() < 1:  # paper is what the drawing is not
            drawn = (grey * alpha).sum() / max(alpha.sum(), 1e-9)
            grey = grey * alpha + (drawn < 0.5) * (1 - alpha)
    return grey


def _otsu(depth: NDArray[np.float64]) -> float:
    """Give the threshold between the two classes that differ most (Otsu, 1979)."""
    counts, edges = np.histogram(depth, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = depth.size - below
    sums = np.cumsum(counts * middles)
    gap = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1 + np.argmax(below * above * gap**2)])
