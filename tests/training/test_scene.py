"""Scenes: what they say about themselves is true, and the same seed makes the same."""

from __future__ import annotations

import numpy as np
import pytest

from mnistry.data.dataset import DataSets
from mnistry.training.paper import _boxes, _dashes
from mnistry.training.scene import NOT_A_DIGIT, Scenes
from mnistry.training.segments import CLASSES, candidates


@pytest.fixture(scope="module")
def scenes(mnist: DataSets) -> Scenes:
    """Scenes of 300 digits."""
    return Scenes(mnist.train, np.random.default_rng(0), most=300)


def test_scenes_are_made_again_from_their_seed(scenes: Scenes) -> None:
    """The same seed gives the same bytes; another gives another scene."""
    one, two, other = (scenes.make(np.random.default_rng(seed), (64, 96)) for seed in (1, 1, 2))
    assert np.array_equal(one.grey, two.grey)
    assert np.array_equal(one.ink, two.ink)
    assert not np.array_equal(one.grey, other.grey)


def test_marks_make_up_the_ink(scenes: Scenes) -> None:
    """The ink is what the marks have together; all is in [0, 1]; labels are digits or no digits."""
    rng = np.random.default_rng(3)
    for _ in range(30):
        scene = scenes.make(rng, (60, 90))
        total = np.max([np.zeros((60, 90), np.float32), *(m.ink for m in scene.marks)], axis=0)
        assert np.array_equal(total, scene.ink)
        assert 0 <= scene.grey.min() <= scene.grey.max() <= 1
        assert {mark.label for mark in scene.marks} <= {*range(10), NOT_A_DIGIT}


@pytest.mark.slow
def test_ink_is_darker_than_paper(scenes: Scenes) -> None:
    """In nearly all scenes the ink is darker than the paper right beside it."""
    rng = np.random.default_rng(4)
    darker = []
    for _ in range(80):
        scene = scenes.make(rng, (96, 128))
        ink, paper = scene.ink > 0.9, scene.ink == 0
        if ink.sum() > 50:
            darker.append(scene.grey[ink].mean() < scene.grey[paper].mean())
    assert np.mean(darker) > 0.9


def test_marks_know_what_the_edges_cut(scenes: Scenes) -> None:
    """What touches no edge is whole; what touches one may be there in part."""
    rng = np.random.default_rng(5)
    parts = []
    for _ in range(60):
        for mark in scenes.make(rng, (64, 96)).marks:
            ink = mark.ink
            if max(ink[0].max(), ink[-1].max(), ink[:, 0].max(), ink[:, -1].max()) > 0:
                parts.append(mark.part)
            else:
                assert mark.part == pytest.approx(1)
    assert 0 < min(parts) < 0.3
    assert 0.7 < max(parts) <= 1 + 1e-6


def test_excerpts_show_whole_digits_and_parts_of_others(scenes: Scenes) -> None:
    """An excerpt is a part of its scene: some digit is whole, and marks keep their labels."""
    rng = np.random.default_rng(8)
    cut, smaller = 0, 0
    for _ in range(60):
        scene = scenes.make(rng, (64, 160))
        some = scene.excerpt(rng)
        h, w = some.grey.shape
        assert some.ink.shape == (h, w)
        assert all(mark.ink.shape == (h, w) for mark in some.marks)
        if not any(mark.label >= 0 and mark.part > 0.99 for mark in scene.marks):
            assert some is scene
            continue
        assert max(mark.part for mark in some.marks if mark.label >= 0) > 0.9
        smaller += w < 160
        cut += any(mark.part < 0.5 for mark in some.marks)
    assert smaller > 30
    assert cut > 10


@pytest.mark.slow
def test_candidates_are_labelled_by_what_was_written(scenes: Scenes) -> None:
    """Of digits well apart on clean ink, there is a candidate labelled as each digit, once."""
    rng = np.random.default_rng(6)
    seen = 0.0
    for _ in range(60):
        scene = scenes.make(rng, (64, 160))
        images, labels = candidates(scene, scene.ink)
        assert images.shape == (len(labels), 28, 28)
        assert labels.size == 0 or 0 <= labels.min() <= labels.max() < len(CLASSES)
        digits = [mark.label for mark in scene.marks if mark.label >= 0 and mark.part > 0.9]
        seen += sum(int(d in labels) for d in digits) / max(len(digits), 1) if digits else 1
    assert seen / 60 > 0.8  # some digits are broken, and some touch


@pytest.mark.parametrize("gap", [6, 12, 30])
def test_boxes_are_drawn_around_what_is_written(gap: int) -> None:
    """A wall in each gap and one at each side, all of one shade, and none through a digit."""
    ink = np.zeros((60, 200), np.float32)
    for left in (40, 40 + 24 + gap, 40 + 2 * (24 + gap)):
        ink[20:50, left : left + 24] = 1
    y, x = np.mgrid[:60, :200].astype(np.float32)
    forms = [_boxes(np.random.default_rng(seed), x, y, ink, 30, np.ones_like) for seed in range(40)]
    walls = [np.diff(np.r_[0, form[35] > 0, 0]).clip(0).sum() for form in forms]
    assert set(walls) <= {0, 4}  # a comb's may end below that row
    assert np.mean(np.array(walls) == 4) > 0.7
    assert np.mean([form[ink > 0].mean() < 0.1 * form.max() for form in forms]) > 0.9
    shades = [form[form > 0].max() for form in forms]
    assert min(shades) < 0.3 < 0.7 < max(shades)
    assert not _boxes(np.random.default_rng(0), x, y, 0 * ink, 30, np.ones_like).any()


def test_lines_of_forms_may_be_dashed() -> None:
    """With `forms` a quarter of the lines have gaps of more than a pixel; without, none has."""
    x = np.arange(300, dtype=np.float32)[None]

    def dashed(forms: bool) -> float:
        lines = [_dashes(np.random.default_rng(seed), 30, forms)(x) for seed in range(100)]
        return float(np.mean([0.2 < line.mean() < 0.9 for line in lines]))

    assert dashed(False) == 0
    assert 0.15 < dashed(True) < 0.35
