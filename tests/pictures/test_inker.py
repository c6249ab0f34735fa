"""The inker: handwriting, and nothing else, on papers it has not seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mnistry.data.dataset import DataSets
from mnistry.pictures import inker
from mnistry.pictures.ink import find_ink
from mnistry.pictures.inker import answer, handwriting, is_darker, planes
from mnistry.training.scene import Scenes


@pytest.fixture(scope="module")
def scenes(mnist: DataSets) -> Scenes:
    """Scenes of test digits: what the inker learnt from were others."""
    return Scenes(mnist.test, np.random.default_rng(0), most=300)


def test_planes_do_not_see_light_and_contrast() -> None:
    """A darker or paler photograph of the same gives nearly the same planes."""
    rng = np.random.default_rng(0)
    grey = rng.random((60, 80), np.float32)
    assert planes(grey).shape == (2, 60, 80)
    assert np.allclose(planes(grey), planes(0.5 * grey + 0.2), atol=0.1)
    assert np.isfinite(planes(np.full((5, 5), 0.5, np.float32))).all()


@pytest.mark.slow
def test_handwriting_is_told_from_paper(scenes: Scenes) -> None:
    """Of the ink of 60 scenes, on papers of all kinds, most is found, and little else."""
    rng = np.random.default_rng(1)
    both = [(scenes.make(rng, (96, 128))) for _ in range(60)]
    found = np.stack([answer(scene.grey) for scene in both])
    ink = np.stack([scene.ink for scene in both])
    shared = np.minimum(found, ink).sum()
    assert shared / ink.sum() > 0.75
    assert shared / found.sum() > 0.8


@pytest.mark.slow
def test_side_of_the_ink_is_told(scenes: Scenes) -> None:
    """In pictures cut so close that ink is no rarer than paper, on either side of the paper."""
    rng = np.random.default_rng(4)
    right: list[bool] = []
    while len(right) < 120:
        close = scenes.make(rng, (96, 128), (24, 60)).excerpt(rng)
        h, w = close.ink.shape
        if min(h, w) >= 16 and h * w < 60 * 60 and close.ink.mean() > 0.15:
            right += [is_darker(close.grey), not is_darker(1 - close.grey)]
            right += [find_ink(close.grey).dark, not find_ink(1 - close.grey).dark]
    asked, found = right[::4] + right[1::4], right[2::4] + right[3::4]
    assert np.mean(asked) > 0.85
    assert np.mean(found) > 0.85


def test_scale_is_that_of_the_ink() -> None:
    """Where no size suits, as in grain, the scale given is still that of the ink given."""
    rng = np.random.default_rng(5)
    for side in (40, 300):
        grey = rng.random((side, 2 * side), np.float32)
        ink, scale, shown = handwriting(grey)
        assert shown.shape == ink.shape
        assert ink.shape[1] == pytest.approx(scale * 2 * side, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.6, 3])
def test_size_does_not_matter(factor: float, scenes: Scenes) -> None:
    """Digits of any size are brought to that which suits the network."""
    import cv2

    rng = np.random.default_rng(2)
    shares = []
    for _ in range(12):
        scene = scenes.make(rng, (120, 160), (38, 44))
        size = round(160 * factor), round(120 * factor)
        grey = cv2.resize(scene.grey, size, interpolation=cv2.INTER_AREA)
        ink, scale, shown = handwriting(grey)
        assert shown.shape == ink.shape
        assert scale == pytest.approx(ink.shape[0] / size[1], rel=0.1)
        back = cv2.resize(ink, (160, 120), interpolation=cv2.INTER_AREA)
        shares.append(2 * np.minimum(back, scene.ink).sum() / (back.sum() + scene.ink.sum() + 1))
    assert np.mean(shares) > 0.5


def test_tiles_join_without_seams(scenes: Scenes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture looked at in tiles gives what it gives as a whole."""
    grey = scenes.make(np.random.default_rng(3), (150, 330), (30, 40)).grey
    whole = answer(grey)
    monkeypatch.setattr(inker, "_TILE", 224)
    assert np.abs(answer(grey) - whole).mean() < 0.002


def test_blank_paper_has_no_handwriting() -> None:
    """Grain, a shadow and nothing at all are no ink."""
    rng = np.random.default_rng(0)
    for paper in (
        np.full((40, 40), 0.9, np.float32),
        (0.8 + 0.02 * rng.standard_normal((90, 120))).astype(np.float32),
        np.linspace(0.9, 0.3, 120, dtype=np.float32)[None].repeat(80, 0),
    ):
        ink, _, _ = handwriting(paper)
        assert ink.mean() < 0.002


