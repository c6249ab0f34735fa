"""How accurate does a convnet get when it is given time?

First the candidates, networks and what they learn by, learn from 55,000 of MNIST's training
pictures and answer the other 5,000, written by others; the most accurate, as the mean over seeds,
is chosen. Then networks from other seeds learn from all 60,000 by that recipe, as many as there is
time for, and each answers the test once: that is "one network". An ensemble is five networks, no
network in two: of the candidates, the best with each shape of network, since networks of several
kinds err less together than of one (An et al. 2020). Each test picture is looked at nine times, as
it is and moved by a pixel to every side. Nothing is stopped, calibrated or chosen on the test
split; what the audited labels would make of the same answers stands beside it.

Last answer: see results/records.json
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from compare import Peer, Run, claim, finish, read_arguments, summarise, write
from mnistry import DataSet, load_data, save_model
from mnistry.cores import processes
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
BETWEEN = Augmentation(shift=2, rotation=15, slant=10, scale=0.12, stretch=0.12, elastic=1.2)
MOVED = Augmentation(shift=5.6, rotation=20)  # An et al.'s, and nothing else
STRONG = Augmentation(
    shift=3, rotation=15, slant=10, scale=0.12, stretch=0.12, elastic=1.5, stroke=0.3
)
OPTIONS: dict[str, dict[str, Any]] = {
    "--epochs": {"type": float, "default": 40.0, "help": "of every network; default 40"},
    "--minutes": {"type": float, "default": 1e9, "help": "no network is begun after so many"},
    "--choose": {"type": int, "default": 2, "help": "seeds of each candidate; default 2"},
    "--candidates": {"nargs": "+", "default": None, "help": "only these"},
    "--tried": {"type": Path, "default": None, "help": "where their answers are kept, and found"},
    "--at-once": {"type": int, "default": 1, "help": "networks that learn side by side"},
    "--save": {"type": Path, "default": None, "help": "where the first network is kept"},
    "--batch": {"type": int, "default": 128, "help": "pictures a step; default 128"},
}


def wide(kernel: int = 3) -> Network:
    """Give `large` with more channels: 40 million products; 105 with kernels of 5 where large."""
    around = kernel // 2
    blocks = (
        Block(32, kernel, 1, around), Block(48, kernel, 1, around, 2),
        Block(96, kernel, 1, around), Block(96, kernel, 1, around, 2),
        Block(128, 3), Block(128, 3),
    )  # fmt: skip
    return Network(DIGITS[0], blocks, 10)


def deep() -> Network:
    """Give ten blocks that shrink by their edges alone (An et al. 2020): 173 million products."""
    return Network(DIGITS[0], tuple(Block(16 * (i + 2), 3) for i in range(10)), 10, "mean")


def candidates(epochs: float, batch: int) -> dict[str, Recipe]:
    """Give the recipes to choose from, by name: the network's shape comes first."""
    made = {}
    for shape, network in (
        ("large", large(*DIGITS)), ("wide", wide()), ("coarse", wide(5)), ("deep", deep())
    ):  # fmt: skip
        like = replace(
            Recipe.for_epochs(20), epochs=epochs, network=network, batch=batch, rate=batch / 256
        )
        hard = replace(like, smoothing=0.0)
        made[f"{shape}, mild"] = like
        made[f"{shape}, between"] = replace(like, augmentation=BETWEEN)
        made[f"{shape}, strong"] = replace(like, augmentation=STRONG)
        made[f"{shape}, hard labels"] = hard
        made[f"{shape}, free"] = replace(hard, weight_decay=1e-4, dropout=0.0)
        made[f"{shape}, moved"] = replace(hard, augmentation=MOVED)
    return made


