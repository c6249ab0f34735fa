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
from mnistry.training.paper import photograph
from mnistry.training.pen import Strokes, draw, polyline, strokes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSet

    Plane = NDArray[np.float32]

NOT_A_DIGIT, CUT_OFF = -1, -2
_COUNTS = (0, 1, 1, 2, 3, 4, 6, 9)
_WIDTHS = (0.035, 0.27)  # of pens, in heights of a digit
_ALIKE = 0.3  # share of the rows whose digits repeat
_BROKEN = 0.12  # share of the digits with a gap in their strokes
# Shares of the writers who write each digit as MNIST's writers seldom did.
_FOREIGN = np.array([0.35, 0.55, 0.4, 0.15, 0.4, 0.35, 0.15, 0.45, 0.15, 0.35])
_SMALL_ZEROS = 0.4  # share of the writers whose zeros are smaller than their other digits


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
        self,
        rng: Generator,
        shape: tuple[int, int],
        size: tuple[float, float] = (14, 72),
        counts: Sequence[int] = _COUNTS,
    ) -> Scene:
        """Make a scene.

        Parameters
        ----------
        shape : (h, w). size : bounds of the digits' height, in pixels.
        counts : of digits in its main row; one of them is drawn, fewer may have room.
        """
        low, high = size
        tall = float(np.exp(rng.uniform(np.log(low), np.log(min(high, 0.95 * shape[0])))))
        written = self._written(rng, shape, tall, int(rng.choice(counts)))
        ink = np.zeros(shape, np.float32)
        for mark in written:
            np.maximum(ink, mark.ink, out=ink)
        return Scene(photograph(rng, ink, tall), ink, tuple(written), tall)

    def _written(
        self, rng: Generator, shape: tuple[int, int], tall: float, count: int
    ) -> list[Mark]:
        """Write rows of digits, from one to as many as have room."""
        h, w = shape
        hand = _Hand.drawn(rng, tall)
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
        if alike and rng.random() < 0.5:
            i = int(rng.choice(self._of[0]))
        for _ in range(count):
            again = alike and rng.random() < 0.6
            i = int(rng.choice(self._of[self._labels[i]])) if again else self._any(rng)
            label = int(self._labels[i])
            ink = np.zeros(shape, np.float32)
            tall = hand.tall * np.exp(0.15 * rng.standard_normal()) * hand.share[label]
            low = y + 0.06 * hand.tall * rng.standard_normal()
            if hand.brush:
                wide = self._brush(rng, ink, i, hand, tall, x, low)
            else:
                own = self._strokes[i]
                if hand.foreign[label]:
                    own = write_form(rng, label)
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
    foreign: NDArray[np.bool_]  # of each digit, whether it is written in a form of its own
    share: NDArray[np.float64]  # of each digit, its height in shares of `tall`

    @classmethod
    def drawn(cls, rng: Generator, tall: float) -> _Hand:
        share = np.ones(10)
        share[0] = rng.uniform(0.5, 1) if rng.random() < _SMALL_ZEROS else 1
        return cls(
            tall,
            max(tall * float(np.exp(rng.uniform(*np.log(_WIDTHS)))), rng.uniform(0.8, 1.6)),
            float(rng.normal(0.1, 0.25)),
            float(np.exp(0.15 * rng.standard_normal())),
            float(rng.choice([-0.1, -0.03, 0.03, 0.1, 0.2, 0.3, 0.5])),
            float(rng.choice([0, 0, 0, 0.5])),
            float(rng.choice([0, 0, 0.15, 0.4])),
            bool(rng.random() < 0.3),
            float(rng.uniform(0.3, 0.65)),
            float(rng.uniform(0, 0.06)),
            rng.random(10) < _FOREIGN,
            share,
        )

    def written(self, rng: Generator, strokes: Strokes) -> Strokes:
        slant = self.slant + 0.06 * rng.standard_normal()
        turn = 0.06 * rng.standard_normal()
        matrix = np.array([[self.stretch, -slant], [turn, 1.0]])
        return strokes.bent(matrix, self.wavy * rng.standard_normal((2, 2, 2)))
