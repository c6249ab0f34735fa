"""What is no digit: letters, signs, scribbles, textures, and digits that went wrong.

A network that has only ever seen digits takes anything for one. These are made, and framed as
digits are, so that it can learn that there are other things. A few look like a digit by chance,
as letters do: no network can tell these, and it isn't asked to.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.frame import SIDE, frame_many
from mnistry.training.pen import Strokes, by_hand, curve, polyline, strokes_of, together

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSet

_SHARES = {"letter": 0.34, "scribble": 0.22, "character": 0.16, "texture": 0.17, "wrong": 0.11}
_GLYPH = 56
# Alphabets and signs of the fonts that come with Matplotlib (DejaVu), by code points.
_FONTS = ("DejaVuSans.ttf", "DejaVuSerif-Italic.ttf")
_ALPHABETS = (
    (0x21, 0x7E), (0x391, 0x3C9), (0x410, 0x44F), (0x531, 0x556), (0x561, 0x586), (0x5D0, 0x5EA),
    (0x7CA, 0x7EA), (0x10D0, 0x10F0), (0x1401, 0x14FF), (0x2190, 0x2199), (0x20A0, 0x20B5),
    (0x2200, 0x2270), (0x2D30, 0x2D65),
)  # fmt: skip
# What someone writes as a digit, or a digit as: 0 as O, 9 as P, 4 as h, 2 as Q.
_ALIKE = frozenset(
    "0123456789OoQDCcIlLJSsZzbBqgGhPpeyrtTUaYij$€.,:;-_|/\\!'`(){}[]"
    "ΟοσθΘρςΙιΓΤτδΒ"
    "ОоЗзбЧчЬьІіСсДЭэГгТтВвУуРрЪъЫы"
    "ՕօՏՑ"
)


def strangers(data: DataSet, n: int, seed: int) -> NDArray[np.uint8]:
    """Make n pictures of what is no digit, uint8 (n, 28, 28), framed as MNIST's were.

    Parameters
    ----------
    data : of 28×28, some of which are taken to pieces or paired; where they are digits, also
        mirrored, turned or halved. Letters that are classes of it are left out.
    """
    rng = np.random.default_rng(seed)
    digits = data.classes[:10] == tuple("0123456789")
    labels = data.labels if digits else np.full(len(data), -1)
    letters = _letters(frozenset().union(*map(_both_cases, data.classes)))
    kinds = rng.choice(list(_SHARES), n, p=list(_SHARES.values()))
    out = np.zeros((n, SIDE, SIDE), np.uint8)
    crops, places = [], []
    for i, kind in enumerate(kinds):
        if kind == "texture":
            out[i] = _texture(rng)
        elif kind == "wrong":
            out[i] = _wrong(rng, data.images, labels)
        elif kind == "letter":
            crops.append(by_hand(rng, letters[int(rng.integers(len(letters)))]))
            places.append(i)
        else:
            crops.append(by_hand(rng, _STROKES[kind](rng)))
            places.append(i)
    if crops:
        out[places] = frame_many(crops)
    return out


def _both_cases(name: str) -> set[str]:
    return {name, name.lower(), name.upper()}


def _letters(left_out: frozenset[str]) -> list[Strokes]:
    """Give letters and signs of many alphabets as strokes."""
    return [strokes for letter, strokes in _all_letters() if letter not in left_out]


@cache
def _all_letters() -> list[tuple[str, Strokes]]:
    """Thin printed letters to strokes, once for all: it takes seconds."""
    import matplotlib as mpl
    from PIL import ImageFont

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    letters, glyphs = [], []
    for name in _FONTS:
        font = ImageFont.truetype(str(folder / name), 40)
        unknown = _glyph(font, "\U000fffff")
        for low, high in _ALPHABETS:
            for letter in map(chr, range(low, high + 1)):
                glyph = _glyph(font, letter)
                ink = int(glyph.sum()) // 255
                if letter not in _ALIKE and ink > 30 and not np.array_equal(glyph, unknown):
                    letters.append(letter)
                    glyphs.append(glyph)
    return list(zip(letters, strokes_of(np.stack(glyphs)), strict=True))


def _glyph(font: Any, letter: str) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    image = Image.new("L", (_GLYPH, _GLYPH))
    middle = (_GLYPH / 2, _GLYPH / 2)
    ImageDraw.Draw(image).text(middle, letter, 255, font=font, anchor="mm")
    return np.asarray(image)


def _scribble(rng: Generator) -> Strokes:
    """Draw one to three strokes through many points, anywhere or on a random walk; or a coil."""
    if rng.random() < 0.4:
        return _coil(rng)
    parts = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        count = int(rng.integers(3, 14)) if rng.random() < 0.7 else int(rng.integers(8, 40))
        points = rng.uniform(-0.5, 0.5, (count, 2))
        if rng.random() < 0.5:
            points = np.cumsum(rng.standard_normal((count, 2)), axis=0)
            points = (points - points.mean(axis=0)) / (np.ptp(points, axis=0).max() + 1e-6)
        corners = [(float(x), float(y)) for x, y in points]
        parts.append(curve(*corners) if rng.random() < 0.7 else polyline(*corners))
    return together(*parts)


def _coil(rng: Generator) -> Strokes:
    """Go to and fro, or round and round, while the hand wanders: as pens are tried and words are
    struck out.
    """
    turns = rng.uniform(3, 8)
    along = np.linspace(0, 1, round(12 * turns))
    phase, wide = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0.1, 1, 2)
    drift = np.interp(along, np.linspace(0, 1, 4), rng.standard_normal(4))[:, None]
    heading = rng.uniform(0, 2 * np.pi)
    path = drift * [np.cos(heading), np.sin(heading)] * rng.uniform(0.6, 1.6)
    often = 2 * np.pi * turns * np.array([1, rng.choice([0.37, 1, 1, 1.6])])
    path = path + wide * np.sin(along[:, None] * often + phase) * rng.uniform(0.5, 1, 2)
    path = path + 0.05 * rng.standard_normal(path.shape)
    along_and_across, spread, axes = np.linalg.svd(path - path.mean(axis=0), full_matrices=False)
    spread[1] = max(spread[1], 0.4 * spread[0])  # a line there and back is a 1
    path = along_and_across * spread @ axes
    path = path / np.ptp(path, axis=0).max()
    corners = [(float(x), float(y)) for x, y in path]
    return curve(*corners) if rng.random() < 0.7 else polyline(*corners[:: rng.integers(2, 5)])


def _character(rng: Generator) -> Strokes:
    """Draw a character of no alphabet: a few simple strokes that meet, perhaps with a ring."""
    corners = [(float(x), float(y)) for x, y in rng.uniform(-0.5, 0.5, (rng.integers(3, 6), 2))]
    parts = []
    for _ in range(rng.integers(2, 5)):
        i, j = rng.choice(len(corners), 2, replace=False)
        (x0, y0), (x1, y1) = corners[i], corners[j]
        bow = (x0 + x1) / 2 + rng.normal(0, 0.25), (y0 + y1) / 2 + rng.normal(0, 0.25)
        straight = rng.random() < 0.5
        parts.append(
            polyline(corners[i], corners[j]) if straight else curve(corners[i], bow, corners[j])
        )
    if rng.random() < 0.3:
        (x, y), radius = corners[0], rng.uniform(0.08, 0.25)
        around = np.linspace(0, 2 * np.pi, 9)
        parts.append(curve(*((x + radius * np.cos(a), y + radius * np.sin(a)) for a in around)))
    return together(*parts)


_STROKES = {"scribble": _scribble, "character": _character}


def _texture(rng: Generator) -> NDArray[np.uint8]:
    """Make noise of some kind, stripes, or filled shapes that may be shaded."""
    import cv2

    size = (SIDE, SIDE)
    kind = rng.integers(10)
    ink: NDArray[np.floating] = np.zeros(size)
    if kind == 0:
        ink = rng.random(size)
    elif kind in (1, 2):  # smooth, in shades or cut in two
        ink = _smooth(rng)
        if kind == 2:
            ink = (ink > np.quantile(ink, rng.uniform(0.4, 0.97))).astype(float)
    elif kind == 3:
        ink = (rng.random(size) < rng.uniform(0.005, 0.6)).astype(float)
    elif kind == 4:
        ink = np.full(size, rng.random())
    elif kind == 5:  # stripes
        angle, often = rng.uniform(0, np.pi), rng.uniform(0.2, 2)
        y, x = np.mgrid[:SIDE, :SIDE]
        wave = (x * np.cos(angle) + y * np.sin(angle)) * often + rng.uniform(0, 2 * np.pi)
        ink = 0.5 + 0.5 * np.sin(wave)
        if rng.random() < 0.5:
            ink = (ink > rng.uniform(0.3, 0.9)).astype(float)
    else:
        for _ in range(rng.integers(1, 4)):
            shape = np.zeros(size)
            if kind == 6:
                (top, bottom), (left, right) = np.sort(rng.integers(0, SIDE, (2, 2)), axis=1)
                shape[top : bottom + 1, left : right + 1] = 1
            elif kind == 7:
                (x, y), (w, h) = rng.integers(8, 20, 2), rng.integers(2, 13, 2)
                cv2.ellipse(
                    shape, (int(x), int(y)), (int(w), int(h)), rng.uniform(0, 180), 0, 360, 1, -1
                )
            elif kind == 8:
                corners = rng.uniform(1, SIDE - 1, (rng.integers(3, 9), 2))
                cv2.fillPoly(shape, [corners.astype(np.int32)], 1)
            else:  # the same to the left and to the right, as things are that people make
                ys = np.sort(rng.uniform(0, SIDE, rng.integers(3, 8)))
                half = rng.uniform(1, SIDE / 2, len(ys))
                xs = np.concatenate([SIDE / 2 - half, SIDE / 2 + half[::-1]])
                corners = np.stack([xs, np.concatenate([ys, ys[::-1]])], axis=1)
                cv2.fillPoly(shape, [corners.astype(np.int32)], 1)
            shade = rng.uniform(0.2, 1) + rng.uniform(0, 0.5) * (_smooth(rng) - 0.5)
            ink = np.maximum(ink, shape * shade)
    if rng.random() < 0.3:
        ink = ink + rng.uniform(0, 0.2) * rng.standard_normal(size) * (ink > 0)
    return np.asarray(np.round(255 * np.clip(ink, 0, 1)), np.uint8)


def _smooth(rng: Generator) -> NDArray[np.float64]:
    """Make smooth noise from 0 to 1."""
    import cv2

    field = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)), (0, 0), rng.uniform(0.5, 5))
    return np.asarray((field - field.min()) / np.ptp(field), np.float64)


# Digits that are none once mirrored, or turned by a quarter; and those of which a half may be one.
_MIRRORED, _TURNED, _HALVES = (2, 3, 4, 5, 6, 7, 9), (2, 3, 4, 5, 6, 7, 8, 9), (0, 1, 7)


def _wrong(rng: Generator, images: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Spoil a digit: mirror, turn, pair or halve it, swap ink and paper, or shuffle its pieces."""
    i, j = rng.integers(len(images), size=2)
    image, label = images[i], labels[i]
    kind = rng.integers(6)
    if kind == 0 and label in _MIRRORED:
        return np.ascontiguousarray(image[:, ::-1])
    if kind == 1 and label in _TURNED:
        return np.asarray(np.rot90(image, 1 if rng.random() < 0.5 else 3), np.uint8)
    if kind == 2:
        pair = np.concatenate([image[:, 3:-3], images[j][:, 3:-3]], axis=1)
        return np.asarray(frame_many([pair / np.float32(255)])[0])
    if kind == 3 and label >= 0 and label not in _HALVES:
        half = np.rot90(image, int(rng.integers(4)))[: SIDE // 2]
        if half.any():
            whole = frame_many([np.ascontiguousarray(half) / np.float32(255)])
            return np.asarray(whole[0])
    if kind == 4:
        return np.asarray(255 - image, np.uint8)
    step = SIDE // 4
    pieces = image.reshape(4, step, 4, step).swapaxes(1, 2).reshape(16, step, step)
    shuffled = pieces[rng.permutation(16)].reshape(4, 4, step, step).swapaxes(1, 2)
    return np.asarray(shuffled.reshape(SIDE, SIDE), np.uint8)
