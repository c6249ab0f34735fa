"""The tutorial as a NumPy program: load, train, evaluate, write."""

from __future__ import annotations

import json

import numpy as np

from program import read_arguments


def main() -> None:
    """Do it all; print the test accuracy."""
    args = read_arguments()
    rng = np.random.default_rng(args.seed)
    with np.load(args.data) as data:
        x = data["x_train"][5000:].reshape(-1, 784).astype(np.float32) / 255
        one_hot = np.eye(10, dtype=np.float32)[data["y_train"][5000:]]
        x_test = data["x_test"].reshape(-1, 784).astype(np.float32) / 255
        y_test = data["y_test"]
    weights, biases = np.zeros((784, 10), np.float32), np.zeros(10, np.float32)
    epoch = len(x) // 100
    for step in range(args.steps):
        if step % epoch == 0:
            order = rng.permutation(len(x))
        rows = order[step % epoch * 100 :][:100]
        pixels = x[rows]
        evidence = pixels @ weights + biases
        p = np.exp(evidence - evidence.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        residual = (p - one_hot[rows]) / 100
        weights -= 0.5 * (pixels.T @ residual)
        biases -= 0.5 * residual.sum(axis=0)
    accuracy = ((x_test @ weights + biases).argmax(axis=1) == y_test).mean()
    np.savez(f"{args.model}.npz", weights=weights, biases=biases)
    print(json.dumps({"accuracy": float(accuracy)}))


if __name__ == "__main__":
    main()
