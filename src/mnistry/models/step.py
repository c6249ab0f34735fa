"""One step of gradient descent on the mean cross-entropy of a batch, in place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.cores import cores
from mnistry.models.base import Floats, Ints

_WORTH_A_CORE = 1000  # pictures: of fewer, starting a thread takes longer than it saves
_BLOCK = 1000  # pictures that are worked on together: of fewer, threads wait for each other more


class Step:
    """Changes weights and biases against the gradient of one batch after the other.

    Large batches are shared out among the cores. For uint8 pictures, the division of every pixel
    by 255 is moved into the step's two small results (logits and gradient), which saves a pass
    over the batch.

    Parameters
    ----------
    weights, biases : (d, k) and (k,), changed in place. size : pictures of the largest batch.
    """

    def __init__(self, weights: Floats, biases: Floats, rate: float, l2: float, size: int) -> None:
        self.weights, self.biases, self.rate, self.l2, self.size = weights, biases, rate, l2, size
        count = max(1, min(cores(), size // _WORTH_A_CORE))
        self._each = -(-size // count)  # pictures of a part
        self._parts = [_Part(weights, biases, self._each) for _ in range(count)]
        self._pool = ThreadPoolExecutor(count, "step") if count > 1 else None

    def take(self, x: NDArray[Any], at: Ints, y: Ints, w: Floats | None) -> Floats:
        """Take the step of a batch: rows `at` (n,) of x (m, d), y (n,), weights (n,) or None.

        Returns
        -------
        own : (n,), the probabilities that the labels had before it.
        """
        scale = self.rate / len(at)
        if self._pool is None:
            found = [self._parts[0].gradient(x, at, y, w, scale)]
        else:
            slices = [slice(i, i + self._each) for i in range(0, len(at), self._each)]
            jobs = [
                self._pool.submit(
                    part.gradient, x, at[rows], y[rows], None if w is None else w[rows], scale
                )
                for part, rows in zip(self._parts, slices, strict=False)
            ]
            found = [job.result() for job in jobs]
        if self.l2:
            self.weights *= 1 - self.rate * self.l2
        for _, weights, biases in found:  # always in this order, or sums would differ
            self.weights -= weights
            self.biases -= biases
        return np.concatenate([own for own, _, _ in found])


class _Part:
    """What one thread does of a step, and the arrays that it does it in."""

    def __init__(self, weights: Floats, biases: Floats, size: int) -> None:
        self._weights, self._biases = weights, biases
        d, k = weights.shape
        size = min(size, _BLOCK)
        self._pick = np.empty((size, d), np.uint8)
        self._pixels = np.empty((size, d), weights.dtype)
        self._p = np.empty((size, k), weights.dtype)
        self._product = np.empty((d, k), weights.dtype)
        self._rows = np.arange(size)

    def gradient(
        self, x: NDArray[Any], at: Ints, y: Ints, w: Floats | None, scale: float
    ) -> tuple[Floats, Floats, Floats]:
        """Give the labels' probabilities, and `scale` times the gradients, (d, k) and (k,)."""
        own = np.empty(len(at), self._p.dtype)
        weights, biases = np.zeros_like(self._product), np.zeros_like(self._biases)
        for i in range(0, len(at), _BLOCK):
            rows = slice(i, i + _BLOCK)
            own[rows], residual = self._residual(x, at[rows], y[rows])
            residual *= scale
            if w is not None:
                residual *= w[rows, None].astype(residual.dtype)
            np.dot(self._pixels[: len(residual)].T, residual, out=self._product)
            weights += self._product
            biases += residual.sum(axis=0)
        if x.dtype == np.uint8:
            weights *= 1 / 255
        return own, weights, biases

    def _residual(self, x: NDArray[Any], at: Ints, y: Ints) -> tuple[Floats, Floats]:
        """Give the labels' probabilities, (n,), and all of them less the one-hot labels, (n, k)."""
        n = len(at)
        pixels, p, rows = self._pixels[:n], self._p[:n], self._rows[:n]
        # "clip" spares a bounds check on rows that are in range by construction.
        if x.dtype == pixels.dtype:
            np.take(x, at, axis=0, out=pixels, mode="clip")
        elif x.dtype == np.uint8:
            pixels[...] = np.take(x, at, axis=0, out=self._pick[:n], mode="clip")
        else:
            pixels[...] = x[at]
        np.dot(pixels, self._weights, out=p)
        if x.dtype == np.uint8:
            p *= 1 / 255
        p += self._biases
        p -= p.max(axis=1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=1, keepdims=True)
        own = p[rows, y]
        p[rows, y] = own - 1
        return own, p
