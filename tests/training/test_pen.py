"""The pen: skeletons of digits, drawn again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mnistry.data.dataset import DataSets
from mnistry.training.pen import Strokes, draw, polyline, strokes_of, thinned, together


def test_thinning_keeps_the_form(mnist: DataSets) -> None:
    """Thinned shapes lie in the shapes, have no blocks of four, and keep their pieces and holes."""
    masks = mnist.train.images[:60] > 110
    thin = thinned(masks)
    assert not (thin & ~masks).any()
    blocks = thin[:, 1:, 1:] & thin[:, :-1, 1:] & thin[:, 1:, :-1] & thin[:, :-1, :-1]
    assert blocks.sum() < 30  # the method leaves some at crossings
    for mask, line in zip(masks, thin, strict=True):
        for inverted in (False, True):
            both = [np.pad(m, 1) ^ inverted for m in (mask, line)]
            pieces = [
                cv2.connectedComponents(m.astype(np.uint8), connectivity=4 if inverted else 8)[0]
                for m in both
            ]
            assert pieces[0] == pieces[1]


def test_strokes_drawn_again_are_the_digit(mnist: DataSets) -> None:
    """A digit's strokes, drawn with a pen as wide as its own, cover its ink and little else."""
    images = mnist.train.images[:40]
    shares = []
    for image, strokes in zip(images, strokes_of(images), strict=True):
        rows, columns = np.nonzero(image > 110)
        canvas = np.zeros((28, 28), np.float32)
        middle = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
        thick = 2.6
        draw(strokes, np.ptp(rows) + 1 - thick, thick, middle, canvas)
        ink = image / 255
        shares.append(2 * np.minimum(canvas, ink).sum() / (canvas.sum() + ink.sum()))
    assert np.mean(shares) > 0.75


@pytest.mark.parametrize("width", [1.0, 3.0, 9.5])
def test_pen_is_as_wide_as_said(width: float) -> None:
    """A long straight stroke is as wide as its pen, or less than a pixel wider."""
    canvas = np.zeros((40, 240), np.float32)
    draw(polyline((0, 0), (1, 0)), 200, width, (20.3, 20.4), canvas)
    assert width - 0.1 <= canvas[:, 60:160].sum() / 100 <= width + 0.8
    assert canvas.max() <= 1


def test_drawing_is_cut_by_the_canvas() -> None:
    """What lies outside of the canvas is left out, without an error."""
    canvas = np.zeros((20, 20), np.float32)
    draw(polyline((0, 0), (1, 0)), 100, 3, (-50, 10), canvas)
    draw(polyline((0, 0), (1, 0)), 100, 3, (500, 500), canvas)
    assert canvas[10].all()
    assert not canvas[15].any()


def test_a_dot_is_drawn() -> None:
    """A picture of one pixel has a skeleton that can be drawn."""
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 14, 14] = 255
    [strokes] = strokes_of(image)
    canvas = np.zeros((20, 20), np.float32)
    draw(strokes, 10, 3, (10, 10), canvas)
    assert canvas.max() > 0.5


def test_bending_by_nothing_changes_nothing() -> None:
    """The identity and no waves leave the points; drawings are put together as they are."""
    strokes = together(polyline((0, 0), (1, 0), (1, 1)), polyline((0, 1), (1, 1)))
    assert strokes.lines.max() == len(strokes.points) - 1
    bent = strokes.bent(np.eye(2), np.zeros((2, 2, 2)))
    assert np.allclose(bent.points, strokes.points)
    assert isinstance(bent, Strokes)
    assert strokes.size == (1.0, 1.0)
