"""What is far paler than the rest is left out; digits in another pen, or by themselves, stay."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mnistry.pictures.find import find
from mnistry.pictures.ink import Inked, find_ink
from mnistry.pictures.pale import pieces_of, without_pale
from mnistry.reader import Reader

H, W = 160, 320
PAPER = 0.8


def page(depths: list[float], light: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a ring a depth, side by side, on paper whose light falls off: its greys and its ink."""
    ink = np.zeros((H, W), np.float32)
    grey = np.full((H, W), PAPER, np.float32) - light * np.linspace(0, 1, W, dtype=np.float32)
    for i, depth in enumerate(depths):
        ring = np.zeros((H, W), np.uint8)
        at = (round((i + 0.5) * W / len(depths)), H // 2)
        cv2.ellipse(ring, at, (16, 26), 0, 0, 360, 255, 5, cv2.LINE_AA)
        one = ring.astype(np.float32) / 255
        ink, grey = np.maximum(ink, one), grey - depth * one
    return grey, ink


def inked(depths: list[float], light: float = 0.0, *, dark: bool = True) -> Inked:
    grey, ink = page(depths, light)
    return Inked(ink, 1.0, grey if dark else 1 - grey, dark, False, (H, W))


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("light", [0.0, 0.3])
def test_the_palest_goes(light: float, dark: bool) -> None:
    """Of three, the one with a tenth of the others' contrast, whatever the light and the side."""
    found = pieces_of(inked([0.4, 0.04, 0.4], light, dark=dark))
    [row] = found.rows
    assert [round(p.box.x + p.box.w / 2) for p in row.pieces] == pytest.approx([53, 266], abs=3)


def test_what_a_shadow_dims_stays() -> None:
    """Across its edge, or within it, a digit is as good as the others."""
    grey, ink = page([0.4, 0.4, 0.4])
    shade = np.where(np.arange(W) < W // 2, 1, 0.4).astype(np.float32)[None]
    lit = grey * cv2.GaussianBlur(shade, (0, 0), 1.5)
    [row] = pieces_of(Inked(ink, 1.0, lit, True, False, (H, W))).rows
    assert len(row.pieces) == 3


def test_pencil_beside_pen_stays() -> None:
    """A third of the contrast is a pencil's, and read."""
    found = pieces_of(inked([0.45, 0.15, 0.45]))
    assert sum(len(row.pieces) for row in found.rows) == 3


def test_faint_writing_stays() -> None:
    """What is alike faint is compared with itself, and one thing with nothing."""
    assert sum(len(row.pieces) for row in pieces_of(inked([0.03, 0.03, 0.03])).rows) == 3
    assert sum(len(row.pieces) for row in pieces_of(inked([0.02])).rows) == 1


def test_a_row_that_is_pale_as_a_whole_goes() -> None:
    """No empty row is left behind."""
    grey, ink = page([0.4, 0.4])
    more, low = page([0.03])
    both = np.concatenate([grey, more]), np.concatenate([ink, low])
    found = pieces_of(Inked(both[1], 1.0, both[0], True, False, both[0].shape))
    assert len(found.rows) == 1
    assert len(found.rows[0].pieces) == 2


def test_even_paper_is_taken_as_it_is() -> None:
    """On even paper all that differs is ink, however pale."""
    grey, ink = page([0.4, 0.04, 0.4])
    even = Inked(ink, 1.0, grey, True, True, (H, W))
    found = find(ink)
    assert without_pale(found, even) is found


def test_a_hair_on_a_photographed_page_is_not_read() -> None:
    """A faint arc below a row of zeros, on paper with grain and a shadow, says nothing."""
    rng = np.random.default_rng(0)
    grey, _ = page([0.5, 0.5, 0.5], 0.3)
    grey = np.concatenate([grey, np.repeat(grey[-1:] * 0 + PAPER, H, axis=0)])
    grey[H:] -= 0.3 * np.linspace(0, 1, W, dtype=np.float32)
    arc = np.zeros(grey.shape, np.uint8)
    cv2.ellipse(arc, (150, 230), (30, 34), 0, -80, 10, 255, 3, cv2.LINE_AA)
    hair = grey - 0.05 * arc.astype(np.float32) / 255
    texts = {}
    for name, plane in {"with": hair, "without": grey}.items():
        noisy = np.clip(plane + 0.008 * rng.standard_normal(plane.shape), 0, 1)
        texts[name] = Reader().read(np.round(255 * noisy).astype(np.uint8)).text
    assert texts == {"with": "000", "without": "000"}
    dark = np.round(255 * np.clip(grey - 0.5 * arc / 255, 0, 1)).astype(np.uint8)
    assert not find_ink(dark).plain  # else the test says nothing
    assert len(Reader().read(dark).digits) > 3  # drawn with the pen, it is looked at


def test_smudges_may_be_more_than_the_digit() -> None:
    """Two smudges are most of the ink, and a tenth as dark as the one digit."""
    [row] = pieces_of(inked([0.04, 0.4, 0.04])).rows
    [piece] = row.pieces
    assert piece.box.x + piece.box.w / 2 == pytest.approx(W / 2, abs=3)
