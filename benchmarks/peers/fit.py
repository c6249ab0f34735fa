"""A fit to the optimum, as a peer is asked for it, and how it reports.

``PEER.py mnist.npz --max-iter N`` fits the file's whole training split. It prints one JSON
object and writes the weights found to ``PEER.npz``: `weights` (784, 10), `biases` (10,).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Fit:
    """images, test_images : uint8 (n, 784). labels, test_labels : int64 (n,). max_iter."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("data")
        parser.add_argument("--max-iter", type=int, required=True)
        args = parser.parse_args()
        with np.load(args.data) as arrays:
            self.images = arrays["x_train"].reshape(-1, 784)
            self.labels = arrays["y_train"].astype(np.int64)
            self.test_images = arrays["x_test"].reshape(-1, 784)
            self.test_labels = arrays["y_test"].astype(np.int64)
        self.max_iter: int = args.max_iter
        self.curve: list[tuple[float, float]] = []

    def start(self) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def note(self, objective: float) -> None:
        """Put the objective, as the solver itself knows it, on the curve."""
        seconds = time.perf_counter() - self._start
        self.curve.append((round(seconds, 4), round(objective, 9)))

    def stop(self) -> None:
        """Stop the clock."""
        self.seconds = time.perf_counter() - self._start

    def report(self, weights: NDArray[Any], biases: NDArray[Any], **facts: Any) -> None:
        """Print what was measured and write the weights."""
        logits = self.test_images.astype(np.float32) / 255 @ weights + biases
        np.savez(f"{Path(sys.argv[0]).stem}.npz", weights=weights, biases=biases)
        found = {
            "seconds": self.seconds,
            "accuracy": float((logits.argmax(axis=1) == self.test_labels).mean()),
            "curve": self.curve,
            **facts,
        }
        print(json.dumps(found))
