"""What does it cost in accuracy to shuffle by windows, and not perfectly?

MNIST's 60,000 pictures, from memory in a perfect random order each epoch; and from a file that is
sorted by class, the worst that there is, window by window. The windows are as those of millions of
pictures are, only smaller: 1,024 blocks each, of 4 pictures and not 64; 14 windows in all. Both
learn by the same recipe from the same seeds: softmax regression for two epochs in batches of 100,
the convnet for one epoch. What counts is the difference of mean test accuracies; nothing is chosen
by it.

Last answer: see results/windows.json
"""

from __future__ import annotations

import sys
from math import sqrt
from typing import Any

from compare import (
    Peer,
    Run,
    answer,
    claim,
    finish,
    read_arguments,
    summarise,
    take_turns,
    workplace,
)

EPOCHS = {"softmax": 2.0, "convnet": 1.0}
NEEDS = {"softmax": ("mnistry",), "convnet": ("mnistry", "torch")}
SOURCES = {"memory": "perfectly shuffled", "file": "sorted, in windows"}
PEERS = tuple(
    Peer(f"{model}_{source}", f"{model}, {how}", NEEDS[model], program="window_training")
    for model in EPOCHS
    for source, how in SOURCES.items()
)
MEASURES = {
    "accuracy": ("test accuracy", "share"),
    "nll": ("negative log-likelihood", "nats"),
    "seconds": ("training", "s"),
}


def main() -> int:
    """Measure, report; 1 if a model is void."""
    args = read_arguments(__file__, str(__doc__).splitlines()[0], PEERS, repeats=10)
    epochs = {model: 0.3 if args.smoke else most for model, most in EPOCHS.items()}
    with workplace(args.smoke) as folder:

        def measure(peer: Peer, seed: int) -> Run:
            model, source = peer.key.split("_")
            how = ("--model", model, "--source", source)
            more = ("--epochs", epochs[model], "--seed", seed)
            return answer(peer.command("mnist.npz", *how, *more), folder)

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs, ours=None, measures=MEASURES, settings={"epochs": epochs}, accuracy=(0.9, 1)
    )
    result["claims"] = claims(result["peers"])
    return finish(args, result)


def claims(peers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold what windows lose against nothing: twice the error of the difference."""
    found = {peer["key"]: peer["accuracy"] for peer in peers if not peer["void"]}
    made = []
    for model in EPOCHS:
        if {f"{model}_memory", f"{model}_file"} <= found.keys():
            best, ours = found[f"{model}_memory"], found[f"{model}_file"]
            error = sqrt((best["sd"] ** 2 + ours["sd"] ** 2) / max(1, best["n"]))
            lost = 100 * (best["mean"] - ours["mean"])
            text = f"{model}: windows lose {{}} points (± {200 * error:.3f})"
            made.append(claim(text, lost, at_most=200 * error))
    return made


if __name__ == "__main__":
    sys.exit(main())
