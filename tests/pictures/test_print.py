"""Rules, borders and boxes are told from the strokes of digits."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mnistry import DataSets, Reader
from mnistry.pictures.print import has_print

Plane = NDArray[np.float32]


def digit(image: NDArray[np.uint8], tall: int, margin: float) -> Plane:
    """Cut a digit out along its edges, make it so tall, lay it on paper: a share of it around."""
    rows, columns = np.nonzero(image > 60)
    own = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    wide = max(round(own.shape[1] * tall / len(own)), 4)
    own = cv2.resize(own, (wide, tall), interpolation=cv2.INTER_CUBIC)
    return np.pad(own.astype(np.float32) / 255, round(margin * tall))


def boxed(image: NDArray[np.uint8], thick: int, room: int, tilt: float = 0) -> Plane:
    """Draw a box around a digit, so many pixels from it, turned by some degrees."""
    plane = digit(image, 60, 0)
    plane = np.pad(plane, ((room + 12,) * 2, (room + 12 + max(50 - plane.shape[1], 0) // 2,) * 2))
    h, w = plane.shape
    box = cv2.rectangle(np.zeros_like(plane), (12, 12), (w - 13, h - 13), 1.0, thick)
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), tilt, 1)
    return np.asarray(np.maximum(plane, cv2.warpAffine(box, turn, (w, h))), np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("margin", [0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("tall", [28, 60, 200])
def test_a_digit_alone_is_no_print(tall: int, margin: float, mnist: DataSets) -> None:
    """However closely it is cut out: also a 1, which is as straight and as long as a line."""
    told = [has_print(digit(image, tall, margin)) for image in mnist.test.images[:100]]
    assert np.mean(told) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("thick", [1, 3, 5])
@pytest.mark.parametrize("room", [-2, 4, 20])
@pytest.mark.parametrize("tilt", [0, 0.7])
def test_a_box_around_a_digit_is_print(thick: int, room: int, tilt: float, mnist: DataSets) -> None:
    """Thin or broad, also where the digit has run into it, or the paper lay a little askew."""
    told = [has_print(boxed(image, thick, room, tilt)) for image in mnist.test.images[:40]]
    assert np.mean(told) > 0.85


def test_rules_are_print() -> None:
    """What goes from edge to edge, with something else or without; two at right angles too."""
    plane = np.zeros((120, 160), np.float32)
    assert not has_print(plane)
    alone = plane.copy()
    alone[90:93] = 1
    written = alone.copy()
    cv2.line(written, (80, 20), (80, 70), 1.0, 6)
    upright = plane.copy()
    upright[:, 20:22] = 1
    for lines in (alone, written, upright):
        assert has_print(lines)
    short = plane.copy()
    short[90:93, 40:120] = 1
    assert not has_print(short)


def test_a_straight_stroke_is_read() -> None:
    """A clean 1 that fills its picture is a digit, whichever way it leans."""
    reader = Reader()
    for bottom in (140, 110, 170):
        picture = np.full((280, 280), 255, np.uint8)
        cv2.line(picture, (140, 30), (bottom, 250), 0, 20, cv2.LINE_AA)
        assert reader.read(picture).text == "1"
