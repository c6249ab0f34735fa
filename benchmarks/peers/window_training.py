"""mnistry learning MNIST from memory, or from a file sorted by class; see `windows.py`.

``window_training.py mnist.npz --model softmax|convnet --source memory|file --epochs E --seed S``
prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry import DataSet, SoftmaxRegression
from mnistry.data import mapped
from mnistry.data.windows import Windows
from mnistry.models import batches
from mnistry.models.base import cross_entropy

SIZE, BLOCK = 4096, 4  # 1,024 blocks, as many as windows of millions have


def windows(images: NDArray[np.uint8], seed: int, _: int = 0) -> Any:
    """Cut a small set as a large one is cut."""
    return Windows(images, seed, SIZE, BLOCK)


def main() -> None:
    """Train, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--model", choices=["softmax", "convnet"], required=True)
    parser.add_argument("--source", choices=["memory", "file"], required=True)
    parser.add_argument("--epochs", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    with np.load(args.data) as arrays:
        images, labels = arrays["x_train"], arrays["y_train"].astype(np.int64)
        test, truth = arrays["x_test"], arrays["y_test"]
    if args.source == "file":
        mapped.IN_MEMORY = 0
        by_class = np.argsort(labels, kind="stable")
        labels = labels[by_class]
        path = Path("sorted.bin")
        images[by_class].tofile(path)
        images = np.memmap(path, np.uint8, "r", 0, images.shape)
    data = DataSet(images, labels, tuple("0123456789"))
    start = time.perf_counter()
    model = (softmax if args.model == "softmax" else convnet)(data, args.epochs, args.seed)
    seconds = time.perf_counter() - start
    logits = model.logits(test)
    accuracy = float((logits.argmax(axis=1) == truth).mean())
    nll = float(cross_entropy(logits, truth))
    print(json.dumps({"seconds": seconds, "accuracy": accuracy, "nll": nll}))


def softmax(data: DataSet, epochs: float, seed: int) -> Any:
    """Learn in batches of 100."""
    setattr(batches, "Windows", windows)  # noqa: B010 - mypy takes it for a type
    model = SoftmaxRegression(steps=round(epochs * len(data) / 100), seed=seed)
    return model.fit(data.images, data.labels, classes=data.classes)


def convnet(data: DataSet, epochs: float, seed: int) -> Any:
    """Learn by the recipe for so many epochs, without a focus, which files have not."""
    from mnistry.training import stock
    from mnistry.training.recipe import Recipe
    from mnistry.training.trainer import Trainer

    setattr(stock, "Windows", windows)  # noqa: B010
    trainer = Trainer(replace(Recipe.for_epochs(epochs), focus=1.0), data, seed=seed)
    trainer.run()
    return trainer.model()


if __name__ == "__main__":
    main()
