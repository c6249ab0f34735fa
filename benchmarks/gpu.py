"""How fast does a convnet reach 99.0 and 99.5% on a GPU?

As `convnet.py` asks it on a processor's cores, and by the same rules: MNIST in memory before the
clock starts, a step taken and taken back, on a GPU the graph of a step recorded; the clock runs
over training alone, until the GPU is done, and over finding the pictures worth a step; each
accuracy is a training of its own, by the recipe for the epochs that were chosen on validation, and
its test accuracy is read once. The seeds of one peer follow each other in one process. "One by
one" is the same training without the graph. PyTorch's example is as it stands there, on the same
GPU; its time is to the first epoch after which its mean accuracy is 99.0%.

Last answer: see results/gpu.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import torch

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
from convnet import time_to

NEEDS = ("mnistry", "torch")
EPOCHS = {"fast": 0.4, "single": 0.4, "fine": 8.0, "torch_convnet": 8}
VIEWS = {"fine": "five"}
PEERS = (
    Peer("fast", "mnistry, to 99.0%", NEEDS, program="gpu_training"),
    Peer("single", "mnistry, to 99.0%, one by one", NEEDS, program="gpu_training"),
    Peer("fine", "mnistry, to 99.5%", NEEDS, program="gpu_training"),
    Peer("torch_convnet", "PyTorch, MNIST example", ("torch",)),
)
MEASURES = {
    "seconds": ("training", "s"),
    "accuracy": ("test accuracy", "share"),
    "rate": ("pictures a second", "count"),
}
RECORD = 0.76  # s to 99% on a GTX 1660 Ti, the least that is published
OPTIONS: dict[str, dict[str, Any]] = {
    "--peer-repeats": {"type": int, "default": 3, "help": "PyTorch's rounds; default 3"},
}


def main() -> int:
    """Measure, report; 1 if a peer is void."""
    args = read_arguments(__file__, str(__doc__).splitlines()[0], PEERS, 10, options=OPTIONS)
    if args.smoke:
        args.peer_repeats = 1
    epochs = dict.fromkeys(EPOCHS, 1) if args.smoke else EPOCHS  # a peer's are whole
    theirs = {"torch_convnet": args.peer_repeats}
    rounds = {peer.key: theirs.get(peer.key, args.repeats) for peer in args.peers}
    done: dict[str, list[Run]] = {}
    with workplace(args.smoke) as folder:

        def measure(peer: Peer, turn: int) -> Run:
            if peer.program is None:
                how: list[object] = ["--epochs", epochs[peer.key], "--seed", turn]
                return answer(peer.command("mnist.npz", *how), folder)
            if peer.key not in done:
                how = ["--epochs", epochs[peer.key], "--seeds", rounds[peer.key]]
                how += ["--views", VIEWS.get(peer.key, "one")]
                how += ["--single"] if peer.key == "single" else []
                told = subprocess.run(
                    peer.command("mnist.npz", *how),
                    cwd=folder, stdout=subprocess.PIPE, text=True, check=True,
                )  # fmt: skip
                done[peer.key] = json.loads(told.stdout)
            return done[peer.key][turn]

        runs = take_turns(args.peers, rounds, measure)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    settings = {"epochs": epochs, "views": VIEWS, "gpu": gpu, "torch": torch.__version__}
    result = summarise(
        args, runs, ours=None, measures=MEASURES, settings=settings, accuracy=(0.98, 1)
    )
    result["claims"] = claims(result["peers"], runs)
    return finish(args, result)


def claims(peers: list[dict[str, Any]], runs: dict[str, list[Run]]) -> list[dict[str, Any]]:
    """Hold what was found against what is known."""
    found = {peer["key"]: peer for peer in peers if not peer["void"]}
    made = []
    for key, least in (("fast", 0.99), ("fine", 0.995)):
        if key in found:
            text = f"{found[key]['name']}: {{}}% wrong on average"
            wrong = 100 * (1 - found[key]["accuracy"]["mean"])
            made.append(claim(text, wrong, at_most=100 * (1 - least)))
    if "fast" in found:
        seconds = found["fast"]["seconds"]["mean"]
        made.append(claim("to 99.0%: {} s on average; published: 0.76", seconds, at_most=RECORD))
        if "single" in found:
            slower = found["single"]["seconds"]["mean"] / seconds
            made.append(claim("one by one takes {} times as long", slower, at_least=1))
        if "torch_convnet" in runs:
            theirs = time_to(runs["torch_convnet"], 0.99)
            text = "PyTorch's example takes {} times as long to 99.0%"
            if not theirs["reached"]:
                text = "PyTorch's example takes {} times as long, and gets no 99.0%"
            made.append(claim(text, theirs["seconds"]["mean"] / seconds, at_least=1))
    return made


if __name__ == "__main__":
    sys.exit(main())
