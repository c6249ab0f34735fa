"""What does it cost to learn from more pictures than memory holds?

The set is 8,100,000 pictures, 6.35 GB, made by ``mnistry data deform``; where ``--folder`` has
none, it is made there first. Each model learns from that file, mapped, and from 500,000 of its
pictures in memory: softmax regression in batches of 100, one pass of the file (and another in
batches of 4,000, which the cores share), and 2,000,000 pictures from memory; the convnet the first
200,000 pictures of a run of one epoch from either.
Rates leave out loading and the first step. PyTorch learns softmax regression from the same file by
a DataLoader over ``numpy.memmap``, which looks pictures up one by one wherever they lie, 500,000 of
them. The file is in the system's cache as far as memory allows, for all alike. Memory is the most
that the process held, what is mapped and counted included.

What the machine could do is measured in the same run: bytes that two threads read a second, and
multiplications and additions of float32 matrices. Softmax regression takes 31,360 of these a
picture, so that the second is its limit, not the first.

Last answer: see results/large.json
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from compare import Peer, Run, answer, claim, finish, read_arguments, summarise, take_turns
from mnistry import load_data
from mnistry.data.deform import write_deformed

COUNT, HELD = 8_100_000, 500_000
LARGE = 4000  # pictures of a batch that is shared out among the cores
OPERATIONS = 4 * 784 * 10  # a picture: evidence and gradient, a multiplication and an addition each
MNISTRY = ("mnistry",)
PEERS = (
    Peer("softmax_file", "softmax, mapped", MNISTRY, program="large_training"),
    Peer("softmax_cores", "softmax, mapped, by 4,000", MNISTRY, program="large_training"),
    Peer("softmax_memory", "softmax, in memory", MNISTRY, program="large_training"),
    Peer("torch_stream", "softmax, PyTorch's DataLoader", ("torch",)),
    Peer("convnet_file", "convnet, mapped", ("mnistry", "torch"), program="large_training"),
    Peer("convnet_memory", "convnet, in memory", ("mnistry", "torch"), program="large_training"),
)
PICTURES = {
    "softmax_file": COUNT, "softmax_cores": COUNT, "softmax_memory": 2_000_000,
    "torch_stream": 500_000,
    "convnet_file": 200_000, "convnet_memory": 200_000,
}  # fmt: skip
MEASURES = {
    "rate": ("pictures a second", "count"),
    "bytes_rate": ("of pixels a second", "bytes"),
    "memory": ("most memory", "bytes"),
    "seconds": ("training", "s"),
    "accuracy": ("test accuracy", "share"),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "--folder": {"type": Path, "metavar": "FOLDER", "help": "where the set is, or is to be made"}
}


def main() -> int:
    """Make the set, measure, report; 1 if a model is void."""
    args = read_arguments(__file__, str(__doc__).splitlines()[0], PEERS, 3, OPTIONS)
    count, held = (70_000, 20_000) if args.smoke else (COUNT, HELD)
    scale = 0.01 if args.smoke else 1.0
    with ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if not (folder / "train-images-idx3-ubyte").exists():
            write_deformed(folder, load_data("mnist", validation=5000), count, 0)
        limits = {"bytes": reading(), "operations": multiplying()}

        def measure(peer: Peer, _: int) -> Run:
            n = round(scale * PICTURES[peer.key])
            if peer.key == "torch_stream":
                return answer(peer.command(folder.resolve(), "--pictures", n), folder)
            model, source = peer.key.replace("cores", "file").split("_")
            how = ["--model", model, "--source", source, "--pictures", n, "--held", held]
            if peer.key == "softmax_cores":
                how += ["--batch", LARGE]
            return answer(peer.command(folder.resolve(), *how), folder)

        runs = take_turns(args.peers, args.repeats, measure)
    ours = {"softmax_file": "softmax_memory", "convnet_file": "convnet_memory"}
    settings = {"pictures": count, "in_memory": held, "limits": limits}
    result = summarise(
        args, runs, ours=None, measures=MEASURES, settings=settings, accuracy=(0.85, 1)
    )
    result["claims"] = claims(result["peers"], ours, limits)
    return finish(args, result)


def claims(
    peers: list[dict[str, Any]], pairs: dict[str, str], limits: dict[str, float]
) -> list[dict[str, Any]]:
    """Hold a file against memory, and against what the machine could do."""
    found = {peer["key"]: peer for peer in peers if not peer["void"]}
    made = []
    for large, small in pairs.items():
        if large in found and small in found:
            share = found[large]["rate"]["median"] / found[small]["rate"]["median"]
            made.append(claim(f"{found[large]['name']}: {{}} of the rate in memory",
                              share, at_least=0.9))  # fmt: skip
        if large in found:
            made.append(claim(f"{found[large]['name']}: {{}} MB of memory at most",
                              found[large]["memory"]["max"] / 1e6, at_most=700))  # fmt: skip
    if "softmax_cores" in found:
        rate = found["softmax_cores"]["rate"]["median"]
        made += [
            claim("softmax: memory could be read {} times as fast",
                  limits["bytes"] / (784 * rate), at_most=3),
            claim("softmax: the cores could multiply {} times as fast",
                  limits["operations"] / (OPERATIONS * rate), at_most=3),
        ]  # fmt: skip
    return made


def reading() -> float:
    """Give the bytes that two threads read a second from memory: the best of ten."""
    parts = np.ones((2, 2**26))

    def seconds() -> float:
        start = time.perf_counter()
        list(pool.map(np.sum, parts))
        return time.perf_counter() - start

    with ThreadPoolExecutor(2) as pool:
        return parts.nbytes / min(seconds() for _ in range(10))


def multiplying() -> float:
    """Give the float32 operations a second of a product of large matrices: the best of ten."""
    square = np.ones((2000, 2000), np.float32)

    def seconds() -> float:
        start = time.perf_counter()
        square @ square
        return time.perf_counter() - start

    return 2 * 2000**3 / min(seconds() for _ in range(10))


if __name__ == "__main__":
    sys.exit(main())
