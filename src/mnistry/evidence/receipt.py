"""The receipt of an answer: why this class and not that one, and the nearest pictures learnt from.

Each function gives a `matplotlib.figure.Figure`, made without pyplot; `page.save` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.evidence.contrast import Contrast
from mnistry.evidence.nearest import Neighbours
from mnistry.evidence.page import GREY, TOP, WIDTH, Page, fit, percent, signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NEIGHBOURS = 20
_ROOM, _GAP = 168.0, 22.0  # points: of a picture and a map, and beside it
_A_LINE = 5  # neighbours


def why(
    found: Contrast,
    image: ArrayLike,
    classes: Sequence[str],
    *,
    more: ArrayLike | None = None,
    title: str | None = None,
) -> Figure:
    """Draw what each pixel's ink says for one class against another, and how that adds up.

    Parameters
    ----------
    found : as `contrast` gives it, of this picture. image : uint8 or float (h, w).
    classes : the model's names. more : what `more_ink` measured, drawn beside it.
    title : by default the question.

    Raises
    ------
    InputError : the picture or the classes are not those of the contrast.
    """
    ink = _ink(image, found.map.shape)
    last = max(found.why, found.against or 0)
    if last >= len(classes):
        raise InputError(
            f"`classes` must name the model's classes, label {last} among them; got {len(classes)}."
        )
    one = classes[found.why]
    other = None if found.against is None else classes[found.against]
    w, h = fit(found.map.shape, _ROOM)
    top = TOP + 22
    page = Page(WIDTH, top + _ROOM + 54)
    page.text(0, 8, question(one, other) if title is None else title, 12, width=WIDTH - 270)
    reach = _reach(found.map)
    page.scale(WIDTH, reach)
    page.text(0, top - 10, "The picture", 10)
    page.picture(0, top, w, h, ink, name="picture", framed=True)
    maps = [("What its ink says", "map", found.map, reach)]
    if more is not None:
        dots = np.asarray(more)
        if dots.shape != found.map.shape:
            raise InputError(f"`more` must have shape {found.map.shape}; got {dots.shape}.")
        maps.append(("What a dot of ink more would say", "more", dots, _reach(dots)))
    for i, (what, name, values, deepest) in enumerate(maps):
        x = (i + 1) * (_ROOM + _GAP)
        page.text(x, top - 10, what, 10, width=_ROOM)
        page.picture(x, top, w, h, values, name=name, reach=deepest, framed=True)
        if name == "more":
            told = f"deepest colour: ±{deepest:.2g} or beyond"
            page.text(x, top + h + 12, told, 9, colour=GREY, width=_ROOM)
    told = f"red: against {one}, blue: for {one}"
    page.text(_ROOM + _GAP, top + h + 12, told, 9, colour=GREY, width=_ROOM)
    for i, line in enumerate(_notes(found)):
        page.text(0, top + _ROOM + 34 + 14 * i, line, 9, colour=GREY, width=3 * _ROOM + 2 * _GAP)
    _add_up(page, 3 * (_ROOM + _GAP), top, found, one, other)
    return page.figure


def question(one: str, other: str | None) -> str:
    """Ask why one class, and not another or none in particular."""
    return f"Why {one} and not {'another' if other is None else other}?"


def _add_up(page: Page, x: float, y: float, found: Contrast, one: str, other: str | None) -> None:
    """Write the receipt: what paper and ink say, their sum, and what follows from it."""
    right, room = WIDTH, WIDTH - x
    page.text(x, y - 10, "How it adds up", 10)
    for i, (what, number, form) in enumerate(
        (
            ("blue ink, for", float(found.map[found.map > 0].sum()), ".3f"),
            ("red ink, against", float(found.map[found.map < 0].sum()), ".3f"),
            ("blank paper", found.baseline, ".3f"),
            ("not accounted for", found.residual, ".6f"),
        )
    ):
        line = y + 10 + 17 * i
        page.text(x, line, what, 10, colour=GREY)
        page.text(right, line, signed(number, form), 10, align="right")
    page.line(x, y + 73, right, y + 73)
    page.text(x, y + 86, f"{one} − {'mean of the others' if other is None else other}", 10,
              width=room - 62)  # fmt: skip
    page.text(right, y + 86, signed(found.difference, ".3f"), 11, align="right", bold=True)
    y += 124
    page.text(right - 72, y, "logit", 9, colour=GREY, align="right")
    page.text(right, y, "probability", 9, colour=GREY, align="right")
    answered = int(np.argmax(found.probabilities))
    for i, name in enumerate((one, "others: mean, sum" if other is None else other)):
        line = y + 17 * (i + 1)
        bold = i == answered and not (i and other is None)
        page.text(x, line, name, 11, bold=bold, width=room - 126)
        page.text(right - 72, line, signed(found.logits[i], ".3f"), 10, align="right")
        page.text(right, line, percent(found.probabilities[i]), 10, align="right")
    if other is not None:
        first, last = (one, other) if found.difference >= 0 else (other, one)
        for i, told in enumerate(
            (
                f"exp({abs(found.difference):.3f}): {first} is {times(found.difference)} times",
                f"as probable as {last}.",
            )
        ):
            page.text(x, y + 58 + 14 * i, told, 9, colour=GREY, width=room)


def _reach(values: NDArray[Any]) -> float:
    """Give a scale's end, which nearly all that is not zero is within."""
    sizes = np.abs(values[values != 0])
    return float(f"{np.quantile(sizes, 0.97):.1e}") if sizes.size else 1.0


