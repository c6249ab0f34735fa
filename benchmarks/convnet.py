"""How fast does a convnet reach 99.0, 99.4 and 99.6% on MNIST's test?

MNIST is in memory as uint8 before the clock starts, and each peer has taken one step, on weights
that are then made anew. The clock runs over training alone: shuffling, batching, normalising the
pictures, augmenting them, updating. Importing, building, compiling and testing are outside of it.

The peers are the convnets of Keras' documentation and of PyTorch's examples, as they stand there,
for the first 12 of 15 and 8 of 14 epochs (no schedule of theirs depends on the rest); their test
accuracy is read after each epoch. The time to an accuracy is where the
curve of mean accuracy over the seeds, at the mean seconds after each epoch, first is at or above
it. mnistry's recipe is for a number of epochs, so each accuracy is a training of its own, whose
test accuracy is read once, at the end; its epochs were chosen on 10,000 training pictures by
writers held out from the other 50,000. For 99.6% each test picture is looked at five times, as it
is and moved by a pixel each way (test-time augmentation), which the clock on training doesn't see:
answering takes five times as long. Nothing is stopped or chosen on the test split, and every
figure is a mean over seeds.

A round is one seed for every peer; the peers have their own number of rounds. The result is
written after each, and ``--add`` goes on from there. A peer below 98% in any run is void.

Last answer: see results/convnet.json
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import machine
from compare import (
    Peer,
    Run,
    answer,
    claim,
    finish,
    read_arguments,
    spread,
    summarise,
    take_turns,
    workplace,
    write,
)

TARGETS = {0.990: 0.4, 0.994: 2, 0.996: 8}  # mnistry's epochs to each, chosen on validation
VIEWS = {0.996: "five"}  # that mnistry's network gets of each test picture; "one" for the others
OURS = {f"mnistry_{1000 * target:.0f}": target for target in TARGETS}
KERAS, TORCH = "keras_convnet", "torch_convnet"
EPOCHS = {key: TARGETS[target] for key, target in OURS.items()} | {KERAS: 12, TORCH: 8}
PEERS = (
    *(
        Peer(key, f"mnistry, to {target:.1%}", ("mnistry", "torch"), program="mnistry_convnet")
        for key, target in OURS.items()
    ),
    Peer(KERAS, "Keras, Simple MNIST convnet", ("keras", "tensorflow")),
    Peer(TORCH, "PyTorch, MNIST example", ("torch",)),
)
MEASURES = {"seconds": ("training", "s"), "accuracy": ("test accuracy", "share")}
# Whose time to 99.0% is how many times ours to what: wanted at least, hoped for.
FIRST = min(TARGETS)
GOALS = (
    (KERAS, 0.990, 25, 45),
    (TORCH, 0.990, 80, None),
    (KERAS, 0.994, 6, 12),
    (KERAS, 0.996, 1, 4),
)
OPTIONS: dict[str, dict[str, Any]] = {
    "--peer-repeats": {"type": int, "default": 10, "help": "the peers' rounds; default 10"},
    "--add": {"action": "store_true", "help": "go on from the result that is there"},
}


def main() -> int:
    """Measure, report; 1 if a peer is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=10, options=OPTIONS)
    if args.smoke:
        args.peer_repeats = 1
    views = {key: VIEWS.get(target, "one") for key, target in OURS.items()}
    settings = {"epochs": dict.fromkeys(EPOCHS, 1) if args.smoke else EPOCHS, "views": views}
    rounds = {p.key: args.repeats if p.key in OURS else args.peer_repeats for p in args.peers}
    old = read_earlier(args.out, settings, args.smoke) if args.add else None
    earlier = {peer["key"]: peer["runs"] for peer in old["peers"]} if old else {}
    args.peers = [peer for peer in PEERS if peer.key in {*rounds, *earlier}]

    def report(runs: dict[str, list[Run]]) -> dict[str, Any]:
        result = summarise(
            args, runs, ours=None, measures=MEASURES, settings=settings, accuracy=(0.98, 1)
        )
        result["race"] = race(runs)
        result["claims"] = claims(result["race"])
        result["earlier"] = [*old["earlier"], old["machine"]] if old else []
        return result

    with workplace(args.smoke) as folder:

        def measure(peer: Peer, turn: int) -> Run:
            epochs = settings["epochs"][peer.key]
            more = ["--views", views[peer.key]] if peer.key in views else []
            command = peer.command("mnist.npz", *more, "--epochs", epochs, "--seed", turn)
            return answer(command, folder)

        runs = take_turns(
            args.peers, rounds, measure,
            earlier=earlier, keep=lambda runs: write(args.out, report(runs)),
        )  # fmt: skip
    return finish(args, report(runs))


