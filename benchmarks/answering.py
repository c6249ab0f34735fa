"""How fast does the shipped convnet answer?

MNIST's 10,000 test pictures as uint8, through ONNX Runtime with two threads, so many a call.
Each size of call is a process of its own, which asks about all of them six times; the first
time is not counted. Its figure is the median over the calls, and what is reported the median
over the rounds. A model whose test accuracy is below 90% is void.

Last answer: see results/answering.json
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mnistry
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

BATCHES = {f"batch_{size}": size for size in (1, 64, 1024, 10_000)}
PEERS = tuple(
    Peer(key, f"{size:,} a call", ("onnxruntime",), program="onnxruntime_answering")
    for key, size in BATCHES.items()
)
MEASURES = {
    "rate": ("pictures a second", "count"),
    "seconds": ("a call", "ms"),
    "accuracy": ("test accuracy", "share"),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "--model": {"type": Path, "metavar": "FILE", "help": "another than the shipped convnet"}
}


def main() -> int:
    """Measure, report; 1 if the model is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=5, options=OPTIONS)
    if args.model is None:
        from mnistry.models.file import shipped_path

        args.model = shipped_path()
    else:
        args.question = f"How fast does {args.model.name} answer?"
    shipped = {path.name: path.stat().st_size for path in models().parent.rglob("*.onnx")}
    settings = {
        "model": args.model.name, "shipped_bytes": shipped,
        "threads": 2, "passes": 1 if args.smoke else 5,
    }  # fmt: skip
    how = ("--threads", settings["threads"], "--passes", settings["passes"])

    with workplace(args.smoke) as folder:

        def measure(peer: Peer, _: int) -> Run:
            command = peer.command(
                "mnist.npz", args.model.resolve(), "--batch", BATCHES[peer.key], *how
            )
            return answer(command, folder)

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs, ours=None, measures=MEASURES, settings=settings, accuracy=(0.9, 1)
    )
    result["claims"] = claims(result["peers"], shipped)
    return finish(args, result)


def models() -> Path:
    """Give the folder of the models in the package."""
    return Path(mnistry.__file__).with_name("models")


def claims(peers: list[dict[str, Any]], shipped: dict[str, int]) -> list[dict[str, Any]]:
    """Hold the best rate, a single picture's latency and the shipped files against the goals."""
    rate = max(peer["rate"]["median"] for peer in peers)
    single = [1000 * p["seconds"]["median"] for p in peers if BATCHES[p["key"]] == 1]
    return [
        claim("{} thousand pictures a second at best", rate / 1000, at_least=60),
        *(claim("a single picture: {} ms", latency, at_most=0.2) for latency in single),
        claim("all shipped models: {} MB", sum(shipped.values()) / 1e6, at_most=4),
    ]


if __name__ == "__main__":
    sys.exit(main())
