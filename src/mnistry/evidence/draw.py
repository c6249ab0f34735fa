"""Figures of a model: its weights, the evidence it finds, the mistakes it makes.

Each function gives a `matplotlib.figure.Figure`, made without pyplot; `page.save` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.errors import InputError
from mnistry.evidence.attribute import account, evidence_maps, weight_maps
from mnistry.evidence.page import (
    BLACK,
    GREY,
    MOST,
    TOP,
    WIDTH,
    Page,
    fit,
    longest,
    of_all,
    percent,
    signed,
)
from mnistry.models.base import Floats
from mnistry.models.softmax import SoftmaxRegression

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_IN_PICTURE = (
    "The picture's ink times the",
    "weights of each class (small)",
    "is its evidence (large).",
    "Bold: the model's answer.",
)
_FOR_CLASS = (
    "The weights of the class",
    "times each picture's ink (small)",
    "are its evidence (large).",
    "Bold: the model answers so.",
)


def weights(model: SoftmaxRegression, *, title: str = "The weights of each class") -> Figure:
    """Draw each class's weights: red speaks against the class, blue for it, white for neither.

    One scale, symmetric about zero, serves all maps, of the first 100 classes.

    Raises
    ------
    InputError : the model is not linear in the pixels, or is not trained.
    """
    maps = weight_maps(model)[:MOST]
    k = len(maps)
    columns = min(k, 5) if k <= 10 else math.ceil(math.sqrt(1.6 * k))
    room = min(WIDTH / (columns - 0.08), 160)
    w, h = fit(maps.shape[1:], 0.92 * room)
    top, step = TOP + 20, h + 34
    width = max((columns - 1) * room + w, 480)
    page = Page(width, top + math.ceil(k / columns) * step - 14)
    page.text(0, 8, title + of_all(k, len(model.classes)), 12, width=width - 270)
    reach = _reach(maps, 0.99)
    page.scale(width, reach)
    for i, (name, one) in enumerate(zip(model.classes, maps, strict=False)):
        x, y = i % columns * room, top + i // columns * step
        page.text(x, y + 8, name, 12, width=0.92 * room)
        page.picture(x, y + 20, w, h, one, name=f"weights {name}", reach=reach, framed=True)
    return page.figure


def evidence_in_picture(
    model: SoftmaxRegression, image: ArrayLike, *, title: str = "The evidence in a picture"
) -> Figure:
    """Draw what one picture says for each class: its ink times the class's weights, added up.

    Of more than ten classes, the ten with most evidence are drawn; the answer's name is bold.

    Parameters
    ----------
    image : uint8 or float (h, w), of the model's shape.

    Raises
    ------
    InputError : the model is not linear in the pixels, or the picture has another form.
    """
    images = np.asarray(image)[np.newaxis]
    weight_maps(model)  # refuses a model that has none
    labels = _strongest(model.logits(images)[0])
    names = [model.classes[i] for i in labels]
    note = _cut(len(labels), len(model.classes), "classes")
    return _sums(model, images, labels, names, title, note)


def evidence_for_class(
    model: SoftmaxRegression,
    label: int,
    images: ArrayLike,
    names: Sequence[str],
    *,
    title: str = "The evidence for a class",
) -> Figure:
    """Draw what each of several pictures says for one class: the class's weights times its ink.

    Of more than ten pictures, the ten with most evidence are drawn; the names of those that
    the model takes for the class are bold.

    Parameters
    ----------
    label : the class, in 0..k-1.
    images : uint8 or float (n, h, w), of the model's shape. names : n, what to call them.

    Raises
    ------
    InputError : the model is not linear in the pixels, or an argument has another form.
    """
    pixels = np.asarray(images)
    weight_maps(model)  # refuses a model that has none
    logits = model.logits(pixels)
    evidence_maps(model, pixels[:0], [label])  # refuses a label that is none
    if not len(names) == len(pixels) > 0:
        raise InputError(
            "`images` must hold a picture or more, and `names` a name for each; "
            f"got {len(pixels)} pictures and {len(names)} names."
        )
    drawn = _strongest(logits[:, label])
    note = _cut(len(drawn), len(pixels), "pictures")
    drawn_names = [names[i] for i in drawn]
    return _sums(model, pixels[drawn], [label], drawn_names, title, note)


def confusion(
    counts: ArrayLike, classes: Sequence[str], *, title: str = "Labels and the model's answers"
) -> Figure:
    """Draw how often each class was taken for each; the mistakes are tinted by their number.

    Parameters
    ----------
    counts : (k, k) ints, by label and answer, as `measure.confusion` gives them.
    classes : the k names, at most 100.

    Raises
    ------
    InputError : the counts have another form.
    """
    table = np.asarray(counts)
    k = len(classes)
    if (
        table.shape != (k, k)
        or table.dtype.kind not in "iu"
        or not 1 <= k <= MOST
        or table.min() < 0
    ):
        raise InputError(
            f"`counts` must be ints of shape (k, k), none negative, for k `classes`, at most "
            f"{MOST}; got {table.dtype} of shape {table.shape} for {k}."
        )
    cell = float(np.clip(560 // k, 16, 56))
    left, top = min(max(longest(classes, 11), 30) + 12, 120), TOP + 46
    right = left + k * cell + 64
    page = Page(right, top + k * cell + 4)
    page.text(0, 8, title, 12, width=right)
    page.text(left - 12, TOP + 10, "label", 10, colour=GREY, align="right")
    page.text(left, TOP + 10, "answer", 10, colour=GREY)
    page.text(right, TOP + 10, "correct", 10, colour=GREY, align="right")
    mistakes = np.where(np.eye(k, dtype=bool), 0, table).astype(np.int64)
    most = max(int(mistakes.max()), 1)
    page.picture(left, top, k * cell, k * cell, -mistakes, name="mistakes", reach=most, framed=True)
    for i, name in enumerate(classes):
        middle = top + (i + 0.5) * cell
        page.text(left + (i + 0.5) * cell, top - 10, name, 11, align="center", width=cell - 2)
        page.text(left - 12, middle, name, 11, align="right", width=left - 12)
        if table[i].sum():
            share = percent(table[i, i] / table[i].sum())
            page.text(right, middle, share, min(11, 0.7 * cell), colour=GREY, align="right")
        for j in np.flatnonzero(table[i]):
            deep = mistakes[i, j] > 0.6 * most
            number = f"{table[i, j]:,}"
            size = min(0.36 * cell, 11, 0.87 * (cell - 2) / longest([number], 1))
            page.text(left + (j + 0.5) * cell, middle, number, size, align="center",
                      colour="white" if deep else BLACK, bold=i == j)  # fmt: skip
    return page.figure


def _sums(
    model: SoftmaxRegression,
    images: NDArray[Any],
    labels: list[int],
    names: Sequence[str],
    title: str,
    note: str,
) -> Figure:
    """Draw pictures times weights, added up: one picture and c classes, or m and one class."""
    ink = (images if images.dtype == np.uint8 else 255 * images).reshape(-1, *model.shape)
    weight = weight_maps(model)[labels]
    one_picture = len(images) == 1
    common, factors = (ink[0], weight) if one_picture else (weight[0], ink)
    answered = (model.predict(images)[:, np.newaxis] == labels).ravel()
    found = account(model, images, labels)
    maps = found.maps.reshape(-1, *model.shape)
    reach = _reach(maps, 0.97)
    sums, biases, logits, probabilities = (values.ravel() for values in found[1:])

    room = 112.0
    w, h = fit(model.shape, room)
    step = h + 138
    page = Page(WIDTH, TOP + math.ceil(len(maps) / 5) * step - 26)
    page.text(0, 8, title, 12, width=WIDTH - 270)
    page.scale(WIDTH, reach)
    page.picture(0, TOP + 48, w, h, common, name="common", framed=True,
                 reach=None if one_picture else reach)  # fmt: skip
    for i, line in enumerate((*(_IN_PICTURE if one_picture else _FOR_CLASS), note)):
        page.text(0, TOP + 66 + h + 14 * i, line, 9, colour=GREY)
    for i, name in enumerate(names):
        x, y = 160 + i % 5 * 128, TOP + i // 5 * step
        thumb_w, thumb_h = fit(model.shape, 42)
        page.text(x, y + 32, name, 13, bold=bool(answered[i]), width=room - thumb_w - 8)
        page.picture(x + room - thumb_w, y, thumb_w, thumb_h, factors[i], name=f"factor {name}",
                     reach=reach if one_picture else None)  # fmt: skip
        page.picture(x, y + 48, w, h, maps[i], name=f"evidence {name}", framed=True, reach=reach)
        below = y + 48 + h
        for drop, what, number in (
            (14, "sum", signed(sums[i])),
            (28, "bias", signed(biases[i])),
            (46, "logit", signed(logits[i])),
            (60, "probability", percent(probabilities[i])),
        ):
            page.text(x, below + drop, what, 9, colour=GREY)
            page.text(x + room, below + drop, number, 10, align="right", bold=what == "logit")
        page.line(x, below + 37, x + room, below + 37)
    return page.figure


def _strongest(logits: Floats) -> list[int]:
    """Give where the ten largest are, in their order."""
    return sorted(np.argsort(-logits, kind="stable")[:10].tolist())


def _cut(shown: int, total: int, what: str) -> str:
    return f"The strongest {shown} of {total} {what}." if shown < total else ""


def _reach(maps: Floats, share: float) -> float:
    """Give a scale's end: `share` of what is not zero is within, lest the rest make it pale."""
    sizes = np.abs(maps[maps != 0])
    return float(f"{np.quantile(sizes, share):.1e}") if sizes.size else 1.0