def main() -> int:
    """Choose, train, report."""
    begun = time.time()
    args = read_arguments(__file__, str(__doc__).splitlines()[0], PEERS, 10, options=OPTIONS)
    recipes = candidates(args.epochs, args.batch)
    recipes = {name: recipes[name] for name in args.candidates or recipes}
    if args.smoke:
        args.epochs, recipes = 0.5, {"quick": Recipe.for_epochs(0.5)}
    tried = tried_on_validation(recipes, args, begun)
    means = {
        name: {key: float(np.mean([run[key] for run in own])) for key in MEASURES}
        for name, own in tried.items()
        if name in recipes
    }
    five = best_of_shapes(means) if means else [*recipes] * 5
    chosen = five[0]
    print(f"chosen: {chosen}; five: {five}", flush=True)
    data = load_data("mnist", validation=0)
    train, test = data.train, data.test
    repeats = 5 if args.smoke else args.repeats
    if args.smoke:
        train, test = train.take(slice(6000)), test.take(slice(200))
    groups = range(repeats // 5)
    jobs = [Job(five[seed % 5], recipes[five[seed % 5]], seed) for seed in range(5 * len(groups))]
    alone = repeats - sum(job.name == chosen for job in jobs)
    jobs += [Job(chosen, recipes[chosen], 5 * len(groups) + i) for i in range(alone)]
    runs: dict[str, list[Run]] = {"one": [], "five": []}
    answers: dict[int, tuple[Run, NDArray[np.float64]]] = {}
    result: dict[str, Any] = {}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    for job, run, logits in done(jobs, train, test, args, begun):
        print(f"{job.name}, {job.seed}: {run}", flush=True)
        if job.name == chosen:
            runs["one"].append(run)
        answers[job.seed] = run, logits
        whole = [range(5 * g, 5 * g + 5) for g in groups]
        runs["five"] = [
            {
                **judged(np.mean([answers[seed][1] for seed in group], axis=0), test),
                "seconds": sum(answers[seed][0]["seconds"] for seed in group),
            }
            for group in whole
            if answers.keys() >= set(group)
        ]
        if runs["one"] and (runs["five"] or args.peers == [PEERS[0]]):
            settings = {
                "chosen": chosen, "five": five, "tried": means, "epochs": args.epochs,
                "batch": args.batch, "at_once": args.at_once, "gpu": gpu,
                "torch": torch.__version__, "device": run["device"],
            }  # fmt: skip
            result = summarise(
                args, runs, ours=None, measures=MEASURES, settings=settings, accuracy=(0.98, 1)
            )
            result["claims"] = claims(result["peers"], len(test))
            write(args.out, result)
    return finish(args, result) if result else 0


def tried_on_validation(
    recipes: dict[str, Recipe], args: Any, begun: float
) -> dict[str, list[Run]]:
    """Let each candidate learn and answer the validation pictures, but for what is kept of it."""
    held = load_data("mnist")
    tried: dict[str, list[Run]] = {}
    if args.tried and args.tried.exists():
        tried = json.loads(args.tried.read_text())
    jobs = [
        Job(name, recipes[name], seed)
        for seed in range(100, 100 + args.choose)
        for name in (recipes if len(recipes) > 1 else ())
        if len(tried.get(name, ())) <= seed - 100
    ]
    for job, run, _ in done(jobs, held.train, held.validation, args, begun):
        tried.setdefault(job.name, []).append(run)
        print(f"{job.name}, {job.seed}: {run}", flush=True)
        if args.tried:
            args.tried.write_text(json.dumps(tried, indent=1))
    return tried


def best_of_shapes(means: dict[str, dict[str, float]]) -> list[str]:
    """Name an ensemble's five: the best candidate with each shape, better ones as often or more."""
    kinds: dict[str, str] = {}
    for name in sorted(means, key=lambda name: -means[name]["accuracy"]):
        kinds.setdefault(name.partition(",")[0], name)
    names = list(kinds.values())
    return [names[i * len(names) // 5] for i in range(5)]


@dataclass(frozen=True)
class Job:
    """One network to train."""

    name: str
    recipe: Recipe
    seed: int


def done(
    jobs: list[Job], data: DataSet, test: DataSet, args: Any, begun: float
) -> Iterator[tuple[Job, Run, NDArray[np.float64]]]:
    """Do the jobs, some at once, as long as there is time; give what comes of each."""
    if not jobs:
        return
    until = begun + 60 * args.minutes
    pool, end = processes(args.at_once, _prepare, data, test)
    try:
        calls = {pool.submit(_work, job, until, args.save): job for job in jobs}
        for call in as_completed(calls):
            try:
                found = call.result()
            except TrainingError as error:
                print(f"{calls[call].name}: {error}", flush=True)
                continue
            if found is not None:
                yield calls[call], *found
    finally:
        end()


def _prepare(data: DataSet, test: DataSet) -> None:
    global _data, _test
    _data, _test = data, test


def _work(job: Job, until: float, save: Path | None) -> tuple[Run, NDArray[np.float64]] | None:
    if time.time() > until:
        return None
    return learn(job.recipe, _data, _test, job.seed, save)


_data: DataSet  # of a worker process, once it is prepared
_test: DataSet


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
    return {**judged(logits, test), "seconds": trainer.seconds, "device": trainer.path}, logits


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