def test_a_border_beside_a_digit_takes_nothing_from_it() -> None:
    """A faint digit stands out beside a dark border as well, and mere grain doesn't."""
    rng = np.random.default_rng(0)
    grey = (0.6 + 0.01 * rng.standard_normal((68, 120))).astype(np.float32)
    ink = np.zeros((68, 120), np.float32)
    cv2.ellipse(ink, (30, 34), (9, 13), 0, 0, 360, 1.0, 3)
    plain, bordered = grey - 0.1 * ink, grey - 0.1 * ink
    bordered[:, 16:19] -= 0.4
    assert inker._stands_out(ink, plain, 26)
    assert inker._stands_out(ink, bordered, 26)
    assert not inker._stands_out(ink, grey, 26)


@pytest.mark.parametrize("least", [1.0, 0.6, 0.35])
def test_where_light_falls_off_ink_still_stands_out(least: float) -> None:
    """Paper's own course from bright to dark, or a shadow's edge, is no grain."""
    rng = np.random.default_rng(0)
    ink = np.zeros((68, 120), np.float32)
    cv2.ellipse(ink, (60, 34), (12, 18), 0, 0, 360, 1.0, 3)
    paper = (0.8 + 0.01 * rng.standard_normal(ink.shape)).astype(np.float32)
    slope = np.linspace(1, least, 120, dtype=np.float32)[None]
    shadow = np.where(np.arange(120) < 58, 1, least).astype(np.float32)[None]
    for light in (slope, *(cv2.GaussianBlur(shadow, (0, 0), s) for s in (0.5, 1, 3))):
        assert inker._stands_out(ink, (paper - 0.15 * ink) * light, 36)
        assert not inker._stands_out(ink, paper * light, 36)


@pytest.mark.parametrize("shadow", [0.4, 0.55, 0.75])
@pytest.mark.parametrize("part", [0.3, 0.55])
def test_a_shadow_over_half_is_no_paper(shadow: float, part: float, mnist: DataSets) -> None:
    """Ink stays darker than paper where the most of the border lies in a shadow."""
    told = []
    for image in mnist.test.images[:12]:
        ink = np.zeros((60, 100), np.float32)
        ink[12:48, 30:66] = cv2.resize(image, (36, 36), interpolation=cv2.INTER_CUBIC) / 255
        light = np.where(np.arange(100) < 100 * (1 - part), 1, shadow).astype(np.float32)[None]
        grey = np.clip((0.85 - 0.3 * ink) * cv2.GaussianBlur(light, (0, 0), 2), 0, 1)
        told.append(find_ink(grey).dark)
    assert np.mean(told) > 0.9


@pytest.mark.parametrize("shadow", [0.4, 0.6])
def test_boxes_in_a_shadow_are_told_from_digits(shadow: float, mnist: DataSets) -> None:
    """Where a shadow's edge crosses a form, digits are ink, and edge and borders are none."""
    alike = []
    for image in mnist.test.images[:12]:
        ink = np.zeros((60, 120), np.float32)
        ink[12:48, 42:78] = cv2.resize(image, (36, 36), interpolation=cv2.INTER_CUBIC) / 255
        form = np.zeros_like(ink)
        cv2.rectangle(form, (6, 4), (113, 55), 1.0, 3)
        light = np.where(np.arange(120) < 60, 1, shadow).astype(np.float32)[None]
        light = cv2.GaussianBlur(light, (0, 0), 1.0)
        grey = np.asarray((0.85 - 0.45 * np.maximum(ink, form)) * light, np.float32)
        found, _, _ = handwriting(np.clip(grey, 0, 1))
        truth = cv2.resize(ink, found.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
        both = truth & (found > 0.5)
        alike.append(2 * both.sum() / (truth.sum() + (found > 0.5).sum()))
    assert np.mean(np.array(alike) > 0.7) > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (17, 5), (3, 2)])
def test_odd_sizes_are_answered(shape: tuple[int, int]) -> None:
    """Pictures of any size have an answer of their size."""
    grey = np.random.default_rng(0).random(shape, np.float32)
    assert answer(grey).shape == shape
    ink, _, shown = handwriting(grey)
    assert ink.shape == shown.shape
