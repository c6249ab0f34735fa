"""Probabilities of texts against sums over all alignments and against PyTorch."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnistry.ocr import ctc
from mnistry.ocr.ctc import class_posteriors, log_likelihoods

BLANK = 3


def normalised(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=1)[:, None])


columns_of_three = st.integers(1, 5).flatmap(
    lambda t: arrays(np.float64, (t, BLANK + 1), elements=st.floats(-6, 0)).map(normalised)
)


def by_every_way(columns: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of every text: the sum over all ways to name the columns."""
    texts: dict[tuple[int, ...], float] = defaultdict(float)
    for way in itertools.product(range(BLANK + 1), repeat=len(columns)):
        text = tuple(c for c, _ in itertools.groupby(way) if c != BLANK)
        texts[text] += float(np.exp(sum(column[c] for column, c in zip(columns, way, strict=True))))
    return texts


@pytest.mark.slow
@given(columns_of_three)
def test_likelihoods_are_the_sums_over_all_ways(columns: np.ndarray) -> None:
    """Each text's probability is right, and together they are 1."""
    texts = by_every_way(columns)
    found = np.exp(log_likelihoods(columns, list(texts)))
    np.testing.assert_allclose(found, list(texts.values()), atol=1e-12)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("length", [1, 37, 400])
@pytest.mark.parametrize("sharp", [1.0, 30.0])
def test_likelihoods_are_those_of_pytorch(length: int, sharp: float) -> None:
    """Lines of any length and sharpness: the same as PyTorch's loss, however improbable."""
    import torch

    rng = np.random.default_rng(length)
    columns = normalised(sharp * rng.standard_normal((length, 11)))
    most = min(length // 2, 12)
    texts = [tuple(rng.integers(0, 10, n).tolist()) for n in (0, *rng.integers(0, most + 1, 20))]
    expected = -torch.nn.functional.ctc_loss(
        torch.from_numpy(columns)[:, None].expand(-1, len(texts), -1),
        torch.tensor([k for text in texts for k in text], dtype=torch.long),
        torch.full((len(texts),), length),
        torch.tensor([len(text) for text in texts]),
        blank=10,
        reduction="none",
    ).numpy()
    np.testing.assert_allclose(log_likelihoods(columns, texts), expected, rtol=1e-9, atol=1e-9)


def test_text_without_room_is_impossible() -> None:
    """Two of a kind need three columns; more digits than columns need more."""
    columns = np.log(np.full((2, 4), 0.25))
    found = log_likelihoods(columns, [(0, 0), (0, 1, 2), (0, 1)])
    assert found[0] == found[1] == -np.inf
    assert found[2] == pytest.approx(np.log(1 / 16))


def test_no_texts_and_no_columns() -> None:
    """Without columns a line says nothing, for sure."""
    assert log_likelihoods(np.zeros((0, 4)), [(), (1,)]).tolist() == [0, -np.inf]
    assert log_likelihoods(np.zeros((3, 4)), []).shape == (0,)


@pytest.mark.slow
@given(columns_of_three, st.integers(1, 3))
def test_posteriors_are_probabilities_of_single_changes(columns: np.ndarray, n: int) -> None:
    """Each place's ten sum to 1, and are in the ratio of the whole texts'."""
    text = max(by_every_way(columns).items(), key=lambda item: item[1])[0][:n]
    found = class_posteriors(columns, text)
    assert found.shape == (len(text), BLANK)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)
    texts = by_every_way(columns)
    for place, row in enumerate(found):
        changed = [texts.get((*text[:place], c, *text[place + 1 :]), 0.0) for c in range(BLANK)]
        np.testing.assert_allclose(np.exp(row), np.array(changed) / sum(changed), atol=1e-9)


@pytest.mark.parametrize(
    ("length", "n"), [(0, 1), (1, 1), (3, 2), (12, 0), (12, 5), (9, 9), (80, 20)]
)
@pytest.mark.parametrize("sharp", [1.0, 30.0])
def test_posteriors_are_those_of_every_text_by_itself(length: int, n: int, sharp: float) -> None:
    """One pass forth and back gives what each changed text's own likelihood gives."""
    rng = np.random.default_rng(length + n)
    columns = normalised(sharp * rng.standard_normal((length, 11)))
    for text in (tuple(rng.integers(0, 10, n).tolist()), (3,) * n):
        others = [(*text[:i], c, *text[i + 1 :]) for i in range(n) for c in range(10)]
        expected = log_likelihoods(columns, others).reshape(n, 10)
        expected = np.maximum(expected, expected.max(axis=1, initial=-30)[:, None] - 30)
        expected -= np.logaddexp.reduce(expected, axis=1)[:, None]
        np.testing.assert_allclose(class_posteriors(columns, text), expected, rtol=1e-9, atol=1e-9)


def test_posteriors_of_a_long_text_take_time_by_its_length() -> None:
    """Twice the text takes twice the time and not eight times: each text is gone through twice."""
    asked = []

    def counted(columns: np.ndarray, texts: list[tuple[int, ...]]) -> Iterator[np.ndarray]:
        asked.append(len(texts))
        return forward(columns, texts)

    forward = ctc._forward
    columns = normalised(np.random.default_rng(0).standard_normal((400, 11)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctc, "_forward", counted)
        found = class_posteriors(columns, (1, 2) * 60)
    assert found.shape == (120, 10)
    assert sum(asked) == 2
