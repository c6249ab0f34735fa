"""A public benchmark: images of whole numbers, each in the hand of one writer.

The images are composed from MNIST's test split. QMNIST (Yadav & Bottou 2019, arXiv:1905.10498)
identified the writer of each digit. The images are for reporting and comparing, not for training or
tuning. Their paper, print and light are simpler than those of the training images. None of the code
that makes training images is used.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnistry.atomic import replacing
from mnistry.data.embedded import load_embedded_mnist

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Plane = NDArray[np.float32]

KINDS = "date", "amount", "code"
PAPERS = "plain", "boxed", "ruled"
_WRITERS = Path(__file__).with_name("test_writers.npy")  # (10000,) int16, QMNIST's writer numbers
_LEAST_DIGITS = 8  # different digits that a writer must have written
_HEIGHTS = 24, 64  # px, bounds of a digit's height
_MNIST_HEIGHT = 20  # px, of a digit in MNIST's images
_GAPS = 0.05, 0.45  # bounds of the gap between digits, in heights
_BOX = 0.3  # gap on each side of a digit in its box, in heights
_MARGINS = 0.2, 0.8  # bounds of the paper around the number, in heights
_NOISE = 1.0, 6.0  # grey levels, bounds of the standard deviation


@dataclass(frozen=True)
class NumberImage:
    """An image of a number.

    Parameters
    ----------
    image : uint8 (h, w), dark ink on light paper. text : its digits.
    kind, paper : one of `KINDS` and of `PAPERS`. writer : QMNIST's number.
    """

    image: Image
    text: str
    kind: str
    paper: str
    writer: int


def number_images(count: int, seed: int = 0) -> Iterator[NumberImage]:
    """Yield images of numbers; the same count and seed give the same images."""
    test = load_embedded_mnist()[1]
    writers = np.load(_WRITERS, allow_pickle=False)
    of = {int(writer): np.flatnonzero(writers == writer) for writer in np.unique(writers)}
    able = [
        writer for writer, own in of.items() if len(np.unique(test.labels[own])) >= _LEAST_DIGITS
    ]
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        writer = int(rng.choice(able))
        own = of[writer]
        kind, paper = KINDS[i % len(KINDS)], PAPERS[i // len(KINDS) % len(PAPERS)]
        kind, text = _text(rng, kind, set(test.labels[own].tolist()))
        chosen = [int(rng.choice(own[test.labels[own] == int(digit)])) for digit in text]
        yield NumberImage(_compose(rng, test.images[chosen], paper), text, kind, paper, writer)


def write_numbers(folder: str | os.PathLike[str], count: int, seed: int = 0) -> None:
    """Write the images as PNG files, and `labels.csv` with their texts."""
    from PIL import Image as Pillow

    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("file", "text", "kind", "paper", "writer"))
    for i, one in enumerate(number_images(count, seed)):
        name = f"{i:05}.png"
        Pillow.fromarray(one.image).save(root / name)
        writer.writerow((name, one.text, one.kind, one.paper, one.writer))
    with replacing(root / "labels.csv") as file:
        file.write(table.getvalue().encode())


def _text(rng: Generator, kind: str, known: set[int]) -> tuple[str, str]:
    """Draw the kind and the text of a number of which the writer has written all digits.

    If 100 drawn dates have a digit that the writer lacks, an amount is drawn instead of a date.
    """
    if kind == "date":
        for _ in range(100):
            year, month, day = rng.integers(1900, 2030), rng.integers(1, 13), rng.integers(1, 29)
            text = f"{day:02}{month:02}{year}"
            if known.issuperset(map(int, text)):
                return kind, text
        kind = "amount"
    low, high = (2, 7) if kind == "amount" else (2, 10)
    digits = rng.choice(sorted(known), int(rng.integers(low, high + 1)))
    if kind == "amount" and rng.random() < 0.5 and 0 in known:  # amounts are often round
        digits[1 + len(digits) // 2 :] = 0
    return kind, "".join(map(str, digits))


def _compose(rng: Generator, digits: NDArray[np.uint8], paper: str) -> Image:
    """Write digits (n, 28, 28) in a row on paper."""
    import cv2

    tall = float(np.exp(rng.uniform(*np.log(_HEIGHTS))))
    scale = tall / _MNIST_HEIGHT
    inks = []
    for digit in digits:
        columns = np.flatnonzero(digit.any(axis=0))
        cut = digit[:, columns[0] : columns[-1] + 1].astype(np.float32) / 255
        size = max(round(cut.shape[1] * scale), 2), round(28 * scale)
        inks.append(np.clip(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC), 0, 1))
    gap = _BOX if paper == "boxed" else rng.uniform(*_GAPS)
    before, after, above, below = tall * rng.uniform(*_MARGINS, 4)
    step = round(max(gap * tall, 1))
    width = round(before + after) + sum(ink.shape[1] for ink in inks)
    width += step * len(inks) * (2 if paper == "boxed" else 1)
    height = round(above + below + tall)
    ink = np.zeros((height, width), np.float32)
    lines = np.zeros_like(ink)  # printed on the form
    pen = max(1, round(0.03 * tall))
    x = round(before)
    top = above - 4 * scale  # MNIST's digits have four empty rows above them
    for one in inks:
        y = round(top + rng.normal(0, 0.04) * tall)
        x0 = x + step
        _put(ink, one, x0, y)
        x1 = x0 + one.shape[1]
        if paper == "boxed":
            corners = (x, round(above - 0.15 * tall)), (x1 + step, round(above + 1.15 * tall))
            cv2.rectangle(lines, *corners, 1.0, pen)
        x = x1 + (step if paper == "boxed" else 0)
    if paper == "ruled":
        for foot in (round(above + 1.05 * tall), round(above - 0.35 * tall)):
            cv2.line(lines, (0, foot), (width, foot), 1.0, pen)
    dark, pale = rng.uniform(0.45, 0.95), rng.uniform(0.15, 0.6)
    light = rng.uniform(0.75, 1.0) * np.minimum(1 - dark * ink, 1 - pale * lines)
    light = light * np.linspace(1, rng.uniform(0.8, 1.0), width, dtype=np.float32)
    grey = 255 * light + rng.normal(0, rng.uniform(*_NOISE), light.shape)
    return np.clip(grey, 0, 255).round().astype(np.uint8)


def _put(canvas: Plane, ink: Plane, x: int, y: int) -> None:
    """Add ink to a canvas, clipped to its edges."""
    h, w = canvas.shape
    y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + ink.shape[0], h), min(x + ink.shape[1], w)
    if y0 < y1 and x0 < x1:
        room = canvas[y0:y1, x0:x1]
        np.maximum(room, ink[y0 - y : y1 - y, x0 - x : x1 - x], out=room)
