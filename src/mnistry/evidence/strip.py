"""The film strip: how pictures became answers, step by step, a row a picture.

`strip` gives a `matplotlib.figure.Figure`, made without pyplot; `page.save` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.errors import InputError
from mnistry.evidence.page import BLACK, DPI, GREY, LIGHT, TOP, WIDTH, Page, fit, longest, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

MOST_PICTURES = 20
_MOST_DIGITS = 36  # of a picture
_BLUE, _AMBER, _PALE = "#2166ac", "#d08a00", "#a8a8a8"  # a digit, one of several, none
_KINDS = ((_BLUE, "digit"), (_AMBER, "ambiguous"), (_PALE, "no digit"))
_SMALL, _GAP = 130.0, 24.0  # points: the room of a plane beside digits, and between two planes
_SIDE, _STEP, _LINE = 56.0, 66.0, 12  # of a digit's picture, from one to the next; so many a line
_BARS = 30.0  # the height of a bar that is sure
_CELL = _SIDE + _BARS + 30  # the height of a digit's picture, with what is around it
_BESIDE = 5  # digits at most that stand beside the pictures, not below them
_FINE = 640  # pixels, the longest side that is kept of a plane


@dataclass(frozen=True)
class Shot:
    """What one picture went through.

    Parameters
    ----------
    name : of the picture. text : what it says. note : how sure that is, or what it is instead.
    grey : (h, w) in [0, 1], 1 = white. ink : (h', w') in [0, 1], 1 = ink. See `thumbnail`.
    boxes : (n, 4), each mark's x, y, width and height as shares of the picture's sides.
    images : (n, 28, 28) uint8, what the model saw. probabilities : (n, 10).
    sets : n, the digits that each may be. answers : n, its digit, or "" where it is none.
    """

    name: str
    text: str
    note: str
    grey: NDArray[Any]
    ink: NDArray[Any]
    boxes: NDArray[Any]
    images: NDArray[np.uint8]
    probabilities: NDArray[Any]
    sets: Sequence[Sequence[int]]
    answers: Sequence[str]


def thumbnail(plane: ArrayLike, most: int = _FINE) -> NDArray[np.float32]:
    """Shrink an array (h, w) by area so that no side is longer than `most`; smaller ones stay."""
    from PIL import Image

    array = np.asarray(plane, np.float32)
    scale = most / max(array.shape)
    if scale >= 1:
        return array
    h, w = (max(round(side * scale), 1) for side in array.shape)
    return np.asarray(Image.fromarray(array).resize((w, h), Image.Resampling.BOX), np.float32)


def strip(
    shots: Sequence[Shot],
    *,
    total: int | None = None,
    alpha: float | None = None,
    title: str = "From picture to answer",
) -> Figure:
    """Draw the way of each picture: its greys, its ink, the marks found, each as the model saw it.

    Under each mark stand the probabilities of the ten digits; those of its set are coloured.

    Parameters
    ----------
    shots : 1 to 20. total : how many pictures there are in all, where there are more.
    alpha : how often the sets may miss the truth; told in the figure.

    Raises
    ------
    InputError : there is nothing to draw, too much of it, or a shot's parts don't fit together.
    """
    if not 1 <= len(shots) <= MOST_PICTURES:
        raise InputError(f"`shots` must be 1 to {MOST_PICTURES} pictures; got {len(shots)}.")
    for shot in shots:
        _check(shot)
    if total is not None and total > len(shots):
        title += f": the first {len(shots)} of {total:,} pictures"
    tops = TOP + 24 + np.cumsum([0, *(_height(shot) for shot in shots)])
    page = Page(WIDTH, float(tops[-1]) - 20)
    page.text(0, 8, title, 12, width=WIDTH - 220)
    _legend(page, alpha)
    for shot, top in zip(shots, tops.tolist(), strict=False):
        page.line(0, top - 12, WIDTH, top - 12, LIGHT)
        _row(page, top, shot)
    return page.figure


def _check(shot: Shot) -> None:
    n = len(shot.answers)
    parts = (shot.boxes, shot.images, shot.probabilities)
    shapes = tuple(np.shape(part) for part in parts)
    if shapes != ((n, 4), (n, 28, 28), (n, 10)) or len(shot.sets) != n:
        raise InputError(
            f"A shot of {n} answers must have `boxes`, `images` and `probabilities` of shapes "
            f"({n}, 4), ({n}, 28, 28) and ({n}, 10), and {n} `sets`; got {shapes} and "
            f"{len(shot.sets)}."
        )
    if any(np.ndim(plane) != 2 or 0 in np.shape(plane) for plane in (shot.grey, shot.ink)):
        raise InputError(
            "`grey` and `ink` of a shot must be of shape (h, w); "
            f"got {np.shape(shot.grey)} and {np.shape(shot.ink)}."
        )


def _legend(page: Page, alpha: float | None) -> None:
    x = WIDTH
    for colour, what in reversed(_KINDS):
        page.text(x, 8, what, 9, colour=GREY, align="right")
        x -= longest([what], 9) + 12
        page.box(x, 4.5, 7, 7, colour, filled=True)
        x -= 14
    note = "Bars: the probability of each digit, 0 to 9."
    if alpha is not None:
        note += f" In colour: its set, which misses the truth {100 * alpha:.3g}% of the time."
    page.text(0, 26, note, 9, colour=GREY, width=WIDTH)


def _is_beside(shot: Shot) -> bool:
    """Say whether the marks stand beside the pictures; many of them, or wide ones, stand below."""
    h, w = np.shape(shot.grey)
    return len(shot.answers) <= (_BESIDE if w < 2 * h else 1)


def _room(shot: Shot) -> float:
    """Give the width that each plane has, in points."""
    return _SMALL if _is_beside(shot) else (WIDTH - 2 * _GAP) / 3


def _size(shot: Shot) -> tuple[float, float]:
    """Give the width and height of a picture's planes, in points."""
    h, w = np.shape(shot.grey)
    scale = min(_room(shot) / w, (_SMALL if _is_beside(shot) else 180) / h)
    if scale < 1.5:
        return w * scale, h * scale
    return fit((h, w), scale * max(h, w))  # its pixels are seen


