"""Pen strokes: which are used for training, and how they are scaled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistry.errors import InputError
from mnistry.synthesis.strokes import load_strokes

ITEMS = [(str(k), w) for w in range(1, 17) for k in range(10)]


def write(path: Path, items: list[tuple[str, int]], **more: np.ndarray) -> None:
    """Write items (label, writer), each a long stroke and a dot."""
    points = np.array([[0, 0], [30, 10], [10, 200], [50, 40]], np.int16)
    n = len(items)
    starts = np.arange(n)[:, None] * 4 + [0, 3]
    arrays: dict[str, Any] = {
        "points": np.tile(points, (n, 1)),
        "stroke_start": np.append(starts.reshape(-1), 4 * n).astype(np.int32),
        "item_start": np.arange(0, 2 * n + 1, 2, dtype=np.int32),
        "label": np.array([label for label, _ in items]),
        "writer": np.array([writer for _, writer in items], np.int16),
        "doubtful": np.zeros(n, bool),
    }
    np.savez(path, **{**arrays, **more})


def test_writers_are_for_training_or_held_out(tmp_path: Path) -> None:
    """No writer is in both; every eighth is held out, or those of `split` 1."""
    write(tmp_path / "a.npz", ITEMS)
    train, held = load_strokes(tmp_path), load_strokes(tmp_path, held_out=True)
    assert len(train.strokes) == 140
    assert len(held.strokes) == 20
    assert not set(train.writers) & set(held.writers)
    split = np.array([w > 10 for _, w in ITEMS], np.uint8)
    write(tmp_path / "a.npz", ITEMS, split=split)
    assert len(load_strokes(tmp_path, held_out=True).strokes) == split.sum()


def test_writers_of_two_files_are_others(tmp_path: Path) -> None:
    """The same number in another file is another writer."""
    write(tmp_path / "a.npz", ITEMS[:10])
    write(tmp_path / "b.npz", ITEMS[:10])
    strokes = load_strokes(tmp_path)
    assert len(strokes.full_hands()) == 2
    assert len(np.unique(strokes.writers)) == 2


def test_items_that_mislead_are_left_out(tmp_path: Path) -> None:
    """Doubtful items, letters that look like digits, and more than a hundred of one writer."""
    items = [("7", 1)] * 130 + [("l", 2), ("O", 2), ("w", 2), ("#", 2)]
    write(tmp_path / "a.npz", items, doubtful=np.arange(len(items)) < 5)
    strokes = load_strokes(tmp_path)
    assert len(strokes.digits().strokes) == 100
    assert len(strokes.others()) == 2
    assert set(strokes.digits().labels) == {7}


def test_strokes_have_height_1_around_the_middle(tmp_path: Path) -> None:
    """An item's points are scaled together; a dot becomes a short line."""
    write(tmp_path / "a.npz", ITEMS[:1])
    [one] = load_strokes(tmp_path).strokes
    np.testing.assert_allclose(one.points.min(axis=0), [-0.1275, -0.5])
    np.testing.assert_allclose(one.points.max(axis=0), [0.1275, 0.5])
    assert one.lines.tolist() == [[0, 1], [1, 2], [3, 4]]


def test_a_folder_without_strokes_is_refused(tmp_path: Path) -> None:
    """The message names the folder."""
    with pytest.raises(InputError, match=r"holds no \.npz files of pen strokes"):
        load_strokes(tmp_path)
