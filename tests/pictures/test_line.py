"""Lines: a row's own ink at one height, its digits in the middle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.pictures.find import Found, find
from mnistry.pictures.line import HEIGHT, line_of

DIGIT = 18


def bars(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (200, 300)) -> Found:
    """Draw frames of ink: x, y, w, h."""
    ink = np.zeros(shape)
    for x, y, w, h in boxes:
        ink[y : y + h, x : x + w] = 1
        ink[y + 4 : y + h - 4, x + 4 : x + w - 4] = 0
    return find(ink)


def extent(line: np.ndarray) -> tuple[int, int]:
    rows = np.flatnonzero((line > 128).any(axis=1))
    return int(rows[0]), int(rows[-1]) + 1


@pytest.mark.parametrize("tall", [18, 30, 60, 110])
def test_digits_get_the_same_height_in_the_middle(tall: int) -> None:
    """Whatever their size in the picture, digits are 18 pixels high and in the middle."""
    found = bars((20, 40, tall // 2, tall), (100, 40, tall // 2, tall))
    line = line_of(found, found.rows[0], found.ink)[0]
    top, bottom = extent(line)
    assert line.shape[0] == HEIGHT
    assert line.dtype == np.uint8
    assert abs(bottom - top - DIGIT) <= 1
    assert abs((top + bottom) / 2 - HEIGHT / 2) <= 1


def test_another_row_is_not_in_it() -> None:
    """A row's line has that row's ink only."""
    found = bars((20, 20, 20, 40), (60, 20, 20, 40), (20, 120, 20, 40))
    assert len(found.rows) == 2
    one, two = (line_of(found, row, found.ink)[0] for row in found.rows)
    assert one.shape[1] > 1.5 * two.shape[1]
    assert (one > 128).sum() > 1.5 * (two > 128).sum()


def test_tall_things_are_cut_and_digits_stay_large() -> None:
    """A line much taller than the digits beside it doesn't make them small."""
    found = bars((20, 80, 20, 40), (60, 80, 20, 40), (100, 80, 20, 40), (150, 50, 3, 100))
    [row] = found.rows
    line = line_of(found, row, found.ink)[0]
    digits = line[:, : line.shape[1] // 2]
    top, bottom = extent(digits)
    assert bottom - top >= 0.7 * DIGIT
    assert line.shape[0] == HEIGHT


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.integers(0, 250), st.integers(0, 150), st.integers(9, 50), st.integers(9, 50)),
        min_size=1,
        max_size=8,
    )
)
def test_any_ink_makes_lines(boxes: list[tuple[int, int, int, int]]) -> None:
    """Every row of anything has a line of the one height, with ink in it."""
    found = bars(*boxes)
    for row in found.rows:
        line = line_of(found, row, found.ink)[0]
        assert line.shape[0] == HEIGHT
        assert line.max() > 0


def test_greys_show_what_the_ink_lost() -> None:
    """Beside a digit, one that is not in the ink, fainter, on paper that gets darker."""
    found = bars((40, 60, 20, 40))
    paper = np.linspace(0.2, 0.5, 300)[None].repeat(200, axis=0)
    depth = paper + 0.3 * found.ink
    depth[60:100, 66:72] += 0.15
    ink, deep = line_of(found, found.rows[0], depth)
    pen, lost, empty = (float(deep[12:20, x].max()) for x in (9, 21, 2))
    assert ink[:, 21].max() == 0
    assert pen > 150
    assert 0.3 * pen < lost < 0.7 * pen
    assert empty < 0.2 * pen


def test_greys_do_not_depend_on_light_and_contrast() -> None:
    """The same writing under half the light gives the same line."""
    found = bars((40, 60, 20, 40), (80, 60, 20, 40))
    one = line_of(found, found.rows[0], 0.3 + 0.6 * found.ink)
    two = line_of(found, found.rows[0], 0.15 + 0.3 * found.ink)
    assert np.abs(one.astype(int) - two).max() <= 1


def test_even_paper_needs_no_greys() -> None:
    """Without greys the ink stands for them: as with greys that are the ink's, on white paper."""
    found = bars((40, 60, 20, 40), (80, 60, 20, 40), (40, 150, 20, 40))
    for row in found.rows:
        assert np.array_equal(line_of(found, row, None), line_of(found, row, found.ink))


def test_what_the_edge_cuts_runs_on() -> None:
    """Beyond the picture's edge is no ink, but in the greys a stroke that touches it goes on."""
    found = bars((0, 60, 30, 40), (60, 60, 30, 40))
    ink, deep = line_of(found, found.rows[0], None)
    assert ink[:, 0].max() == 0
    assert deep[:, 0].max() > 100
    assert deep[:, -1].max() == 0


def test_endless_rows_are_squeezed() -> None:
    """A row that is far too long keeps within bounds."""
    ink = np.zeros((30, 40_000))
    ink[10:20, ::12] = ink[10:20, 1::12] = 1
    found = find(ink)
    assert all(line_of(found, row, found.ink).shape[2] <= 4200 for row in found.rows)
