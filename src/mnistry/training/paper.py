"""Paper, light and camera: ink on plain, ruled, squared, celled or printed paper, photographed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]
    Dashes = Callable[[Plane], Plane]

_DASHED = 0.25  # share of the forms whose lines are dashed or dotted
_PRINTS = 0.12  # share of the papers with printed words
_PRINTED = "ABCDEFGHJKMNPRTUVWXYabcdefhkmnrtuvwxy$#%&:"  # none that looks like a digit


def photograph(rng: Generator, ink: Plane, tall: float, *, forms: bool = False) -> Plane:
    """Put ink on paper of any kind, light it and photograph it badly.

    Parameters
    ----------
    ink : float32 (h, w) in [0, 1]. tall : the height of digits in it, in pixels.
    forms : print words and watermarks on some papers, and make lines of some forms dashed.

    Returns
    -------
    grey : float32 (h, w) in [0, 1], 1 = white; the ink is darker than the paper.
    """
    import cv2

    shape = ink.shape
    paper = _paper(rng, ink, tall, forms)
    dark = float(np.exp(rng.uniform(np.log(0.1), np.log(0.95))))  # how much light the ink takes
    # Pencils and pressure: strokes are not evenly dark.
    rough = rng.uniform(0, 0.6) * (rng.random() < 0.5)
    pressure = 1 - rough * _waves(rng, shape, rng.uniform(0.6, 3))
    pressure *= 1 - 0.4 * rng.random() * _waves(rng, shape, tall)
    if rng.random() < 0.35:  # written over the print, or the print over it
        light = paper * (1 - dark * ink * pressure)
    else:
        light = np.minimum(paper, 1 - dark * ink * pressure)
    if rng.random() < 0.12:  # something rubbed out, or shining through
        shift = (
            int(rng.integers(-shape[0] // 3, shape[0] // 3 + 1)),
            int(rng.integers(8, shape[1])),
        )
        ghost = cv2.GaussianBlur(np.roll(ink, shift, axis=(0, 1)), (0, 0), rng.uniform(0.7, 2.5))
        light = light * (1 - rng.uniform(0.05, 0.25) * dark * ghost)
    if rng.random() < 0.12:
        light = light * (1 - rng.uniform(0.1, 0.5) * dark * _smudge(rng, shape, tall))
    light = light * _lamp(rng, shape)
    light = light + rng.uniform(0, 0.03) * _waves(rng, shape, rng.uniform(0.8, 2.5))
    blur = rng.uniform(0, min(1.3, tall / 18)) * (rng.random() < 0.7)
    if blur > 0.2:
        light = cv2.GaussianBlur(light, (0, 0), blur)
    if rng.random() < 0.3:  # taken smaller than it is kept
        f = rng.uniform(max(0.4, 9 / tall), 1)
        size = (max(int(shape[1] * f), 8), max(int(shape[0] * f), 8))
        light = cv2.resize(cv2.resize(light, size, interpolation=cv2.INTER_AREA), shape[::-1])
    noise = float(np.exp(rng.uniform(np.log(0.002), np.log(0.05)))) * rng.uniform(0.3, 1)
    noise = min(noise, 0.25 * dark)
    light = light + noise * rng.standard_normal(shape, np.float32)
    byte = np.clip(light * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.integers(25, 96))
        byte = cv2.imdecode(
            cv2.imencode(".jpg", byte, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
        )
    return np.asarray(byte / np.float32(255), np.float32)


def _paper(rng: Generator, ink: Plane, tall: float, forms: bool) -> Plane:
    """Print paper for ink: plain, ruled, squared, in cells or boxes, or patterned as cheques."""
    import cv2

    h, w = shape = ink.shape
    paper = np.ones(shape, np.float32)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    tilt = np.tan(np.radians(rng.normal(0, 1.2)))
    u, v = x + tilt * y, y - tilt * x
    kind = rng.choice(
        ["plain", "ruled", "squared", "cells", "boxes", "pattern", "line"],
        p=[0.18, 0.12, 0.08, 0.2, 0.14, 0.2, 0.08],
    )
    dark = float(np.exp(rng.uniform(np.log(0.05), np.log(0.85))))
    thick = rng.uniform(0.4, max(0.06 * tall, 1.0))
    if kind in ("ruled", "squared"):
        space = tall * rng.uniform(0.6, 2.2) if kind == "ruled" else tall * rng.uniform(0.4, 1.2)
        paper -= dark * _rules(v, space, rng.uniform(0, space), thick)
        if kind == "squared":
            paper -= dark * _rules(u, space, rng.uniform(0, space), thick)
    elif kind == "line":
        for _ in range(int(rng.integers(1, 4))):
            level = rng.random() < 0.7
            along, side = (v, h) if level else (u, w)
            one = _rule(along, rng.uniform(0, side), thick * rng.uniform(0.6, 1.5))
            paper -= dark * rng.uniform(0.5, 1) * one
    elif kind == "cells":
        paper -= dark * _cells(rng, u, v, tall, thick, _dashes(rng, tall, forms))
    elif kind == "boxes":
        paper -= _boxes(rng, u, v, ink, tall, _dashes(rng, tall, forms))
    elif kind == "pattern":
        paper -= _pattern(rng, x, y, tall)
    if forms and rng.random() < _PRINTS:
        paper -= _print(rng, shape, tall)
    if rng.random() < 0.25:
        paper -= _rim(rng, u, v)
    if rng.random() < 0.25:
        paper -= dark * _remnants(rng, u, v, thick)
    paper = paper * (1 - rng.uniform(0, 0.06) * _waves(rng, shape, rng.uniform(1, 4)))
    if rng.random() < 0.25:  # specks
        specks = (rng.random(shape) < rng.uniform(0.0002, 0.004)).astype(np.float32)
        specks = cv2.GaussianBlur(specks, (0, 0), rng.uniform(0.4, 0.9))
        paper -= np.clip(3 * specks, 0, 1) * rng.uniform(0.05, 0.6)
    return np.clip(paper, 0.02, 1)


def _rule(at: Plane, place: float, thick: float) -> Plane:
    ink = np.clip(thick / 2 + 0.5 - np.abs(at - place), 0, min(1.0, thick))
    return np.asarray(ink, np.float32)


def _rules(at: Plane, space: float, first: float, thick: float) -> Plane:
    off = np.abs((at - first + space / 2) % space - space / 2)
    return np.asarray(np.clip(thick / 2 + 0.5 - off, 0, min(1.0, thick)), np.float32)


def _cells(rng: Generator, u: Plane, v: Plane, tall: float, thick: float, dashes: Dashes) -> Plane:
    """Draw the borders of one cell, or of a row of them, some sides missing or in pieces."""
    h, w = u.shape
    out = np.zeros_like(u)
    deep = 0.3 if rng.random() < 0.5 else 0.06
    top = rng.uniform(-0.3 * deep, deep) * h
    bottom = h - rng.uniform(-0.3 * deep, deep) * h
    if rng.random() < 0.5:
        left, right = rng.uniform(-0.3, 1) * deep * w, w - rng.uniform(-0.3, 1) * deep * w
        walls = [left, right]
    else:
        pitch = tall * rng.uniform(0.9, 1.6)
        walls = list(np.arange(rng.uniform(-pitch, min(pitch, w - 1)), w, pitch))
    for place, along, across, low, high in (
        *((p, v, u, min(walls), max(walls)) for p in (top, bottom)),
        *((p, u, v, top, bottom) for p in walls),
    ):
        if rng.random() < 0.2:
            continue
        reach = rng.uniform(0, 0.1) * w
        wall = _rule(along, place, thick * rng.uniform(0.7, 1.4))
        if rng.random() < 0.2:  # a double line
            wall = np.maximum(wall, _rule(along, place + thick + rng.uniform(1, 4), thick * 0.8))
        wall = wall * ((across > low - reach) & (across < high + reach)) * dashes(across)
        if rng.random() < 0.3:  # a worn one
            wall = wall * np.clip(_waves(rng, (h, w), rng.uniform(2, 12)) + 0.6, 0, 1)
        out = np.maximum(out, wall)
    return out


def _boxes(rng: Generator, u: Plane, v: Plane, ink: Plane, tall: float, dashes: Dashes) -> Plane:
    """Draw a form around what is written: lines through the gaps in it, so that digits have boxes.

    Their lines may be as dark and as broad as a pen's.
    """
    thick = rng.uniform(0.4, max(rng.choice([0.06, 0.15]) * tall, 1.0))
    dark = float(np.exp(rng.uniform(np.log(0.1), np.log(0.95))))
    walls, floors = (_gaps(rng, ink.max(axis=axis), tall) for axis in (0, 1))
    if not walls:
        return np.zeros_like(u)
    left, right, top, bottom = walls[0], walls[-1], floors[0], floors[-1]
    if rng.random() < 0.2:  # a comb, whose walls end below
        top += rng.uniform(0.3, 0.8) * (bottom - top)
        floors = floors[-1:]
    out = np.zeros_like(u)
    reach = thick / 2
    for along, across, places, low, high in (
        (u, v, walls, top, bottom), (v, u, floors, left, right)
    ):  # fmt: skip
        for place in places:
            line = _rule(along, place, thick)
            line = line * ((across > low - reach) & (across < high + reach)) * dashes(across)
            np.maximum(out, line, out=out)
    return dark * out


def _dashes(rng: Generator, tall: float, forms: bool) -> Dashes:
    """Return what makes lines solid, dashed or dotted, given the places along them."""
    if not forms or rng.random() >= _DASHED:
        return np.ones_like
    period = tall * float(np.exp(rng.uniform(np.log(0.08), np.log(0.5)))) + 2
    share, first = rng.uniform(0.35, 0.75), rng.uniform(0, period)
    return lambda along: ((along + first) % period <= share * period).astype(np.float32)


def _print(rng: Generator, shape: tuple[int, int], tall: float) -> Plane:
    """Print words in a plain typeface: a large pale watermark, or small captions."""
    import cv2

    h, w = shape
    out = np.zeros(shape, np.float32)
    water = rng.random() < 0.5
    for _ in range(1 if water else int(rng.integers(1, 4))):
        letters = rng.choice(list(_PRINTED), int(rng.integers(2, 12)))
        high = tall * (rng.uniform(0.8, 3) if water else rng.uniform(0.15, 0.5))
        canvas = np.zeros(shape, np.uint8)
        thick = max(1, round(high * rng.uniform(0.04, 0.14)))
        at = int(rng.uniform(-0.3, 0.9) * w), int(rng.uniform(0.1, 1.1) * h)
        if not water and rng.random() < 0.7:  # captions stand above or below the digits
            at = at[0], int(rng.choice([rng.uniform(0, 0.15) * h + high, h * rng.uniform(0.92, 1)]))
        font = int(
            rng.choice(
                [
                    cv2.FONT_HERSHEY_SIMPLEX,
                    cv2.FONT_HERSHEY_DUPLEX,
                    cv2.FONT_HERSHEY_COMPLEX,
                    cv2.FONT_HERSHEY_TRIPLEX,
                ]
            )
        )
        cv2.putText(canvas, "".join(letters), at, font, high / 22, 255, thick, cv2.LINE_AA)
        if water:
            turn = cv2.getRotationMatrix2D((w / 2, h / 2), rng.uniform(-35, 35), 1)
            canvas = cv2.warpAffine(canvas, turn, (w, h))
        dark = rng.uniform(0.03, 0.3) if water else rng.uniform(0.15, 0.9)
        out = np.maximum(out, np.float32(dark / 255) * canvas)
    return out


def _gaps(rng: Generator, most: Plane, tall: float) -> list[float]:
    """Give a place in each gap that has room for a line, and one before and one behind it all.

    Parameters
    ----------
    most : (n,), the most ink at each place.
    """
    at = np.flatnonzero(most)
    if not len(at):
        return []
    least = 0.1 * tall
    behind = np.flatnonzero(np.diff(at) > least)
    between = (at[behind] + at[behind + 1]) / 2 + 0.5
    before, after = rng.uniform(least, 0.6 * tall, 2)
    return [float(at[0] - before), *between.tolist(), float(at[-1] + 1 + after)]


def _rim(rng: Generator, u: Plane, v: Plane) -> Plane:
    """Darken strips along the edges: what lies beside the paper, or the next cell."""
    h, w = u.shape
    out = np.zeros_like(u)
    for along, side in ((v, h), (h - v, h), (u, w), (w - u, w)):
        if rng.random() < 0.4:
            wide = rng.uniform(0.5, 0.07 * side)
            soft = rng.uniform(0.5, 3)
            strip = np.clip((wide - along) / soft, 0, 1) * rng.uniform(0.05, 0.9)
            if rng.random() < 0.3:
                strip = strip * _waves(rng, (h, w), rng.uniform(3, 20))
            out = np.maximum(out, strip.astype(np.float32))
    return out


def _remnants(rng: Generator, u: Plane, v: Plane, thick: float) -> Plane:
    """Leave short pieces of lines near the edges, as of borders that were cut away."""
    h, w = u.shape
    out = np.zeros_like(u)
    for _ in range(int(rng.integers(1, 5))):
        (along, long), (across, deep) = ((u, w), (v, h))[:: rng.choice([1, -1])]
        start, length = rng.uniform(-0.1, 1) * long, rng.uniform(0.05, 0.6) * long
        off = rng.uniform(0, 0.09) * deep
        line = _rule(across, off if rng.random() < 0.5 else deep - off, thick * rng.uniform(0.7, 2))
        out = np.maximum(out, line * ((along > start) & (along < start + length)))
    return out


def _smudge(rng: Generator, shape: tuple[int, int], tall: float) -> Plane:
    """Rub a patch of the paper: mottled, without strokes, soft at its rim."""
    import cv2

    h, w = shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    wide, high = tall * np.exp(rng.uniform(-1, 0.7)), tall * np.exp(rng.uniform(-1, 0.5))
    off = np.hypot((x - rng.uniform(0, w)) / wide, (y - rng.uniform(0, h)) / high)
    grain = _waves(rng, shape, max(tall * rng.uniform(0.06, 0.3), 1.5))
    mottled = np.clip((grain - rng.uniform(0.2, 0.6)) / rng.uniform(0.1, 0.5), 0, 1)
    patch = mottled * np.clip((1.2 - off) / 0.4, 0, 1)
    return np.asarray(cv2.GaussianBlur(patch.astype(np.float32), (0, 0), rng.uniform(0.4, 1.5)))


def _pattern(rng: Generator, x: Plane, y: Plane, tall: float) -> Plane:
    """Print families of waving lines, or a screen of dots."""
    out = np.zeros_like(x)
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.uniform(0, np.pi) if rng.random() < 0.6 else np.pi / 2 + rng.normal(0, 0.05)
        space = max(tall * rng.uniform(0.06, 0.4), 2.5)
        along = x * np.cos(angle) + y * np.sin(angle)
        across = -x * np.sin(angle) + y * np.cos(angle)
        for _ in range(2):
            long = tall * rng.uniform(0.4, 4)
            along = along + rng.uniform(0, 0.25) * space * 3 * np.sin(
                across * 2 * np.pi / long + rng.uniform(0, 6.3)
            )
        thick = rng.uniform(0.3, 0.45 * space)
        lines = _rules(along, space, rng.uniform(0, space), thick)
        if rng.random() < 0.25:
            lines = lines * _rules(across, space, rng.uniform(0, space), 0.5 * space)
        out = np.maximum(out, rng.uniform(0.05, 0.4) * lines)
    return out


def _lamp(rng: Generator, shape: tuple[int, int]) -> Plane:
    """Light the paper: a level, a slope, and now and then a shadow's edge."""
    h, w = shape
    y, x = np.mgrid[:h, :w].astype(np.float32) / max(h, w) - 0.5
    level = rng.uniform(0.25, 1.0)
    slope = rng.uniform(0, 0.5) * (rng.random() < 0.6)
    angle = rng.uniform(0, 2 * np.pi)
    light = level * (1 + slope * (x * np.cos(angle) + y * np.sin(angle)))
    if rng.random() < 0.15:
        angle = rng.uniform(0, 2 * np.pi)
        edge = x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.3, 0.3)
        soft = rng.uniform(0.02, 0.3)
        light = light * (1 - rng.uniform(0.1, 0.6) / (1 + np.exp(-edge / soft)))
    return np.asarray(np.clip(light, 0, 1.05), np.float32)


def _waves(rng: Generator, shape: tuple[int, int], long: float) -> Plane:
    """Give a smooth random field in [0, 1], with waves some pixels `long`."""
    import cv2

    h, w = shape
    small = max(int(h / long), 2), max(int(w / long), 2)
    field = rng.random(small, np.float32)
    return np.asarray(cv2.resize(field, (w, h), interpolation=cv2.INTER_LINEAR))
