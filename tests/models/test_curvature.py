"""The approximate inverse of the Hessian."""

from __future__ import annotations

import numpy as np
import pytest

from mnistry.models import curvature
from mnistry.models.base import softmax
from mnistry.models.objective import Objective


def test_inverse_is_exact_for_small_problems() -> None:
    """Below the sample's size, with all components coupled, it inverts the Hessian written out."""
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(40, 3)), rng.integers(0, 4, 40), rng.random(40)
    problem = Objective(x, y, 4, 0.1, w)
    point = problem.at(rng.normal(size=(4, 4)))
    p = softmax(x @ point.theta[:, :-1].T + point.theta[:, -1])
    ones = np.column_stack([x, np.ones(40)])
    full = np.zeros((4, 4, 4, 4))
    for share, row, each in zip(w / w.sum(), ones, p, strict=True):
        full += share * np.einsum("ab,i,j->aibj", np.diag(each) - np.outer(each, each), row, row)
    full = full.reshape(16, 16) + 0.1 * np.diag(np.tile([1, 1, 1, 0], 4))
    # All biases moved alike change nothing, so the gradient is taken to have no such part.
    gradient = rng.normal(size=(4, 4))
    gradient[:, -1] -= gradient[:, -1].mean()
    solved = curvature.Hessian(problem, point.p, np.random.default_rng(0)).solve(gradient)
    np.testing.assert_allclose(full @ solved.ravel(), gradient.ravel(), atol=1e-4)


def test_rounding_keeps_the_mean_and_few_pairs() -> None:
    """Small probabilities become 0 or τ without bias; large ones stay as they are."""
    p = np.full((3, 200_000), 0.01, np.float32)
    p[0] = 0.98
    rounded = curvature._round(p, np.random.default_rng(0))
    assert set(np.unique(rounded[1:])) == {np.float32(0), np.float32(curvature._TAU)}
    assert (rounded[0] == p[0]).all()
    assert rounded[1:].mean() == pytest.approx(0.01, rel=0.02)


def test_cholesky_solves() -> None:
    """Oracle: NumPy's solve, for sizes around the block's."""
    rng = np.random.default_rng(0)
    for n in (1, 5, 16, 17, 50):
        a = rng.normal(size=(n, n))
        a = a @ a.T + np.eye(n)
        b = rng.normal(size=n)
        solved = curvature.Cholesky(a.copy(), size=16).solve(b)
        np.testing.assert_allclose(solved, np.linalg.solve(a, b), atol=1e-9)
