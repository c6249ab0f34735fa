"""A picture of any kind -> its greys, (h, w) in [0, 1], 1 = white."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL.Image import Image

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's
_ORIENTATION, _SIDEWAYS = 0x0112, 5  # of EXIF: from 5 on, a picture lies on its side
_ROUNDING = 1e-5  # by which floats may miss [0, 1]
# Values of white for whole numbers: a mask, 8, 10, 12, 14 and 16 bits, and deeper files.
_FULL_SCALES = (1, *(2**bits - 1 for bits in (8, 10, 12, 14, 16, 20, 24, 31, 32, 64)))
_STRONGEST = 0.02  # share of the pixels that tell the ink's colour
_SAMPLE = 100_000  # pixels that are enough to tell it by


def to_grey(picture: Image | ArrayLike) -> NDArray[np.float64]:
    """Return the luminance of an image, (h, w) in [0, 1], 1 = white.

    Parameters
    ----------
    picture : a Pillow image (turned as its EXIF says, laid on paper where it is transparent),
        or an array: (h, w) or (h, w, 1) grey, (h, w, 3) RGB or (h, w, 4) RGBA; bool, whole
        numbers from 0 (white of all but uint8 is their `full_scale`), or floats in [0, 1].

    Raises
    ------
    InputError : the array is of another shape or type.
    """
    light = _light(picture)
    return light if light.ndim == 2 else np.asarray(light @ _LUMA)


def full_scale(top: float) -> int:
    """Return the value that is white where the largest value of an image is `top`.

    Cameras and scanners store 10, 12 or 14 bits in files of 16, so the depth of the file does not
    say what white is. It is taken to be the next full scale at or above the largest value: 1 (a
    mask), 255, 1023, 4095, 16383, 65535, and so on.
    """
    return next(white for white in _FULL_SCALES if top <= white)


def to_contrast(picture: Image | ArrayLike) -> NDArray[np.float64]:
    """Give a picture's greys as seen through a filter that shows its ink best.

    Blue ink is darkest in red light, red ink in green and blue: the channels are weighed by how
    much what differs most from the paper differs in them. See `to_grey`.
    """
    light = _light(picture)
    return light if light.ndim == 2 else np.asarray(light @ _filter(light))


def to_bytes(picture: Any) -> NDArray[np.uint8] | None:
    """Give the greys of what is grey in 8 bits already, (h, w), 255 = white; None of all else."""
    if hasattr(picture, "getexif"):
        if picture.mode not in ("L", "RGB") or "transparency" in picture.info:
            return None
        if picture.getexif().get(_ORIENTATION, 1) != 1:
            return None
    array = np.asarray(picture)
    if array.dtype == np.bool_:
        array = 255 * array.astype(np.uint8)
    if array.dtype != np.uint8 or 0 in array.shape:
        return None
    if array.shape[2:] == (1,):
        array = array[:, :, 0]
    if array.shape[2:] == (3,) and array.ndim == 3 and _is_grey(array):
        array = np.ascontiguousarray(array[:, :, 0])
    return array if array.ndim == 2 else None


def size_of(picture: Any) -> tuple[int, int]:
    """Give a picture's height and width, turned as its EXIF says."""
    if not hasattr(picture, "getexif"):
        h, w = np.shape(picture)[:2]
        return int(h), int(w)
    w, h = picture.size
    return (w, h) if picture.getexif().get(_ORIENTATION, 1) >= _SIDEWAYS else (h, w)


def bounded(picture: Any, most: int) -> tuple[Any, int]:
    """Make a picture smaller by a whole factor, to at most so many pixels; give the factor too.

    Raises
    ------
    InputError : it would have to be made smaller, and is no picture; see `to_grey`.
    """
    if hasattr(picture, "getexif"):
        w, h = picture.size
    else:
        h, w = (*np.shape(picture), 0, 0)[:2]
    # No side is made smaller than one pixel, so that a long one is to be, by itself.
    factor = int(np.ceil(max((w * h / most) ** 0.5, w / most, h / most, 1)))
    if factor == 1:
        return picture, 1
    if hasattr(picture, "getexif"):
        from PIL import ImageOps

        picture = ImageOps.exif_transpose(picture)  # what is made smaller forgets its EXIF
        if _is_deep(picture):
            return _smaller(_deep(picture).astype(np.float32), factor), factor
        if picture.mode in ("P", "PA") or "transparency" in picture.info:
            picture = picture.convert("RGBA")
        elif picture.mode == "1":
            picture = picture.convert("L")
        return picture.reduce(factor), factor
    array = _checked(picture)
    if array.dtype not in (np.uint8, np.float32, np.float64):  # all that OpenCV knows of them
        array = array.astype(np.float32)
    return _smaller(array, factor), factor


