"""Forms: they stay within their bounds, differ every time, and are read as what they are."""

from __future__ import annotations

import numpy as np
import pytest

from mnistry.models.file import shipped_model
from mnistry.pictures.frame import frame_many
from mnistry.training.forms import FORMS, write_form
from mnistry.training.pen import draw


def drawn(form: int, n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(form)
    canvases = []
    for _ in range(n):
        canvas = np.zeros((80, 100), np.float32)
        draw(FORMS[form][1](rng), 50, 5, (50, 40), canvas)
        canvases.append(canvas)
    return canvases


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_forms_are_read_as_what_they_are(form: int) -> None:
    """The judge, which learnt from them, takes at least 7 in 10 for their digit."""
    images = frame_many(drawn(form, 40))
    answers = shipped_model("segments").predict_proba(images)[:, :10].argmax(axis=1)
    assert (answers == FORMS[form][0]).mean() >= 0.7


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_forms_have_the_height_of_a_digit_and_differ(form: int) -> None:
    """A form is about 1 high, at most as wide as high, and never twice the same."""
    rng = np.random.default_rng(0)
    made = [FORMS[form][1](rng) for _ in range(30)]
    for strokes in made:
        w, h = strokes.size
        assert 0.8 < h < 1.3
        assert w < 1.3
    assert len({strokes.points.tobytes() for strokes in made}) == 30


def test_every_form_is_written_sometimes() -> None:
    """All digits that have forms come up, and only those."""
    rng = np.random.default_rng(0)
    labels = {write_form(rng)[0] for _ in range(400)}
    assert labels == {label for label, _ in FORMS}
