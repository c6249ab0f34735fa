"""Paper's shade is told under strokes and beside shadows, by medians."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mnistry.pictures.shade import median_near, odd


@pytest.mark.parametrize("side", [3, 5, 11])
def test_medians_are_those_of_each_window(side: int) -> None:
    """As NumPy finds them, edges repeated, to half a step of 255."""
    shades = np.random.default_rng(0).normal(3, 20, (19, 23)).astype(np.float32)
    padded = np.pad(shades, side // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    step = float(np.ptp(shades)) / 255
    assert median_near(shades, side) == pytest.approx(np.median(windows, (2, 3)), abs=0.51 * step)


def test_strokes_are_not_in_it_and_shadows_are() -> None:
    """A ring is gone, but for a step of 255; the edge of a shadow is where it was."""
    paper = np.full((60, 100), 0.8, np.float32)
    paper[:, 50:] *= 0.5
    ring = cv2.ellipse(np.zeros_like(paper), (25, 30), (14, 20), 0, 0, 360, 1.0, 3)
    assert median_near(paper * (1 - 0.4 * ring), 15) == pytest.approx(paper, abs=0.004)


def test_even_shades_are_their_own_medians() -> None:
    """No range is divided by."""
    even = np.full((4, 5), 0.3, np.float32)
    assert median_near(even, 3) == pytest.approx(even, abs=1e-6)


def test_windows_have_a_middle() -> None:
    """Odd, at least 3, never larger than asked where that can be."""
    assert [odd(side) for side in (0, 2.9, 4, 5, 6.7, 21)] == [3, 3, 3, 5, 5, 21]
