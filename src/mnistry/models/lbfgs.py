"""The optimum of softmax regression, with a certificate.

L-BFGS finds the least value of the objective; what makes it quick is where each step starts from:
an approximate inverse of the Hessian (`curvature`). The Hessian depends on the weights through the
probabilities alone, so one is good until they move, and from a good start one is enough.
The certificate is a duality gap (`objective`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.models.base import Floats, Ints
from mnistry.models.curvature import Hessian
from mnistry.models.objective import Objective, Point

_MOVED = 0.2  # mean total variation of the probabilities that asks for a new build
_MEMORY = 20  # pairs that L-BFGS remembers


@dataclass(frozen=True)
class Optimum:
    """Where the solver stopped, and how far from the best that can be.

    Attributes
    ----------
    weights : (d, k). biases : (k,).
    objective : F there, in nats.
    gradient_norm : the 2-norm of F's gradient in weights and biases.
    gap : F is proven to be at most this above its least value; infinite where λ = 0, since
        then no bound is known.
    iterations, evaluations : steps taken; passes over the pictures.
    converged : the tolerance was reached.
    """

    weights: Floats
    biases: Floats
    objective: float
    gradient_norm: float
    gap: float
    iterations: int
    evaluations: int
    converged: bool


def minimize(
    x: NDArray[Any],
    y: Ints,
    weights: Floats,
    biases: Floats,
    *,
    l2: float,
    sample_weight: Floats | None = None,
    tol: float = 5e-5,
    max_iter: int = 500,
    seed: int = 0,
    progress: Callable[[int, int, float], None] | None = None,
) -> Optimum:
    """Go from the given weights to the optimum of softmax regression.

    Parameters
    ----------
    x : (n, d) uint8 (255 = 1.0), float32 or float64; work is in float64 for float64 alone.
    y : (n,) in 0..k-1.
    weights, biases : (d, k), (k,): where to start.
    l2 : λ ≥ 0. sample_weight : (n,) or None.
    tol : stop when the duality gap (λ = 0: the gradient's norm) is at most this.
    progress : called with (iteration, max_iter, objective).

    Returns
    -------
    optimum : the first point that satisfies `tol`, else the best one found.
    """
    lit = x.any(axis=0)  # a pixel that is never lit says nothing: its weights stay
    seen = x if lit.all() else np.take(x, np.flatnonzero(lit), axis=1, mode="clip")
    problem = Objective(seen, y, weights.shape[1], l2, sample_weight)
    theta = np.vstack([weights[lit], biases]).T.astype(problem.dtype)
    point = problem.at(theta)
    if not point.value < np.log(problem.k):  # weights of zero do better, on any data
        point = problem.at(np.zeros_like(theta))
    hessian: Hessian | None = None
    rng = np.random.default_rng(seed)
    pairs: list[tuple[Floats, Floats]] = []
    iterations = evaluations = 0
    failed = False
    while problem.error(point) > tol and iterations < max_iter:
        if l2 > 0 and problem.gap(point, balanced=True) <= tol:
            # Only the biases' share of the gap is left, and they can be set exactly.
            point, balance = problem.balance(point), point
            evaluations += 1
            if problem.error(point) <= tol or point.value >= balance.value:
                break
        stale = hessian is None or (
            pairs and np.abs(point.p - hessian.p).sum(axis=0).mean() / 2 > _MOVED
        )
        if stale or failed:
            hessian, pairs = Hessian(problem, point.p, rng), []
        assert hessian is not None  # noqa: S101 - built at the first iteration
        direction = -_two_loop(point.gradient, pairs, hessian.solve)
        following = _line_search(problem, point, direction)
        evaluations += following.tries if following else 12
        if following is None:
            # Rounding hides any further descent, unless it was the old Hessian that misled.
            if failed or not pairs:
                break
            failed = True
            continue
        failed = False
        s = (following.theta - point.theta).astype(np.float64)
        change = following.gradient - point.gradient
        if np.vdot(s, change) > 0:
            pairs = [*pairs[-_MEMORY + 1 :], (s, change)]
        point = following
        iterations += 1
        if progress is not None:
            progress(iterations, max_iter, point.value)
    weights = np.zeros_like(weights, dtype=problem.dtype)
    weights[lit] = point.theta[:, :-1].T
    return Optimum(
        weights=weights,
        biases=point.theta[:, -1].copy(),
        objective=point.value,
        gradient_norm=float(np.linalg.norm(point.gradient)),
        gap=problem.gap(point) if l2 > 0 else np.inf,
        iterations=iterations,
        evaluations=evaluations + 1,
        converged=problem.error(point) <= tol,
    )


def _two_loop(
    gradient: Floats, pairs: list[tuple[Floats, Floats]], solve: Callable[[Floats], Floats]
) -> Floats:
    """Apply L-BFGS's inverse Hessian (Nocedal & Wright 2006, algorithm 7.4) on top of `solve`."""
    q, alphas = gradient.copy(), []
    for s, change in reversed(pairs):
        alphas.append(np.vdot(s, q) / np.vdot(s, change))
        q -= alphas[-1] * change
    q = solve(q).astype(np.float64)
    for (s, change), alpha in zip(pairs, reversed(alphas), strict=True):
        q += (alpha - np.vdot(change, q) / np.vdot(s, change)) * s
    return q


def _line_search(problem: Objective, point: Point, direction: Floats) -> Point | None:
    """Halve the step until the objective falls enough (Armijo); None if it does not in 12 tries."""
    slope = float(np.vdot(point.gradient, direction))
    if not slope < 0:
        return None
    for tries in range(1, 13):
        length = 0.5 ** (tries - 1)
        theta = (point.theta + length * direction).astype(problem.dtype)
        candidate = problem.at(theta, tries)
        if candidate.value <= point.value + 1e-4 * length * slope:
            return candidate
    return None
