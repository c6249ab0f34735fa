"""A picture -> ink on paper: float (h, w) in [0, 1], paper exactly 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.decode import settled
from mnistry.pictures.grey import bounded, size_of, to_bytes, to_contrast
from mnistry.pictures.inker import handwriting, is_darker
from mnistry.pictures.print import drawn_around, has_print
from mnistry.pictures.shade import evenly_lit, median_near, odd
from mnistry.pictures.sheet import on_paper
from mnistry.runtime import load_cv2

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL.Image import Image

    Plane = NDArray[np.floating[Any]]
    Bytes = NDArray[np.uint8]
    Greys = NDArray[Any]  # floats in [0, 1], or uint8 up to 255

_MOST_PIXELS = 8_000_000  # larger pictures are made smaller; digits in them are large enough
_FAINTEST = 0.06  # contrast, of full scale, below which even paper is blank
_LEVELS = 512  # shades told apart
_UNEVEN = 0.03  # share of the ink's contrast by which a shade is as good as another
_FLAT = 0.75  # share of even paper that is as good as of its commonest shade
_LEAST_PAPER = 0.4  # share of a picture that is paper
_STEADY = 0.1  # share of the contrast that the shades of a steady border spread over
_CLEARLY = 2.5  # times as far as to the other side: the ink is on this one
_BYTES = np.arange(256, dtype=np.float32) / 255  # what 8 bits stand for
_ROUNDING = 1e-3  # of a shade in 8 bits, by which floats may miss it
# Of a median's window, in sides of the picture: close writing needs the one, lines the other.
_NEAR = (0.25, 0.5)
_COARSE = 192  # pixels, the shorter side at which medians are taken
_CLEAR = 0.7  # skewness that shows which shade is the rarer


@dataclass(frozen=True)
class Inked:
    """Ink, and how it was found.

    Parameters
    ----------
    ink : float (h, w) in [0, 1], 0 = paper. scale : its pixels to one of the picture's.
    shades : the picture's greys at the ink's size, floats in [0, 1], or uint8 up to 255.
    dark : whether ink is darker there.
    plain : whether the paper is even and empty, so that ink is what differs from it.
    size : the picture's own height and width.
    """

    ink: Plane
    scale: float
    shades: Greys
    dark: bool
    plain: bool
    size: tuple[int, int] = (0, 0)

    @property
    def grey(self) -> Plane:
        """The picture's greys at the ink's size, in [0, 1]."""
        return _floats(self.shades)

    @cached_property
    def depth(self) -> Plane | None:
        """How much like ink each shade is in even light, for `line_of`; None on even paper."""
        if self.plain:
            return None
        return 1 - evenly_lit(np.asarray(self.grey if self.dark else 1 - self.grey, np.float32))

    def with_ink(self, ink: Plane, depth: Plane | None) -> Inked:
        """Return a copy with other ink and the depth that belongs to it."""
        other = replace(self, ink=ink)
        vars(other)["depth"] = depth  # where `cached_property` keeps it
        return other


def to_ink(picture: Image | ArrayLike) -> NDArray[np.float64]:
    """Find the ink in a picture, at the picture's own size.

    On even, empty paper ink is what differs from the paper's shade by more than its noise and
    half of Otsu's threshold, soft at its edges. On any other, shaded, ruled, printed or worn, a
    small network tells handwriting from the rest. A picture without contrast is blank. What lies
    around a sheet that was photographed on something darker is no ink.

    Parameters
    ----------
    picture : a Pillow image (turned as its EXIF says, laid on paper where it is transparent),
        or an array: (h, w) or (h, w, 1) grey, (h, w, 3) RGB or (h, w, 4) RGBA; bool, whole
        numbers from 0 (white of 16 bits is the next of 255, 1023, 4095, 16383 and 65535 at or
        above the largest), or floats in [0, 1].

    Returns
    -------
    ink : (h, w) in [0, 1], 0 = paper, 1 = ink.

    Raises
    ------
    InputError : the array is of another shape or type, or the image is damaged.
    """
    cv2 = load_cv2()
    found = find_ink(settled(picture) if hasattr(picture, "getexif") else picture)
    if found.scale == 1:
        return found.ink.astype(np.float64, copy=False)
    h, w = found.size
    large = cv2.resize(found.ink, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(large, 0, 1), np.float64)


def find_ink(picture: Image | ArrayLike) -> Inked:
    """Find the ink in a picture, at the size that suits its digits; see `to_ink`."""
    load_cv2()  # report a broken OpenCV here, before a step fails with an obscure error
    smaller, factor = bounded(picture, _MOST_PIXELS)
    greys: Greys | None = to_bytes(smaller)
    if greys is None:
        finer = to_contrast(smaller).astype(np.float32)
        coarse = _as_bytes(finer)
        greys = finer if coarse is None else coarse
    mended = on_paper(greys)
    greys = greys if mended is None else mended
    shades = _Shades.in_greys(greys)
    size = size_of(picture)
    border = _floats(np.concatenate([greys[0], greys[-1], greys[:, 0], greys[:, -1]]))
    paper = _median(border)
    light = _light(greys, shades, border, paper)
    dark = light < 0
    plain = _plain(greys, shades, paper, dark)
    if plain is not None:
        return Inked(plain, 1 / factor, greys, dark, True, size)
    grey = _floats(greys)
    if abs(light) < _CLEAR:
        dark = is_darker(grey)
    ink, scale, shown = handwriting(grey if dark else 1 - grey)
    return Inked(ink, scale / factor, shown if dark else 1 - shown, dark, False, size)


def _each(greys: Greys, what: Callable[[Plane], Plane]) -> Plane:
    """Apply a function of shades in [0, 1] to greys; to bytes by a table."""
    if greys.dtype != np.uint8:
        return what(greys)
    import cv2

    return np.asarray(cv2.LUT(greys, what(_BYTES))).reshape(greys.shape)


def _floats(greys: Greys) -> Plane:
    return _each(greys, lambda shade: shade)


def _as_bytes(grey: Plane) -> Bytes | None:
    """Give greys in 8 bits, if they are no finer."""
    whole = np.rint(255 * grey)
    return whole.astype(np.uint8) if np.abs(255 * grey - whole).max() < _ROUNDING else None


def _light(greys: Greys, shades: _Shades, border: Plane, paper: float) -> float:
    """Say how clearly the ink is lighter than the paper; below 0: it is darker.

    Paper is what most of the border is. Where that is unclear, ink is what differs from the median
    shade near it, of which strokes are too thin to change much and of which a shadow has its own.
    """
    low, high = float(shades.level[0]), float(shades.level[-1])
    darker, lighter = paper - low, high - paper
    # More than half of it: the rest may lie in a shadow, or beside one.
    even = _quantile(np.abs(border - paper), 0.6) < _STEADY * (high - low)
    if even and max(darker, lighter) > _CLEARLY * min(darker, lighter):
        return np.inf if lighter > darker else -np.inf
    import cv2

    seen = _floats(greys)
    scale = _COARSE / min(seen.shape)
    if scale < 1:
        seen = cv2.resize(seen, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    sides = (odd(share * min(seen.shape)) for share in _NEAR)
    return sum(_skewness(seen - median_near(seen, side)) for side in sides)


def _skewness(off: Plane) -> float:
    """Give the skewness of what has a mean of about 0."""
    square = off * off
    return float((square * off).mean() / max(float(square.mean()), 1e-12) ** 1.5)


def _median(values: Plane) -> float:
    return _quantile(values, 0.5)


def _quantile(values: Plane, share: float) -> float:
    """Give the upper quantile, without `numpy.quantile`'s ceremony."""
    at = int(share * len(values))
    return float(np.partition(values, at)[at])


