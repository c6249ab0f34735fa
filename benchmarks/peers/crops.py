"""Crops of digits, as each peer that frames them is given them, and how a peer reports.

``PEER.py mnist.npz --least A --most B --seed S --crops N --passes P`` frames N crops whose longer
sides are from A to B pixels, P times after one that is not counted, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Ink = NDArray[np.floating[Any]]


class Task:
    """The crops, float32 (h, w) in [0, 1], and the clock."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("data")
        for number in ("--least", "--most", "--seed", "--crops", "--passes"):
            parser.add_argument(number, type=int, required=True)
        args = parser.parse_args()
        with np.load(args.data) as arrays:
            images = arrays["x_test"]
        rng = np.random.default_rng(args.seed)
        chosen = rng.choice(len(images), args.crops, replace=args.crops > len(images))
        sides = rng.integers(args.least, args.most + 1, args.crops)
        self.crops = [_crop(images[i], int(side)) for i, side in zip(chosen, sides, strict=True)]
        self.passes = args.passes

    def run(self, work: Callable[[], Any], right: Callable[[Any], float]) -> None:
        """Do the work, print its seconds a crop; `right` gives the share of answers that are."""
        answers = work()
        seconds = []
        for _ in range(self.passes):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        each = statistics.median(seconds) / len(self.crops)
        size = sum(crop.nbytes for crop in self.crops) / len(self.crops)
        found = {
            "seconds": each, "rate": 1 / each, "bandwidth": size / each, "accuracy": right(answers),
        }  # fmt: skip
        print(json.dumps(found))


def _crop(image: NDArray[np.uint8], side: int) -> Ink:
    """Give a digit's box, its longer side so many pixels."""
    ys, xs = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    own = image[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    scale = side / max(own.shape)
    size = max(round(own.shape[1] * scale), 1), max(round(own.shape[0] * scale), 1)
    large = Image.fromarray(own).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(large, np.float32) / np.float32(255)
