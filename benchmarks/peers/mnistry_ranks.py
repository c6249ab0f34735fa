"""mnistry's convnet by one process, or by ranks that ``torchrun`` started; the test is read once.

Rank 0 prints: seconds of training, pictures a second, how long it waited for others' sums (but for
those of slopes, which PyTorch asks for), how often, and the accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mnistry import DataSet
from mnistry.training.ranks import ALONE, Ranks, joined
from mnistry.training.recipe import Recipe
from mnistry.training.trainer import Trainer


def main() -> None:
    """Train, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", type=float, help="epochs that the recipe is for")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int)
    args = parser.parse_args()
    with joined() if "RANK" in os.environ else nullcontext(ALONE) as ranks:
        found = measure(args, ranks)
    if ranks.leads:
        print(json.dumps(found))


def measure(args: argparse.Namespace, ranks: Ranks) -> dict[str, Any]:
    """Train; give what was found."""
    waited, sums, add = 0.0, 0, Ranks.add

    def timed(self: Ranks, tensor: Tensor) -> Tensor:
        nonlocal waited, sums
        since = time.perf_counter()
        found = add(self, tensor)
        waited, sums = waited + time.perf_counter() - since, sums + 1
        return found

    with np.load(args.data) as arrays:
        train, test = (
            DataSet(arrays[f"x_{part}"], arrays[f"y_{part}"], tuple("0123456789"))
            for part in ("train", "test")
        )
    trainer = Trainer(Recipe.for_epochs(args.recipe), train, seed=args.seed, ranks=ranks)
    trainer.warm_up()
    trainer.steps = args.steps
    if ranks.count > 1:
        Ranks.add = timed  # type: ignore[method-assign]
    since = time.perf_counter()
    trainer.run()
    seconds = time.perf_counter() - since
    Ranks.add = add  # type: ignore[method-assign]
    answers = trainer.model().predict(test.images)
    return {
        "seconds": seconds,
        "rate": args.steps * trainer.feed.size / seconds,
        "waited": waited / args.steps,
        "sums": sums / args.steps,
        "accuracy": float((answers == test.labels).mean()),
        "path": trainer.path,
    }


if __name__ == "__main__":
    main()
