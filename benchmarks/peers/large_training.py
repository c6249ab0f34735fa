"""mnistry learning from a folder of IDX files, in memory or mapped; see `large.py`.

``large_training.py FOLDER --model softmax|convnet --source memory|file --pictures N`` trains on so
many pictures' worth of steps and prints one JSON object. In memory are the folder's first
`--held` pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from dataclasses import replace
from pathlib import Path

from mnistry import SoftmaxRegression, load_data
from mnistry.data import mapped
from mnistry.data.dataset import DataSet
from mnistry.data.mapped import is_mapped

BATCH = 100


class Enough(Exception):  # noqa: N818 - it is what was asked for
    """As many steps were taken as asked."""


def main() -> None:
    """Train, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", choices=["softmax", "convnet"], required=True)
    parser.add_argument("--source", choices=["memory", "file"], required=True)
    parser.add_argument("--batch", type=int, default=BATCH)
    for name in ("--pictures", "--held"):
        parser.add_argument(name, type=int, required=True)
    args = parser.parse_args()
    in_file = args.source == "file"
    if in_file:
        mapped.IN_MEMORY = 0  # a smoke run's set is small
    data = load_data(args.folder)
    train = data.train if in_file else in_memory(data.train.take(slice(args.held)))
    if is_mapped(train.images) != in_file:
        raise RuntimeError(f"The pictures are not where they should be: {args.source}.")
    learn = softmax if args.model == "softmax" else convnet
    seconds, accuracy, pictures = learn(train, data.test, args.pictures, args.batch)
    found = {
        "seconds": seconds, "rate": pictures / seconds, "pictures": pictures,
        "bytes_rate": pictures * 784 / seconds, "accuracy": accuracy, "memory": peak(),
    }  # fmt: skip
    print(json.dumps(found))


def in_memory(data: DataSet) -> DataSet:
    """Give the same set, read."""
    return DataSet(data.images.copy(), data.labels, data.classes)


def softmax(train: DataSet, test: DataSet, pictures: int, batch: int) -> tuple[float, float, int]:
    """Take steps of gradient descent, at one rate."""
    steps = pictures // batch
    model = SoftmaxRegression(steps=steps, batch=batch)
    start = time.perf_counter()
    model.fit(train.images, train.labels, classes=train.classes)
    seconds = time.perf_counter() - start
    return seconds, float((model.predict(test.images) == test.labels).mean()), steps * batch


def convnet(train: DataSet, test: DataSet, pictures: int, _: int) -> tuple[float, float, int]:
    """Take the first steps of a run of one epoch, without a focus, which files have not."""
    from mnistry.training.recipe import Recipe
    from mnistry.training.trainer import Trainer

    trainer = Trainer(replace(Recipe.for_epochs(1), focus=1.0), train)
    trainer.warm_up()
    steps = pictures // trainer.feed.size

    def watch(trainer: Trainer) -> None:
        if trainer.step == steps:
            raise Enough

    start = time.perf_counter()
    with contextlib.suppress(Enough):
        trainer.run(watch)
    seconds = time.perf_counter() - start
    return seconds, trainer.accuracy(test), trainer.step * trainer.feed.size


def peak() -> int:
    """Give the most memory that this process has had, in bytes."""
    status = Path("/proc/self/status").read_text("utf-8")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main()
