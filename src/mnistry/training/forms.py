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
SHARES = np.array([0.4, 0.6, 0.45, 0.3, 0.55, 0.5, 0.2, 0.5, 0.35, 0.6])
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


def _zero_flat(rng: Generator) -> Strokes:
    """Lie, as zeros of round numbers do; at times with an end that goes on to the right."""
    wide, open_ = rng.uniform(0.4, 0.55), rng.uniform(-0.15, 0.25)
    high = wide / rng.uniform(1.1, 2.4)
    ways = np.pi * (rng.uniform(-0.6, -0.2) - np.linspace(0, 2 - open_, 10))
    ring = [(wide * np.cos(a), high * np.sin(a)) for a in ways]
    if rng.random() < 0.3:
        ring.append((wide + rng.uniform(0.05, 0.25), -high * rng.uniform(0.4, 1)))
    return _through(rng, *ring)


def _zero_looped(rng: Generator) -> Strokes:
    """End in a loop inside the ring, or in a stroke through it."""
    wide = rng.uniform(0.25, 0.5)
    ring = [
        (0.5 * wide, -0.45), (-0.4 * wide, -0.48), (-wide, 0.0), (-0.5 * wide, 0.45),
        (0.4 * wide, 0.47), (wide, 0.05), (0.7 * wide, -0.36), (0.1 * wide, -0.47),
    ]  # fmt: skip
    low = rng.uniform(-0.25, 0.15)
    kind = rng.random()
    if kind < 0.5:
        ring += [(-0.55 * wide, -0.3), (-0.3 * wide, low), (0.5 * wide, low - 0.1)]
        if rng.random() < 0.5:
            ring.append((wide + 0.1, low - 0.2))
    else:
        ring += [(-0.8 * wide, low), (0.9 * wide, low + rng.uniform(-0.15, 0.15))]
    return _through(rng, *ring)


def _one_as_tent(rng: Generator) -> Strokes:
    """Go up from the foot, as far as down."""
    back, low = rng.uniform(0.15, 0.9), rng.uniform(0.1, 0.52)
    bow = rng.uniform(-0.08, 0.12)
    up = [(-back, low), (-0.5 * back + bow, 0.5 * low - 0.25 + bow), (0, -0.5)]
    foot = rng.uniform(-0.2, 0.1), 0.5
    if rng.random() < 0.3:  # the pen goes down where it came up
        up[-1:] = [(-0.06, -0.42), (0, -0.5)]
    down = polyline((0, -0.5 + rng.uniform(0, 0.1)), foot)
    return together(_through(rng, *up), down)


def _one_looped(rng: Generator) -> Strokes:
    """Turn in a narrow loop at the top, as the letter l."""
    back, wide = rng.uniform(0.0, 0.4), rng.uniform(0.02, 0.08)
    return _through(
        rng, (-back, rng.uniform(-0.1, 0.4)), (0.5 * wide, -0.2), (wide, -0.44), (0, -0.5),
        (-wide, -0.3), (-0.6 * wide, 0.1), (rng.uniform(-0.15, 0.1), 0.5),
    )  # fmt: skip


def _two_on_short_tail(rng: Generator) -> Strokes:
    """Have a large head, closed or nearly, and hardly anything below it."""
    wide, low = rng.uniform(0.22, 0.4), rng.uniform(0.0, 0.25)
    middle, high = (low - 0.5) / 2, (low + 0.5) / 2
    ways = np.pi * np.linspace(rng.uniform(0.2, 0.95), 2.4, 8)
    head = [(wide * np.cos(a), middle + high * np.sin(a)) for a in ways]
    foot = rng.uniform(-0.25, 0.05)
    end = [(foot, 0.45), (foot + rng.uniform(0.05, 0.5), rng.uniform(0.38, 0.5))]
    if rng.random() < 0.3:  # a small loop at the foot
        end[1:1] = [(foot - 0.06, 0.34), (foot + 0.1, 0.38)]
    return _through(rng, *head, *end)


