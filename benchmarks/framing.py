"""How many crops a second are framed, against one at a time and against what memory allows?

MNIST's test digits cut out at their boxes and enlarged until the longer side is so many pixels:
28, from 24 to 64, from 40 to 120, drawn by one seed; ink as the reader has it, one array each.
From the list of arrays to (n, 28, 28) bytes.

- mnistry: `frame_many`.
- one at a time: the recipe written in NumPy as it reads, a crop after the other; the matrices
  for each size are kept.
- memory: the crops' bytes, all in one piece, are read once and the answers' bytes written, on all
  cores. No framing can be faster.

Each measurement is a process of its own with one kind of crops, which frames them several times
after a first time that is not counted; its figure is the median. 99% of mnistry's answers must be
those of the recipe as it reads, bit for bit, or it is void; sums in another order may round the
last bit of some otherwise.

Last answer: see results/framing.json
"""

from __future__ import annotations

import sys
from typing import Any

from compare import Peer, Run, answer, finish, read_arguments, summarise, take_turns, workplace

SIZES = {"28": (28, 28), "24_64": (24, 64), "40_120": (40, 120)}
PROGRAMS = {
    "mnistry_framing": ("mnistry", ("mnistry",)),
    "numpy_framing": ("one at a time", ("numpy",)),
    "memory_framing": ("memory", ("numpy",)),
}
PEERS = tuple(
    Peer(f"{program}_{size}", f"{name}, {size.replace('_', ' to ')} px", needs, program=program)
    for size in SIZES
    for program, (name, needs) in PROGRAMS.items()
)
OURS = {peer.key: f"mnistry_framing_{peer.key.removeprefix(f'{peer.program}_')}" for peer in PEERS}
MEASURES = {
    "rate": ("crops a second", "count"),
    "seconds": ("a crop", "us"),
    "bandwidth": ("of crops a second", "bytes"),
    "accuracy": ("by the recipe", "share"),
}


def main() -> int:
    """Measure, report; 1 if a peer is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=5)
    settings = {"crops": 200 if args.smoke else 4000, "passes": 1 if args.smoke else 5}
    how: tuple[Any, ...] = ("--crops", settings["crops"], "--passes", settings["passes"])
    with workplace(args.smoke) as folder:

        def measure(peer: Peer, turn: int) -> Run:
            low, high = SIZES[peer.key.removeprefix(f"{peer.program}_")]
            sides = ("--least", low, "--most", high, "--seed", turn)
            return answer(peer.command("mnist.npz", *sides, *how), folder)

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs, ours=OURS, measures=MEASURES, settings=settings, accuracy=(0.99, 1)
    )
    return finish(args, result)


if __name__ == "__main__":
    sys.exit(main())
