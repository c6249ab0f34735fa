"""How accurate does a convnet get when it is given time?

First the candidates, networks and how far pictures are changed, learn from 50,000 of MNIST's
training pictures and answer the other 10,000, written by others; the most accurate, as the mean
over seeds, is chosen. Then networks from other seeds learn from all 60,000 by that recipe, as many
as there is time for, and each answers the test once: that is "one network". An ensemble is five of
them, no network in two. Each test picture is looked at nine times, as it is and moved by a pixel to
every side. Nothing is stopped, calibrated or chosen on the test split; what the audited labels
would make of the same answers stands beside it.

Last answer: see results/records.json
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from compare import Peer, Run, claim, finish, read_arguments, summarise, write
from mnistry import DataSet, load_data, save_model
from mnistry.data.audit import audited_labels
from mnistry.errors import TrainingError
from mnistry.models.convnet import NINE_VIEWS, ConvNet
from mnistry.models.network import Block, Network
from mnistry.probability.measure import binomial_interval
from mnistry.training.augment import Augmentation
from mnistry.training.feed import as_ink
from mnistry.training.recipe import Recipe, large
from mnistry.training.trainer import Trainer

DIGITS = (28, 28), 10
PEERS = (
    Peer("one", "one network", ("mnistry", "torch")),
    Peer("five", "five networks", ("mnistry", "torch")),
)
MEASURES = {
    "accuracy": ("test accuracy", "share"),
    "audited": ("by audited labels", "share"),
    "nll": ("negative log-likelihood", "nats"),
    "seconds": ("training", "s"),
}
MILD = Recipe.for_epochs(20).augmentation
STRONG = Augmentation(
    shift=3, rotation=15, slant=10, scale=0.12, stretch=0.12, elastic=1.5, stroke=0.3
)
OPTIONS: dict[str, dict[str, Any]] = {
    "--epochs": {"type": float, "default": 40.0, "help": "of every network; default 40"},
    "--minutes": {"type": float, "default": 1e9, "help": "no network is begun after so many"},
    "--choose": {"type": int, "default": 2, "help": "seeds of each candidate; default 2"},
    "--candidates": {"nargs": "+", "default": None, "help": "only these"},
    "--save": {"type": Path, "default": None, "help": "where the first network is kept"},
    "--batch": {"type": int, "default": 128, "help": "pictures a step; default 128"},
}


def own() -> Network:
    """Give the network of the recipe for long runs: 9 million products."""
    return large(*DIGITS)


def wide() -> Network:
    """Give `large` with more channels, half as many or more: 40 million products."""
    blocks = (
        Block(32, 3, 1, 1), Block(48, 3, 1, 1, 2), Block(96, 3, 1, 1), Block(96, 3, 1, 1, 2),
        Block(128, 3), Block(128, 3),
    )  # fmt: skip
    return Network(DIGITS[0], blocks, 10)


def deep() -> Network:
    """Give ten blocks that shrink by their edges alone (An et al. 2020): 173 million products."""
    return Network(DIGITS[0], tuple(Block(16 * (i + 2), 3) for i in range(10)), 10, "mean")


CANDIDATES = {
    f"{network}, {how}": (make, change)
    for network, make in (("large", own), ("wide", wide), ("deep", deep))
    for how, change in (("mild", MILD), ("strong", STRONG))
}


def main() -> int:
    """Choose, train, report."""
    begun = time.monotonic()
    args = read_arguments(__file__, str(__doc__).splitlines()[0], PEERS, 10, options=OPTIONS)
    recipes = {
        name: replace(
            Recipe.for_epochs(20), epochs=args.epochs, network=make(), augmentation=change,
            batch=args.batch, rate=0.5 * args.batch / 128,
        )
        for name, (make, change) in CANDIDATES.items()
        if name in (args.candidates or CANDIDATES)
    }  # fmt: skip
    if args.smoke:
        args.epochs, recipes = 0.5, {"quick": Recipe.for_epochs(0.5)}
    held = load_data("mnist")
    tried = {}
    for name, recipe in recipes.items() if len(recipes) > 1 else ():
        seeds = range(100, 100 + args.choose)
        try:
            own = [learn(recipe, held.train, held.validation, seed)[0] for seed in seeds]
        except TrainingError as error:
            print(f"{name}: {error}", flush=True)
            continue
        tried[name] = {k: float(np.mean([run[k] for run in own])) for k in MEASURES}
        print(f"{name}: {tried[name]}", flush=True)
    chosen = max(tried, key=lambda name: tried[name]["accuracy"]) if tried else next(iter(recipes))
    data = load_data("mnist", validation=0)
    train, test = data.train, data.test
    if args.smoke:
        train, test = train.take(slice(6000)), test.take(slice(200))
    runs: dict[str, list[Run]] = {"one": [], "five": []}
    sums: list[NDArray[np.float64]] = []
    result: dict[str, Any] = {}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    for seed in range(5 if args.smoke else args.repeats):
        if time.monotonic() - begun > 60 * args.minutes:
            break
        run, logits = learn(recipes[chosen], train, test, seed, args.save)
        runs["one"].append(run)
        sums.append(logits)
        if len(sums) % 5 == 0:
            seconds = sum(one["seconds"] for one in runs["one"][-5:])
            runs["five"].append({**judged(np.mean(sums[-5:], axis=0), test), "seconds": seconds})
        print(f"{seed}: {run}", *runs["five"][seed // 5 :], flush=True)
        if runs["five"] or args.peers == [PEERS[0]]:
            settings = {
                "chosen": chosen, "tried": tried, "epochs": args.epochs, "batch": args.batch,
                "gpu": gpu, "torch": torch.__version__, "path": run["path"],
            }  # fmt: skip
            result = summarise(
                args, runs, ours=None, measures=MEASURES, settings=settings, accuracy=(0.98, 1)
            )
            result["claims"] = claims(result["peers"], len(test))
            write(args.out, result)
    return finish(args, result)


def learn(
    recipe: Recipe, data: DataSet, test: DataSet, seed: int, save: Path | None = None
) -> tuple[Run, NDArray[np.float64]]:
    """Train a network, let it answer; give what came of it and its logits (n, 10)."""
    trainer = Trainer(recipe, data, seed=seed)
    trainer.warm_up()
    trainer.run()
    logits = looked_at(trainer, test)
    if seed == 0:  # what is judged here is what the file would answer
        few = test.take(slice(200))
        model = ConvNet(trainer.model().members, views=NINE_VIEWS)
        apart = np.abs(model.logits(few.images) - logits[:200]).max()
        if apart > 1e-2:
            raise SystemExit(f"ONNX Runtime's logits are {apart:.2g} from PyTorch's.")
        if save:
            save_model(model, save)
    return {**judged(logits, test), "seconds": trainer.seconds, "path": trainer.path}, logits


def looked_at(trainer: Trainer, test: DataSet) -> NDArray[np.float64]:
    """Give the mean logits over the nine views, in float32."""
    trainer.layers.eval()
    found = []
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for i in range(0, len(test), 1000):
            images = torch.from_numpy(test.images[i : i + 1000].copy())
            x = functional.pad(as_ink(images.to(trainer.place.device)), (1, 1, 1, 1))
            h, w = test.images.shape[1:]
            views = [x[:, :, 1 - v.down :, 1 - v.right :][:, :, :h, :w] for v in NINE_VIEWS]
            found.append(sum(trainer.layers(view).double() for view in views) / len(views))
    return np.asarray(torch.cat(found).cpu().numpy())


def judged(logits: NDArray[np.float64], test: DataSet) -> Run:
    """Hold answers against the labels, and against the audited ones."""
    answers = logits.argmax(axis=1)
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    found = {
        "accuracy": float((answers == test.labels).mean()),
        "nll": float(-log_p[np.arange(len(test)), test.labels].mean()),
    }
    audited = audited_labels(test)
    if audited is None:
        return {**found, "audited": found["accuracy"]}
    agreed = audited >= 0
    return {**found, "audited": float((answers == audited)[agreed].mean())}


def claims(peers: list[dict[str, Any]], n: int) -> list[dict[str, Any]]:
    """Hold the means against the goals, with the exact interval of one test of n pictures."""
    made = []
    for peer, goal in zip(peers, (0.20, 0.13), strict=False):
        if peer["accuracy"]["n"]:
            mean = peer["accuracy"]["mean"]
            low, high = binomial_interval(round((1 - mean) * n), n)
            text = (
                f"{peer['name']}: {{}}% wrong on average ({100 * low:.2f} to {100 * high:.2f}; "
                f"sd over {peer['accuracy']['n']}: {100 * peer['accuracy']['sd']:.3f})"
            )
            made.append(claim(text, 100 * (1 - mean), at_most=goal))
    return made


if __name__ == "__main__":
    sys.exit(main())