def _plain(greys: Greys, shades: _Shades, paper: float, dark: bool) -> Plane | None:
    """Give the ink on even, empty paper; None if the paper isn't."""
    level = np.float32(paper)

    def depth(shade: Plane) -> Plane:  # how far from the paper's, towards the ink's
        return np.asarray(level - shade if dark else shade - level)

    levels = depth(shades.level)
    shades = _Shades(levels[::-1], shades.count[::-1]) if dark else _Shades(levels, shades.count)
    low, high = float(shades.level[0]), float(shades.level[-1])
    if high - low < _FAINTEST:
        return np.zeros(greys.shape, np.float32)
    if high <= 0:
        return None
    noise = shades.sizes().median()  # most of a picture is paper
    ink = _Shades(np.maximum(shades.level, 0), shades.count)
    threshold = ink.otsu()
    full = ink.above(threshold).median()
    even = shades.below(threshold)
    commonest = even.level[even.count.argmax()]
    flat = even.count[np.abs(even.level - commonest) < _UNEVEN * full].sum()
    if even.total < _LEAST_PAPER * greys.size or flat < _FLAT * even.total:
        return None
    floor = np.float32(min(max(threshold / 2, 9 * noise), threshold))
    rise = np.float32(1 / max(full - float(floor), 1e-6))

    def inked(shade: Plane) -> Plane:
        return np.asarray(np.clip((depth(shade) - floor) * rise, 0, 1))

    found = _each(greys, inked)
    if not has_print(found):
        return found
    around = drawn_around(found)
    if around is None:
        return None
    # Once more without it: a form's lines may be darker than what is written.
    blank = np.rint(255 * paper) if greys.dtype == np.uint8 else paper
    bare = np.where(around, greys.dtype.type(blank), greys)
    return _plain(bare, _Shades.in_greys(bare), paper, dark)


