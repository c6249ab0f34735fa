"""Synthetic rows of handwritten digits: grey images of which the text is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mnistry.ocr.line_image import HEIGHT, resized
from mnistry.ocr.recognizer import OTHER
from mnistry.training.paper import photograph
from mnistry.training.pen import Strokes, draw, polyline
from mnistry.training.scene import BEYOND, Hand, Mark, Scenes, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSet
    from mnistry.synthesis.strokes import StrokeSet

    Image = NDArray[np.uint8]
    Plane = NDArray[np.float32]
    Line = tuple[Image, tuple[int, ...]]

_COUNTS = (1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 10)  # digits of a row, one of them drawn
_SIZES = (14, 60)  # px, bounds of the height of digits as they are photographed
_WIDEST = 520  # px, of a row 48 px high; wider ones would slow batches down
_NEIGHBOURS = 0.25  # share of the rows with another row above, and below
_ONE_HAND = 0.6  # share of the rows whose digits one writer wrote
# Shares of the rows that have no digits: blank paper, and letters or signs.
_EMPTY, _LETTERS = 0.05, 0.05
_MIXED = 0.06  # share of the rows in which letters stand before or behind the digits
# MNIST's pens are broad. Some writers of forms use pens a hundredth of a digit wide.
_THIN, _THIN_WIDTHS = 0.2, (0.008, 0.035)  # share of the rows; widths in heights of a digit
_THINNEST = (0.5, 1.2)  # px, bounds of the least width, so that thin lines stay legible
_BARE_ONES = 300  # number of extra digits 1 that are one straight line, like rulings
# Rows whose ink hardly differs from the paper around it are discarded: nobody could read them, and
# a network that is taught to guess their text sees digits on empty paper.
_LEAST_CONTRAST = 0.02  # of white, between the ink and the paper beside it
_LEAST_DISTINCTION = 0.6  # least contrast, in standard deviations of that paper
_TIGHT, _PART = 0.3, 0.25  # shares that are cut close to the row, and to some digits of it
# A digit is in the label from the first share of its ink that the image shows on. Up to the second
# share it is not. Rows with digits in between are discarded, since their label is uncertain.
_SEEN, _UNSEEN = 0.72, 0.28


class TextLines(Scenes):
    """Makes rows of digits as a camera or a scanner sees them.

    Parameters
    ----------
    data : MNIST's training images, whose skeletons are redrawn.
    rng : decides which of them are used.
    strokes : pen strokes of other writers; None: MNIST's alone.
    most : number of MNIST's images that are used.
    """

    def __init__(
        self, data: DataSet, rng: Generator, strokes: StrokeSet | None = None, most: int = 6000
    ) -> None:
        super().__init__(data, rng, most)
        self._hands: list[NDArray[np.intp]] = []
        self._others: list[Strokes] = []
        self._pool: NDArray[np.intp] | None = None  # of the row that is being written
        line = polyline((0, -0.5), (0, 0.5))
        self._add([line] * _BARE_ONES, np.ones(_BARE_ONES, self._labels.dtype))
        if strokes is not None:
            digits = strokes.digits()
            self._hands = [own + len(self._labels) for own in digits.full_hands()]
            self._others = strokes.others()
            self._add(digits.strokes, digits.labels)

    def _add(self, strokes: list[Strokes], labels: NDArray[np.integer]) -> None:
        """Add digits to those that rows are written with."""
        self._images = np.concatenate([self._images, [_small(own) for own in strokes]])
        self._labels = np.concatenate([self._labels, labels])
        self._strokes = [*self._strokes, *strokes]
        self._of = [np.flatnonzero(self._labels == k) for k in range(10)]

    def lines(self, rng: Generator, n: int) -> Iterator[Line]:
        """Make n rows.

        Yields
        ------
        image : uint8 (48, w), grey. text : the digits in it from left to right, with `OTHER` for
            each letter or sign; empty for paper alone.
        """
        made = 0
        while made < n:
            line = self._line(rng)
            if line is not None:
                made += 1
                yield line

    def _line(self, rng: Generator) -> Line | None:
        """Make a row; None where it is not certain which digits are to be read."""
        kind = rng.random()
        count = int(rng.choice(_COUNTS))
        tall = float(np.exp(rng.uniform(*np.log(_SIZES))))
        h = int(tall * rng.uniform(1.2, 2.6) + 6)
        w = int(min(_WIDEST * h / HEIGHT, max(tall * (0.85 * count + rng.uniform(0.3, 2.5)), 24)))
        sheet = Sheet(h, w, round(BEYOND * tall))
        hand = Hand.drawn(rng, tall)
        if rng.random() < _THIN:
            width = tall * float(np.exp(rng.uniform(*np.log(_THIN_WIDTHS))))
            hand = replace(hand, width=max(width, rng.uniform(*_THINNEST)))
        x = rng.uniform(0.05 * tall, max(w - 0.75 * tall * count, 0.1 * tall))
        y = rng.uniform(0.5 * tall, max(h - 0.5 * tall, 0.51 * tall))
        main: list[Mark] = []
        if kind >= _EMPTY:
            only_letters = kind < _EMPTY + _LETTERS and bool(self._others)
            main = self._main(rng, sheet, hand, (x, y), count, only_letters)
        around: list[Mark] = []
        for step in (-1, 1):
            if rng.random() < _NEIGHBOURS:
                at = x + rng.uniform(-0.5, 0.5) * tall, y + step * tall * rng.uniform(1.15, 1.8)
                around += self._row(rng, sheet, hand, *at, int(rng.integers(1, 8)))
        ink = np.zeros((h, w), np.float32)
        for mark in main + around:
            np.maximum(ink, mark.ink, out=ink)
        grey = photograph(rng, ink, tall, forms=True)
        if main and not _legible(grey, np.max([mark.ink for mark in main], axis=0), tall):
            return None
        room = self._room(rng, main, tall, (h, w))
        text = _text([mark.within(room) for mark in main], [m.within(room) for m in around])
        if text is None:
            return None
        grey = grey[room]
        if min(grey.shape) < 8:
            return None
        line = resized((255 * np.clip(grey, 0, 1)).astype(np.uint8))
        return None if line.shape[1] > _WIDEST else (line, text)

    def _main(
        self, rng: Generator, sheet: Sheet, hand: Hand, at: tuple[float, float], count: int,
        only_letters: bool,
    ) -> list[Mark]:  # fmt: skip
        """Write the row that is to be read."""
        if only_letters:
            return self._letters(rng, sheet, hand, at, count)
        mixed = rng.random() if self._others else 1.0
        x, y = at
        before: list[Mark] = []
        if mixed < _MIXED / 2:
            before = self._letters(rng, sheet, hand, at, int(rng.integers(1, 3)))
            x = _end(before, x) + rng.uniform(0.05, 0.5) * hand.tall
        digits = self._row(rng, sheet, hand, x, y, count)
        behind: list[Mark] = []
        if _MIXED / 2 <= mixed < _MIXED:
            x = _end(digits, x) + rng.uniform(0.05, 0.5) * hand.tall
            behind = self._letters(rng, sheet, hand, (x, y), int(rng.integers(1, 4)))
        return before + digits + behind

    def _row(
        self, rng: Generator, sheet: Sheet, hand: Hand, x: float, y: float, count: int
    ) -> list[Mark]:
        """Write a row of digits, most often in one writer's hand."""
        self._pool = None
        if self._hands and rng.random() < _ONE_HAND:
            self._pool = self._hands[rng.integers(len(self._hands))]
        return super()._row(rng, sheet, hand, x, y, count)

    def _any(self, rng: Generator) -> int:
        """Draw the index of a digit: each of the ten is as likely as the others."""
        own = self._of[rng.integers(10)]
        if self._pool is not None:
            label = self._labels[own[0]]
            mine = self._pool[self._labels[self._pool] == label]
            own = mine if len(mine) else own
        return int(rng.choice(own))

    def _letters(
        self, rng: Generator, sheet: Sheet, hand: Hand, at: tuple[float, float], count: int
    ) -> list[Mark]:
        """Write letters and signs that are no digits."""
        marks = []
        x, y = at[0] + sheet.beyond, at[1] + sheet.beyond
        for _ in range(count):
            ink = sheet.blank()
            own = hand.written(rng, self._others[rng.integers(len(self._others))])
            tall = hand.tall * rng.uniform(0.6, 1.2)
            wide = own.size[0] * tall
            draw(own, tall, hand.width, (x + wide / 2, y + rng.normal(0, 0.08) * tall), ink)
            marks.append(sheet.mark(OTHER, ink))
            x += wide + max(hand.gap, 0.02) * hand.tall
        return [mark for mark in marks if mark.ink.any()]

    def _room(
        self, rng: Generator, main: list[Mark], tall: float, shape: tuple[int, int]
    ) -> tuple[slice, slice]:
        """Choose what the image shows: all, the row with little around it, or some digits of it."""
        how = rng.random()
        written = [mark for mark in main if mark.ink.any()]
        if how >= _TIGHT + _PART or not written:
            return slice(0, shape[0]), slice(0, shape[1])
        if how < _PART:
            first = int(rng.integers(len(written)))
            written = written[first : first + int(rng.integers(1, 4))]
        ys, xs = np.nonzero(np.max([mark.ink for mark in written], axis=0) > 0)
        y0, y1, x0, x1 = np.round(tall * rng.uniform(-0.03, 0.5, 4)).astype(int)
        return (
            slice(max(ys.min() - y0, 0), min(ys.max() + 1 + y1, shape[0])),
            slice(max(xs.min() - x0, 0), min(xs.max() + 1 + x1, shape[1])),
        )


