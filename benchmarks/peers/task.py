"""The tutorial's task, as each peer is given it, and how a peer reports.

``PEER.py mnist.npz --steps N --seed S`` trains on all but the first 5,000 pictures of the file's
training split, as the tutorial does, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH, RATE = 100, 0.5


@dataclass(frozen=True)
class Task:
    """images, test_images : uint8 (n, 784). labels, test_labels : int64 (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    steps: int
    seed: int

    @property
    def x(self) -> NDArray[np.float32]:
        """The images in [0, 1]."""
        return self.images.astype(np.float32) / np.float32(255)

    @property
    def test_x(self) -> NDArray[np.float32]:
        """The test images in [0, 1]."""
        return self.test_images.astype(np.float32) / np.float32(255)

    @property
    def one_hot(self) -> NDArray[np.float32]:
        """The labels as rows of zeros with a one: (n, 10)."""
        return np.eye(10, dtype=np.float32)[self.labels]


def read_task() -> Task:
    """Read what the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    with np.load(args.data) as arrays:
        return Task(
            arrays["x_train"].reshape(-1, 784)[5000:],
            arrays["y_train"].astype(np.int64)[5000:],
            arrays["x_test"].reshape(-1, 784),
            arrays["y_test"].astype(np.int64),
            args.steps,
            args.seed,
        )


def report(first: float, seconds: float, accuracy: Any, task: Task) -> None:
    """Print what was measured: the first step's seconds, the others', and the test accuracy."""
    found = {
        "seconds": seconds,
        "first_seconds": first,
        "accuracy": float(accuracy),
        "seed": task.seed,
    }
    print(json.dumps(found))