def _three_curled(rng: Generator) -> Strokes:
    """Begin in a curl that all but closes the upper bow; end as far up in the lower one."""
    curl, waist = rng.uniform(0.0, 0.5), rng.uniform(-0.15, 0.08)
    wide = rng.uniform(0.18, 0.3)
    begin = [(-wide + 0.5 * curl * wide, -0.28 + 0.12 * curl), (-wide, -0.36)]
    middle = [(-0.02, waist - 0.02), (rng.uniform(-0.15, 0.02), waist + 0.02), (0.05, waist)]
    end = [(wide, 0.2), (0.6 * wide, 0.45), (-0.3 * wide, 0.5), (-wide, 0.38)]
    if rng.random() < 0.4:
        end.append((-wide, rng.uniform(0.15, 0.3)))
    return _through(rng, *begin, (-0.3 * wide, -0.5), (0.7 * wide, -0.44), (wide, -0.26),
                    *middle, *end)  # fmt: skip


def _four_closed(rng: Generator) -> Strokes:
    """Let the two strokes meet at the top, the left one straight or bent."""
    bar, lean = rng.uniform(-0.05, 0.2), rng.uniform(-0.05, 0.2)
    left = -rng.uniform(0.15, 0.4)
    bend = (0.5 * (left + lean) - rng.uniform(0, 0.1), 0.5 * bar - 0.3)
    head = [(lean, -0.5), bend, (left, bar), (0.1, bar - rng.uniform(0, 0.06))]
    reach = rng.uniform(0.12, 0.4), bar - rng.uniform(-0.04, 0.1)
    down = [(lean + rng.uniform(-0.06, 0.06), rng.uniform(-0.5, -0.36)), (lean - 0.08, 0.5)]
    return together(_through(rng, *head, reach), polyline(*down))


def _four_as_lightning(rng: Generator) -> Strokes:
    """Go down, across and down again in one stroke that never crosses itself."""
    left, low = -rng.uniform(0.1, 0.35), rng.uniform(-0.12, 0.12)
    right = rng.uniform(0.1, 0.3), low + rng.uniform(-0.15, 0.02)
    return _through(
        rng, (rng.uniform(-0.1, 0.2), -0.5), (left, low), (left + 0.06, low + 0.02), right,
        (right[0] - 0.03, right[1] + 0.06), (right[0] - rng.uniform(0.05, 0.25), 0.5),
    )  # fmt: skip


def _four_short(rng: Generator) -> Strokes:
    """Stand on a long left stroke, with a short one on the right."""
    left, low = -rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.35)
    x, top = rng.uniform(0.0, 0.2), low - rng.uniform(0.15, 0.4)
    ell = [(left + rng.uniform(0, 0.2), -0.5), (left, low), (0.05, low + 0.01), (0.34, low - 0.03)]
    return together(polyline(*ell), _through(rng, (x + 0.03, top), (x, 0.5)))


def _five_with_long_bar(rng: Generator) -> Strokes:
    """Hang from a long bar, anywhere along it, with a small belly."""
    left, neck = -rng.uniform(0.05, 0.4), rng.uniform(-0.2, 0.05)
    right, low = rng.uniform(0.25, 0.6), rng.uniform(-0.2, 0.05)
    bar = [(left, -0.48), (right, -0.5 + rng.uniform(-0.05, 0.08))]
    belly = rng.uniform(0.12, 0.3)
    body = [(neck, -0.46 + rng.uniform(0, 0.1)), (neck - 0.06, low), (neck + 0.6 * belly, low),
            (neck + belly, low + 0.25), (neck + 0.4 * belly, 0.46),
            (neck - rng.uniform(0.1, 0.35), 0.46)]  # fmt: skip
    return together(polyline(*bar), _through(rng, *body))


