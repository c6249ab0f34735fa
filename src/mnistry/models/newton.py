"""The optimum of softmax regression, with a certificate.

The objective is F(W, b) = mean cross-entropy + λ/2 ‖W‖², convex. L-BFGS finds its least
value; what makes it quick is where each step starts from: an approximate inverse of the
Hessian, built once or twice, from three observations.

*   The Hessian is Σᵢ (diag pᵢ − pᵢpᵢᵀ) ⊗ xᵢxᵢᵀ, and most of a trained model's probabilities
    are near 0. Rounding the small ones at random to 0 or τ, without bias, leaves a few pairs
    of classes a picture instead of k², and each block of a pair becomes one symmetric product.
*   In the basis of the pixels' principal components, classes are coupled mostly in the first
    few hundred. There the Hessian is kept whole; in the rest, one block a class.
*   It depends on the weights through the probabilities alone, so it is good until they move.

The certificate is a duality gap. The dual of F over distributions qᵢ is
D(q) = mean H(qᵢ) − ‖Xᵀ(q − y)/n‖² / 2λ with mean q = mean y (because the biases are free);
any feasible q gives D(q) ≤ min F ≤ F. The model's own probabilities p, mixed with a little of
one fixed distribution u so that the means agree, are feasible, and since entropy is concave
everything needed is a by-product of the last gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.models.base import Floats, Ints

_COUPLED = 2400  # unknowns in the block of the Hessian that couples the classes
_WIDEST = 2500  # with more pixels than this, their covariance costs more than it saves
_TAU = 0.05  # probabilities below this are rounded at random
_SAMPLE = 20_000  # pictures that the Hessian is built from
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
    problem = _Objective(np.ascontiguousarray(x[:, lit]), y, weights.shape[1], l2, sample_weight)
    theta = np.vstack([weights[lit], biases]).T.astype(problem.dtype)
    point = problem.at(theta)
    hessian: _Hessian | None = None
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
            hessian, pairs = _Hessian(problem, point.p, rng), []
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


@dataclass(frozen=True)
class _Point:
    """The objective at one place.

    theta : (k, d+1), the biases last. value : F. loss : its cross-entropy. p : (k, n).
    gradient : (k, d+1), of F, float64. tries : evaluations that finding it took.
    """

    theta: Floats
    value: float
    loss: float
    p: Floats
    gradient: Floats
    tries: int = 1


class _Objective:
    """F and its gradient in one pass over the pictures, block by block while they are cached."""

    def __init__(
        self, x: NDArray[Any], y: Ints, k: int, l2: float, sample_weight: Floats | None
    ) -> None:
        self.x, self.y, self.k, self.l2 = x, y, k, l2
        self.n, self.d = x.shape
        self.dtype: Any = np.float64 if x.dtype == np.float64 else np.float32
        self.scale = 1 / 255 if x.dtype == np.uint8 else 1.0
        w = np.ones(self.n) if sample_weight is None else sample_weight
        self.share = w / w.sum()
        self.penalty = np.append(np.full(self.d, l2), 0.0)
        # Σ shareᵢ yᵢ ⊗ (xᵢ, 1): what the model's own probabilities must reproduce.
        self.target = np.zeros((k, self.d + 1))
        for rows, block in self.blocks():
            chosen = np.zeros((k, len(block)), self.dtype)
            chosen[y[rows], np.arange(len(block))] = self.share[rows]
            self.target += self._sums(chosen, block)

    def blocks(self, size: int = 1000) -> Iterator[tuple[slice, Floats]]:
        """Give the pictures as floats, `size` at a time; uint8 ones stay in 0..255 (`scale`)."""
        buffer = np.empty((min(size, self.n), self.d), self.dtype)
        for start in range(0, self.n, size):
            rows = slice(start, min(start + size, self.n))
            block = buffer[: rows.stop - start]
            block[...] = self.x[rows]
            yield rows, block

    def _sums(self, left: Floats, block: Floats) -> Floats:
        """Give left · (block in [0, 1], 1): (k, d+1)."""
        return np.column_stack([(left @ block) * self.scale, left.sum(axis=1)])

    def at(self, theta: Floats, tries: int = 1) -> _Point:
        """Evaluate F at theta (k, d+1)."""
        loss, gradient = 0.0, np.zeros(theta.shape)
        p = np.empty((self.k, self.n), self.dtype)
        weights, biases = theta[:, :-1] * self.dtype(self.scale), theta[:, -1:]
        share = self.share.astype(self.dtype)
        for rows, block in self.blocks():
            z = weights @ block.T
            z += biases
            z -= z.max(axis=0)
            own = self.y[rows], np.arange(len(block))
            evidence = z[own]
            np.exp(z, out=z)
            total = z.sum(axis=0)
            loss += float(((np.log(total) - evidence) * self.share[rows]).sum())
            z /= total
            p[:, rows] = z
            z[own] -= 1
            z *= share[rows]
            gradient += self._sums(z, block)
        wide = theta.astype(np.float64)
        value = loss + 0.5 * float((self.penalty * wide**2).sum())
        return _Point(theta, value, loss, p, gradient + self.penalty * wide, tries)

    def error(self, point: _Point) -> float:
        """Give what `tol` bounds: the duality gap, or the gradient's norm where λ = 0."""
        return self.gap(point) if self.l2 > 0 else float(np.linalg.norm(point.gradient))

    def balance(self, point: _Point) -> _Point:
        """Set the biases to their best for the weights as they are, by Newton's method.

        It needs no pixels: moving the biases by δ multiplies the probabilities by exp(δ).
        """
        p, delta = point.p.astype(np.float64), np.zeros((self.k, 1))
        target = self.target[:, -1]
        for _ in range(20):
            moved = p * np.exp(delta)
            moved /= moved.sum(axis=0)
            weighted = moved * self.share
            excess = weighted.sum(axis=1) - target
            curvature = np.diag(weighted.sum(axis=1)) - weighted @ moved.T
            step = np.linalg.lstsq(curvature, excess, rcond=None)[0]
            delta -= np.clip(step, -1, 1)[:, None]
            if np.abs(excess).max() < 1e-15:
                break
        theta = point.theta.copy()
        theta[:, -1] += delta[:, 0]
        return self.at(theta)

    def gap(self, point: _Point, *, balanced: bool = False) -> float:
        """Bound value − min F from above by a dual feasible point (see the module's docstring).

        With `balanced`, give what the bound would be were the biases' gradient zero.
        """
        wide = point.theta.astype(np.float64)
        gradient = point.gradient - self.penalty * wide  # of the loss alone
        if balanced:
            gradient[:, -1] = 0
        mean_p = self.target[:, -1] + gradient[:, -1]
        mean_y = self.target[:, -1]
        t = float(np.max(1 - mean_y / np.maximum(mean_p, 1e-300)))
        t = min(max(t, 0.0), 1.0)
        entropy = (1 - t) * (point.loss - float(np.vdot(gradient, wide)))
        dual_weights = (1 - t) * gradient[:, :-1]
        if t > 0:
            u = np.maximum((mean_y - (1 - t) * mean_p) / t, 0)
            u /= u.sum()
            mean_x = self.target[:, :-1].sum(axis=0)
            dual_weights += t * (np.outer(u, mean_x) - self.target[:, :-1])
            entropy -= t * float((u * np.log(np.maximum(u, 1e-300))).sum())
        dual = entropy - float((dual_weights**2).sum()) / (2 * self.l2)
        return max(point.value - dual, 0.0)


