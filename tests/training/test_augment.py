"""Augmentation changes pictures within bounds, as its generator says, and only as asked."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.training.augment import Augmentation, augment
from mnistry.training.feed import as_ink
from mnistry.training.recipe import Recipe

KINDS = [f.name for f in fields(Augmentation)]
SOME = {
    "shift": 3, "rotation": 30, "slant": 20, "scale": 0.3, "stretch": 0.3, "elastic": 2,
    "stroke": 1, "blur": 2, "contrast": 0.8, "clutter": 1, "gaps": 1, "noise": 0.2,
}  # fmt: skip


@pytest.fixture
def ink(little: DataSet) -> torch.Tensor:
    return as_ink(torch.from_numpy(little.images[:64].copy()))


def changed(ink: torch.Tensor, how: Augmentation, seed: int = 0) -> torch.Tensor:
    return augment(ink, how, torch.Generator().manual_seed(seed))


def test_nothing_changes_nothing(ink: torch.Tensor) -> None:
    """With all amounts zero each picture is what it was, up to rounding."""
    torch.testing.assert_close(changed(ink, Augmentation()), ink, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", SOME)
def test_each_kind_changes_within_bounds(kind: str, ink: torch.Tensor) -> None:
    """Each kind changes most pictures, keeps them pictures, and follows its generator."""
    how = Augmentation(**{kind: SOME[kind]})
    once, again, other = changed(ink, how), changed(ink, how), changed(ink, how, seed=1)
    assert once.shape == ink.shape
    assert 0 <= float(once.min()) <= float(once.max()) <= 1
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    moved = (once - ink).abs().amax(dim=(1, 2, 3)) > 0.02
    assert moved.float().mean() > 0.5


def test_every_kind_is_tried() -> None:
    """The list above leaves out no kind but `plain`, which has its own test."""
    assert {*SOME, "plain"} == set(KINDS)


def test_plain_pictures_are_only_bent(ink: torch.Tensor) -> None:
    """With `plain` at 1, noise and the like are drawn but not seen."""
    noisy = Augmentation(noise=0.5, contrast=0.9, plain=1)
    torch.testing.assert_close(changed(ink, noisy), ink, atol=1e-4, rtol=0)


def test_thin_strokes_stay_visible(ink: torch.Tensor) -> None:
    """The shipped recipe leaves nearly every picture with ink to read."""
    seen = changed(ink.repeat(8, 1, 1, 1), Recipe.robust(1).augmentation)
    assert (seen.amax(dim=(1, 2, 3)) > 0.2).float().mean() > 0.98


def test_paper_stays_paper_under_stroke_and_blur() -> None:
    """Pictures without ink get none from changes of strokes."""
    blank = torch.zeros(8, 1, 28, 28)
    assert not changed(blank, Augmentation(stroke=1, blur=2, contrast=0.5, gaps=1)).any()


def test_amounts_out_of_range_are_refused() -> None:
    """A negative or absurd amount is one sentence."""
    with pytest.raises(InputError, match=r"`blur` must be from 0 to 90; got -1"):
        Augmentation(blur=-1)
    with pytest.raises(InputError, match=r"`rotation` must be from 0 to 90; got 1000"):
        Augmentation(rotation=1000)
