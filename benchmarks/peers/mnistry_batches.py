"""The tutorial in mnistry, batch by batch: `next_batch`, one-hot labels, `partial_fit`."""

from __future__ import annotations

import time

import numpy as np

from mnistry import SoftmaxRegression, input_data
from task import BATCH, read_task, report


def main() -> None:
    """Train, print."""
    task = read_task()
    images, labels = task.images.reshape(-1, 28, 28), task.labels.astype(np.uint8)
    train = input_data.DataSet(images, labels, one_hot=True, seed=task.seed)
    start = time.perf_counter()
    SoftmaxRegression().partial_fit(*train.next_batch(BATCH))
    ready = time.perf_counter()
    model = SoftmaxRegression()
    for _ in range(task.steps):
        model.partial_fit(*train.next_batch(BATCH))
    end = time.perf_counter()
    accuracy = (model.predict(task.test_images) == task.test_labels).mean()
    report(ready - start, end - ready, accuracy, task)


if __name__ == "__main__":
    main()
