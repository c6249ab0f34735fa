"""The MNIST example of PyTorch's examples, trained as it is there.

But for its DataLoader, which would cost time: the pictures are normalised once, when the clock
has started, and batches are taken by index. On a GPU, where there is one, as the example does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from epochs import Training

BATCH = 64


def main() -> None:
    """Train, print."""
    training = Training()
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    images = torch.from_numpy(training.images).to(place)
    labels = torch.from_numpy(training.labels).to(place)
    test = normalise(torch.from_numpy(training.test_images).to(place))

    def build() -> tuple[Any, Any, Any]:
        torch.manual_seed(training.seed)
        network = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
            nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(128, 10), nn.LogSoftmax(dim=1),
        ).to(place)  # fmt: skip
        optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0)
        return network, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)

    def step(network: Any, optimizer: Any, x: Any, y: Any) -> None:
        optimizer.zero_grad()
        nn.functional.nll_loss(network(x), y).backward()
        optimizer.step()

    network, optimizer, schedule = build()
    step(network, optimizer, normalise(images[:BATCH]), labels[:BATCH])
    network, optimizer, schedule = build()
    training.start()
    x = normalise(images)
    for _ in range(round(training.epochs)):
        network.train()
        for rows in torch.randperm(len(x)).to(place).split(BATCH):
            step(network, optimizer, x[rows], labels[rows])
        schedule.step()
        if place.type == "cuda":
            torch.cuda.synchronize()
        training.stop()
        network.eval()
        with torch.no_grad():
            predicted = torch.cat([network(part).argmax(dim=1) for part in test.split(1000)])
        training.note(predicted.cpu().numpy())
        training.start()
    training.report()


def normalise(images: Any) -> Any:
    """Give the pictures as the network takes them: float32 (n, 1, 28, 28), mean 0, spread 1."""
    return (images[:, None].float() / 255 - 0.1307) / 0.3081


if __name__ == "__main__":
    main()
