"""Forms: they stay within their bounds, differ every time, and are read as what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnistry.models.file import shipped_model
from mnistry.pictures.frame import frame_many
from mnistry.training.forms import FORMS, write_form
from mnistry.training.pen import draw

Form = Callable[[Any], Any]
ALL = [(label, form) for label, forms in enumerate(FORMS) for form in dict.fromkeys(forms)]
each = pytest.mark.parametrize(("label", "form"), ALL, ids=[form.__name__ for _, form in ALL])


def drawn(form: Form, n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    canvases = []
    for _ in range(n):
        canvas = np.zeros((80, 100), np.float32)
        draw(form(rng), 50, 5, (50, 40), canvas)
        canvases.append(canvas)
    return canvases


@pytest.mark.slow
@each
def test_forms_are_read_as_what_they_are(label: int, form: Form) -> None:
    """The judge, which learnt from them, takes at least 7 in 10 for their digit."""
    images = frame_many(drawn(form, 40))
    answers = shipped_model("segments").predict_proba(images)[:, :10].argmax(axis=1)
    assert (answers == label).mean() >= 0.7


@pytest.mark.slow
@each
def test_forms_have_the_height_of_a_digit_and_differ(label: int, form: Form) -> None:
    """A form is about 1 high, or lies and is as wide, and never twice the same."""
    rng = np.random.default_rng(label)
    made = [form(rng) for _ in range(30)]
    for strokes in made:
        assert 0.8 < max(strokes.size) < 1.3
    assert len({strokes.points.tobytes() for strokes in made}) == 30


def test_each_digit_is_written_in_all_its_forms() -> None:
    """Every digit has a form, and what is written differs as its forms do."""
    assert len(FORMS) == 10
    rng = np.random.default_rng(0)
    for label, forms in enumerate(FORMS):
        lengths = {len(write_form(rng, label).points) for _ in range(60)}
        assert len(lengths) >= len(set(forms)) - 1
