"""How long does the whole tutorial take as a program, and how much memory?

Start Python, load the data, train 1000 steps of 100 at rate 0.5, evaluate on the 10,000, write
the model: wall seconds and peak resident memory of the process. `mnistry train` inflates and
checks its embedded files; the peers read an uncompressed ``mnist.npz`` prepared beforehand, so
that they have nothing to inflate. One round before the first is not counted: it brings files
into the system's cache and compiles modules. A program whose test accuracy is not 91 to 92.5%
is void.

Last answer: see results/tutorial_process.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

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

PEERS = (
    Peer("mnistry_program", "mnistry train", ("mnistry", "onnx")),
    Peer("numpy_program", "a bare NumPy program", ("numpy",)),
    Peer("torch_program", "the PyTorch tutorial", ("torch",)),
    Peer("tensorflow_program", "the TensorFlow tutorial, graph mode", ("tensorflow",), goal=5),
    Peer("keras_program", "the Keras tutorial", ("keras", "tensorflow"), goal=5),
)
MEASURES = {
    "seconds": ("whole process", "s"),
    "peak_bytes": ("peak memory", "bytes"),
    "accuracy": ("test accuracy", "share"),
}
METER = Path(__file__).with_name("meter.py")


def main() -> int:
    """Measure, report; 1 if a program is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=7)
    settings = {"steps": 20 if args.smoke else 1000, "batch": 100, "rate": 0.5}

    with workplace(args.smoke) as folder:

        def measure(peer: Peer, turn: int) -> Run:
            command = program(peer, settings["steps"], max(turn, 0), folder)
            found = answer([sys.executable, "-I", str(METER), *command], folder)
            printed = json.loads(found.pop("output").splitlines()[-1])
            return {**found, "accuracy": printed["accuracy"], "seed": max(turn, 0)}

        if not args.smoke:
            for peer in args.peers:
                measure(peer, -1)
        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs,
        ours="mnistry_program", measures=MEASURES, settings=settings, accuracy=(0.91, 0.925),
    )  # fmt: skip
    for peer in result["peers"]:
        if peer["key"] == result["ours"]:
            megabytes = peer["peak_bytes"]["max"] / 1e6
            result["claims"].append(claim("mnistry train: {} MB at most", megabytes, at_most=400))
    return finish(args, result)


def program(peer: Peer, steps: float, seed: int, folder: Path) -> list[str]:
    """Give the command that trains, evaluates and writes a model into the folder."""
    model = folder / peer.key
    if peer.key != "mnistry_program":
        return peer.command(folder / "mnist.npz", model, "--steps", steps, "--seed", seed)
    own = ["--steps", str(steps), "--seed", str(seed), "--out", f"{model}.onnx", "--json"]
    return [sys.executable, "-m", "mnistry", "train", *own]


if __name__ == "__main__":
    sys.exit(main())
