"""One step of gradient descent."""

from __future__ import annotations

import numpy as np
import pytest

import mnistry.models.step
from mnistry.models.step import Step


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("n", [1, 7, 50, 60])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_is_the_gradients(
    monkeypatch: pytest.MonkeyPatch, cores: int, n: int, weighted: bool
) -> None:
    """Of the mean cross-entropy, by definition; however it is cut up, and of a small last batch."""
    monkeypatch.setattr(mnistry.models.step, "_WORTH_A_CORE", 20)
    monkeypatch.setattr(mnistry.models.step, "_BLOCK", 8)
    monkeypatch.setattr(mnistry.models.step, "cores", lambda: cores)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, 12), np.uint8)
    y = rng.integers(0, 3, n)
    w = rng.random(n) + 0.5 if weighted else None
    weights, biases = rng.normal(size=(12, 3)), rng.normal(size=3)
    z = x / 255 @ weights + biases
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    residual = p - np.eye(3)[y]
    if w is not None:
        residual *= w[:, None]
    expected = (1 - 0.5 * 0.1) * weights - 0.5 * (x / 255).T @ residual / n
    expected_biases = biases - 0.5 * residual.sum(axis=0) / n

    step = Step(weights, biases, 0.5, 0.1, 60)
    assert len(step._parts) == min(cores, 3)
    np.testing.assert_allclose(
        step.take(x[::-1], np.arange(n)[::-1], y, w), p[np.arange(n), y], rtol=1e-12
    )
    np.testing.assert_allclose(weights, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(biases, expected_biases, rtol=1e-10, atol=1e-12)
