"""The tutorial as a PyTorch program: load, train, evaluate, write."""

from __future__ import annotations

import json

import numpy as np
import torch

from program import read_arguments


def main() -> None:
    """Do it all; print the test accuracy."""
    args = read_arguments()
    torch.manual_seed(args.seed)
    with np.load(args.data) as data:
        x = torch.from_numpy(data["x_train"][5000:]).flatten(1).float() / 255
        y = torch.from_numpy(data["y_train"][5000:]).long()
        x_test = torch.from_numpy(data["x_test"]).flatten(1).float() / 255
        y_test = torch.from_numpy(data["y_test"]).long()
    layer = torch.nn.Linear(784, 10)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    epoch = len(x) // 100
    for step in range(args.steps):
        if step % epoch == 0:
            order = torch.randperm(len(x))
        rows = order[step % epoch * 100 :][:100]
        loss = torch.nn.functional.cross_entropy(layer(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (layer(x_test).argmax(dim=1) == y_test).float().mean()
    torch.save(layer.state_dict(), f"{args.model}.pt")
    print(json.dumps({"accuracy": float(accuracy)}))


if __name__ == "__main__":
    main()