def times(difference: float) -> str:
    """Write how many times more probable a difference of logits makes the more probable one."""
    size = abs(difference)
    if size >= math.log(1e6):
        power = math.floor(size / math.log(10))
        return f"{math.exp(size - power * math.log(10)):.1f}·10^{power}"
    number = math.exp(size)
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _notes(found: Contrast) -> tuple[str, ...]:
    if found.steps == 1:
        how = "Each pixel's ink times the difference of its two weights: exact."
        if found.against is None:
            how = "Each pixel's ink times its weight less the mean of the other classes': exact."
    else:
        how = (
            f"Integrated gradients from blank paper in {found.steps} steps; with half as many, "
            f"{percent(found.change)} of the map was another."
        )
    return how, "Where ink would speak against a class, the paper that is left blank speaks for it."


def neighbours(
    found: Neighbours, image: ArrayLike, data: DataSet, *, title: str = "The nearest pictures"
) -> Figure:
    """Draw a picture and the nearest ones that a model learnt from, with index and label.

    Parameters
    ----------
    found : as `nearest` gives it, at most 20. image : uint8 or float (h, w). data : where it
        looked.

    Raises
    ------
    InputError : there are too many, or they are not of this data.
    """
    count = len(found.indices)
    if not 1 <= count <= MOST_NEIGHBOURS or int(found.indices.max()) >= len(data):
        raise InputError(
            f"`found` must be 1 to {MOST_NEIGHBOURS} pictures of `data`, which has {len(data)}; "
            f"got {count}."
        )
    shape = data.images.shape[1:]
    ink = _ink(image, shape)
    room = 104.0
    w, h = fit(shape, room)
    large_w, large_h = fit(shape, 168)
    left, step, below = 168 + 36.0, 116.0, 52.0
    lines = math.ceil(count / _A_LINE)
    page = Page(WIDTH, TOP + 8 + max(large_h + 12, lines * (h + below) - 16))
    page.text(0, 8, title, 12, width=WIDTH)
    page.picture(0, TOP + 8, large_w, large_h, ink, name="picture", framed=True)
    for i in range(count):
        x, y = left + i % _A_LINE * step, TOP + 8 + i // _A_LINE * (h + below)
        index, label = int(found.indices[i]), data.classes[int(found.labels[i])]
        page.picture(x, y, w, h, data.images[index], name=f"neighbour {index}", framed=True)
        page.text(x, y + h + 12, label, 12, bold=True, width=0.45 * room)
        page.text(x + w, y + h + 12, f"{found.distances[i]:#.3g} away", 9, colour=GREY,
                  align="right")  # fmt: skip
        page.text(x, y + h + 27, f"picture {index:,}", 9, colour=GREY)
    return page.figure


def _ink(image: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Give a picture in levels from 0 to 255; flat ones get their shape back."""
    pixels = np.asarray(image)
    if pixels.size != math.prod(shape):
        raise InputError(f"`image` must have shape {tuple(shape)}; got {pixels.shape}.")
    return (pixels if pixels.dtype == np.uint8 else 255 * pixels).reshape(shape)
