"""A run of training that is killed again and again; a program that a test starts.

``killed.py FOLDER KILLS SEED``: trains in children of this process, each killed by SIGKILL at a
random moment, until KILLS have died in the middle; then lets one finish. It prints a JSON object
with what it saw. PyTorch is imported once, before the children are forked.

However slow the machine is, the run advances: every child but each fourth is killed at a random
moment after it has written a checkpoint. Each fourth is killed soon after it starts.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from mnistry.data.dataset import DataSet
from mnistry.data.sources import load_data
from mnistry.models.file import save_model
from mnistry.models.network import Block, Network
from mnistry.training.checkpoint import read_checkpoint
from mnistry.training.recipe import Recipe
from mnistry.training.run import Run

torch.set_num_threads(1)
EVERY = 0.05  # seconds between two checkpoints
NETWORK = Network((28, 28), (Block(4, 6, 4), Block(8, 3)), 10)


def train(data: DataSet, folder: Path, name: str) -> None:
    """Train from the checkpoint, or from the start if there is none; write the model."""
    recipe = replace(Recipe.for_epochs(40), network=NETWORK, batch=32, dropout=0.1)
    checkpoint = folder / f"{name}.checkpoint.npz"
    run = Run(
        recipe, data, validation=data.take(slice(200)), seed=5, members=2, device="cpu",
        checkpoint=checkpoint, every=EVERY, resume=checkpoint.exists(),
    )  # fmt: skip
    model = run.finish()
    save_model(model, folder / f"{name}.onnx", provenance=run.provenance())
    run.forget()


def wait_for_checkpoint(child: int, checkpoint: Path) -> None:
    """Return once the checkpoint's file is another one, or the child has ended."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        try:
            if checkpoint.stat().st_mtime_ns != before:
                return
        except FileNotFoundError:
            pass
        time.sleep(0.005)


def main() -> None:
    """Kill, look, go on."""
    data = load_data("mnist").train.take(slice(2000))
    train(data.take(slice(100)), Path(sys.argv[1]), "warm")  # imports what is imported late
    folder, kills, lots = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))  # noqa: S311 - no secret
    checkpoint = folder / "killed.checkpoint.npz"
    died, steps, broken, lost = 0, [0], [], []
    while died < kills:
        child = os.fork()
        if child == 0:
            train(data, folder, "killed")
            os._exit(0)
        if died % 4:
            wait_for_checkpoint(child, checkpoint)
        time.sleep(lots.uniform(0, 0.15))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break  # it was done before
        died += 1
        if checkpoint.exists():
            try:
                facts, arrays = read_checkpoint(checkpoint)
            except ValueError as error:
                broken.append(str(error))
                continue
            done = facts["done"] * 10**6 + int(arrays["now.step"][0])
            if done < steps[-1]:
                lost.append((steps[-1], done))
            steps.append(done)
        elif steps[-1]:
            broken.append("the checkpoint is gone")
    train(data, folder, "killed")
    train(data, folder, "whole")
    same = (folder / "killed.onnx").read_bytes() == (folder / "whole.onnx").read_bytes()
    left = sorted(path.name for path in folder.iterdir())
    found = {"died": died, "steps": steps, "broken": broken, "lost": lost, "same": same}
    print(json.dumps({**found, "left": left}))


if __name__ == "__main__":
    main()