class _Hessian:
    """An approximate inverse of F's Hessian at the probabilities p, (k, n)."""

    def __init__(self, problem: _Objective, p: Floats, rng: np.random.Generator) -> None:
        self.p, self.k, self.d = p, problem.k, problem.d
        self.rank = min(problem.d, max(_COUPLED // problem.k - 1, 1))
        if problem.d > _WIDEST:
            self.rank = 0
            return
        # Taken at random: every third picture, say, may all be of one kind of writer.
        size = min(problem.n, _SAMPLE)
        sample = np.sort(rng.choice(problem.n, size, replace=False))
        self.basis = _principal_components(problem, sample)
        rounded = p[:, sample] if size < _SAMPLE else _round(p[:, sample], rng)
        coupled, rest = self._accumulate(problem, sample, rounded)
        ridge = np.append(1e-6, np.full(self.rank, max(problem.l2, 1e-9))).astype(problem.dtype)
        coupled[np.diag_indices(len(coupled))] += np.tile(ridge, self.k)
        self.factor = _Cholesky(coupled)
        own = np.arange(self.d - self.rank)
        rest[:, own, own] += max(problem.l2, 1e-9)
        self.rest = np.linalg.inv(rest) if len(own) else rest

    def _accumulate(self, problem: _Objective, sample: Ints, p: Floats) -> tuple[Floats, Floats]:
        """Sum the curvature of the sample: (k*(r+1), k*(r+1)) coupled, (k, d-r, d-r) the rest."""
        k, r = self.k, self.rank + 1
        blocks = np.zeros((k, k, r, r), problem.dtype)
        rest = np.zeros((k, self.d - self.rank, self.d - self.rank), problem.dtype)
        # With p not summing to 1 after rounding, this keeps every picture's part positive.
        total = np.maximum(p.sum(axis=0), 1)
        share = problem.share[sample]
        share = (share / share.sum() / total).astype(problem.dtype)
        for start in range(0, len(sample), 8192):
            rows = slice(start, start + 8192)
            x = problem.x[sample[rows]]
            z = np.ones((len(x), self.d + 1), problem.dtype)
            z[:, 1:] = (x.astype(problem.dtype) @ self.basis) * problem.dtype(problem.scale)
            for a in range(k):
                for b in range(a + 1):
                    other = p[b, rows] if a != b else total[rows] - p[a, rows]
                    curvature = p[a, rows] * other * share[rows]
                    some = np.flatnonzero(curvature > 0)
                    part = z[some] if a == b else z[some, :r]
                    part *= np.sqrt(curvature[some])[:, None]
                    if a == b:
                        rest[a] += part[:, r:].T @ part[:, r:]
                        blocks[a, a] += part[:, :r].T @ part[:, :r]
                    else:
                        blocks[a, b] -= part.T @ part
        for a in range(k):
            for b in range(a):
                blocks[b, a] = blocks[a, b]
        return blocks.transpose(0, 2, 1, 3).reshape(k * r, k * r), rest

    def solve(self, gradient: Floats) -> Floats:
        """Apply the approximate inverse to a gradient (k, d+1)."""
        if self.rank == 0:
            return gradient
        r = self.rank + 1
        rotated = np.empty_like(gradient)
        rotated[:, 0], rotated[:, 1:] = gradient[:, -1], gradient[:, :-1] @ self.basis
        rotated[:, :r] = self.factor.solve(rotated[:, :r].ravel()).reshape(self.k, r)
        rotated[:, r:] = np.einsum("kij,kj->ki", self.rest, rotated[:, r:])
        out = np.empty_like(gradient)
        out[:, -1], out[:, :-1] = rotated[:, 0], rotated[:, 1:] @ self.basis.T
        return out


class _Cholesky:
    """A = LLᵀ by blocks, in place: NumPy's own is several times slower and has no solver for L."""

    def __init__(self, a: Floats, size: int = 384) -> None:
        self.a, self.size, self.inverses = a, size, list[Floats]()
        n = len(a)
        for s in range(0, n, size):
            e = min(s + size, n)
            inverse = np.linalg.inv(np.linalg.cholesky(a[s:e, s:e]))
            self.inverses.append(inverse)
            a[e:, s:e] = a[e:, s:e] @ inverse.T
            for u in range(e, n, 3 * size):
                v = min(u + 3 * size, n)
                a[u:, u:v] -= a[u:, s:e] @ a[u:v, s:e].T

    def solve(self, b: Floats) -> Floats:
        """Give A⁻¹b."""
        a, n, size = self.a, len(self.a), self.size
        x = b.astype(a.dtype)
        starts = range(0, n, size)
        for s, inverse in zip(starts, self.inverses, strict=True):
            e = min(s + size, n)
            x[s:e] = inverse @ x[s:e]
            x[e:] -= a[e:, s:e] @ x[s:e]
        for s, inverse in zip(reversed(starts), reversed(self.inverses), strict=True):
            e = min(s + size, n)
            x[s:e] = inverse.T @ (x[s:e] - a[e:, s:e].T @ x[e:])
        return x


def _principal_components(problem: _Objective, sample: Ints) -> Floats:
    """Give the pixels' principal components, (d, d), largest first, from a part of the sample."""
    x = problem.x[sample[: 4 * problem.d + 4000]].astype(problem.dtype)
    return np.ascontiguousarray(np.linalg.eigh(x.T @ x)[1][:, ::-1])


def _round(p: Floats, rng: np.random.Generator) -> Floats:
    """Round probabilities below τ at random to 0 or τ, so that their mean stays."""
    lucky = rng.random(p.shape, dtype=np.float32) * _TAU < p
    return np.where(p >= _TAU, p, np.where(lucky, p.dtype.type(_TAU), p.dtype.type(0)))


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


def _line_search(problem: _Objective, point: _Point, direction: Floats) -> _Point | None:
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