def read_earlier(out: Path | None, settings: dict[str, Any], smoke: bool) -> dict[str, Any] | None:
    """Give the result to go on from, None where there is none yet.

    Raises
    ------
    SystemExit : it was measured otherwise or elsewhere, so that new runs don't belong with it.
    """
    if out is None or not out.exists():
        return None
    old: dict[str, Any] = json.loads(out.read_text("utf-8"))
    here = machine.describe()
    same = ("cpu", "cores", "python", "libraries", "threads")
    differ = [key for key in same if old["machine"][key] != here[key]]
    differ += [] if (old["settings"], old["smoke"]) == (settings, smoke) else ["settings"]
    if differ:
        raise SystemExit(f"{out} can't be added to: it has other {', '.join(differ)}.")
    return old


def race(runs: dict[str, list[Run]]) -> list[dict[str, Any]]:
    """Give where each peer stands at each target; mnistry's at their own.

    ``ratios`` are the peers' mean seconds to 99.0%, where they get there, to those of the row.
    """
    rows = [
        {"key": key, **time_to(own, target)}
        for target in TARGETS
        for key, own in runs.items()
        if OURS.get(key, target) == target
    ]
    firsts = {
        row["key"]: row["seconds"]["mean"]
        for row in rows
        if row["target"] == FIRST and row["reached"] and row["key"] not in OURS
    }
    for row in rows:
        mean = row["seconds"]["mean"]
        row["ratios"] = {key: first / mean for key, first in firsts.items()}
    return rows


def time_to(runs: list[Run], target: float) -> dict[str, Any]:
    """Give the seconds and the accuracy after the first epoch whose mean accuracy is `target`.

    Where none is, those after the epoch that is best.
    """
    epochs = list(zip(*(run["curve"] for run in runs), strict=True))
    # Rounded, since the mean of ten times 0.994 must not be less than it.
    means = [round(statistics.fmean(accuracy for _, accuracy in own), 9) for own in epochs]
    best = max(means)
    at = next(i for i, mean in enumerate(means) if mean >= min(best, target))
    seconds, accuracies = zip(*epochs[at], strict=True)
    return {
        "target": target,
        "reached": best >= target,
        "epochs": runs[0]["epochs"] - len(epochs) + at + 1,  # a curve may be its end alone
        "seconds": spread(seconds),
        "accuracy": spread(accuracies),
    }


def claims(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold the ratios against the goals; none is met by a training that misses its accuracy."""
    names = {peer.key: peer.name for peer in PEERS}
    ours = {row["target"]: row for row in rows if row["key"] in OURS}
    found = []
    for key, target, goal, aim in GOALS:
        row = ours.get(target)
        if row is None or key not in row["ratios"]:
            continue
        text = (
            f"to {target:.1%} ({row['accuracy']['mean']:.2%} on average): "
            f"{names[key]}'s time to {FIRST:.1%} is {{}} times mnistry's"
        )
        entry = claim(text, row["ratios"][key], at_least=goal, aim=aim)
        found.append(entry | {"met": entry["met"] and row["reached"]})
    return found


if __name__ == "__main__":
    sys.exit(main())
