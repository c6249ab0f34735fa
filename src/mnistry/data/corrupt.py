"""Pictures of digits corrupted in fifteen ways that leave them readable to a person.

The families are those of MNIST-C (Mu and Gilmer 2019, arXiv:1906.02337), made here anew, each at
one severity; scores on them can be set beside those on the published set, but are not the same.
Amounts are for 28x28; on other pictures lengths grow and shrink with the shorter side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mnistry.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating[Any]]

_LEAST = 8  # pixels a side; on less no digit can be read
_BLOCK = 500  # pictures at once, so that memory stays bounded and mostly in the cache
_PHOTONS = 3  # that full ink sends on average, in shot noise
_QUANTILES = 4096  # fine enough for counts of so few photons


def corrupt(images: NDArray[np.uint8], family: str, seed: int = 0) -> NDArray[np.uint8]:
    """Corrupt each picture in its own way.

    What happens to a picture depends on `family`, `seed`, its place and itself alone, not on
    which or how many other pictures there are.

    Parameters
    ----------
    images : (n, h, w) uint8, 0 = paper, 255 = ink; h and w at least 8.
    family : one of `FAMILIES`.
    seed : 0 or more; decides everything. In canny edges there is no chance.

    Returns
    -------
    corrupted : the same shape, uint8.

    Raises
    ------
    InputError : there is no such family, the images are of another type or shape, or `seed` is
        negative.
    """
    if family not in _CHANGES:
        raise InputError(f"`family` must be one of {', '.join(FAMILIES)}; got {family!r:.60}.")
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3 or min(images.shape[1:]) < _LEAST:
        raise InputError(
            f"`images` must be uint8 of shape (n, h, w), with h and w at least {_LEAST}; got "
            f"{images.dtype} of shape {images.shape}. Pixels in [0, 1] become uint8 by "
            "`(255 * X).round()`."
        )
    if seed < 0:
        raise InputError(f"`seed` must be 0 or more; got {seed}.")
    change, draw = _CHANGES[family], _Draw(family, seed)
    corrupted = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        draw.begin(len(block))
        changed = change(block.astype(np.float32, order="C") / 255, draw)
        corrupted[start : start + _BLOCK] = np.rint(255 * np.clip(changed, 0, 1))
    return corrupted


class _Draw:
    """Draws uniform numbers for pictures, block after block.

    Each call in a family has a stream of its own, of which each picture takes the same length.
    One stream for all calls would give a picture other numbers when more pictures come along.
    """

    def __init__(self, family: str, seed: int) -> None:
        self.key = (seed, *family.encode())
        self.streams: list[np.random.Generator] = []
        self.n = self.calls = 0

    def begin(self, n: int) -> None:
        """Go on to the next `n` pictures."""
        self.n, self.calls = n, 0

    def uniform(self, low: float, high: float, *shape: int) -> NDArray[np.float64]:
        """Give (n, 1, 1), to be multiplied with pictures, or (n, *shape), in low..high."""
        if self.calls == len(self.streams):
            self.streams.append(np.random.default_rng((self.calls, *self.key)))
        stream = self.streams[self.calls]
        self.calls += 1
        return low + (high - low) * stream.random((self.n, *(shape or (1, 1))))

    def sign(self) -> NDArray[np.float64]:
        """Give -1 or 1, (n, 1, 1)."""
        return np.where(self.uniform(0, 1) < 0.5, -1.0, 1.0)


def _shot_noise(images: Floats, draw: _Draw) -> Floats:
    """Count the few photons that a pixel sends: the ink becomes grainy, the paper stays empty."""
    # A table of quantiles makes a count of one number drawn. NumPy's own draws take as many as
    # they need, which would let a picture change what the next one gets.
    rate = np.linspace(0, _PHOTONS, 256)[:, None]
    count = np.arange(4 * _PHOTONS + 1)
    factorial = np.cumprod(np.maximum(count, 1), dtype=float)
    cumulative = np.cumsum(np.exp(-rate) * rate**count / factorial, axis=1)
    middles = np.arange(_QUANTILES) + 0.5
    table = np.array([np.searchsorted(row, middles) for row in cumulative * _QUANTILES])
    at = draw.uniform(0, _QUANTILES, *images.shape[1:]).astype(np.intp)
    return table[np.rint(255 * images).astype(np.intp), at] / _PHOTONS


def _impulse_noise(images: Floats, draw: _Draw) -> Floats:
    """Turn a sixth of the pixels to paper or to ink."""
    drawn = draw.uniform(0, 1, *images.shape[1:])
    return np.where(drawn < 0.085, 0, np.where(drawn > 0.915, 1, images))


def _glass_blur(images: Floats, draw: _Draw) -> Floats:
    """Shuffle the pixels of small tiles, as frosted glass does, between two slight blurs."""
    _, h, w = images.shape
    mixed = _blurred(images, 0.7)
    stay = 0.15 * np.arange(4)  # a pixel tends to, or thin strokes would be lost
    # Tiles of the second round lie across the corners of the first's.
    for corner in (0, 1):
        rows, columns = (h - corner) // 2, (w - corner) // 2
        inside = np.s_[:, corner : corner + 2 * rows, corner : corner + 2 * columns]
        tiles = mixed[inside].reshape(-1, rows, 2, columns, 2).swapaxes(2, 3)
        order = np.argsort(stay + draw.uniform(0, 1, rows, columns, 4), axis=3)
        tiles = np.take_along_axis(tiles.reshape(order.shape), order, axis=3)
        tiles = tiles.reshape(-1, rows, columns, 2, 2).swapaxes(2, 3)
        mixed[inside] = tiles.reshape(mixed[inside].shape)
    return _blurred(mixed, 0.7)


def _motion_blur(images: Floats, draw: _Draw) -> Floats:
    """Let the digit leave a trail that fades along a line."""
    import cv2

    spread = 3 * _unit(images)
    reach = int(np.ceil(3 * spread))
    angle = draw.uniform(0, 2 * np.pi)
    back = np.arange(0, reach, 0.5)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    # Each point of the trail is shared among the four pixels around it.
    kernels = np.zeros((len(images), *x.shape))
    for at, weight in zip(back, np.exp(-((back / spread) ** 2) / 2), strict=True):
        near_x = np.maximum(0, 1 - abs(x - at * np.cos(angle)))
        kernels += weight * near_x * np.maximum(0, 1 - abs(y - at * np.sin(angle)))
    kernels /= kernels.sum(axis=(1, 2), keepdims=True)
    around = {"borderType": cv2.BORDER_CONSTANT}  # paper
    return _each(lambda image, own: cv2.filter2D(image, -1, own, **around), images, kernels)


def _shear(images: Floats, draw: _Draw) -> Floats:
    """Slant the digit by about 20 degrees to either side."""
    return _bent(images, 1, draw.sign() * draw.uniform(0.3, 0.5), 0, 1)


def _scale(images: Floats, draw: _Draw) -> Floats:
    """Make the digit about two thirds as large."""
    size = draw.uniform(0.6, 0.75)
    return _bent(images, size, 0, 0, size)


def _rotate(images: Floats, draw: _Draw) -> Floats:
    """Turn the digit by 20 to 35 degrees to either side."""
    angle = draw.sign() * draw.uniform(20, 35) * np.pi / 180
    return _bent(images, np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle))


def _brightness(images: Floats, draw: _Draw) -> Floats:
    """Raise all shades by about half, so that the paper becomes grey."""
    return images + draw.uniform(0.4, 0.6)


def _translate(images: Floats, draw: _Draw) -> Floats:
    """Move the digit by 2 to 5 whole pixels across and as many up or down."""
    right, down = (np.rint(draw.sign() * draw.uniform(2, 5) * _unit(images)) for _ in "xy")
    return _bent(images, 1, 0, 0, 1, right, down)


def _stripe(images: Floats, draw: _Draw) -> Floats:
    """Swap paper and ink in an upright stripe near the middle."""
    x = (np.arange(images.shape[2]) - (images.shape[2] - 1) / 2) / _unit(images)
    inside = abs(x - draw.uniform(-3, 3)) < draw.uniform(2, 3.5)
    return np.where(inside, 1 - images, images)


def _fog(images: Floats, draw: _Draw) -> Floats:
    """Veil the picture with clouds, twice as strong as the ink."""
    clouds: NDArray[np.float64] = np.zeros(images.shape)
    # Each octave has waves half as long and half as high; together they look like clouds.
    for octave in range(1, 5):
        clouds += _waves(images.shape, 2**octave + 1, draw) / 2**octave
    clouds -= clouds.min(axis=(1, 2), keepdims=True)
    clouds /= clouds.max(axis=(1, 2), keepdims=True)
    return (images + 2 * clouds) / 3


def _spatter(images: Floats, draw: _Draw) -> Floats:
    """Cover a part of the picture with spots of mud, which are a dark grey."""
    depth = _waves(images.shape, 8, draw) + 0.3 * _waves(images.shape, 15, draw)
    cover = np.clip((depth - draw.uniform(0.4, 0.55)) / 0.2, 0, 1)
    return images + cover * (draw.uniform(0.15, 0.3) - images)


def _dotted_line(images: Floats, draw: _Draw) -> Floats:
    """Draw a straight line of dots across the picture."""
    along, across = _line(images, draw)
    gap = abs((along + draw.uniform(0, 1)) % 3.5 - 1.75)
    return _drawn(images, np.hypot(across, np.maximum(gap - 0.5, 0)))


def _zigzag(images: Floats, draw: _Draw) -> Floats:
    """Draw a zigzag across the picture."""
    along, across = _line(images, draw)
    period, height = draw.uniform(5, 8), draw.uniform(1, 2)
    wave = height * (4 * abs((along / period) % 1 - 0.5) - 1)
    # The distance to a steep line is less than the one measured straight across.
    steep = np.hypot(1, 4 * height / period)
    return _drawn(images, abs(across - wave) / steep)


def _canny_edges(images: Floats, _: _Draw) -> Floats:
    """Keep the outlines alone, by Canny's detector."""
    import cv2

    soft = np.rint(255 * _blurred(images, 0.8))
    return _each(lambda image: cv2.Canny(image, 60, 150), soft.astype(np.uint8)) / 255


