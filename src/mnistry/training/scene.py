"""Scenes: pictures of handwriting on paper, made, so that it is known what in them is ink.

Digits are written by pens of any kind on paper of any kind, plain, ruled, in cells, over printed
patterns, with neighbours, then lit and photographed badly. What learns from scenes sees more
papers than anyone could collect, and no picture that a person was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mnistry.training.forms import write_form
from mnistry.training.pen import Strokes, draw, polyline, strokes_of

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSet

    Plane = NDArray[np.float32]

NOT_A_DIGIT, CUT_OFF = -1, -2
_WIDTHS = (0.035, 0.27)  # of pens, in heights of a digit
_ALIKE = 0.3  # share of the rows whose digits repeat
_BROKEN = 0.12  # share of the digits with a gap in their strokes
_FOREIGN = 0.3  # share of the digits written as MNIST's writers seldom did


@dataclass(frozen=True)
class Mark:
    """One thing written: its label and its ink.

    The label is `NOT_A_DIGIT` for a comma and the like, `CUT_OFF` for what an edge may cut. The ink
    is float32 (h, w) in [0, 1], as large as the scene.
    """

    label: int
    ink: Plane


@dataclass(frozen=True)
class Scene:
    """A picture and the truth about it.

    Parameters
    ----------
    grey : float32 (h, w) in [0, 1], 1 = white; the ink is darker than the paper.
    ink : float32 (h, w) in [0, 1]; what is handwriting.
    marks : what is written, in reading order.
    size : the digits' height, in pixels.
    """

    grey: Plane
    ink: Plane
    marks: tuple[Mark, ...]
    size: float


class Scenes:
    """Makes scenes from a data set's digits.

    Parameters
    ----------
    data : pictures of digits and their labels.
    rng : decides every draw.
    most : so many of the pictures are used, drawn evenly.
    """

    def __init__(self, data: DataSet, rng: Generator, most: int = 8000) -> None:
        chosen = rng.permutation(len(data))[:most]
        self._images, self._labels = data.images[chosen], data.labels[chosen]
        self._of = [np.flatnonzero(self._labels == k) for k in range(len(data.classes))]
        self._strokes = [
            s
            for start in range(0, len(chosen), 2000)
            for s in strokes_of(self._images[start : start + 2000])
        ]

    def make(
        self, rng: Generator, shape: tuple[int, int], size: tuple[float, float] = (14, 72)
    ) -> Scene:
        """Make a scene of `shape` (h, w), its digits' height within `size`, in pixels."""
        low, high = size
        tall = float(np.exp(rng.uniform(np.log(low), np.log(min(high, 0.95 * shape[0])))))
        written = self._written(rng, shape, tall)
        ink = np.zeros(shape, np.float32)
        for mark in written:
            np.maximum(ink, mark.ink, out=ink)
        return Scene(_photographed(rng, ink, tall), ink, tuple(written), tall)

    def _written(self, rng: Generator, shape: tuple[int, int], tall: float) -> list[Mark]:
        """Write rows of digits, from one to as many as have room."""
        h, w = shape
        hand = _Hand.drawn(rng, tall)
        count = int(rng.choice([0, 1, 1, 2, 3, 4, 6, 9]))
        wide = 0.75 * tall * max(count, 1)
        x = (
            rng.uniform(0.05 * tall, max(w - wide, 0.1 * tall))
            if rng.random() < 0.9
            else -0.3 * tall
        )
        y = rng.uniform(0.55 * tall, max(h - 0.55 * tall, 0.56 * tall))
        marks = self._row(rng, shape, hand, x, y, count)
        for step in (-1, 1):  # rows above and below; of most only a piece is in the picture
            if rng.random() < 0.3:
                lines = step * tall * rng.uniform(1.2, 1.8)
                inside = 0.5 * tall < y + lines < h - 0.5 * tall
                row = self._row(
                    rng, shape, hand, rng.uniform(-0.5, 0.5) * tall + x, y + lines,
                    int(rng.integers(1, 8)),
                )  # fmt: skip
                row = row if inside else [Mark(CUT_OFF, mark.ink) for mark in row]
                marks = row + marks if step < 0 else marks + row
        return marks

    def _row(
        self, rng: Generator, shape: tuple[int, int], hand: _Hand, x: float, y: float, count: int
    ) -> list[Mark]:
        """Write a row whose left end is x and whose middle is y, while there is room."""
        marks: list[Mark] = []
        alike = rng.random() < _ALIKE  # as the zeros of round numbers
        i = self._any(rng)
        for _ in range(count):
            again = alike and rng.random() < 0.6
            i = int(rng.choice(self._of[self._labels[i]])) if again else self._any(rng)
            label = int(self._labels[i])
            ink = np.zeros(shape, np.float32)
            tall = hand.tall * np.exp(0.15 * rng.standard_normal())
            low = y + 0.06 * hand.tall * rng.standard_normal()
            if hand.brush:
                wide = self._brush(rng, ink, i, hand, tall, x, low)
            else:
                own = self._strokes[i]
                if rng.random() < _FOREIGN:
                    label, own = write_form(rng)
                strokes = hand.written(rng, own)
                wide = strokes.size[0] * tall
                draw(strokes, tall, hand.width, (x + wide / 2, low), ink)
                if marks and rng.random() < hand.joined:  # the pen stays on the paper
                    start = x + rng.uniform(-0.4, 0.0) * tall, low + rng.uniform(-0.4, 0.5) * tall
                    end = x + rng.uniform(0.1, 0.4) * wide, low + rng.uniform(-0.45, 0.45) * tall
                    draw(polyline(start, end), 1, hand.width, (0, 0), ink)
            if rng.random() < _BROKEN:
                _break(rng, ink, (x + wide / 2, low), tall)
            marks.append(Mark(label if _inside(ink) else CUT_OFF, ink))
            x += wide + max(hand.gap + 0.1 * rng.standard_normal(), -0.18) * hand.tall
            if rng.random() < hand.points:
                ink = np.zeros(shape, np.float32)
                x += self._point(rng, ink, hand, x, y)
                marks.append(Mark(NOT_A_DIGIT, ink))
            if x > shape[1]:
                break
        return [mark for mark in marks if mark.ink.any()]

    def _any(self, rng: Generator) -> int:
        return int(rng.integers(len(self._labels)))

    def _brush(
        self, rng: Generator, canvas: Plane, i: int, hand: _Hand, tall: float, x: float, y: float
    ) -> float:
        """Write a digit as MNIST has it, its own strokes enlarged; give its width."""
        import cv2

        scale = tall / 20
        slant = hand.slant + 0.05 * rng.standard_normal()
        image = self._images[i]
        columns = np.flatnonzero(image.any(axis=0))
        wide = (columns[-1] - columns[0] + 1) * scale
        middle = (columns[0] + columns[-1] + 1) / 2
        turn = np.array([[scale, -slant * scale, 0], [0, scale, 0]])
        turn[:, 2] = np.array([x + wide / 2, y]) - turn[:, :2] @ (middle, 14) - 0.5 + 0.5 * scale
        large = cv2.warpAffine(
            image.astype(np.float32) / 255, turn, canvas.shape[::-1], flags=cv2.INTER_CUBIC
        )
        low = hand.cut
        soft = max(0.25, min(0.9, 4 / tall))
        np.clip((large - low) / soft + 0.5, 0, 1, out=large)
        np.maximum(canvas, large, out=canvas)
        return float(wide)

    @staticmethod
    def _point(rng: Generator, canvas: Plane, hand: _Hand, x: float, y: float) -> float:
        """Write a point, comma, dash or the like; give its width."""
        kind = rng.choice(
            ["point", "comma", "dash", "equals", "slash"], p=[0.4, 0.2, 0.25, 0.1, 0.05]
        )
        foot = 0.45
        lines: list[tuple[tuple[float, float], tuple[float, float]]] = []
        if kind == "point":
            lines = [((0, foot), (0.02, foot + 0.02))]
        elif kind == "comma":
            lines = [((0.08, foot - 0.05), (0.02, foot + rng.uniform(0.08, 0.25)))]
        elif kind == "slash":
            lines = [((0.3, -0.5), (0, 0.5))]
        else:
            long = rng.uniform(0.2, 0.6)
            at = rng.uniform(-0.05, 0.35)
            lines = [((0, at), (long, at + 0.1 * rng.uniform(-1, 1)))]
            if kind == "equals":
                lines.append(((0, at + 0.15), (long, at + 0.15)))
        points = np.array(lines, np.float64).reshape(-1, 2)
        strokes = Strokes(points, np.arange(len(points)).reshape(-1, 2))
        width = hand.width * (rng.uniform(1, 1.6) if kind == "point" else 1)
        draw(strokes, hand.tall, width, (x, y), canvas)
        return float((np.ptp(points[:, 0]) + 0.12) * hand.tall)


