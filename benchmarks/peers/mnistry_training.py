"""The tutorial in mnistry: `fit`, on the pictures as they come."""

from __future__ import annotations

import time

from mnistry import SoftmaxRegression
from task import read_task, report


def main() -> None:
    """Train, print."""
    task = read_task()
    start = time.perf_counter()
    SoftmaxRegression(steps=1).fit(task.images, task.labels)
    ready = time.perf_counter()
    model = SoftmaxRegression(steps=task.steps, seed=task.seed).fit(task.images, task.labels)
    end = time.perf_counter()
    accuracy = (model.predict(task.test_images) == task.test_labels).mean()
    report(ready - start, end - ready, accuracy, task)


if __name__ == "__main__":
    main()