def _legible(grey: Plane, ink: Plane, tall: float) -> bool:
    """Return whether ink differs enough from the paper beside it."""
    import cv2

    soft = cv2.GaussianBlur(grey, (0, 0), 0.8)
    inked = ink > 0.5 * ink.max()
    side = 2 * round(0.15 * tall) + 3
    near = cv2.dilate((ink > 0).astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    paper = soft[near & (ink == 0)]
    if not inked.any() or not len(paper):
        return False
    contrast = float(paper.mean() - soft[inked].mean())
    return contrast > max(_LEAST_CONTRAST, _LEAST_DISTINCTION * float(paper.std()))


def _text(main: list[Mark], around: list[Mark]) -> tuple[int, ...] | None:
    """Return what is to be read; None where a digit is there in part, or neighbours are whole."""
    if any(mark.label >= 0 and _UNSEEN < mark.part < _SEEN for mark in main):
        return None
    # A digit of another row that shows for the most part could be read with good reason.
    if any(mark.label >= 0 and mark.part > 0.6 for mark in around):
        return None
    return tuple(mark.label for mark in main if mark.label >= 0 and mark.part >= _SEEN)


def _end(marks: list[Mark], x: float) -> float:
    """Return the right end of what was written, px."""
    ends = [np.flatnonzero(mark.ink.any(axis=0)).max() for mark in marks if mark.ink.any()]
    return float(max(ends, default=x))


def _small(strokes: Strokes) -> Image:
    """Draw strokes as an image of MNIST's size, for brushes."""
    canvas = np.zeros((28, 28), np.float32)
    draw(strokes, 20 / max(*strokes.size, 1.0), 2.2, (13.5, 13.5), canvas)
    return (255 * canvas).astype(np.uint8)
