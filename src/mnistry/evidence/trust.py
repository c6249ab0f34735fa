"""Figures of how far a model can be trusted: what it claims against what happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.errors import InputError
from mnistry.evidence.page import GREY, LIGHT, TOP, WIDTH, Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLUE, _RED = "#2166ac", "#c0243a"
_SIDE, _LEFT = 300.0, 64.0  # points, of a plot


def reliability(
    bins: Mapping[str, Sequence[float]],
    intervals: Sequence[tuple[float, float]],
    *,
    title: str = "What the model claims, and how often it is right",
) -> Figure:
    """Draw a reliability diagram: a dot a bin, its exact interval, and the line of the truth.

    Confidence is drawn by how far it is from 1, on a logarithmic scale, where models of digits
    have nearly all of theirs; beside it, the same on plain scales.

    Parameters
    ----------
    bins : "confidence", "accuracy" and "pictures" of each, as `ScoreSheet.reliability` has them.
    intervals : the exact interval of each bin's accuracy.
    """
    sure, right = (np.asarray(bins[key], np.float64) for key in ("confidence", "accuracy"))
    if not 0 < len(sure) == len(right) == len(intervals):
        raise InputError(
            f"`intervals` must be one a bin, and bins at least 1; got {len(intervals)} for "
            f"{len(sure)}."
        )
    low, high = np.asarray(intervals, np.float64).T
    page = Page(WIDTH, TOP + 40 + _SIDE + 44)
    page.text(0, 8, title, 12, width=WIDTH)
    plain = _Plot(page, _LEFT, (0.0, 1.0), (0.0, 1.0))
    plain.scale(
        "claimed probability", "accuracy (lines: 95% intervals)", [0, 0.25, 0.5, 0.75, 1], _share
    )
    worst = float(max(1 - sure.min(), 1 - low.min(), 1e-3))
    deep = float(max(min((1 - sure).min(), 0.1 * worst), 1e-5))
    ticks = [10.0**k for k in range(int(np.floor(np.log10(deep))), 1)]
    bounds = (float(np.log10(ticks[0])), 0.0)
    near = _Plot(page, _LEFT + _SIDE + 112, bounds, bounds)
    near.scale(
        "claimed error rate", "error rate", [float(np.log10(t)) for t in ticks],
        lambda t: _share(10.0**t),
    )  # fmt: skip
    for plot, x, y, bottom, top in (
        (plain, sure, right, low, high),
        (near, _logs(1 - sure), _logs(1 - right), _logs(1 - high), _logs(1 - low)),
    ):
        plot.diagonal()
        for a, b, c, d in zip(x, y, bottom, top, strict=True):
            plot.curve([a, a], [c, d], LIGHT)
            plot.dot(a, b, _BLUE)
    return page.figure


def coverage(
    promised: Sequence[float],
    held: Sequence[float],
    risk: Mapping[str, Sequence[float]],
    *,
    title: str = "What sets promise, and what an answer risks",
) -> Figure:
    """Draw how often sets hold the truth against what they promise; and risk against answers.

    Parameters
    ----------
    promised, held : 1 - alpha and the coverage measured, of any number of alphas.
    risk : "answered" and "risk", as `ScoreSheet.risk_coverage` has them.
    """
    if not len(promised) == len(held) > 0:
        raise InputError(
            f"`promised` and `held` must be as many, at least 1; got {len(promised)}, {len(held)}."
        )
    page = Page(WIDTH, TOP + 40 + _SIDE + 44)
    page.text(0, 8, title, 12, width=WIDTH)
    least = min(*promised, *held)
    low = 1 - _even(1 - least)[-1]
    left = _Plot(page, _LEFT, (low, 1.0), (low, 1.0))
    ticks = [1 - tick for tick in _even(1 - least)]
    left.scale("coverage asked for", "coverage measured", ticks, _share)
    left.diagonal()
    left.curve(promised, held, _BLUE)
    answered, wrong = (np.asarray(risk[key], np.float64) for key in ("answered", "risk"))
    levels = _even(float(max(wrong.max(), 1e-4)))
    right = _Plot(page, _LEFT + _SIDE + 112, (0.0, 1.0), (0.0, levels[-1]))
    right.scale("share answered, surest first", "error rate among answered",
                [0, 0.25, 0.5, 0.75, 1], _share,
                levels, _share)  # fmt: skip
    right.curve(answered, wrong, _RED)
    return page.figure


class _Plot:
    """A square with scales: numbers in, points on the page out."""

    def __init__(
        self, page: Page, left: float, across: tuple[float, float], up: tuple[float, float]
    ) -> None:
        self.page, self.left, self.top = page, left, TOP + 40
        self.across, self.up = across, up

    def x(self, values: Any) -> Any:
        low, high = self.across
        return self.left + _SIDE * (np.clip(values, low, high) - low) / (high - low)

    def y(self, values: Any) -> Any:
        low, high = self.up
        return self.top + _SIDE * (high - np.clip(values, low, high)) / (high - low)

    def scale(
        self,
        across: str,
        up: str,
        ticks: Sequence[float],
        write: Any,
        others: Sequence[float] | None = None,
        write_others: Any = None,
    ) -> None:
        """Draw both scales; the upright one with other ticks, if they are given."""
        bottom = self.top + _SIDE
        for tick in ticks:
            x = float(self.x(tick))
            self.page.line(x, self.top, x, bottom, LIGHT)
            self.page.text(x, bottom + 12, write(tick), 9, colour=GREY, align="center")
        for tick in ticks if others is None else others:
            y = float(self.y(tick))
            self.page.line(self.left, y, self.left + _SIDE, y, LIGHT)
            text = (write_others or write)(tick)
            self.page.text(self.left - 6, y, text, 9, colour=GREY, align="right")
        self.page.text(self.left, self.top - 16, up, 11)
        self.page.text(self.left + _SIDE, bottom + 30, across, 11, align="right")

    def diagonal(self) -> None:
        low, high = max(self.across[0], self.up[0]), min(self.across[1], self.up[1])
        x0, y0, x1, y1 = (float(f(v)) for v in (low, high) for f in (self.x, self.y))
        self.page.line(x0, y0, x1, y1, GREY)

    def curve(self, xs: Any, ys: Any, colour: str) -> None:
        self.page.curve(self.x(np.asarray(xs)), self.y(np.asarray(ys)), colour)

    def dot(self, x: float, y: float, colour: str) -> None:
        self.page.curve([float(self.x(x))], [float(self.y(y))], colour, radius=3)


def _logs(shares: Any) -> Any:
    return np.log10(np.maximum(shares, 1e-12))


def _even(most: float) -> list[float]:
    """Give round numbers from 0 to `most` or just beyond."""
    power = 10.0 ** np.floor(np.log10(most / 5))
    step = next(float(power * k) for k in (1, 2, 5, 10) if 5 * power * k >= most * (1 - 1e-9))
    return [i * step for i in range(int(np.ceil(most / step * (1 - 1e-9))) + 1)]


def _share(share: float) -> str:
    """Write a share with as many digits as it needs."""
    return f"{100 * share:.3g}%"
