"""Softmax regression in PyTorch over a file that is mapped, as its documentation has it.

A map-style dataset over ``numpy.memmap``, shuffled by a ``DataLoader`` that fetches whole batches,
a linear layer and SGD: ``torch_stream.py FOLDER --pictures N`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

from large_training import BATCH, peak


class Mapped:
    """Pictures and labels of IDX files, a batch at a time."""

    def __init__(self, folder: Path, part: str) -> None:
        labels = np.fromfile(folder / f"{part}-labels-idx1-ubyte", np.uint8, offset=8)
        self.labels = torch.from_numpy(labels.astype(np.int64))
        path = folder / f"{part}-images-idx3-ubyte"
        self.images = np.memmap(path, np.uint8, "r", 16, (len(labels), 784))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        images = torch.from_numpy(self.images[rows]).float().div_(255)
        return images, self.labels[rows]


def main() -> None:
    """Train, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, required=True)
    args = parser.parse_args()
    torch.manual_seed(0)
    train, test = Mapped(args.folder, "train"), Mapped(args.folder, "t10k")
    steps = args.pictures // BATCH
    order = RandomSampler(train, num_samples=steps * BATCH)
    loader = DataLoader(train, sampler=BatchSampler(order, BATCH, False), batch_size=None)
    layer = torch.nn.Linear(784, 10)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    start = time.perf_counter()
    for x, y in loader:
        loss = torch.nn.functional.cross_entropy(layer(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - start
    x, y = test[list(range(len(test)))]
    with torch.no_grad():
        accuracy = float((layer(x).argmax(dim=1) == y).float().mean())
    n = steps * BATCH
    print(json.dumps({
        "seconds": seconds, "rate": n / seconds, "pictures": n, "bytes_rate": n * 784 / seconds,
        "accuracy": accuracy, "memory": peak(),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
