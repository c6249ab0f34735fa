"""How fast are the tutorial's 1000 steps?

Softmax regression from weights of zeros, 1000 batches of 100 at rate 0.5, on the 55,000
pictures. Each peer has the data in memory in the form that is natural to it, and has taken one
step on weights that are then reset (that step builds graphs, compiles and starts threads; its
seconds stand apart as "first step"). The clock runs over the 1000 steps alone: shuffling,
picking batches, updating. A peer whose test accuracy is not 91 to 92.5% is void.

Last answer: see results/tutorial_training.json
"""

from __future__ import annotations

import sys
from pathlib import Path

from compare import Peer, Run, answer, finish, read_arguments, summarise, take_turns, workplace

PEERS = (
    Peer("mnistry_training", "mnistry, fit", ("mnistry",)),
    Peer("mnistry_batches", "mnistry, next_batch and partial_fit", ("mnistry",)),
    Peer("numpy_training", "a bare NumPy loop", ("numpy",), goal=1 / 1.1),
    Peer("torch_training", "PyTorch, a loop", ("torch",), goal=3),
    Peer("tensorflow_training", "TensorFlow, graph mode", ("tensorflow",), goal=4),
    Peer("keras_training", "Keras, fit", ("keras", "tensorflow")),
    Peer("jax_training", "JAX, scan", ("jax",)),
)
MEASURES = {
    "seconds": ("training", "s"),
    "first_seconds": ("first step", "s"),
    "accuracy": ("test accuracy", "share"),
}


def main() -> int:
    """Measure, report; 1 if a peer is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=9)
    settings = {"steps": 20 if args.smoke else 1000, "batch": 100, "rate": 0.5}

    with workplace(args.smoke) as folder:

        def measure(peer: Peer, turn: int) -> Run:
            return answer(
                peer.command(Path("mnist.npz"), "--steps", settings["steps"], "--seed", turn),
                folder,
            )

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs,
        ours="mnistry_training", measures=MEASURES, settings=settings, accuracy=(0.91, 0.925),
    )  # fmt: skip
    return finish(args, result)


if __name__ == "__main__":
    sys.exit(main())