def _height(shot: Shot) -> float:
    """Give the height of a picture's row, with what is between it and the next."""
    planes = 34 + _size(shot)[1]
    if _is_beside(shot):
        return max(planes, 26 + _CELL if shot.answers else 0) + 30
    lines = math.ceil(min(len(shot.answers), _MOST_DIGITS) / _LINE)
    more = 14 if len(shot.answers) > _MOST_DIGITS else 0
    return planes + 22 + lines * (_CELL + 14) + more + 16


def _row(page: Page, top: float, shot: Shot) -> None:
    """Draw one picture's row."""
    said, count = " / ".join(shot.text.split("\n")), len(shot.answers)
    page.text(0, top + 6, said, 15, bold=True, width=400)
    x = min(1.2 * longest([said], 15), 400) + 14 if said else 0.0
    page.text(x, top + 7, shot.note, 9, colour=GREY, width=200)
    page.text(WIDTH, top + 7, shot.name, 9, align="right", width=WIDTH - x - 220)
    y, room, (w, h) = top + 36, _room(shot), _size(shot)
    marks = f"{count:,} mark{'' if count == 1 else 's'}"
    for i, (name, what, ink, deep) in enumerate(
        (
            ("picture", "picture", 1 - shot.grey, 1.0),
            ("ink", "ink", shot.ink, 1.0),
            ("marks", marks, shot.ink, 0.4),
        )
    ):
        x = i * (room + _GAP)
        page.text(x, y - 8, what, 8, colour=GREY)
        plane = 255 * deep * _drawn(ink, w, h)
        page.picture(x, y, w, h, plane, name=f"{name} {shot.name}", framed=True)
        if i < 2 or (count and _is_beside(shot)):
            page.text(x + w + _GAP / 2, y + h / 2, "→", 11, colour=GREY, align="center")
    for box, chosen, answer in zip(shot.boxes, shot.sets, shot.answers, strict=True):
        left, upper, wide, high = (float(side) for side in box)
        page.box(x + left * w, y + upper * h, wide * w, high * h, _colour(answer, chosen))
    if _is_beside(shot):
        for i in range(count):
            _cell(page, x + w + _GAP + i * _STEP, y - 8, shot, i)
        return
    y += h + 20
    for i in range(min(count, _MOST_DIGITS)):
        _cell(page, i % _LINE * _STEP, y + i // _LINE * (_CELL + 14), shot, i)
    if count > _MOST_DIGITS:
        below = y + math.ceil(_MOST_DIGITS / _LINE) * (_CELL + 14)
        page.text(0, below, f"… and {count - _MOST_DIGITS:,} more", 9, colour=GREY)


def _drawn(ink: NDArray[Any], w: float, h: float) -> NDArray[np.float32]:
    """Give a plane as large as it is drawn, or as it is where its pixels are seen."""
    from PIL import Image

    size = max(round(w * DPI / 72), 1), max(round(h * DPI / 72), 1)
    array = np.asarray(ink, np.float32)
    if size[0] >= 3 * array.shape[1]:
        return array
    large = Image.fromarray(array).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(large, np.float32), 0, 1)


def _cell(page: Page, x: float, y: float, shot: Shot, i: int) -> None:
    """Draw one mark as the model saw it, its answer above and its probabilities below."""
    chosen, answer, p = shot.sets[i], shot.answers[i], np.asarray(shot.probabilities[i])
    colour = _colour(answer, chosen)
    if answer:
        page.text(x, y, answer, 13, bold=True)
        page.text(x + _SIDE, y + 1, percent(float(p.max())), 8, colour=GREY, align="right")
    else:
        page.text(x, y, "no digit", 8, colour=GREY)
    top = y + 8
    page.picture(x, top, _SIDE, _SIDE, shot.images[i], name=f"seen {i} {shot.name}", framed=True)
    foot = top + _SIDE + 8 + _BARS
    each = _SIDE / 10
    for digit in range(10):
        inside = bool(answer) and digit in chosen
        high = max(float(p[digit]) * _BARS, 1.0 if inside else 0.0)
        at = x + digit * each
        if high > 0.25:
            page.box(at + 0.8, foot - high, each - 1.6, high, colour if inside else LIGHT,
                 filled=True)  # fmt: skip
        page.text(at + each / 2, foot + 6, str(digit), 6, align="center", bold=inside,
                  colour=BLACK if inside else GREY)  # fmt: skip
    page.line(x, foot, x + _SIDE, foot, LIGHT)


def _colour(answer: str, chosen: Sequence[int]) -> str:
    if not answer:
        return _PALE
    return _BLUE if len(chosen) == 1 else _AMBER