def _seven_with_tick(rng: Generator) -> Strokes:
    """Begin well below the top, in a tick or a bow, and be crossed or not."""
    left, deep = rng.uniform(0.15, 0.4), rng.uniform(0.1, 0.35)
    right = rng.uniform(0.1, 0.3)
    top = [(-left, -0.45), (-left + 0.04, -0.48 + deep), (-0.3 * left, -0.4 + 0.5 * deep),
           (right, -0.5)]  # fmt: skip
    foot = rng.uniform(-0.25, 0.1), 0.5
    seven = [_through(rng, *top), polyline(top[-1], (0.5 * right, -0.1), foot)]
    if rng.random() < 0.7:
        at = rng.uniform(-0.02, 0.2)
        seven.append(polyline((-rng.uniform(0.1, 0.4), at + 0.03), (rng.uniform(0.2, 0.45), at)))
    return together(*seven)


def _eight_in_part(rng: Generator) -> Strokes:
    """Go through the figure from anywhere to anywhere: open at the top, the side or the foot."""
    wide = rng.uniform(0.16, 0.34)
    whole = 2 * np.pi - rng.uniform(-0.5, 0.9)
    ways = rng.uniform(0, 2 * np.pi) + np.linspace(0, whole, 15)
    side = rng.choice([-1, 1])
    return _through(rng, *((side * wide * np.sin(2 * a), -0.5 * np.cos(a)) for a in ways))


def _nine_hooked(rng: Generator) -> Strokes:
    """Have a tail that curls far back, under a head that may be open on either side."""
    wide, low = rng.uniform(0.16, 0.28), rng.uniform(-0.15, 0.05)
    middle, high = (low - 0.5) / 2, (low + 0.5) / 2
    if rng.random() < 0.5:  # against the clock, as it is taught
        ways = np.pi * np.linspace(rng.uniform(-0.4, 0.0), -rng.uniform(1.7, 2.2), 9)
    else:  # with the clock, as a 3
        ways = np.pi * np.linspace(rng.uniform(0.1, 0.65), 2.0, 9)
    head = [(wide * np.cos(a), middle + high * np.sin(a)) for a in ways]
    bend = wide + rng.uniform(-0.1, 0.1)
    tail = [(bend, 0.15), (0.4 * bend, 0.45), (-rng.uniform(0.05, 0.2), 0.5)]
    tail.append((-rng.uniform(0.2, 0.45), rng.uniform(0.25, 0.48)))
    return _through(rng, *head, *tail)


def _nine_as_ribbon(rng: Generator) -> Strokes:
    """Cross below the head: both ends hang down, one of them short."""
    wide, low = rng.uniform(0.2, 0.32), rng.uniform(-0.15, 0.05)
    side = rng.choice([-1, 1])
    stub = rng.uniform(0.4, 1.0), low + rng.uniform(0.05, 0.3)
    head = [(stub[0] * wide, stub[1]), (-0.7 * wide, low - 0.15), (-wide, -0.3), (0, -0.5),
            (wide, -0.3), (0.5 * wide, low - 0.1), (-0.3 * wide, low + 0.1)]  # fmt: skip
    end = rng.uniform(-0.25, 0.1), 0.5
    return _through(rng, *((side * x, y) for x, y in (*head, end)))


FORMS: tuple[tuple[Callable[[Generator], Strokes], ...], ...] = (
    (_zero_with_tail, _zero_curled, _zero_flat, _zero_looped),
    (_one_with_upstroke, _one_with_upstroke, _one_curved, _one_as_tent, _one_looped),
    (_two_with_loops, _two_with_ring, _two_on_short_tail),
    (_three_with_flat_top, _three_curled),
    (
        _four_open, _four_in_one, _four_looped, _four_as_h, _four_low, _four_closed,
        _four_as_lightning, _four_short,
    ),
    (_five_with_bar, _five_leaning, _five_as_root, _five_with_long_bar),
    (_six_open,),
    (_seven_with_bar, _seven_waved, _seven_as_cross, _seven_with_tick),
    (_eight_open, _eight_in_part, _eight_in_part),
    (
        _nine_with_tail, _nine_crossed, _nine_as_p, _nine_as_e, _nine_hooked, _nine_hooked,
        _nine_as_ribbon,
    ),
)  # fmt: skip
