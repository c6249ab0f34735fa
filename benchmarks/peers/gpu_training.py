"""mnistry's convnet on a GPU, seed after seed in one process: the test is read once for each.

Prints one JSON array of what `epochs` would report for each seed. With ``--single`` a step's
operations are started one by one and not as one graph.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch

from mnistry import DataSet
from mnistry.models.convnet import VIEWS, ConvNet
from mnistry.training.recipe import Recipe
from mnistry.training.trainer import Trainer


def main() -> None:
    """Train, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--epochs", type=float, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--views", choices=list(VIEWS), default="one")
    parser.add_argument("--single", action="store_true")
    args = parser.parse_args()
    with np.load(args.data) as arrays:
        digits = tuple("0123456789")
        train = DataSet(arrays["x_train"], arrays["y_train"].astype(np.int64), digits)
        images, labels = arrays["x_test"], arrays["y_test"]
    if args.single:
        setattr(Trainer, "_record", lambda _: None)  # noqa: B010 - types refuse the other way
    found = []
    for seed in range(args.seeds):
        trainer = Trainer(Recipe.for_epochs(args.epochs), train, seed=seed)
        trainer.warm_up()
        _wait()
        since = time.perf_counter()
        trainer.run()
        _wait()
        seconds = time.perf_counter() - since
        model = ConvNet(trainer.model().members, views=VIEWS[args.views])
        found.append(
            {
                "seconds": seconds,
                "accuracy": float((model.predict(images) == labels).mean()),
                "rate": trainer.steps * trainer.feed.size / seconds,
                "epochs": args.epochs,
                "seed": seed,
                "path": trainer.path,
            }
        )
    print(json.dumps(found))


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