def _break(rng: Generator, ink: Plane, at: tuple[float, float], tall: float) -> None:
    """Wipe a thin line of paper through a digit's ink, anywhere near its middle."""
    h, w = ink.shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    off = (x - at[0]) * np.cos(angle) + (y - at[1]) * np.sin(angle) - rng.uniform(-0.3, 0.3) * tall
    ink *= np.clip(np.abs(off) - rng.uniform(0.01, 0.06) * tall, 0, 1)


def _inside(ink: Plane) -> bool:
    """Whether the ink keeps clear of the edges."""
    edge = max(ink[0].max(), ink[-1].max(), ink[:, 0].max(), ink[:, -1].max())
    return bool(edge == 0 and ink.any())


@dataclass(frozen=True)
class _Hand:
    """How one writer writes with one pen; sizes in shares of the height `tall`, but for `width`."""

    tall: float
    width: float
    slant: float
    stretch: float
    gap: float
    joined: float
    points: float
    brush: bool
    cut: float
    wavy: float

    @classmethod
    def drawn(cls, rng: Generator, tall: float) -> _Hand:
        return cls(
            tall,
            max(tall * float(np.exp(rng.uniform(*np.log(_WIDTHS)))), rng.uniform(0.8, 1.6)),
            float(rng.normal(0.1, 0.25)),
            float(np.exp(0.15 * rng.standard_normal())),
            float(rng.choice([-0.03, 0.03, 0.1, 0.2, 0.3, 0.5])),
            float(rng.choice([0, 0, 0, 0.5])),
            float(rng.choice([0, 0, 0.15, 0.4])),
            bool(rng.random() < 0.3),
            float(rng.uniform(0.3, 0.65)),
            float(rng.uniform(0, 0.06)),
        )

    def written(self, rng: Generator, strokes: Strokes) -> Strokes:
        slant = self.slant + 0.06 * rng.standard_normal()
        turn = 0.06 * rng.standard_normal()
        matrix = np.array([[self.stretch, -slant], [turn, 1.0]])
        return strokes.bent(matrix, self.wavy * rng.standard_normal((2, 2, 2)))


