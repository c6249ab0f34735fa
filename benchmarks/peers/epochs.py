"""Training by epochs, as a peer is asked for it, and how it reports.

``PEER.py mnist.npz --epochs N --seed S`` trains on the file's training split and prints one JSON
object. The clock runs from `start` to `stop`; `note`, between the two, reads the test accuracy.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np


class Training:
    """images, test_images : uint8 (n, 28, 28). labels, test_labels : int64 (n,). epochs, seed.

    `args` has what a peer's own `parser` takes besides.
    """

    def __init__(self, parser: argparse.ArgumentParser | None = None) -> None:
        parser = parser or argparse.ArgumentParser()
        parser.add_argument("data")
        parser.add_argument("--epochs", type=float, required=True)
        parser.add_argument("--seed", type=int, required=True)
        args = self.args = parser.parse_args()
        with np.load(args.data) as arrays:
            self.images = arrays["x_train"]
            self.labels = arrays["y_train"].astype(np.int64)
            self.test_images = arrays["x_test"]
            self.test_labels = arrays["y_test"].astype(np.int64)
        self.epochs: float = args.epochs
        self.seed: int = args.seed
        self.seconds = 0.0
        self.curve: list[tuple[float, float]] = []

    def start(self) -> None:
        """Start the clock, or let it go on."""
        self._start = time.perf_counter()

    def stop(self) -> None:
        """Stop the clock."""
        self.seconds += time.perf_counter() - self._start

    def note(self, predicted: Any) -> None:
        """Put the seconds so far and the test accuracy of these labels on the curve."""
        accuracy = float((predicted == self.test_labels).mean())
        self.curve.append((round(self.seconds, 4), accuracy))

    def report(self, **facts: Any) -> None:
        """Print what was measured; the last note's accuracy is that of the training."""
        found = {
            "seconds": self.seconds,
            "accuracy": self.curve[-1][1],
            "epochs": self.epochs,
            "seed": self.seed,
            "curve": self.curve,
            **facts,
        }
        print(json.dumps(found))
