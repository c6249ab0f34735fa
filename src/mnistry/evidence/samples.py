"""Figures of the data: samples, one picture as its numbers, all pictures as tensors.

Each function gives a `matplotlib.figure.Figure`, made without pyplot; `page.save` writes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.evidence.page import BLACK, GREY, LIGHT, MOST, TOP, WIDTH, Page, fit, longest, of_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def digits(data: DataSet, *, seed: int = 0, title: str = "Pictures of each class") -> Figure:
    """Draw some pictures of each class, of the first 100 classes; `seed` decides which.

    Raises
    ------
    InputError : the data set is empty.
    """
    _check_not_empty(data)
    k = min(len(data.classes), MOST)
    blocks = math.ceil(k / 16)  # side by side
    rows, block = math.ceil(k / blocks), WIDTH / blocks
    margin = min(longest(data.classes[:k], 12) + 14, 90 / blocks)
    each = max(16 // blocks, 3)
    room = (block - margin) / each
    w, h = fit(data.images.shape[1:], 0.95 * room)
    page = Page(WIDTH, TOP + rows * (h + 6))
    page.text(0, 8, title + of_all(k, len(data.classes)), 12, width=WIDTH)
    rng = np.random.default_rng(seed)
    for label, name in enumerate(data.classes[:k]):
        x, y = label // rows * block, TOP + label % rows * (h + 6)
        page.text(x, y + h / 2, name, 12, width=margin - 6)
        drawn = rng.permutation(np.flatnonzero(data.labels == label))[:each]
        for column, i in enumerate(drawn):
            page.picture(x + margin + column * room, y, w, h, data.images[i], name=f"picture {i}")
    return page.figure


def matrix(image: ArrayLike, *, title: str = "A picture") -> Figure:
    """Draw one picture beside the numbers that it is.

    Parameters
    ----------
    image : uint8 (h, w), no side longer than 64.

    Raises
    ------
    InputError : it is of another type or shape.
    """
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or not 1 <= max(pixels.shape) <= 64:
        raise InputError(
            "`image` must be uint8 of shape (h, w), no side longer than 64 so that its numbers "
            f"can be read; got {pixels.dtype} of shape {pixels.shape}."
        )
    h, w = pixels.shape
    cell = min(max(20.5, 574 / max(h, w)), 36)
    picture_w, picture_h = fit(pixels.shape, 182)
    left = 206.0
    page = Page(left + w * cell, TOP + max(h * cell, picture_h))
    page.text(0, 8, title, 12, width=left - 24)
    page.text(left, 8, f"{h} × {w} numbers: 0 is paper, 255 is ink", 12)
    page.picture(0, TOP, picture_w, picture_h, pixels, name="picture", framed=True)
    # The tint shows the shape and leaves the numbers to be read.
    page.picture(left, TOP, w * cell, h * cell, pixels * 0.25, name="tint", framed=True)
    for (row, column), value in np.ndenumerate(pixels):
        page.text(left + (column + 0.5) * cell, TOP + (row + 0.5) * cell, str(value),
                  0.42 * cell, colour=BLACK if value else LIGHT, align="center")  # fmt: skip
    return page.figure


def tensors(data: DataSet, *, title: str = "The data as two tensors") -> Figure:
    """Draw the images [n, h * w] and the labels [n, k] by their first ten and their last rows.

    Raises
    ------
    InputError : the data set is empty.
    """
    _check_not_empty(data)
    n, k, d = len(data), len(data.classes), data.images[0].size
    h, w = data.images.shape[1:]
    rows = [*range(min(n, 10)), *([n - 1] if n > 10 else [])]
    row, step, gap = 28.0, 31.0, 26.0 if n > 10 else 0.0
    # A pixel is so many of the file's pixels wide, or the strip would show stripes of our own.
    strip_w = max(1, 784 // d) * d / 2 if d <= 784 else 392.0
    cell = min(200 / k, 20)
    thumb, strip, top = 60.0, 112.0, TOP + 62
    hot = strip + strip_w + 56
    fits = longest(data.classes[:MOST], 9) <= cell - 4
    page = Page(hot + k * cell + (0 if fits else 90), top + len(rows) * step + gap)
    page.text(0, 8, title, 12, width=hot + k * cell)
    for x, what, count in (
        (strip, f"images [{n:,}, {d:,}]", f"{d:,} pixels: {h} rows of {w}"),
        (hot, f"labels [{n:,}, {k}]", f"{k} classes"),
    ):
        page.text(x, TOP + 10, what, 12, bold=True)
        page.text(x, TOP + 30, count, 9, colour=GREY)
    page.text(0, TOP + 30, f"{n:,} pictures", 9, colour=GREY)
    one_hot = data.take(rows).one_hot
    for j, name in enumerate(data.classes if fits else ()):
        page.text(hot + (j + 0.5) * cell, top - 10, name, 9, colour=GREY, align="center")
    for i, at in enumerate(rows):
        y = top + i * step + (gap if i == 10 else 0)
        image = data.images[at]
        page.text(thumb - 8, y + row / 2, f"{at:,}", 9, colour=GREY, align="right")
        page.picture(thumb, y, *fit(image.shape, row), image, name=f"picture {at}")
        page.picture(strip, y, strip_w, row, image.reshape(1, d), name=f"images {at}", framed=True)
        page.picture(hot, y, k * cell, row, 255 * one_hot[i : i + 1], name=f"labels {at}",
                     framed=True)  # fmt: skip
        if not fits:
            page.text(hot + k * cell + 8, y + row / 2, data.classes[data.labels[at]], 9,
                      colour=GREY, width=82)  # fmt: skip
        for j, value in enumerate(one_hot[i] if cell >= 8 else ()):
            page.text(hot + (j + 0.5) * cell, y + row / 2, f"{value:.0f}", 9,
                      colour="white" if value else LIGHT, align="center")  # fmt: skip
    if gap:
        for x in (thumb + row / 2, strip + strip_w / 2, hot + k * cell / 2):
            page.text(x, top + 10 * step + gap / 2 - 2, "⋮", 14, colour=GREY, align="center")
    return page.figure


def _check_not_empty(data: DataSet) -> None:
    if not len(data):
        raise InputError("The data set to draw is empty; give one with pictures.")
