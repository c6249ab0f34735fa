"""Strokes that the inker took for lines come back where they can be strokes, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mnistry.pictures.find import find
from mnistry.pictures.ink import Inked
from mnistry.pictures.lost import with_lost_strokes

H, W = 120, 100
PAPER, PEN = 0.8, 0.5
RING = (50, 45)  # the middle of a ring 32 pixels wide and 50 high, drawn 5 wide

Line = tuple[tuple[int, int], tuple[int, int]]
FOOT: Line = ((36, 72), (66, 76))  # along the ring's lower end, as a 2's foot is


def drawn(
    *lines: Line, depth: float = PEN, width: int = 5, dark: bool = True, slope: float = 0.0
) -> Inked:
    """Draw a ring that the inker found, and lines that it didn't, in a light that falls off."""
    ring, more = np.zeros((2, H, W), np.uint8)
    cv2.ellipse(ring, RING, (16, 25), 0, 0, 360, 255, 5, cv2.LINE_AA)
    for start, end in lines:
        cv2.line(more, start, end, 255, width, cv2.LINE_AA)
    ink, lost = (plane.astype(np.float32) / 255 for plane in (ring, more))
    light = PAPER - slope * np.linspace(0, 1, W, dtype=np.float32)
    grey = light - np.maximum(PEN * ink, depth * lost)
    return Inked(ink, 1.0, grey if dark else 1 - grey, dark, False, (H, W))


def given_back(inked: Inked) -> np.ndarray | None:
    fuller = with_lost_strokes(inked, find(inked.ink))
    return None if fuller is None else fuller.ink - inked.ink


@pytest.mark.parametrize("slope", [0.0, 0.25])
@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("depth", [PEN, 0.6 * PEN])
def test_a_foot_comes_back(dark: bool, depth: float, slope: float) -> None:
    """A stroke at the lower end, as dark as the pen or paler, whatever the light and the side."""
    inked = drawn(FOOT, dark=dark, depth=depth, slope=slope)
    more = given_back(inked)
    assert more is not None
    assert more.min() >= 0
    stroke = cv2.line(np.zeros((H, W), np.uint8), *FOOT, 255, 3) > 0
    stroke &= inked.ink == 0
    assert (more[stroke] > 0.3).mean() > 0.9
    far = cv2.dilate(stroke.astype(np.uint8), np.ones((11, 11), np.uint8)) == 0
    assert more[far].max() == 0


def test_it_makes_one_piece_with_what_it_joins() -> None:
    """The fuller ink's only piece is the ring and its foot."""
    fuller = with_lost_strokes(inked := drawn(FOOT), find(inked.ink))
    assert fuller is not None
    [row] = find(fuller.ink).rows
    [piece] = row.pieces
    assert piece.box.y + piece.box.h > 75


@pytest.mark.parametrize(
    ("why", "picture"),
    [
        ("nothing is lost", drawn()),
        ("pale", drawn(FOOT, depth=0.2 * PEN)),
        ("apart", drawn(((36, 88), (66, 88)))),
        ("longer than a digit", drawn(((14, 73), (86, 73)))),
        ("out of the picture", drawn(((50, 70), (50, 119)))),
        ("a dot", drawn(((50, 75), (50, 75)))),
        ("wider than the pen", drawn(((40, 82), (60, 82)), width=19)),
    ],
)
def test_what_is_no_stroke_stays_out(why: str, picture: Inked) -> None:
    """Pale, loose, long, short or broad things, and what goes on outside, are left out."""
    assert given_back(picture) is None, why


def test_even_paper_lost_nothing() -> None:
    """Where ink is all that differs from the paper, and where there is none."""
    even = replace(drawn(FOOT), plain=True)
    blank = replace(drawn(), ink=np.zeros((H, W), np.float32))
    assert given_back(even) is None
    assert given_back(blank) is None