def _photographed(rng: Generator, ink: Plane, tall: float) -> Plane:
    """Put ink on paper, light it and photograph it."""
    import cv2

    shape = ink.shape
    paper = _paper(rng, shape, tall)
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


def _paper(rng: Generator, shape: tuple[int, int], tall: float) -> Plane:
    """Print paper: plain, ruled, squared, in cells, or with a pattern as of cheques."""
    import cv2

    h, w = shape
    paper = np.ones(shape, np.float32)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    tilt = np.tan(np.radians(rng.normal(0, 1.2)))
    u, v = x + tilt * y, y - tilt * x
    kind = rng.choice(
        ["plain", "ruled", "squared", "cells", "pattern", "line"],
        p=[0.2, 0.15, 0.1, 0.25, 0.2, 0.1],
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
        paper -= dark * _cells(rng, u, v, tall, thick)
    elif kind == "pattern":
        paper -= _pattern(rng, x, y, tall)
    if rng.random() < 0.25:
        paper -= _rim(rng, u, v)
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


def _cells(rng: Generator, u: Plane, v: Plane, tall: float, thick: float) -> Plane:
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
        wall = wall * ((across > low - reach) & (across < high + reach))
        if rng.random() < 0.3:  # a worn one
            wall = wall * np.clip(_waves(rng, (h, w), rng.uniform(2, 12)) + 0.6, 0, 1)
        out = np.maximum(out, wall)
    return out


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
