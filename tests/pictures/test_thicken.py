"""The width of the pen, which decides whether strokes are dilated."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mnistry.pictures.find import find
from mnistry.pictures.thicken import pen_width


@pytest.mark.parametrize("pen", [1, 2, 3, 8])
def test_pen_width_is_that_of_a_line(pen: int) -> None:
    """A straight line has the width it was drawn with, to a sixth."""
    ink = np.zeros((120, 60), np.float32)
    ink[10:110, 20 : 20 + pen] = 1
    assert pen_width(find(ink)) == pytest.approx(pen, rel=1 / 6)


def test_pen_width_of_dithered_strokes_is_that_of_the_stroke() -> None:
    """Holes of single pixels in a broad stroke do not make its pen thin."""
    ink = np.zeros((160, 120), np.float32)
    cv2.circle(ink, (60, 80), 45, 1, 14)
    whole = pen_width(find(ink))
    ink[::2, ::2] = 0
    assert pen_width(find(ink)) == pytest.approx(whole, rel=0.2)
