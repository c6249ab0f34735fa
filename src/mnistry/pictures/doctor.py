"""What is wrong with a picture, in words that a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mnistry.pictures.measured import Measured

if TYPE_CHECKING:
    from mnistry.pictures.find import Found
    from mnistry.pictures.ink import Inked

_BLANK = 0.06  # contrast, of full scale, below which a picture is blank
_FAINT = 0.15  # contrast below which ink is faint
_SMALL = 12  # pixels of the picture, the least height that a digit should have
# Shares of a digit's height. Pens and edges beyond cost accuracy on MNIST's digits drawn so.
_THIN, _THICK = 0.025, 0.24  # a pen
_USUAL = 0.08, 0.16  # the pens of most of MNIST
_BLUR, _SOFT = 0.15, 0.1  # an edge; one that makes a thick pen of a thin one
_SHARP = 4  # pixels of the picture, an edge that is no blur for digits of few pixels
_WIDE = 1.5  # what is as wide is rather two digits
_NEAR = 0.5  # of the pen's width: a gap as narrow is rather none
_SHADE, _GRAIN = 0.5, 0.2  # of the contrast: the paper's shade from place to place; its noise
_LOST = 0.5  # of the contrast: noise in which ink is lost
_SPECKS = 12  # that are no harm


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: a word for programs, and a sentence with the cure for people."""

    code: str
    sentence: str


def examine(inked: Inked, found: Found) -> list[Finding]:
    """Say what is wrong with a picture.

    Parameters
    ----------
    inked, found : as `mnistry.pictures.ink.find_ink` gives the one and `find` the other.

    Returns
    -------
    findings : none for a good picture. Their codes: blank, inverted, faint, small, blurred, thin,
        thick, cut, broken, touching, light, lines, grain, specks.
    """
    if not found.rows:
        return [_blank(inked)]
    seen = Measured(inked, found)
    checks = [_inverted, _faint, _small, _pen, _cut, _broken, _touching, _specks]
    if not inked.plain:  # plain paper has none of these
        checks += [_light, _lines, _grain]
        if seen.grain > _LOST * seen.contrast:  # what was found is hardly ink
            checks = [_faint, _light, _grain]
    return [finding for check in checks if (finding := check(seen)) is not None]


def _blank(inked: Inked) -> Finding:
    spread = float(np.ptp(inked.grey))
    if spread < _BLANK:
        return Finding(
            "blank",
            f"The picture is blank: its shades differ by {spread:.0%} of full scale, ink by "
            f"{_BLANK:.0%} or more; write with a darker pen, or give the picture with the ink.",
        )
    return Finding(
        "blank",
        f"Nothing in the picture looks like handwriting, though its shades differ by {spread:.0%} "
        "of full scale; photograph the digits from nearer, upright and sharp.",
    )


def _inverted(seen: Measured) -> Finding | None:
    if seen.inked.dark:
        return None
    return Finding("inverted", "The ink is light on dark; that is fine, it is read all the same.")


def _faint(seen: Measured) -> Finding | None:
    if seen.contrast >= _FAINT:
        return None
    return Finding(
        "faint",
        f"The ink is faint: it differs from the paper by {seen.contrast:.0%} of full scale, where "
        f"{_FAINT:.0%} or more is safe; use a darker pen or more light.",
    )


def _small(seen: Measured) -> Finding | None:
    tall = seen.in_picture(seen.tall)
    if tall >= _SMALL:
        return None
    return Finding(
        "small",
        f"The digits are {tall:.0f} pixels high, where {_SMALL} or more are needed; photograph or "
        "scan them from nearer.",
    )


def _pen(seen: Measured) -> Finding | None:
    """Tell of blur, or else of a pen that is too thin or too thick."""
    tall, edge = seen.in_picture(seen.tall), seen.in_picture(seen.edge)
    if edge > _SHARP and edge > tall * (_SOFT if seen.pen > _THICK else _BLUR):
        return Finding(
            "blurred",
            f"The picture is blurred: from ink to paper it is {edge:.0f} pixels, for digits "
            f"{tall:.0f} high; hold the camera still and let it focus.",
        )
    if not seen.pen or _THIN <= seen.pen <= _THICK:
        return None
    thin = seen.pen < _THIN
    low, high = (share * tall for share in _USUAL)
    return Finding(
        "thin" if thin else "thick",
        f"The strokes are {seen.pen * tall:.1f} pixels wide, where {low:.1f} to {high:.1f} are "
        f"usual for digits {tall:.0f} high; write "
        + ("with a thicker pen, or smaller." if thin else "with a thinner pen, or larger."),
    )


def _cut(seen: Measured) -> Finding | None:
    ink = seen.mask & (seen.found.owners > 0)
    sides = {"top": ink[0], "right": ink[:, -1], "bottom": ink[-1], "left": ink[:, 0]}
    cut = [side for side, pixels in sides.items() if pixels.any()]
    if not cut:
        return None
    where = " and ".join(filter(None, (", ".join(cut[:-1]), cut[-1])))
    return Finding(
        "cut",
        f"Ink touches the picture's {where} edge{'s' if len(cut) > 1 else ''}, so that a digit may "
        "be cut off; leave paper around the digits.",
    )


def _broken(seen: Measured) -> Finding | None:
    gap, x, y = seen.gap()
    if not seen.pen or gap > max(_NEAR * seen.pen * seen.tall, 1.5):
        return None
    return Finding(
        "broken",
        f"Two pieces of ink are {max(seen.in_picture(gap), 1):.1f} pixels apart at "
        f"{seen.place(x, y)}: if they are one digit, close the gap; if two, leave more space.",
    )


def _touching(seen: Measured) -> Finding | None:
    wide = [box for i in seen.main if (box := seen.boxes[i]).w > _WIDE * seen.tall]
    if not wide:
        return None
    box = max(wide, key=lambda b: b.w)
    return Finding(
        "touching",
        f"A piece of ink at {seen.place(box.x, box.y)} is {box.w / seen.tall:.1f} times as wide "
        "as digits are high here: digits in it touch; leave space between them.",
    )


def _specks(seen: Measured) -> Finding | None:
    count = seen.specks()
    if count <= _SPECKS:
        return None
    return Finding(
        "specks",
        f"There are {count:,} specks on the paper that are too small for digits; they are left "
        "out, but clean paper is surer.",
    )


def _light(seen: Measured) -> Finding | None:
    if seen.shading < max(_SHADE * seen.contrast, 0.1):
        return None
    return Finding(
        "light",
        f"The paper's shade differs by {seen.shading:.0%} of full scale from place to place, the "
        f"ink from it by {seen.contrast:.0%}; light the paper evenly, with nothing else in view.",
    )


def _lines(seen: Measured) -> Finding | None:
    count = seen.lines()
    if count == 0:
        return None
    lines = "a line runs" if count == 1 else f"{count} lines run"
    return Finding(
        "lines",
        f"The paper isn't plain: {lines} across it; they are told from ink as well as can be, but "
        "plain paper is surer.",
    )


def _grain(seen: Measured) -> Finding | None:
    if seen.grain < _GRAIN * seen.contrast:
        return None
    share = seen.grain / max(seen.contrast, 0.01)
    return Finding(
        "grain",
        f"The paper's grain is {share:.0%} as strong as the ink; use plain paper, more light, or "
        "a picture that is compressed less.",
    )
