"""The curvature of softmax regression's objective: an approximate inverse of its Hessian.

*   The Hessian is Σᵢ (diag pᵢ − pᵢpᵢᵀ) ⊗ xᵢxᵢᵀ, and most of a trained model's probabilities
    are near 0. Rounding the small ones at random to 0 or τ, without bias, leaves a few pairs
    of classes a picture instead of k², and each block of a pair becomes one symmetric product.
*   In the basis of the pixels' principal components, classes are coupled mostly in the first
    few hundred. There the Hessian is kept whole; in the rest, one block a class.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import numpy as np

from mnistry.cores import each
from mnistry.models.base import Floats, Ints
from mnistry.models.objective import Objective

_COUPLED = 2400  # unknowns in the block of the Hessian that couples the classes
_WIDEST = 2500  # with more pixels than this, their covariance costs more than it saves
_TAU = 0.05  # probabilities below this are rounded at random
_SAMPLE = 30_000  # pictures that the Hessian is built from
_TRIES = 5  # to make a matrix regular, each with ten times as much on its diagonal

Inverse = TypeVar("Inverse")


class Hessian:
    """An approximate inverse of F's Hessian at the probabilities p, (k, n)."""

    def __init__(self, problem: Objective, p: Floats, rng: np.random.Generator) -> None:
        self.p, self.k, self.d = p, problem.k, problem.d
        self.rank = 0  # without an inverse, a gradient is the direction as it is
        if problem.d <= _WIDEST:
            with suppress(np.linalg.LinAlgError):  # numbers so large that rounding leaves nothing
                self._build(problem, p, rng)

    def _build(self, problem: Objective, p: Floats, rng: np.random.Generator) -> None:
        rank = min(problem.d, max(_COUPLED // problem.k - 1, 1))
        # Taken at random: every third picture, say, may all be of one kind of writer.
        size = min(problem.n, _SAMPLE)
        sample = np.sort(rng.choice(problem.n, size, replace=False))
        self.basis = _principal_components(problem, sample)
        rounded = p[:, sample] if size < _SAMPLE else _round(p[:, sample], rng)
        coupled, rest = self._accumulate(problem, sample, rounded, rank)
        ridge = np.append(1e-6, np.full(rank, max(problem.l2, 1e-9))).astype(problem.dtype)
        coupled[np.diag_indices(len(coupled))] += np.tile(ridge, self.k)
        own = np.arange(self.d - rank)
        rest[:, own, own] += max(problem.l2, 1e-9)
        self.factor = _steadied(Cholesky, coupled)
        self.rest = np.array(each(partial(_steadied, np.linalg.inv), rest))
        self.rank = rank

    def _accumulate(
        self, problem: Objective, sample: Ints, p: Floats, rank: int
    ) -> tuple[Floats, Floats]:
        """Sum the curvature of the sample: (k*(r+1), k*(r+1)) coupled, (k, d-r, d-r) the rest."""
        k, r = self.k, rank + 1
        blocks = np.zeros((k, k, r, r), problem.dtype)
        rest = np.zeros((k, self.d - rank, self.d - rank), problem.dtype)
        # With p not summing to 1 after rounding, this keeps every picture's part positive.
        total = np.maximum(p.sum(axis=0), 1)
        share = problem.share[sample]
        share = (share / share.sum() / total).astype(problem.dtype)
        pairs = [(a, b) for a in range(k) for b in range(a + 1)]
        for start in range(0, len(sample), 8192):
            rows = slice(start, start + 8192)
            z = self._rotate(problem, sample[rows])

            def add(pair: tuple[int, int], rows: slice = rows, z: Floats = z) -> None:
                a, b = pair
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

            each(add, pairs)
        for a in range(k):
            for b in range(a):
                blocks[b, a] = blocks[a, b]
        return blocks.transpose(0, 2, 1, 3).reshape(k * r, k * r), rest

    def _rotate(self, problem: Objective, rows: Ints) -> Floats:
        """Give pictures as 1 and their principal components, (n, d+1)."""
        scaled = self.basis * problem.dtype(problem.scale)
        z: Floats = problem.x[rows].astype(problem.dtype) @ np.pad(scaled, ((0, 0), (1, 0)))
        z[:, 0] = 1
        return z

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


class Cholesky:
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


def _steadied(inverted: Callable[[Floats], Inverse], a: Floats) -> Inverse:
    """Invert a matrix that rounding may have left singular, or not quite positive.

    Numbers far above 1, in float32, drown the ridge; then as much is added as is lost in them.

    Raises
    ------
    numpy.linalg.LinAlgError : that doesn't help.
    """
    for slack in (0, *10.0 ** np.arange(_TRIES)):
        steadied = a.copy()
        steadied[np.diag_indices(len(a))] += (
            slack * np.finfo(a.dtype).eps * a.diagonal().max(initial=0)
        )
        with suppress(np.linalg.LinAlgError):
            return inverted(steadied)
    raise np.linalg.LinAlgError


def _principal_components(problem: Objective, sample: Ints) -> Floats:
    """Give the pixels' principal components, (d, d), largest first, from a part of the sample."""
    x = problem.x[sample[: 4 * problem.d + 4000]].astype(problem.dtype)
    return np.ascontiguousarray(np.linalg.eigh(x.T @ x)[1][:, ::-1])


def _round(p: Floats, rng: np.random.Generator) -> Floats:
    """Round probabilities below τ at random to 0 or τ, so that their mean stays."""
    lucky = rng.random(p.shape, dtype=np.float32) * _TAU < p
    return np.where(p >= _TAU, p, np.where(lucky, p.dtype.type(_TAU), p.dtype.type(0)))
