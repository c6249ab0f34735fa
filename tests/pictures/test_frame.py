"""Framing is MNIST's own, to the bit, and sees the digit alone: not where or how large it is."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.pictures.frame import _matrix, frame, frame_many


def stretched(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    peak = images.max(axis=(1, 2), keepdims=True)
    whole: NDArray[np.uint8] = np.round(255.0 * images / peak).astype(np.uint8)
    return whole


def changed(images: NDArray[np.uint8]) -> tuple[list[NDArray[Any]], list[bool]]:
    """The pictures that framing changes; of each, whether it is shifted by a pixel only."""
    bad, shifts = [], []
    for start in range(0, len(images), 5000):  # 5,000 at a time, to be modest with memory
        wanted = stretched(images[start : start + 5000])
        found = frame_many(images[start : start + 5000] / 255)
        for i in np.flatnonzero((found != wanted).any(axis=(1, 2))):
            bad.append(found[i])
            shifts.append(
                any(
                    np.array_equal(np.roll(found[i], (dy, dx), (0, 1)), wanted[i])
                    for dy in (-1, 0, 1)
                    for dx in (-1, 0, 1)
                )
            )
    return bad, shifts


def test_frame_leaves_mnists_test_pictures_as_they_are(mnist: DataSets) -> None:
    """9,996 of 10,000 test pictures come back to the bit; one of the others is shifted."""
    bad, shifts = changed(mnist.test.images)
    assert len(bad) == 4
    assert sum(shifts) == 1


@pytest.mark.slow
def test_frame_leaves_mnists_training_pictures_as_they_are(mnist: DataSets) -> None:
    """59,980 of 60,000 come back to the bit; six of the others are shifted by a pixel."""
    found = [changed(split.images) for split in (mnist.validation, mnist.train)]
    assert sum(len(bad) for bad, _ in found) == 20
    assert sum(sum(shifts) for _, shifts in found) == 6


def off_centre(images: NDArray[np.uint8]) -> set[int]:
    """Pictures whose centre of mass, in whole numbers, is not in [13.5, 14.5] on both axes."""
    ink = images.astype(np.int64)
    mass = ink.sum(axis=(1, 2))
    twice = [2 * (ink.sum(axis=axis) * np.arange(28)).sum(axis=1) for axis in (1, 2)]
    return {int(i) for t in twice for i in np.flatnonzero((t < 27 * mass) | (t > 29 * mass))}


@pytest.mark.slow
def test_frame_centres_mnist_where_it_is(mnist: DataSets) -> None:
    """The centre of mass is at 14 to within half a pixel but for two training pictures."""
    assert off_centre(mnist.test.images) == set()
    assert off_centre(mnist.validation.images) == set()
    assert {i + 5000 for i in off_centre(mnist.train.images)} == {19841, 45131}


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_frame_centres_any_ink(height: int, width: int, seed: int) -> None:
    """Framed ink has its centre of mass where MNIST's is."""
    ink = np.random.default_rng(seed).random((height, width))
    assert off_centre(frame(ink)[np.newaxis]) == set()


@pytest.mark.parametrize(("side", "total"), [(20, 1), (40, 0.5), (100, 0.2)])
def test_frame_matrix_columns_sum_to_the_scale(side: int, total: float) -> None:
    """Each source pixel's weights sum to the scale at the sides where pixels fit exactly."""
    matrix = _matrix(side)
    assert matrix.shape == (20, side)
    assert np.array_equal(matrix.sum(axis=0), np.full(side, total))


@given(st.integers(10, 400))
def test_frame_matrix_keeps_the_mass(side: int) -> None:
    """At any side a uniform picture stays uniform to within the fudge's aliasing."""
    matrix = _matrix(side)
    assert (matrix >= 0).all()
    assert matrix.sum() == pytest.approx(20, rel=0.02)


def test_frame_matrix_is_the_recipes() -> None:
    """The matrix is the recipe's, computed weight by weight as it is written."""
    for m in (20, 21, 25, 33, 47, 101):
        s = 20 / m
        A = np.zeros((20, m))
        for i in range(m):
            x = 10 + s * (i - m / 2)
            xw = x + 0.99 * s
            a, b = int(np.floor(x + 1e-11)), int(np.ceil(xw - 1e-11)) - 1
            if a == b:
                A[a, i] = s
            else:
                A[a, i] = min(max(a + 1 - x, 0), 1)
                A[b, i] = min(max(xw - b, 0), 1)
        assert np.array_equal(_matrix(m), A)


def test_frame_of_no_ink_is_blank() -> None:
    """Blank paper frames to a blank picture."""
    assert not frame(np.zeros((50, 9))).any()
    assert frame(np.zeros((1, 1))).shape == (28, 28)


def test_frame_of_a_dot_is_a_full_dot_in_the_middle() -> None:
    """A single faint pixel becomes a dot of two by two, of full ink."""
    ink = np.zeros((40, 30))
    ink[31, 2] = 0.01
    expected = np.zeros((28, 28))
    expected[14:16, 14:16] = 255
    assert np.array_equal(frame(ink), expected)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_frame_does_not_see_where_the_digit_is(top: int, left: int, down: int, right: int) -> None:
    """Any margin on any side gives the same picture, to the bit."""
    ink = np.random.default_rng(0).random((33, 21))
    around = np.pad(ink, ((top, down), (left, right)))
    assert np.array_equal(frame(around), frame(ink))


