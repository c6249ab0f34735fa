"""Paper's shade is told under strokes and beside shadows; light is made even."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mnistry.pictures.shade import evenly_lit, median_near, odd


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


def ring(thick: int) -> NDArray[np.float32]:
    """Draw a 0, 36 pixels tall, with a pen so thick."""
    plane = np.zeros((60, 100), np.float32)
    return np.asarray(cv2.ellipse(plane, (30, 30), (12, 18), 0, 0, 360, 1.0, thick), np.float32)


@pytest.mark.parametrize("thick", [1, 4, 9, 15])
@pytest.mark.parametrize("light", [0.3, 1.0])
def test_what_is_evenly_lit_stays_as_it_is(thick: int, light: float) -> None:
    """However dark the ink and thick the pen: they are no shadow."""
    grey = light * (0.9 - 0.85 * ring(thick))
    assert evenly_lit(grey) is grey


@pytest.mark.slow
@pytest.mark.parametrize("shadow", [0.3, 0.5, 0.65])
@pytest.mark.parametrize("thick", [2, 6, 12])
def test_a_shadow_is_taken_away_and_ink_is_not(shadow: float, thick: int) -> None:
    """Also where its edge runs through the ink; grain is what it was to its light."""
    light = np.where(np.arange(100) < 35, 1, shadow).astype(np.float32)[None]
    grain = 0.01 * np.random.default_rng(0).standard_normal((60, 100))
    grey = np.asarray(0.9 - 0.6 * ring(thick) + grain, np.float32)
    lit = evenly_lit(grey * light)
    assert lit.min() >= 0
    assert lit.max() <= 1
    paper = np.median(lit[ring(thick) == 0])
    assert lit / paper == pytest.approx(grey / 0.9, abs=0.12)
    assert np.abs(lit / paper - grey / 0.9).mean() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (3, 2), (26, 400)])
def test_light_in_pictures_of_any_size(shape: tuple[int, int]) -> None:
    """Black ones too."""
    rng = np.random.default_rng(0)
    for grey in (rng.random(shape, np.float32), np.zeros(shape, np.float32)):
        lit = evenly_lit(grey)
        assert lit.shape == shape
        assert np.isfinite(lit).all()
