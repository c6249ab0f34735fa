"""The objective of softmax regression, its gradient, and how far at most its least value is.

F(W, b) = mean cross-entropy + λ/2 ‖W‖² is convex. Its dual over distributions qᵢ is
D(q) = mean H(qᵢ) − ‖Xᵀ(q − y)/n‖² / 2λ, with mean q = mean y because the biases are free; any
feasible q gives D(q) ≤ min F ≤ F. The model's own probabilities p, mixed with a little of one
fixed distribution u so that the means agree, are feasible, and since entropy is concave, all that
the bound needs is a by-product of the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.cores import each
from mnistry.data.mapped import let_go
from mnistry.models.base import Floats, Ints


@dataclass(frozen=True)
class Point:
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


class Objective:
    """F and its gradient, in one pass over the pictures."""

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
        self.target = np.sum(each(self._target, self._parts()), axis=0)

    def _parts(self, size: int = 2000) -> list[slice]:
        """Cut the pictures into parts that are worked on side by side."""
        return [slice(i, min(i + size, self.n)) for i in range(0, self.n, size)]

    def _blocks(self, part: slice, size: int = 1000) -> Iterator[tuple[slice, Floats]]:
        """Give a part's pictures as floats, few enough at a time to stay in a core's cache.

        uint8 ones stay in 0..255: `scale` is applied to what comes out of the products.
        """
        buffer = np.empty((min(size, part.stop - part.start), self.d), self.dtype)
        for start in range(part.start, part.stop, size):
            rows = slice(start, min(start + size, part.stop))
            block = buffer[: rows.stop - start]
            block[...] = self.x[rows]
            yield rows, block

    def _sums(self, left: Floats, block: Floats) -> Floats:
        """Give left · (block in [0, 1], 1): (k, d+1)."""
        return np.column_stack([(left @ block) * self.scale, left.sum(axis=1)])

    def _target(self, part: slice) -> Floats:
        target = np.zeros((self.k, self.d + 1))
        for rows, block in self._blocks(part):
            chosen = np.zeros((self.k, len(block)), self.dtype)
            chosen[self.y[rows], np.arange(len(block))] = self.share[rows]
            target += self._sums(chosen, block)
        return target

    def at(self, theta: Floats, tries: int = 1) -> Point:
        """Evaluate F at theta (k, d+1)."""
        p = np.empty((self.k, self.n), self.dtype)
        weights, biases = theta[:, :-1] * self.dtype(self.scale), theta[:, -1:]

        def evaluate(part: slice) -> tuple[float, Floats]:
            loss, gradient = 0.0, np.zeros(theta.shape)
            for rows, block in self._blocks(part):
                # This way round the product is a quarter faster; columns suit the rest better.
                z = np.ascontiguousarray((block @ weights.T).T)
                z += biases
                z -= z.max(axis=0)
                own = self.y[rows], np.arange(len(block))
                evidence = z[own]
                # Smaller numbers would be denormal, and slow in every later product.
                np.maximum(z, -70, out=z)
                np.exp(z, out=z)
                total = z.sum(axis=0)
                loss += float(((np.log(total) - evidence) * self.share[rows]).sum())
                z /= total
                p[:, rows] = z
                z[own] -= 1
                z *= self.share[rows].astype(self.dtype)
                gradient += self._sums(z, block)
            let_go(self.x)
            return loss, gradient

        losses, gradients = zip(*each(evaluate, self._parts()), strict=True)
        loss, gradient = sum(losses), np.sum(gradients, axis=0)
        wide = theta.astype(np.float64)
        value = loss + 0.5 * float((self.penalty * wide**2).sum())
        return Point(theta, value, loss, p, gradient + self.penalty * wide, tries)

    def error(self, point: Point) -> float:
        """Give what `tol` bounds: the duality gap, or the gradient's norm where λ = 0."""
        return self.gap(point) if self.l2 > 0 else float(np.linalg.norm(point.gradient))

    def balance(self, point: Point) -> Point:
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

    def gap(self, point: Point, *, balanced: bool = False) -> float:
        """Bound value − min F from above by a dual feasible point (see above).

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