@pytest.mark.parametrize("scale", [2, 3, 4, 7])
def test_frame_does_not_see_how_large_the_digit_is(scale: int, mnist: DataSets) -> None:
    """Digits drawn larger, pixel by pixel, frame to the same picture.

    To the bit where the digit can be in the middle of its square; else the larger square has
    it half a pixel aside, which blurs its edges.
    """
    images = stretched(mnist.test.images[:200])
    found = frame_many(np.repeat(np.repeat(images / 255, scale, axis=1), scale, axis=2))
    spans = np.array(
        [
            [np.ptp(np.flatnonzero(picture.any(axis=axis))) + 1 for axis in (0, 1)]
            for picture in images
        ]
    )
    whole = (spans.max(axis=1) == 20) & (spans % 2 == 0).all(axis=1)
    assert whole.mean() > 0.4
    assert np.array_equal(found[whole], images[whole])
    assert np.abs(found.astype(int) - images).mean(axis=(1, 2)).max() < 20


def seven(size: float, aside: float) -> NDArray[np.float64]:
    """A seven, drawn `size` pixels high with soft edges, its place `aside` of the middle."""
    side = int(1.6 * size) + 20
    rows, cols = np.mgrid[:side, :side]
    y, x = (rows - side / 2 - aside) / size, (cols - side / 2 + aside) / size
    corners = np.array([(-0.45, -0.3), (-0.45, 0.3), (0.45, -0.1)])
    far = np.inf
    for (y0, x0), (y1, x1) in itertools.pairwise(corners):
        along = (y - y0) * (y1 - y0) + (x - x0) * (x1 - x0)
        t = np.clip(along / ((y1 - y0) ** 2 + (x1 - x0) ** 2), 0, 1)
        far = np.minimum(far, np.hypot(y - y0 - t * (y1 - y0), x - x0 - t * (x1 - x0)))
    ink: NDArray[np.float64] = np.clip(0.5 + (0.05 - far) * size, 0, 1)
    return ink


@pytest.mark.slow
@pytest.mark.parametrize("size", [60, 61.3, 97, 200, 401.7, 900])
def test_frame_of_a_drawn_seven_is_the_same_at_any_size(size: float) -> None:
    """A drawn seven frames to the same picture, nearly, within a pixel, at any size and place."""
    reference = frame(seven(300, 0)).astype(int)
    assert np.count_nonzero(reference) > 60
    for aside in (0, 0.5, -5.3):
        found = frame(seven(size, aside)).astype(int)
        likeness = [
            np.corrcoef(np.roll(found, (dy, dx), (0, 1)).ravel(), reference.ravel())[0, 1]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        ]
        assert max(likeness) > 0.93


@given(st.floats(0.01, 1))
def test_frame_sees_ink_relative_to_the_darkest(strength: float) -> None:
    """Fainter ink of a digit no larger than the box frames alike, to within rounding."""
    ink = np.random.default_rng(0).random((20, 20))
    ink[3, 3] = 1
    assert np.abs(frame(ink * strength).astype(int) - frame(ink)).max() <= 1


def test_frame_fills_the_box() -> None:
    """The longer side becomes 20 pixels, and the other keeps its proportion."""
    image = frame(np.ones((100, 50)))
    assert image.any(axis=1).sum() == 20
    assert image.any(axis=0).sum() == 10


@pytest.mark.slow
def test_frame_of_huge_ink_takes_little() -> None:
    """Ink of huge extent frames as it does at a tenth of it, and keeps no memory of its size."""
    small = np.zeros((50, 4000))
    small[10:30, 40:1900] = small[:, 2000:3960] = 1
    large = np.kron(small, np.ones((10, 10)))
    assert np.abs(frame(large).astype(int) - frame(small)).max() <= 2
    tracemalloc.start()
    frame(np.ones((1, 200_000), np.float32))
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20
    assert left < 2**20
    with pytest.raises(InputError, match=r"got 0 to 5"):
        frame(np.eye(9000, dtype=np.float32)[:2] * 5)


def test_frame_sees_the_digit_in_a_huge_picture(mnist: DataSets) -> None:
    """However large the paper is, a digit of ordinary size frames to the same bits."""
    ink = np.zeros((300, 6000), np.float32)
    ink[200:228, 5000:5028] = mnist.test.images[0] / 255
    assert np.array_equal(frame(ink), frame(ink[190:240, 4990:5040]))


def test_frame_many_is_frame_of_each() -> None:
    """Sizes may be mixed; each picture is what `frame` gives."""
    rng = np.random.default_rng(0)
    inks = [rng.random((rng.integers(1, 70), rng.integers(1, 70))) for _ in range(40)]
    inks.append(np.zeros((5, 5)))
    many = frame_many(iter(inks))
    assert many.dtype == np.uint8
    assert many.flags.c_contiguous
    assert all(np.array_equal(many[i], frame(ink)) for i, ink in enumerate(inks))
    assert frame_many([]).shape == (0, 28, 28)


@pytest.mark.parametrize(
    ("ink", "sentence"),
    [
        (np.zeros((3, 3), np.uint8), r"`ink` must be floats of shape .* got uint8 of shape \(3, 3"),
        (np.zeros(3), r"`ink` must be floats of shape \(h, w\) .* of shape \(3,\)"),
        (np.zeros((0, 3)), r"of shape \(0, 3\)"),
        (np.full((3, 3), 255.0), r"`ink` must be in \[0, 1\], 1 being ink; got 255 to 255"),
        (np.full((3, 3), -0.1), r"got -0.1 to -0.1"),
        (np.full((3, 3), np.nan), r"got nan to nan"),
    ],
)
def test_frame_refuses_what_is_not_ink(ink: NDArray[Any], sentence: str) -> None:
    """Greys from 0 to 255, other shapes and NaN are refused with a sentence."""
    with pytest.raises(InputError, match=sentence):
        frame(ink)