_CHANGES: dict[str, Callable[[Floats, _Draw], Floats]] = {
    change.__name__.removeprefix("_"): change
    for change in (
        *(_shot_noise, _impulse_noise, _glass_blur, _motion_blur, _shear),
        *(_scale, _rotate, _brightness, _translate, _stripe),
        *(_fog, _spatter, _dotted_line, _zigzag, _canny_edges),
    )
}
FAMILIES: tuple[str, ...] = tuple(_CHANGES)


def _unit(images: Floats) -> float:
    """Give how many pixels are what one is in 28x28."""
    return float(min(images.shape[1:])) / 28


def _drawn(images: Floats, distance: Floats) -> Floats:
    """Put ink where the distance to a pen's way is less than 0.7 units, with soft edges."""
    line = np.clip((0.7 - distance) * _unit(images) + 0.5, 0, 1)
    return np.asarray(np.maximum(images, line))


def _each(change: Callable[..., Any], images: Floats | NDArray[np.uint8], *own: Floats) -> Floats:
    """Change one picture after the other, each with its own row of numbers."""
    return np.stack([change(*of_one) for of_one in zip(images, *own, strict=True)])


def _blurred(images: Floats, sigma: float) -> Floats:
    """Blur by a standard deviation in units."""
    import cv2

    sigma *= _unit(images)
    return _each(lambda image: cv2.GaussianBlur(image, (0, 0), sigma), images)


