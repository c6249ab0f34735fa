"""Forms of digits that much of the world writes and MNIST's Americans of 1990 seldom did.

Each is a few strokes through corners that are drawn anew, within bounds, every time: x to the
right and y downwards, the digit from -0.5 to 0.5 in height.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mnistry.training.pen import Strokes, curve, polyline, together

if TYPE_CHECKING:
    from numpy.random import Generator

_SHAKE = 0.035  # standard deviation of every corner


def write_form(rng: Generator, label: int) -> Strokes:
    """Write a digit in one of its forms."""
    forms = FORMS[label]
    return forms[int(rng.integers(len(forms)))](rng)


def _through(rng: Generator, *corners: tuple[float, float]) -> Strokes:
    shaken = [
        (x + _SHAKE * rng.standard_normal(), y + _SHAKE * rng.standard_normal()) for x, y in corners
    ]
    return curve(*shaken)


def _one_with_upstroke(rng: Generator) -> Strokes:
    back, low = rng.uniform(0.1, 0.75), rng.uniform(-0.4, 0.5)
    halfway = -back * rng.uniform(0.4, 0.6), (low - 0.5) / 2 + rng.uniform(0, 0.12)
    foot = rng.uniform(-0.15, 0.1), 0.5
    one = [polyline((-back, low), halfway, (0, -0.5), foot, steps=5)]
    if rng.random() < 0.35:  # in two strokes that don't quite meet
        apart = rng.uniform(0.03, 0.12)
        one = [polyline((-back - apart, low), (-apart, -0.45)), polyline((0, -0.5), foot)]
    if rng.random() < 0.25:
        one.append(
            polyline((foot[0] - rng.uniform(0.1, 0.35), 0.5), (rng.uniform(0.1, 0.35), 0.49))
        )
    return together(*one)


def _seven_with_bar(rng: Generator) -> Strokes:
    left = -rng.uniform(0.2, 0.4)
    top = [(left, -0.45), (rng.uniform(0.2, 0.4), -0.5 + rng.uniform(-0.05, 0.08))]
    if rng.random() < 0.4:  # a wave in it
        top.insert(1, (left * 0.3, -0.45 + rng.uniform(-0.12, 0.12)))
    seven = [together(_through(rng, *top), polyline(top[-1], (rng.uniform(-0.25, 0.1), 0.5)))]
    if rng.random() < 0.4:  # a hook at its beginning
        seven.append(polyline(top[0], (left - 0.08, -0.45 + rng.uniform(0.08, 0.25))))
    if rng.random() < 0.8:
        seven.append(polyline((-rng.uniform(0.1, 0.35), 0.05), (rng.uniform(0.15, 0.4), -0.02)))
    return together(*seven)


def _two_with_loops(rng: Generator) -> Strokes:
    curl = rng.uniform(0, 0.2)
    head = [(-0.22 + curl, -0.28 + curl / 2), (-0.27, -0.38), (-0.08, -0.5), (0.2, -0.42)]
    body = [(0.22, -0.2), (0.02, 0.12), (-0.25, 0.38)]
    loop = [(-0.36, 0.47), (-0.36, 0.32), (-0.18, 0.32), (0.05, 0.46), (0.36, 0.42)]
    plain = [(-0.3, 0.45), (0, 0.46), (0.36, 0.44)]
    if rng.random() < 0.4:  # a loop at the top as well
        head = [(-0.02, -0.22), (-0.2, -0.18), (-0.28, -0.36), *head[2:]]
    return _through(rng, *head, *body, *(loop if rng.random() < 0.7 else plain))


def _four_open(rng: Generator) -> Strokes:
    if rng.random() < 0.5:  # as the letter h, or a chair
        left = [(-0.2, -0.5), (-0.3, 0.0 + rng.uniform(-0.1, 0.12))]
        across = [(left[1][0], left[1][1]), (0.02, left[1][1] - 0.02), (0.32, left[1][1] - 0.06)]
        down = [(0.2, rng.uniform(-0.45, 0.0)), (0.13, 0.5)]
        return together(polyline(*left), _through(rng, *across), _through(rng, *down))
    slope = [(0.05, -0.5), (-0.38, rng.uniform(0.05, 0.25)), (0.38, rng.uniform(0.02, 0.2))]
    down = [(rng.uniform(0.05, 0.2), rng.uniform(-0.25, 0.1)), (rng.uniform(-0.02, 0.15), 0.5)]
    return together(polyline(*slope), polyline(*down))


def _four_in_one(rng: Generator) -> Strokes:
    turn = rng.uniform(0.0, 0.15)
    return _through(
        rng, (-0.15, -0.5), (-0.28, -0.1), (-0.2, turn), (0.05, 0.0), (0.2, -0.12), (0.22, -0.15),
        (0.18, 0.1), (0.12, 0.5),
    )  # fmt: skip


def _nine_with_tail(rng: Generator) -> Strokes:
    begin = (0.22, -0.38 + rng.uniform(-0.05, 0.1))
    head = [begin, (0.02, -0.5), (-0.24, -0.32), (-0.12, -0.06), (0.12, -0.14), (0.24, -0.36)]
    if rng.random() < 0.5:
        tail = [(0.22, 0.1), (0.12, 0.42), (-0.1, 0.5), (-0.25, 0.4)]
    else:
        tail = [(0.2, 0.1), (rng.uniform(0.0, 0.15), 0.5)]
    return _through(rng, *head, *tail)


def _nine_crossed(rng: Generator) -> Strokes:
    return _through(
        rng, (0.28, -0.48), (-0.02, -0.42), (-0.22, -0.28), (-0.1, -0.06), (0.14, -0.2),
        (0.05, -0.42), (rng.uniform(0.1, 0.2), -0.1), (0.1, 0.2), (rng.uniform(-0.1, 0.1), 0.5),
    )  # fmt: skip


def _zero_with_tail(rng: Generator) -> Strokes:
    wide = rng.uniform(0.2, 0.42)
    ring = [
        (0.05, -0.48), (-0.7 * wide, -0.36), (-wide, 0.02), (-0.6 * wide, 0.42), (0.05, 0.5),
        (0.8 * wide, 0.3), (wide, -0.05), (0.6 * wide, -0.42), (rng.uniform(-0.1, 0.05), -0.46),
    ]  # fmt: skip
    kind = rng.random()
    if kind < 0.35:  # on to the next
        ring += [(0.5 * wide, -0.3), (wide + 0.2, -0.36)]
    elif kind < 0.55:
        ring += [(wide, 0.2), (wide + 0.25, 0.4)]
    elif kind < 0.7:  # not closed
        ring = ring[:-2]
    return _through(rng, *ring)


def _three_with_flat_top(rng: Generator) -> Strokes:
    top = [(-0.25, -0.5), (0.25, -0.5)]
    round_ = [(0.25, -0.5), (-0.02, -0.12), (0.25, 0.08), (0.22, 0.36), (0.0, 0.5), (-0.28, 0.4)]
    return together(polyline(*top), _through(rng, *round_))


def _five_with_bar(rng: Generator) -> Strokes:
    body = [(-0.12, -0.45), (-0.2, -0.1), (0.05, -0.14), (0.24, 0.12), (0.1, 0.44), (-0.28, 0.46)]
    bar = [(-0.12 + rng.uniform(-0.02, 0.12), -0.46), (rng.uniform(0.2, 0.5), -0.5)]
    return together(_through(rng, *body), _through(rng, *bar))


def _eight_open(rng: Generator) -> Strokes:
    return _through(
        rng, (0.2, -0.38), (0.02, -0.5), (-0.2, -0.34), (0.0, -0.06), (0.22, 0.22), (0.04, 0.5),
        (-0.24, 0.3), (-0.02, 0.02), (0.2, -0.2), (0.24, -0.42 + rng.uniform(-0.06, 0.1)),
    )  # fmt: skip


def _seven_waved(rng: Generator) -> Strokes:
    deep = rng.uniform(0.05, 0.25)
    top = [
        (-0.4, -0.42 + deep),
        (-0.22, -0.5),
        (-0.02, -0.5 + 0.8 * deep),
        (0.12, -0.4),
        (0.3, -0.5),
    ]
    foot = rng.uniform(-0.25, 0.05), 0.5
    seven = [_through(rng, *top), polyline(top[-1], (0.12, -0.15), foot)]
    if rng.random() < 0.85:
        seven.append(polyline((-rng.uniform(0.15, 0.4), 0.08), (rng.uniform(0.2, 0.5), 0.02)))
    return together(*seven)


def _five_leaning(rng: Generator) -> Strokes:
    neck = rng.uniform(0.0, 0.15)
    body = [(neck, -0.42), (neck - 0.14, -0.1), (neck + 0.05, -0.12), (0.2, 0.1), (0.08, 0.42),
            (-0.3, 0.48)]  # fmt: skip
    lift = rng.uniform(-0.04, 0.05)
    bar = [(neck - 0.02, -0.44 + lift), (neck + 0.12, -0.5 + lift), (0.48, -0.4 + lift)]
    return together(_through(rng, *body), _through(rng, *bar))


def _four_looped(rng: Generator) -> Strokes:
    high = rng.uniform(-0.4, -0.15)
    return _through(
        rng, (-0.1, -0.5), (-0.28, -0.15), (-0.25, 0.08), (0.05, 0.06), (0.27, -0.12),
        (0.22, high), (0.08, high + 0.12), (0.06, 0.2), (rng.uniform(-0.05, 0.1), 0.5),
    )  # fmt: skip


def _six_open(rng: Generator) -> Strokes:
    top = rng.uniform(-0.05, 0.3)
    close = (rng.uniform(-0.3, -0.1), rng.uniform(0.0, 0.25))
    return _through(
        rng, (top, -0.5), (-0.15, -0.2), (-0.25, 0.2), (-0.05, 0.5), (0.22, 0.3), (0.1, 0.02), close
    )


def _zero_curled(rng: Generator) -> Strokes:
    """Close the ring with a curl inside, or overshoot it at the top."""
    wide = rng.uniform(0.22, 0.5)
    ring = [
        (0.2 * wide, -0.45), (-0.6 * wide, -0.42), (-wide, 0.0), (-0.6 * wide, 0.42), (0, 0.5),
        (0.7 * wide, 0.36), (wide, 0.0), (0.7 * wide, -0.36),
    ]  # fmt: skip
    end = [(0, -0.5), (-0.3 * wide, -0.3)] if rng.random() < 0.5 else [(0.1, -0.5), (-0.2, -0.55)]
    return _through(rng, *ring, *end)


def _one_curved(rng: Generator) -> Strokes:
    """Go up in a curve, from anywhere, and straight down."""
    back = rng.uniform(0.2, 0.7)
    low = rng.uniform(-0.25, 0.45)
    bow = rng.uniform(-0.2, 0.25)
    up = [(-back, low), (-0.6 * back, low * 0.6 - 0.2 + bow * 0.5), (-0.15, -0.4), (0, -0.5)]
    lean = rng.uniform(-0.15, 0.08)
    return together(_through(rng, *up), polyline((0, -0.5), (lean, 0.5)))


FORMS: tuple[tuple[Callable[[Generator], Strokes], ...], ...] = (
    (_zero_with_tail, _zero_curled),
    (_one_with_upstroke, _one_with_upstroke, _one_curved),
    (_two_with_loops,),
    (_three_with_flat_top,),
    (_four_open, _four_in_one, _four_looped),
    (_five_with_bar, _five_leaning),
    (_six_open,),
    (_seven_with_bar, _seven_waved),
    (_eight_open,),
    (_nine_with_tail, _nine_crossed),
)