@dataclass(frozen=True)
class _Shades:
    """How many pixels have each shade: what there is to know of them in a few hundred numbers.

    Levels are in ascending order; some may have no pixel.
    """

    level: NDArray[Any]
    count: NDArray[np.int64]

    @classmethod
    def in_greys(cls, greys: Greys) -> _Shades:
        """Count a picture's; of bytes, as most are, 256 say it all."""
        if greys.dtype != np.uint8:
            return cls.of(greys)
        return cls(_BYTES, np.bincount(greys.ravel(), minlength=256)).trimmed()

    @classmethod
    def of(cls, values: Greys) -> _Shades:
        low, high = float(values.min()), float(values.max())
        step = max(high - low, 1e-9) / _LEVELS
        at = ((values - low) * (1 / step)).astype(np.intp).ravel()
        count = np.bincount(np.minimum(at, _LEVELS - 1, out=at), minlength=_LEVELS)
        return cls(low + step * (np.arange(_LEVELS) + 0.5), count)

    @property
    def total(self) -> int:
        return int(self.count.sum())

    def trimmed(self) -> _Shades:
        """Leave out the lowest and the highest levels that no pixel has."""
        there = self.count.nonzero()[0]
        some = slice(there[0], there[-1] + 1)
        return _Shades(self.level[some], self.count[some])

    def sizes(self) -> _Shades:
        """Give the same pixels by how far their levels are from 0."""
        level = np.abs(self.level)
        order = level.argsort()
        return _Shades(level[order], self.count[order])

    def above(self, threshold: float) -> _Shades:
        first = self.level.searchsorted(threshold, "right")
        return _Shades(self.level[first:], self.count[first:])

    def below(self, threshold: float) -> _Shades:
        end = self.level.searchsorted(threshold)
        return _Shades(self.level[:end], self.count[:end])

    def median(self) -> float:
        below = self.count.cumsum()
        return float(self.level[below.searchsorted(below[-1] / 2)]) if len(below) else 0.0

    def otsu(self) -> float:
        """Give the threshold between the two classes that differ most (Otsu, 1979)."""
        below = self.count.cumsum()
        below, above = below[:-1], below[-1] - below[:-1]
        sums = (self.count * self.level).cumsum()
        gap = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
        apart = below * above * gap**2
        best = np.flatnonzero(apart >= apart.max() * (1 - 1e-9))  # equal where no pixel is between
        return float((self.level[best[0]] + self.level[best[-1] + 1]) / 2)
