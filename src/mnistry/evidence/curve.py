"""The figure of a training run: how its loss and its accuracy went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.errors import InputError
from mnistry.evidence.page import BLACK, GREY, LIGHT, TOP, WIDTH, Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float | None]]
_BLUE = "#2166ac"
_HEIGHT, _GAP, _LEFT = 220.0, 72.0, 52.0


def training(histories: Sequence[History], *, title: str = "Training") -> Figure:
    """Draw the loss on the training pictures and the accuracy on the validation pictures.

    Parameters
    ----------
    histories : one a network, each a row a look: "epoch", "loss" in nats, "accuracy" in [0, 1]
        or None, as `Trainer.history` has them.

    Raises
    ------
    InputError : there is nothing to draw, or a row lacks its numbers.
    """
    curves: dict[str, list[tuple[Any, Any]]] = {"loss": [], "accuracy": []}
    try:
        for history in histories:
            for what, found in curves.items():
                rows = [(row["epoch"], row[what]) for row in history if row[what] is not None]
                if rows:
                    epochs, values = np.array(rows, np.float64).T
                    found.append((epochs, values))
    except (KeyError, TypeError, ValueError, OverflowError):
        curves["loss"] = []
    if not curves["loss"] or not all(np.isfinite(p).all() for c in curves.values() for p in c):
        raise InputError(
            "There is no training to show: the model's file has no curve of loss and accuracy. "
            "Convnets have one: `mnistry train --model convnet`."
        )
    room = (WIDTH - 2 * _LEFT - _GAP) / 2
    page = Page(WIDTH, TOP + 24 + _HEIGHT + 30)
    page.text(0, 8, title, 12, width=WIDTH)
    _panel(page, _LEFT, room, "loss, nats", curves["loss"], BLACK, lambda y: f"{y:.3g}")
    if curves["accuracy"]:
        _panel(
            page, 2 * _LEFT + room + _GAP - _LEFT / 2, room, "accuracy on validation",
            curves["accuracy"], _BLUE, lambda y: f"{y:.2%}",
        )  # fmt: skip
    return page.figure


def _panel(
    page: Page,
    left: float,
    width: float,
    name: str,
    curves: Sequence[tuple[Any, Any]],
    colour: str,
    write: Callable[[float], str],
) -> None:
    """Draw curves in a box whose corners carry the numbers."""
    last = max(float(x.max()) for x, _ in curves)
    low = min(float(y.min()) for _, y in curves)
    high = max(float(y.max()) for _, y in curves)
    top, bottom = TOP + 24, TOP + 24 + _HEIGHT
    for y, level in ((top, high), ((top + bottom) / 2, (low + high) / 2), (bottom, low)):
        page.line(left, y, left + width, y, LIGHT)
        page.text(left - 6, y, write(level), 9, colour=GREY, align="right")
    page.text(left, top - 14, name, 11)
    page.text(left, bottom + 14, "0", 9, colour=GREY)
    page.text(left + width, bottom + 14, f"{last:g} epochs", 9, colour=GREY, align="right")
    for x, y in curves:
        across = left + width * x / max(last, 1e-9)
        down = bottom - _HEIGHT * (y - low) / max(high - low, 1e-12)
        page.curve(across, down, colour)
