"""Forms of digits that much of the world writes and MNIST's Americans of 1990 seldom did.

Each is a few strokes through corners that are drawn anew, within bounds, every time: x to the
right and y downwards, the digit from -0.5 to 0.5 in height.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mnistry.pictures.frame import frame_many
from mnistry.training.pen import Strokes, by_hand, curve, polyline, together

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

# How much of each digit's hands write it in such a form.
SHARES = np.array([0.35, 0.55, 0.45, 0.15, 0.5, 0.45, 0.15, 0.45, 0.15, 0.4])
_SHAKE = 0.035  # standard deviation of every corner


def write_form(rng: Generator, label: int) -> Strokes:
    """Write a digit in one of its forms."""
    forms = FORMS[label]
    return forms[int(rng.integers(len(forms)))](rng)


def foreign_digits(n: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Write n digits in forms that MNIST lacks, most in what differs most from its own.

    Returns
    -------
    images : uint8 (n, 28, 28), framed. labels : (n,).
    """
    rng = np.random.default_rng(seed)
    labels = rng.choice(10, n, p=SHARES / SHARES.sum())
    canvases = [by_hand(rng, write_form(rng, int(label))) for label in labels]
    return frame_many(canvases), labels.astype(np.int64)


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


def _two_with_ring(rng: Generator) -> Strokes:
    """Begin with a ring, or nearly one, as the letter Q."""
    wide, low = rng.uniform(0.2, 0.36), rng.uniform(-0.18, 0.08)
    ring = [
        (rng.uniform(-0.1, 0.6) * wide, low), (-0.7 * wide, low - 0.02), (-wide, 0.5 * low - 0.25),
        (-0.5 * wide, -0.48), (0.5 * wide, -0.48), (wide, 0.5 * low - 0.25), (0.6 * wide, low),
    ]  # fmt: skip
    loop = [(-0.3, 0.46), (-0.32, 0.34), (-0.12, 0.36), (0.1, 0.47), (0.36, 0.42)]
    plain = [(-0.25, 0.46), (0.05, 0.46), (0.38, 0.44)]
    return _through(rng, *ring, (-0.02, 0.25), *(loop if rng.random() < 0.3 else plain))


def _four_as_h(rng: Generator) -> Strokes:
    """Go down, over an arch and down again."""
    left, foot = rng.uniform(-0.35, -0.15), rng.uniform(0.02, 0.3)
    arch = rng.uniform(-0.15, 0.1)
    return _through(
        rng, (left + rng.uniform(0, 0.25), -0.5), (left, foot), (left + 0.06, foot),
        (0.02, arch), (0.16, arch + 0.04), (rng.uniform(0.05, 0.18), 0.5),
    )  # fmt: skip


def _four_low(rng: Generator) -> Strokes:
    """Lean far, with the bar near the foot and a short stroke through it."""
    bar = rng.uniform(0.2, 0.44)
    slope = [(rng.uniform(-0.05, 0.25), -0.5), (-0.32, bar), (0.34, bar - rng.uniform(-0.04, 0.1))]
    across = rng.uniform(0.0, 0.22)
    down = [(across + 0.03, bar - rng.uniform(0.15, 0.4)), (across - 0.02, 0.5)]
    return together(polyline(*slope), polyline(*down))


def _five_as_root(rng: Generator) -> Strokes:
    """Have hardly a belly, and a bar that goes up: the sign of a root, or the letter r."""
    belly, neck = rng.uniform(0.0, 0.16), rng.uniform(-0.2, -0.05)
    stem = [(neck, -0.38), (neck - 0.02, -0.05), (neck + belly, 0.15), (neck + 0.6 * belly, 0.38),
            (neck - rng.uniform(0.0, 0.2), 0.5)]  # fmt: skip
    lift = rng.uniform(0.0, 0.12)
    bar = [(neck, -0.38), (neck + 0.2, -0.4 - lift), (rng.uniform(0.25, 0.5), -0.42 - lift)]
    if rng.random() < 0.4:  # from below, as a root
        bar[0] = (neck + rng.uniform(0.0, 0.08), rng.uniform(-0.3, 0.2))
    return together(_through(rng, *stem), _through(rng, *bar))


def _seven_as_cross(rng: Generator) -> Strokes:
    """Have hardly a top, and a bar that is longer."""
    top, lean = rng.uniform(0.0, 0.25), rng.uniform(-0.2, 0.05)
    stem = [(-top, -0.42), (-0.3 * top, -0.48), (0.05, -0.5), (0.04, -0.1), (lean, 0.5)]
    at = rng.uniform(-0.05, 0.18)
    bar = [(-rng.uniform(0.25, 0.45), at + 0.04), (rng.uniform(0.2, 0.45), at - 0.05)]
    if rng.random() < 0.4:
        bar.insert(0, (bar[0][0] + 0.1, at + rng.uniform(0.08, 0.18)))
    return together(_through(rng, *stem), polyline(*bar))


def _nine_as_p(rng: Generator) -> Strokes:
    """Hang the tail on any side of the ring: also on the left, as the letter P."""
    wide, low = rng.uniform(0.16, 0.3), rng.uniform(-0.12, 0.05)
    middle, high = (low - 0.5) / 2, (low + 0.5) / 2
    turn = rng.uniform(-0.2, 1.2) * np.pi  # where the ring is left: 0 on the right, pi on the left
    ways = turn + np.linspace(rng.uniform(-2.2, -1.8) * np.pi, 0, 9)
    ring = [(wide * np.cos(a), middle + high * np.sin(a)) for a in ways]
    x, y = ring[-1]
    end = x + rng.uniform(-0.15, 0.15), 0.5
    return _through(rng, *ring, (0.6 * x + 0.4 * end[0], 0.6 * y + 0.2), end)


def _nine_as_e(rng: Generator) -> Strokes:
    """Go around against the clock and on into the tail, as the letter e."""
    low = rng.uniform(-0.2, 0.0)
    return _through(
        rng, (-0.22, low), (0.05, low - 0.06), (0.24, -0.25), (0.12, -0.48), (-0.12, -0.46),
        (-0.24, -0.15), (-0.2, 0.2), (-0.02, 0.47),
        (rng.uniform(0.1, 0.25), rng.uniform(0.36, 0.5)),
    )  # fmt: skip


FORMS: tuple[tuple[Callable[[Generator], Strokes], ...], ...] = (
    (_zero_with_tail, _zero_curled),
    (_one_with_upstroke, _one_with_upstroke, _one_curved),
    (_two_with_loops, _two_with_ring),
    (_three_with_flat_top,),
    (_four_open, _four_in_one, _four_looped, _four_as_h, _four_low),
    (_five_with_bar, _five_leaning, _five_as_root),
    (_six_open,),
    (_seven_with_bar, _seven_waved, _seven_as_cross),
    (_eight_open,),
    (_nine_with_tail, _nine_crossed, _nine_as_p, _nine_as_e),
)
