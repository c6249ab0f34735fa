"""The doctor: it names the one thing that is wrong, and says nothing of a good picture."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from mnistry.pictures.doctor import examine
from mnistry.pictures.find import find
from mnistry.pictures.ink import Inked, find_ink
from mnistry.training.pen import Strokes, draw, strokes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSets

    Plane = NDArray[np.floating[Any]]


@pytest.fixture(scope="module")
def strokes(mnist: DataSets) -> list[Strokes]:
    """The skeletons of the first five training digits."""
    return strokes_of(mnist.train.images[:5])


@pytest.fixture(scope="module")
def page(strokes: list[Strokes]) -> Plane:
    """A good page's ink: two rows of digits 60 pixels high, written with a usual pen."""
    return written(strokes, 60)


def written(strokes: list[Strokes], size: float, pen: float = 0.1, gap: float = 1.6) -> Plane:
    """Write digits in two rows; `pen` and `gap` are shares of their height."""
    h, w = int(4 * size), int((len(strokes) * gap + 1) * size)
    ink = np.zeros((h, w), np.float32)
    for y in (1.1, 2.9):
        for i, one in enumerate(strokes):
            x = (1.1 + i * gap) * size
            draw(one, size / max(one.size), pen * size, (x, y * size), ink)
    return ink.astype(np.float64)


def codes(picture: Plane) -> list[str]:
    """Examine a picture as it would be read."""
    inked = find_ink(np.clip(picture, 0, 1))
    return [finding.code for finding in examine(inked, find(inked.ink))]


def by_hand(ink: Plane, paper: Plane | float, contrast: float = 0.7) -> list[str]:
    """Examine ink that was found, rightly, on paper that isn't plain."""
    grey = np.clip(np.broadcast_to(paper, ink.shape) - contrast * ink, 0, 1)
    return [f.code for f in examine(Inked(ink, 1.0, grey, True, False), find(ink))]


@pytest.mark.slow
def test_doctor_is_silent_on_good_pages(strokes: list[Strokes]) -> None:
    """Digits of any size, with any usual pen and paper, give no finding."""
    rng = np.random.default_rng(0)
    for size in (16, 40, 150):
        for pen in (0.06, 0.12, 0.18):
            ink = written(strokes, size, max(pen, 1 / size))
            assert codes(0.95 - 0.7 * ink) == []
            assert codes(0.7 - 0.3 * ink + 0.005 * rng.standard_normal(ink.shape)) == []


@pytest.mark.slow
def test_doctor_is_silent_on_mnist(mnist: DataSets) -> None:
    """Of MNIST's own pictures, small and light on dark, hardly any has a fault."""
    faults = [code for image in mnist.train.images[:200] for code in codes(1 - image / 255)]
    assert len(faults) <= 8
    large = cv2.resize(mnist.train.images[0] / 255, None, fx=5, fy=5)
    assert codes(0.9 - 0.8 * np.pad(large, 20)) == []


def test_doctor_tells_of_light_ink_that_it_is_fine(page: Plane) -> None:
    """Chalk on a board is named, and said to be read."""
    assert codes(0.1 + 0.8 * page) == ["inverted"]
    inked = find_ink(0.1 + 0.8 * page)
    (finding,) = examine(inked, find(inked.ink))
    assert "that is fine" in finding.sentence


def test_doctor_finds_faint_ink(page: Plane) -> None:
    """Ink that hardly differs from paper is faint, and its contrast is said in per cent."""
    assert codes(0.9 - 0.1 * page) == ["faint"]
    assert codes(0.9 - 0.2 * page) == []
    inked = find_ink(0.9 - 0.1 * page)
    assert "differs from the paper by 10% of full scale" in sentence(inked)


def sentence(inked: Inked) -> str:
    """The one finding's sentence."""
    (finding,) = examine(inked, find(inked.ink))
    return finding.sentence


def test_doctor_finds_small_digits(strokes: list[Strokes]) -> None:
    """Digits of few pixels are small, by the picture's own pixels whatever the ink's are."""
    ink = written(strokes, 8, 0.15)
    assert codes(0.9 - 0.8 * ink) == ["small"]
    large = cv2.resize(ink, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC).clip(0, 1)
    assert "The digits are 10 pixels high" in sentence(Inked(large, 4.0, 1 - large, True, True))


def test_doctor_measures_the_pen(strokes: list[Strokes]) -> None:
    """Strokes too thin or too thick for their height are told with their width in pixels."""
    assert codes(0.9 - 0.8 * written(strokes, 150, 0.01)) == ["thin"]
    thick = 0.9 - 0.8 * written(strokes[1:4], 100, 0.45, 2.0)
    assert codes(thick) == ["thick"]
    (width,) = re.findall(r"strokes are ([0-9.]+) pixels", sentence(find_ink(thick)))
    assert float(width) == pytest.approx(45, rel=0.12)


def test_doctor_finds_blur(page: Plane) -> None:
    """A picture out of focus is blurred, and not thick; a little of it is nothing."""
    picture = 0.9 - 0.8 * page
    assert codes(np.asarray(cv2.GaussianBlur(picture, (0, 0), 8.5), float)) == ["blurred"]
    assert codes(np.asarray(cv2.GaussianBlur(picture, (0, 0), 2), float)) == []
    large = np.kron(picture, np.ones((3, 3)))  # the same, with pixels that are seen
    assert codes(large) == []