def _smaller(array: NDArray[Any], factor: int) -> NDArray[Any]:
    """Shrink an array (h, w) or (h, w, k) by a whole factor, to at least one pixel a side."""
    import cv2

    h, w = array.shape[:2]
    size = max(w // factor, 1), max(h // factor, 1)
    kept = array[: size[1] * factor, : size[0] * factor]
    return np.asarray(cv2.resize(kept, size, interpolation=cv2.INTER_AREA))


def have_light_borders(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say which of (n, h, w) pictures have a light border: dark ink on light paper, perhaps."""
    border = np.concatenate(
        [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1
    )
    return np.asarray(np.median(border, axis=1) > 127)


def _filter(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the weights of (h, w, 3)'s channels; they sum to 1."""
    step = max(int((light[:, :, 0].size / _SAMPLE) ** 0.5), 1)
    sample = light[::step, ::step]
    border = np.concatenate([sample[0], sample[-1], sample[:, 0], sample[:, -1]])
    off = np.abs(sample.reshape(-1, 3) - np.median(border, axis=0))
    size = off.sum(axis=1)
    count = max(int(_STRONGEST * len(size)), 1)
    weights = off[np.argpartition(size, -count)[-count:]].mean(axis=0)
    total = weights.sum()
    return np.asarray(weights / total) if total > 0 else _LUMA


def _light(picture: Any) -> NDArray[np.float64]:
    """Give a picture's light, (h, w) or (h, w, 3) in [0, 1], laid on paper where transparent."""
    return _of_image(picture) if hasattr(picture, "getexif") else _of_array(picture)


def _of_image(image: Any) -> NDArray[np.float64]:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if _is_deep(image):
        return _deep(image)
    if "transparency" in image.info or image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGBA")
    return _of_array(image.convert("L") if image.mode == "1" else image)


def _is_deep(image: Any) -> bool:
    """Return whether an image has one channel of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _deep(image: Any) -> NDArray[np.float64]:
    """Return the greys of an image of one deep channel, (h, w) in [0, 1]."""
    values = _shaped(image).astype(np.float64)
    if image.mode == "F":
        values = np.nan_to_num(values, posinf=0, neginf=0)
    low, top = float(values.min()), float(values.max())
    whole = image.mode != "F" or np.array_equal(values, np.rint(values))
    if whole and low >= 0 and top <= _FULL_SCALES[-1]:
        return values / full_scale(top)
    # Fractions and negative numbers have no known full scale, so the image's range is used.
    return (values - low) / (top - low) if top > low else np.zeros_like(values)


def _shaped(picture: Any) -> NDArray[Any]:
    """Return an image as an array: (h, w), also of one channel, (h, w, 3) or (h, w, 4)."""
    array = np.asarray(picture)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or array.shape[2:] not in [(), (3,), (4,)] or 0 in array.shape:
        raise InputError(
            f"`picture` must be (h, w), (h, w, 3) or (h, w, 4); got shape {array.shape}."
        )
    return array


def _checked(picture: Any) -> NDArray[Any]:
    """Return an image as an array of uint8, or of floats in [0, 1]."""
    array = _shaped(picture)
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return 255 * array.astype(np.uint8)
    wanted = "`picture` must be uint8, other whole numbers from 0, bool, or floats in [0, 1]; got"
    if array.dtype.kind not in "iuf":
        raise InputError(f"{wanted} {array.dtype}.")
    low, top = array.min(), array.max()
    if array.dtype.kind in "iu" and low >= 0:
        return array / full_scale(int(top))
    if array.dtype.kind == "f" and low >= -_ROUNDING and top <= 1 + _ROUNDING:
        return array
    raise InputError(f"{wanted} {array.dtype} from {low:g} to {top:g}.")


def _of_array(picture: Any) -> NDArray[np.float64]:
    array = _checked(picture)
    light: NDArray[np.float64] = (
        array / 255 if array.dtype == np.uint8 else np.clip(array.astype(np.float64), 0, 1)
    )
    if array.shape[2:] == (4,):
        light, alpha = light[:, :, :3], light[:, :, 3]
        if alpha.min() < 1:  # paper is what the drawing is not
            drawn = ((light @ _LUMA) * alpha).sum() / max(alpha.sum(), 1e-9)
            light = light * alpha[:, :, None] + (drawn < 0.5) * (1 - alpha[:, :, None])
    return light[:, :, 0] if light.ndim == 3 and _is_grey(light) else light


def _is_grey(array: NDArray[Any]) -> bool:
    first = array[:, :, 0]
    return all(np.array_equal(first, array[:, :, k]) for k in (1, 2))
