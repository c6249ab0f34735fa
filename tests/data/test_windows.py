"""A data set that is larger than memory, a window at a time."""

from __future__ import annotations

import numpy as np
import pytest

from mnistry.data.windows import Windows


def windows_of(n: int, seed: int, size: int, block: int) -> Windows:
    """Cut up a set of pictures that say which they are."""
    images = np.arange(n, dtype=">u4").view(np.uint8).reshape(n, 2, 2)
    return Windows(images, seed, size, block)


def told(images: np.ndarray) -> np.ndarray:
    return images.ravel().view(">u4").astype(int)


@pytest.mark.parametrize(
    ("n", "size", "block"),
    [(1000, 200, 10), (1003, 200, 10), (50, 200, 7), (1, 8, 4), (999, 64, 1)],
)
def test_a_pass_sees_each_picture_once_at_most(n: int, size: int, block: int) -> None:
    """With its own row; and what one pass leaves out, another sees."""
    windows = windows_of(n, 0, size, block)
    seen: set[int] = set()
    for turn in range(30):
        rows = []
        for number in range(windows.count):
            window = windows.get(turn, number)
            assert sorted(window.order) == list(range(windows.size))
            own = told(window.images)
            np.testing.assert_array_equal(window.rows, own)
            rows += own[window.order].tolist()
        assert len(set(rows)) == len(rows) == windows.count * windows.size
        assert len(rows) > n - windows.size
        seen |= set(rows)
    assert len(seen) == n


def test_a_window_follows_from_the_seed_the_pass_and_its_number() -> None:
    """In whatever order they are asked for; all of these change it."""
    forward, back = windows_of(1000, 5, 200, 10), windows_of(1000, 5, 200, 10)
    there = [told(forward.get(1, i).images) for i in range(5)]
    again = [told(back.get(1, i).images) for i in reversed(range(5))][::-1]
    np.testing.assert_array_equal(there, again)
    np.testing.assert_array_equal(forward.get(1, 3).order, back.get(1, 3).order)
    for other in (forward.get(2, 0), windows_of(1000, 6, 200, 10).get(1, 0)):
        assert (told(other.images) != there[0]).any()
    assert (forward.get(1, 1).order != forward.get(1, 0).order).any()


def test_windows_of_a_sorted_set_have_nearly_its_classes() -> None:
    """Each tenth of the rows is a class, the worst order that a set can have."""
    windows = windows_of(100_000, 0, 10_000, 10)
    for number in range(windows.count):
        counts = np.bincount(windows.get(0, number).rows // 10_000, minlength=10)
        # As if 1,000 blocks were drawn by lot: their count of a class has a deviation of 9.
        assert abs(counts / 10 - 100).max() < 45