@pytest.mark.parametrize(
    ("shift", "edges"),
    [((-30, 0), "top edge"), ((0, -40), "left edge"), ((0, 22), "right edge"),
     ((30, 0), "bottom edge"), ((-30, -40), "top and left edges")],
)  # fmt: skip
def test_doctor_finds_what_is_cut_off(
    shift: tuple[int, int], edges: str, strokes: list[Strokes]
) -> None:
    """Ink that runs out of the picture is told with the edge where it does."""
    ink = written(strokes, 60)
    top, left = np.argwhere(ink > 0).min(axis=0)
    bottom, right = np.argwhere(ink > 0).max(axis=0)
    ink = np.pad(ink[top : bottom + 1, left : right + 1], 12)
    h, w = ink.shape
    moved = np.zeros_like(ink)
    dy, dx = shift
    moved[max(dy, 0) : h + min(dy, 0), max(dx, 0) : w + min(dx, 0)] = ink[
        max(-dy, 0) : h + min(-dy, 0), max(-dx, 0) : w + min(-dx, 0)
    ]
    inked = Inked(moved, 1.0, 0.9 - 0.8 * moved, True, True)
    found = {f.code: f.sentence for f in examine(inked, find(moved))}
    assert list(found) == ["cut"]
    assert f"touches the picture's {edges}," in found["cut"]


def test_doctor_finds_a_gap_in_a_digit(strokes: list[Strokes]) -> None:
    """A stroke broken by a narrow gap is told with its place."""
    ink = written(strokes[1:2], 100)
    middle = int(np.argwhere(ink > 0)[:, 0].mean())
    inked = Inked(ink, 1.0, 0.9 - 0.8 * ink, True, True)
    assert examine(inked, find(ink)) == []
    ys, _ = np.nonzero(ink[:200] > 0)
    middle = int((ys.min() + ys.max()) // 2)
    ink[middle - 1 : middle + 2] = 0
    inked = Inked(ink, 1.0, 0.9 - 0.8 * ink, True, True)
    found = {f.code: f.sentence for f in examine(inked, find(ink))}
    assert list(found) == ["broken"]
    (y,) = re.findall(r"y = (\d+)", found["broken"])
    assert abs(int(y) - middle) <= 2


def test_doctor_finds_touching_digits(strokes: list[Strokes]) -> None:
    """Digits written into each other are told as one wide piece of ink."""
    assert codes(0.9 - 0.8 * written(strokes, 80, gap=0.75)) == ["touching"]


def test_doctor_finds_blank_pictures() -> None:
    """Paper alone is blank; so is what has shades but no handwriting, in other words."""
    rng = np.random.default_rng(0)
    assert codes(np.full((50, 70), 0.8)) == ["blank"]
    assert "shades differ by 0% of full scale" in sentence(find_ink(np.full((50, 70), 0.8)))
    shades = 0.2 + 0.4 * rng.random((50, 70))
    inked = Inked(np.zeros((50, 70)), 1.0, shades, True, False)
    assert "Nothing in the picture looks like handwriting" in sentence(inked)


def test_doctor_finds_uneven_light(page: Plane) -> None:
    """A shadow across the paper is told; a little of it is nothing."""
    across = np.linspace(0, 1, page.shape[1])
    assert by_hand(page, 0.95 - 0.5 * across) == ["light"]
    assert by_hand(page, 0.95 - 0.15 * across) == []


@pytest.mark.parametrize("turn", [0, 2, 88])
def test_doctor_finds_ruled_lines(turn: float, page: Plane) -> None:
    """Ruling and margins are told, level or not, also where ink crosses them."""
    h, w = page.shape
    y, x = np.mgrid[:h, :w]
    tilt = np.deg2rad(turn)
    away = (np.cos(tilt) * y - np.sin(tilt) * x) % 55
    ruled = 0.95 - 0.3 * (np.abs(away - 20) < 1)
    assert by_hand(page, ruled) == ["lines"]
    assert by_hand(page, 0.95) == []


def test_doctor_finds_grain(page: Plane) -> None:
    """Noise, or a printed pattern, that is as strong as ink is told."""
    rng = np.random.default_rng(0)
    assert by_hand(page, 0.7 + 0.12 * rng.standard_normal(page.shape), 0.35) == ["grain"]
    assert by_hand(page, 0.7 + 0.02 * rng.standard_normal(page.shape), 0.35) == []
    lost = page + (rng.random(page.shape) > 0.9)  # noise that was taken for ink
    assert by_hand(lost.clip(0, 1), 0.5 + 0.1 * rng.standard_normal(page.shape), 0.1) == [
        "faint", "grain",
    ]  # fmt: skip


def test_doctor_counts_specks(page: Plane) -> None:
    """Dirt is told by its number; a point or two is not dirt."""
    ink = page.copy()
    rng = np.random.default_rng(0)
    for i in range(60):
        y, x = (int(rng.integers(5, side - 8)) for side in ink.shape)
        if not ink[y - 5 : y + 8, x - 5 : x + 8].any():
            ink[y : y + 3, x : x + 3] = 1
        if i == 2:
            assert by_hand(ink, 0.95) == []
    assert by_hand(ink, 0.95) == ["specks"]


def test_doctor_takes_any_size() -> None:
    """Pictures of a pixel, a line or all ink are examined without a fault."""
    for shape in ((1, 1), (1, 40), (40, 1), (3, 3), (2, 500)):
        for ink in (np.zeros(shape), np.ones(shape), np.full(shape, 0.7)):
            for plain in (True, False):
                inked = Inked(ink, 1.0, 1 - ink, True, plain)
                for finding in examine(inked, find(ink)):
                    assert re.fullmatch(r"[A-Z][^\n]+\.", finding.sentence)
