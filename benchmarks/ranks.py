"""How many pictures a second do two ranks of one thread learn from, against one process of two?

The convnets of three recipes, named by the epochs that they are for, are trained for some hundred
steps on all of MNIST: the one that is quickest to 99%, the one for minutes, and the one for hours,
with pictures that are bent. A fresh process, or two by ``torchrun``, for each measurement, in turn;
importing, loading and a first step are outside of the clock. Whatever the number of ranks, the
batch is of 128 pictures.

What rank 0 waited for is part of its seconds: the sums over the ranks of normalisation's statistics
and slopes and of the weights' slopes, with the time that the other rank was behind.

Last answer: see results/ranks.json
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from compare import (
    Peer,
    Run,
    answer,
    claim,
    finish,
    ratio,
    read_arguments,
    summarise,
    take_turns,
    workplace,
)

STEPS = {0.5: 600, 8: 400, 20: 60}  # of the recipe for so many epochs
LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
GOAL = 0.9  # of the pictures a second of one process


@dataclass(frozen=True)
class Trained(Peer):
    """A recipe, learnt by one process or by two ranks."""

    epochs: float = 0.0
    ranks: int = 1

    def command(self, *arguments: object) -> list[str]:
        """Give the command, with the threads that each process may use."""
        python, *rest = super().command(*arguments)
        launcher = LAUNCHER if self.ranks > 1 else ()
        return ["env", f"OMP_NUM_THREADS={2 // self.ranks}", python, *launcher, *rest]


PEERS = tuple(
    Trained(
        f"{kind}_{epochs}", f"{name}, recipe for {epochs:g} epochs", ("mnistry", "torch"),
        program="mnistry_ranks", epochs=epochs, ranks=ranks,
    )
    for epochs in STEPS
    for kind, name, ranks in (("one", "a process of 2 threads", 1), ("two", "2 ranks of 1", 2))
)  # fmt: skip
OURS = {peer.key: f"one_{peer.epochs}" for peer in PEERS}
MEASURES = {
    "rate": ("pictures a second", "count"),
    "seconds": ("training, s", "s"),
    "waited": ("waiting a step", "s"),
    "sums": ("sums a step", "count"),
    "accuracy": ("test accuracy", "share"),
}


def main() -> int:
    """Measure, report; 1 if a peer is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=7)
    settings = {"steps": {str(e): 60 if args.smoke else n for e, n in STEPS.items()}}
    with workplace(args.smoke) as folder:

        def measure(peer: Peer, turn: int) -> Run:
            assert isinstance(peer, Trained)  # noqa: S101 - for mypy
            steps = settings["steps"][str(peer.epochs)]
            how = ("--recipe", peer.epochs, "--steps", steps, "--seed", turn)
            return answer(peer.command("mnist.npz", *how), folder)

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs, ours=OURS, measures=MEASURES, settings=settings, accuracy=(0.8, 1)
    )
    result["claims"] = claims(runs)
    return finish(args, result)


def claims(runs: dict[str, list[Run]]) -> list[dict[str, Any]]:
    """Hold the pictures a second of two ranks against those of one process, round by round."""
    found = []
    for epochs in STEPS:
        two, one = (
            [run["rate"] for run in runs.get(f"{kind}_{epochs}", ())] for kind in ("two", "one")
        )
        if two and one:
            text = f"recipe for {epochs:g} epochs: two ranks learn {{}} of a process's pictures"
            found.append(claim(text, ratio(two, one)["median"], at_least=GOAL))
    return found


if __name__ == "__main__":
    sys.exit(main())
