"""The tutorial in JAX: all the steps as one compiled scan."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from task import BATCH, RATE, read_task, report


def main() -> None:
    """Train, print; the first step's seconds are those of compiling."""
    task = read_task()
    x, y = jnp.asarray(task.x), jnp.asarray(task.labels)
    rng = np.random.default_rng(task.seed)
    zeros = {"weights": jnp.zeros((784, 10)), "biases": jnp.zeros(10)}

    def loss(parameters: Any, pixels: Any, labels: Any) -> Any:
        logits = pixels @ parameters["weights"] + parameters["biases"]
        log_p = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(log_p, labels[:, None], axis=1).mean()

    def step(parameters: Any, rows: Any) -> Any:
        gradient = jax.grad(loss)(parameters, x[rows], y[rows])
        return jax.tree.map(lambda p, g: p - RATE * g, parameters, gradient), None

    def draw() -> Any:
        epoch = len(x) // BATCH * BATCH
        epochs = -(-task.steps * BATCH // epoch)
        orders = np.concatenate([rng.permutation(len(x))[:epoch] for _ in range(epochs)])
        return jnp.asarray(orders[: task.steps * BATCH].reshape(task.steps, BATCH))

    def train(parameters: Any, batches: Any) -> Any:
        return jax.lax.scan(step, parameters, batches)[0]

    start = time.perf_counter()
    compiled = jax.jit(train).lower(zeros, draw()).compile()
    ready = time.perf_counter()
    parameters = jax.block_until_ready(compiled(zeros, draw()))
    end = time.perf_counter()
    logits = jnp.asarray(task.test_x) @ parameters["weights"] + parameters["biases"]
    accuracy = (np.asarray(logits.argmax(axis=1)) == task.test_labels).mean()
    report(ready - start, end - ready, accuracy, task)


if __name__ == "__main__":
    main()
