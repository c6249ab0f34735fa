"""What several ranks do; a program that tests start by torchrun, or alone.

``ranked.py FOLDER``: each rank writes ``COUNT.NUMBER.npz`` there with what it saw and has learnt.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mnistry.data.sources import load_data
from mnistry.errors import InputError
from mnistry.models.network import Block, Network
from mnistry.training.layers import Normalise
from mnistry.training.ranks import ALONE, Ranks, joined
from mnistry.training.recipe import Recipe
from mnistry.training.run import Run
from mnistry.training.shares import settle, shared
from mnistry.training.trainer import Trainer

NETWORK = Network((28, 28), (Block(4, 6, 4), Block(8, 3)), 10)
ROBUST = Recipe.robust(1).augmentation
RECIPES = {
    # A batch is of 50 of these 800 pictures, an uneven share for three ranks.
    "moved": replace(Recipe.for_epochs(1), network=NETWORK, batch=100),
    "bent": replace(Recipe.for_epochs(1), network=NETWORK, batch=100, augmentation=ROBUST),
    "dropped": replace(Recipe.for_epochs(1), network=NETWORK, batch=100, dropout=0.3),
}
STEPS = 5


def learn(ranks: Ranks) -> dict[str, Any]:
    """Train a little with each recipe; tell the batches, the losses and what is learnt."""
    data = load_data("mnist").train.take(slice(2000))
    told: dict[str, Any] = {}
    for name, recipe in RECIPES.items():
        trainer = Trainer(
            recipe, data, validation=data.take(slice(301)), seed=3, device="cpu",
            precision="float32", ranks=ranks,
        )  # fmt: skip
        trainer.steps = STEPS
        for step in range(STEPS):
            told[f"x.{name}.{step}"], told[f"y.{name}.{step}"] = trainer.feed.batch(step)
        trainer.run()
        state = trainer.state()
        state.pop("seconds")
        told |= {f"state.{name}.{key}": value for key, value in state.items()}
        told[f"seen.{name}"] = [trainer.loss, trainer.history[-1]["accuracy"]]
        told[f"right.{name}"] = trainer.accuracy(data.take(slice(301)))
    return told


def exact(ranks: Ranks) -> dict[str, Any]:
    """Take one step in double precision, where nothing but the order of sums is left to differ."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(*Trainer(RECIPES["dropped"], DATA, ranks=ALONE).layers).double()
    whole = torch.rand(13, 1, 28, 28, dtype=torch.float64)
    forward = shared(net, ranks, 13)
    torch.manual_seed(1)
    out = forward(whole[ranks.share(13)])
    # The mean over the ranks is to be the sum over the pictures.
    (out.square().sum() * ranks.count).backward()
    settle(net, ranks)
    told = {f"slope.{i}": p.grad for i, p in enumerate(net.parameters()) if p.requires_grad}
    return told | {f"statistic.{k}": v for k, v in net.state_dict().items() if "running" in k}


def rough(ranks: Ranks) -> dict[str, Any]:
    """Normalise in bfloat16 a batch whose parts differ, so that none could answer for the whole."""
    torch.manual_seed(0)
    part = torch.linspace(-2, 2, 13)[:, None, None, None]
    whole = torch.randn(13, 6, 9, 9) + part
    wanted = (torch.randn(13, 6, 9, 9) + part * whole + 1)[ranks.share(13)]
    layer = torch.nn.Sequential(Normalise(6))
    x = whole[ranks.share(13)].bfloat16().requires_grad_()
    out = shared(layer, ranks, 13)(x)
    out.backward(wanted.bfloat16())
    return {"rough.out": out.detach().float(), "rough.slope": x.grad.float()}


def hand_on(ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Train for six steps; one process leaves a checkpoint at the third, others begin there."""
    recipe = replace(RECIPES["moved"], epochs=0.15)
    data = load_data("mnist").train.take(slice(2000))
    kept, mine = folder / "kept.npz", folder / f"{ranks.count}.checkpoint.npz"
    if ranks.leads and ranks.count > 1:
        mine.write_bytes(kept.read_bytes())
    with ranks.as_one():  # nobody looks before it is there
        pass
    run = Run(
        recipe, data, seed=3, device="cpu", precision="float32", checkpoint=mine,
        resume=ranks.count > 1, ranks=ranks,
    )  # fmt: skip
    assert (run.trainer.step, run.trainer.steps) == (3 if ranks.count > 1 else 0, 6)
    run.learn(lambda run: run.save(kept) if ranks.count == 1 and run.trainer.step == 3 else None)
    return {f"handed.{key}": array for key, array in run.done[0].arrays.items()}


def talk(ranks: Ranks) -> dict[str, Any]:
    """Say what the others are told."""
    told: dict[str, Any] = {
        "texts": ranks.texts("é" * ranks.number),
        "lead": ranks.from_lead(b"from 0" if ranks.leads else b"lost").decode(),
        "none": ranks.from_lead(b"").decode(),
        "every": ranks.every(torch.tensor([ranks.number, 7])),
        # More than a socket takes at once.
        "large": ranks.add(torch.arange(100_000, dtype=torch.float32) * (ranks.number + 1))[
            [1, -1]
        ],
    }
    for name, who in (("first", 0), ("last", ranks.count - 1)):
        try:
            with ranks.as_one():
                if ranks.number == who:
                    raise InputError("It can't be used.")
            told[name] = ""
        except InputError as error:
            told[name] = f"{type(error).__name__}: {error}"
    try:
        ranks.same(seed="3", data=str(ranks.number))
        told["same"] = ""
    except InputError as error:
        told["same"] = f"{type(error).__name__}: {error}"
    return told


if __name__ == "__main__":
    torch.set_num_threads(1)
    DATA = load_data("mnist").train.take(slice(500))
    with joined() if "RANK" in os.environ else nullcontext(ALONE) as group:
        if group.count == 3:
            group = replace(group, wire=None)  # as on several machines: all by gloo, and DDP
        found = {**learn(group), **exact(group), **rough(group), **talk(group)}
        found |= hand_on(group, Path(sys.argv[1]))
    np.savez(Path(sys.argv[1]) / f"{group.count}.{group.number}.npz", **found)