def _bent(images: Floats, xx: Any, xy: Any, yx: Any, yy: Any, *move: Floats) -> Floats:
    """Move each picture's points by a matrix about its middle, then right and down.

    Each of the six is (n, 1, 1) or a number for all.
    """
    import cv2

    n, h, w = images.shape
    right, down = move or (0, 0)
    parts = np.broadcast_arrays(np.zeros((n, 1, 1)), xx, xy, right, yx, yy, down)[1:]
    steps = np.concatenate(parts, axis=2).reshape(n, 2, 3)
    middle = np.array([[(w - 1) / 2], [(h - 1) / 2]])
    steps[:, :, 2:] += middle - steps[:, :, :2] @ middle
    return _each(lambda image, own: cv2.warpAffine(image, own, (w, h)), images, steps)


def _waves(shape: tuple[int, ...], knots: int, draw: _Draw) -> Floats:
    """Give smooth random fields, about from -1 to 1, through so many knots a side."""
    import cv2

    size, fields = shape[:0:-1], draw.uniform(-1, 1, knots, knots)
    return _each(lambda field: cv2.resize(field, size, interpolation=cv2.INTER_CUBIC), fields)


def _line(images: Floats, draw: _Draw) -> tuple[Floats, Floats]:
    """Draw where a line runs: each pixel's place along it and across, infinite past its ends."""
    _, h, w = images.shape
    y, x = (np.mgrid[:h, :w] - np.array([[[h - 1]], [[w - 1]]]) / 2) / _unit(images)
    angle = draw.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle) - draw.uniform(-6, 6)
    past = (along < -draw.uniform(8, 15)) | (along > draw.uniform(8, 15))
    return along, np.where(past, np.inf, across)
