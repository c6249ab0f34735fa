"""Scenes: pictures of handwriting on paper, made, so that it is known what in them is ink.

Digits are written by pens of any kind on paper of any kind, plain, ruled, in cells, over printed
patterns, with neighbours, then lit and photographed badly. What learns from scenes sees more
papers than anyone could collect, and no picture that a person was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mnistry.training.forms import SHARES, write_form
from mnistry.training.paper import photograph
from mnistry.training.pen import Strokes, draw, polyline, strokes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSet

    Plane = NDArray[np.float32]
    Room = tuple[slice, ...]  # rows and columns

NOT_A_DIGIT = -1
_COUNTS = (0, 1, 1, 2, 3, 4, 6, 9)
_WIDTHS = (0.035, 0.27)  # of pens, in heights of a digit
_ALIKE = 0.3  # share of the rows whose digits repeat
_BROKEN = 0.12  # share of the digits with a gap in their strokes
_SMALL_ZEROS = 0.4  # share of the writers whose zeros are smaller than their other digits
BEYOND = 0.8  # heights of a digit, that are drawn beyond the picture's edges
_RUNS = (1, 1, 1, 2, 3)  # digits that an excerpt shows whole
_WIDER = (-0.02, 0.4)  # heights of a digit, that an excerpt reaches beyond those


@dataclass(frozen=True)
class Mark:
    """One thing written.

    Parameters
    ----------
    label : the digit; `NOT_A_DIGIT` for a comma and the like.
    ink : float32 (h, w) in [0, 1], as large as the scene.
    total : the sum of its ink, with what lies beyond the scene's edges.
    """

    label: int
    ink: Plane
    total: float

    @property
    def part(self) -> float:
        """How much of its ink is in the scene."""
        return float(self.ink.sum()) / self.total

    def within(self, room: Room) -> Mark:
        """Give what of it is in a part of the scene."""
        return Mark(self.label, self.ink[room], self.total)


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

    def excerpt(self, rng: Generator) -> Scene:
        """Give a few digits of it, and what of their neighbours is beside them.

        Where no digit is whole, the scene stays as it is.
        """
        digits = [i for i, mark in enumerate(self.marks) if mark.label >= 0 and mark.part > 0.99]
        if not digits:
            return self
        first = int(rng.choice(digits))
        shown = [mark for mark in self.marks[first:] if mark.label >= 0][: int(rng.choice(_RUNS))]
        inked = np.any([mark.ink > 0 for mark in shown], axis=0)
        room = tuple(
            _wider(rng, np.flatnonzero(inked.any(axis=1 - axis)), self.size, inked.shape[axis])
            for axis in (0, 1)
        )
        marks = [mark.within(room) for mark in self.marks]
        seen = tuple(mark for mark in marks if mark.ink.any())
        return Scene(self.grey[room], self.ink[room], seen, self.size)


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
        *,
        excerpts: float = 0.0,
        least: int = 1,
    ) -> Scene:
        """Make a scene.

        Parameters
        ----------
        shape : (h, w). size : bounds of the digits' height, in pixels.
        counts : of digits in its main row; one of them is drawn, fewer may have room.
        excerpts : share of the scenes that are cut down to a few digits; see `Scene.excerpt`.
        least : pixels; a side of an excerpt is no shorter, or the scene stays whole.
        """
        low, high = size
        tall = float(np.exp(rng.uniform(np.log(low), np.log(min(high, 0.95 * shape[0])))))
        written = self._written(rng, Sheet(*shape, round(BEYOND * tall)), tall, counts)
        ink = np.zeros(shape, np.float32)
        for mark in written:
            np.maximum(ink, mark.ink, out=ink)
        scene = Scene(photograph(rng, ink, tall), ink, tuple(written), tall)
        if excerpts and rng.random() < excerpts:
            excerpt = scene.excerpt(rng)
            scene = excerpt if min(excerpt.ink.shape) >= least else scene
        return scene

    def _written(
        self, rng: Generator, sheet: Sheet, tall: float, counts: Sequence[int]
    ) -> list[Mark]:
        """Write rows of digits, from one to as many as have room."""
        count = int(rng.choice(counts))
        h, w = sheet.h, sheet.w
        hand = Hand.drawn(rng, tall)
        wide = 0.75 * tall * max(count, 1)
        x = (
            rng.uniform(0.05 * tall, max(w - wide, 0.1 * tall))
            if rng.random() < 0.9
            else -0.3 * tall
        )
        y = rng.uniform(0.55 * tall, max(h - 0.55 * tall, 0.56 * tall))
        marks = self._row(rng, sheet, hand, x, y, count)
        for step in (-1, 1):  # rows above and below; of most only a piece is in the picture
            if rng.random() < 0.3:
                lines = step * tall * rng.uniform(1.2, 1.8)
                start = rng.uniform(-0.5, 0.5) * tall + x
                row = self._row(rng, sheet, hand, start, y + lines, int(rng.integers(1, 8)))
                marks = row + marks if step < 0 else marks + row
        return marks

    def _row(
        self, rng: Generator, sheet: Sheet, hand: Hand, x: float, y: float, count: int
    ) -> list[Mark]:
        """Write a row whose left end is x and whose middle is y, while there is room."""
        marks: list[Mark] = []
        x, y = x + sheet.beyond, y + sheet.beyond
        alike = rng.random() < _ALIKE  # as the zeros of round numbers
        i = self._any(rng)
        if alike and rng.random() < 0.5:
            i = int(rng.choice(self._of[0]))
        for _ in range(count):
            again = alike and rng.random() < 0.6
            i = int(rng.choice(self._of[self._labels[i]])) if again else self._any(rng)
            label = int(self._labels[i])
            ink = sheet.blank()
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
            marks.append(sheet.mark(label, ink))
            x += wide + max(hand.gap + 0.1 * rng.standard_normal(), -0.18) * hand.tall
            if rng.random() < hand.points:
                ink = sheet.blank()
                x += self._point(rng, ink, hand, x, y)
                marks.append(sheet.mark(NOT_A_DIGIT, ink))
            if x > sheet.beyond + sheet.w:
                break
        return [mark for mark in marks if mark.ink.any()]

    def _any(self, rng: Generator) -> int:
        return int(rng.integers(len(self._labels)))

    def _brush(
        self, rng: Generator, canvas: Plane, i: int, hand: Hand, tall: float, x: float, y: float
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
    def _point(rng: Generator, canvas: Plane, hand: Hand, x: float, y: float) -> float:
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


def _wider(rng: Generator, at: NDArray[np.intp], size: float, side: int) -> slice:
    """Give the places from the first to the last of `at`, and more or fewer, of `side` in all."""
    before, behind = np.round(size * rng.uniform(*_WIDER, 2)).astype(int)
    return slice(max(int(at[0]) - before, 0), min(int(at[-1]) + 1 + behind, side))


@dataclass(frozen=True)
class Sheet:
    """What is written on: the h by w pixels of the scene, and so many `beyond` each edge."""

    h: int
    w: int
    beyond: int

    def blank(self) -> Plane:
        """Return an empty plane of the sheet's size."""
        return np.zeros((self.h + 2 * self.beyond, self.w + 2 * self.beyond), np.float32)

    def mark(self, label: int, ink: Plane) -> Mark:
        """Give what is in the scene of ink on this sheet."""
        b = self.beyond
        return Mark(label, ink[b : b + self.h, b : b + self.w], float(ink.sum()))


@dataclass(frozen=True)
class Hand:
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
    def drawn(cls, rng: Generator, tall: float) -> Hand:
        """Draw a writer and a pen at random, for digits `tall` pixels high."""
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
            rng.random(10) < SHARES,
            share,
        )

    def written(self, rng: Generator, strokes: Strokes) -> Strokes:
        """Bend strokes as this writer does, a little differently each time."""
        slant = self.slant + 0.06 * rng.standard_normal()
        turn = 0.06 * rng.standard_normal()
        matrix = np.array([[self.stretch, -slant], [turn, 1.0]])
        return strokes.bent(matrix, self.wavy * rng.standard_normal((2, 2, 2)))
