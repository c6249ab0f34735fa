"""The tutorial in PyTorch: a linear layer, cross-entropy, SGD, batches by index."""

from __future__ import annotations

import time

import torch

from task import BATCH, RATE, read_task, report


def main() -> None:
    """Train, print."""
    task = read_task()
    torch.manual_seed(task.seed)
    x, y = torch.from_numpy(task.x), torch.from_numpy(task.labels)
    layer = torch.nn.Linear(784, 10)
    optimizer = torch.optim.SGD(layer.parameters(), lr=RATE)

    def reset() -> None:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)

    def train(steps: int) -> None:
        epoch = len(x) // BATCH
        for step in range(steps):
            if step % epoch == 0:
                order = torch.randperm(len(x))
            rows = order[step % epoch * BATCH :][:BATCH]
            loss = torch.nn.functional.cross_entropy(layer(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    reset()
    start = time.perf_counter()
    train(1)
    reset()
    ready = time.perf_counter()
    train(task.steps)
    end = time.perf_counter()
    with torch.no_grad():
        predicted = layer(torch.from_numpy(task.test_x)).argmax(dim=1).numpy()
    report(ready - start, end - ready, (predicted == task.test_labels).mean(), task)


if __name__ == "__main__":
    main()
