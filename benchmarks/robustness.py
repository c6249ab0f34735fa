"""What does the shipped convnet make of distortions that no recipe of ours knows?

Twelve kinds of distortion, none of which training uses, are drawn over MNIST's test pictures:
motion blur, spatter, coarse pixels, outlines, dotted strokes, salt and pepper, a ruled line,
waves, hard thresholds, fading ink, very thick strokes, a cut top. Each model is scored on every
kind. The recipes that ship were chosen by the same kinds on validation pictures; what is shown
here is the test split, for reporting.

Last answer: see results/robustness.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import machine
from compare import RESULTS
from mnistry import load_data, load_model, shipped_model
from mnistry.probability.measure import binomial_interval

Ink = NDArray[Any]
SIDE = 28
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def neighbours(x: Ink, pick: Callable[..., Any], edge: float) -> Ink:
    """Give the largest or least of each pixel and its eight neighbours."""
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=edge)
    parts = [wide[:, i : i + SIDE, j : j + SIDE] for i in range(3) for j in range(3)]
    return np.asarray(pick(parts, axis=0))


def thicker(x: Ink) -> Ink:
    """Widen strokes by a pixel to each side."""
    return neighbours(x, np.max, 0)


def motion(x: Ink, rng: np.random.Generator) -> Ink:
    """Smear over five pixels in one of four directions."""
    out = np.zeros_like(x)
    which = rng.integers(0, 4, len(x))
    for k, (down, right) in enumerate([(0, 1), (1, 0), (1, 1), (1, -1)]):
        some = which == k
        for t in range(-2, 3):
            out[some] += np.roll(x[some], (t * down, t * right), (1, 2)) / 5
    return out


def spatter(x: Ink, rng: np.random.Generator) -> Ink:
    """Drop four blots of ink anywhere."""
    for _ in range(4):
        y, at = rng.integers(0, SIDE, (2, len(x), 1, 1))
        distance = np.hypot(ROWS - y, COLUMNS - at)
        blot = np.clip(rng.uniform(1.2, 2.1, (len(x), 1, 1)) - distance, 0, 1)
        x = np.maximum(x, 0.9 * blot)
    return x


def dotted(x: Ink, rng: np.random.Generator) -> Ink:
    """Leave a dot of ink in every third row and column's gap."""
    y, at = rng.integers(0, 3, (2, len(x), 1, 1))
    gap = ((ROWS + y) % 3 == 0) | ((COLUMNS + at) % 3 == 0)
    return np.asarray(np.where(gap, 0.1 * x, x))


def salt(x: Ink, rng: np.random.Generator) -> Ink:
    """Replace one pixel of 25 by anything."""
    return np.asarray(np.where(rng.random(x.shape) < 0.04, rng.random(x.shape), x))


def ruled(x: Ink, rng: np.random.Generator) -> Ink:
    """Rule a line across the middle part."""
    return np.asarray(np.maximum(x, 0.7 * (rng.integers(6, 22, (len(x), 1, 1)) == ROWS)))


def wave(x: Ink, _: np.random.Generator) -> Ink:
    """Push rows to and fro by up to two pixels."""
    rows = [np.roll(x[:, i], round(2 * np.sin(i / 3)), 1) for i in range(SIDE)]
    return np.stack(rows, axis=1)


def coarse(x: Ink, _: np.random.Generator) -> Ink:
    """Halve the resolution."""
    blocks = x.reshape(len(x), SIDE // 2, 2, SIDE // 2, 2).mean(axis=(2, 4))
    return np.asarray(blocks.repeat(2, 1).repeat(2, 2))


KINDS: dict[str, Callable[[Ink, np.random.Generator], Ink]] = {
    "as it is": lambda x, _: x,
    "motion": motion,
    "spatter": spatter,
    "coarse": coarse,
    "outline": lambda x, _: np.clip(thicker(x) - neighbours(x, np.min, 1), 0, 1),
    "dotted": dotted,
    "salt": salt,
    "ruled": ruled,
    "wave": wave,
    "hard": lambda x, rng: (x > rng.uniform(0.2, 0.8, (len(x), 1, 1))).astype(np.float32),
    "fading": lambda x, _: x * np.clip(np.linspace(1.1, 0.15, SIDE), 0, 1).astype(np.float32),
    "thick": lambda x, _: thicker(thicker(x)),
    "cut": lambda x, _: x * (ROWS >= 7),
}


def distorted(images: NDArray[np.uint8], kind: str, seed: int = 0) -> NDArray[np.uint8]:
    """Give pictures (n, 28, 28) distorted in one of `KINDS`; `seed` decides every draw."""
    ink = KINDS[kind](images.astype(np.float32) / 255, np.random.default_rng(seed))
    return (255 * ink + 0.5).clip(0, 255).astype(np.uint8)


def main() -> int:
    """Score, write, print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--also", nargs="*", default=[], metavar="FILE", help="other model files")
    parser.add_argument("--smoke", action="store_true", help="200 pictures, nothing written")
    args = parser.parse_args()
    test = load_data().test
    if args.smoke:
        test = test.take(slice(200))
    models = {"convnet": shipped_model(), "softmax": shipped_model("softmax")}
    models |= {Path(file).stem: load_model(file) for file in args.also}
    rows: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        images = distorted(test.images, kind)
        rows[kind] = {}
        for name, model in models.items():
            right = int((model.predict(images) == test.labels).sum())
            interval = binomial_interval(right, len(test))
            rows[kind][name] = {"accuracy": right / len(test), "interval": interval}
        print(kind, *(f"{name} {row['accuracy']:.2%}" for name, row in rows[kind].items()))
    question = str(__doc__).splitlines()[0]
    result = {
        "benchmark": "robustness", "question": question, "smoke": args.smoke,
        "models": list(models), "kinds": rows, "machine": machine.describe(),
    }  # fmt: skip
    if not args.smoke:
        (RESULTS / "robustness.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
