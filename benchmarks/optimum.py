"""How fast is softmax regression's optimum, with L2 of 1/n on 60,000 pictures?

The objective is the mean cross-entropy + 1/(2n) · Σ weights², biases free: scikit-learn's with
C=1. Each peer notes, as it goes, the seconds since its fit began and the objective that it has
just computed; the seconds to an objective are those of the first note at or below it. That the
notes are true is checked in float64, from the weights found: a peer whose last note is more
than 5e-6 nats off is void. scikit-learn goes on past its default tolerance of 1e-4, for
the sake of its curve, until it finds nothing better; where the default would have stopped it,
and where it ends, are among the objectives compared.

Last answer: see results/optimum.json
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from compare import (
    Peer,
    Run,
    answer,
    claim,
    finish,
    ratio,
    read_arguments,
    spread,
    summarise,
    take_turns,
    workplace,
)

PEERS = (
    Peer("mnistry_optimum", "mnistry, lbfgs", ("mnistry",)),
    Peer("sklearn_optimum", "scikit-learn, lbfgs", ("scikit-learn", "scipy")),
)
MEASURES = {
    "seconds": ("until it stopped", "s"),
    "objective": ("objective", "nats"),
    "gap": ("proven gap at most", "nats"),
    "accuracy": ("test accuracy", "share"),
}
OBJECTIVES = (0.23376, 0.23217, 0.23212)
GOAL = 10
OURS, THEIRS = (peer.key for peer in PEERS)


def main() -> int:
    """Measure, report; 1 if a peer is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=3)
    settings = {"l2": "1/n", "seed": 0, "max_iter": 5 if args.smoke else 1000}

    with workplace(args.smoke) as folder:

        def measure(peer: Peer, _: int) -> Run:
            command = peer.command("mnist.npz", "--max-iter", settings["max_iter"])
            run = answer(command, folder)
            with np.load(folder / f"{peer.key}.npz") as found:
                objective = evaluate(folder / "mnist.npz", found["weights"], found["biases"])
            return {**run, "objective": objective}

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs, ours=None, measures=MEASURES, settings=settings, accuracy=(0.92, 0.93)
    )
    for peer in result["peers"]:
        # Nearer than float32 sums are to one another, and far nearer than the objectives are.
        off = max(abs(run["curve"][-1][1] - run["objective"]) for run in runs[peer["key"]])
        if off > 5e-6:
            peer["void"] = f"its own objective is {off:.1e} off"
    result["targets"] = [] if args.smoke else compare(runs)
    void = any(peer["void"] for peer in result["peers"])
    result["claims"] = [
        claim(f"{{}} times faster to {t['objective']:.5f}", t["ratio"]["median"], at_least=GOAL)
        for t in result["targets"]
        if t["ratio"] and not void
    ]
    return finish(args, result)


def evaluate(data: Path, weights: np.ndarray[Any, Any], biases: np.ndarray[Any, Any]) -> float:
    """Give the objective in float64."""
    with np.load(data) as arrays:
        images, labels = arrays["x_train"].reshape(-1, 784), arrays["y_train"]
    wide = weights.astype(np.float64)
    loss = 0.0
    for start in range(0, len(images), 5000):
        rows = slice(start, start + 5000)
        logits = images[rows] / 255 @ wide + biases
        logits -= logits.max(axis=1, keepdims=True)
        own = np.take_along_axis(logits, labels[rows, None].astype(int), axis=1)
        loss += float(np.log(np.exp(logits).sum(axis=1)).sum() - own.sum())
    return (loss + 0.5 * float((wide**2).sum())) / len(images)


def compare(runs: dict[str, list[Run]]) -> list[dict[str, Any]]:
    """Set the seconds to each objective side by side; empty where a peer doesn't get there."""
    objectives = {*OBJECTIVES}
    for run in runs.get(THEIRS, []):
        objectives |= {run["default_objective"] or np.inf, min(v for _, v in run["curve"])}
    targets = []
    for objective in sorted(objectives - {np.inf}, reverse=True):
        times = {key: [reach(run["curve"], objective) for run in own] for key, own in runs.items()}
        reached = {key: [t for t in own if t is not None] for key, own in times.items()}
        whole = {key: own for key, own in reached.items() if len(own) == len(times[key])}
        targets.append(
            {
                "objective": objective,
                **{key: spread(whole[key]) if key in whole else None for key in runs},
                "ratio": ratio(whole[THEIRS], whole[OURS]) if {OURS, THEIRS} <= {*whole} else None,
            }
        )
    return targets


def reach(curve: list[tuple[float, float]], objective: float) -> float | None:
    """Give the seconds to an objective, or None if the curve ends above it."""
    return next((seconds for seconds, value in curve if value <= objective), None)


if __name__ == "__main__":
    sys.exit(main())
