"""How many requests a second does a server answer, and how soon?

Each server runs the shipped convnet by ONNX Runtime, on loopback. A request is one picture of
MNIST's test split as JSON, and the answer its ten probabilities: the Open Inference Protocol where
the server speaks it, else its own plain form with the same numbers. One client asks all of them, in
a process of its own beside the server's: 32 connections, each of which asks again as soon as it is
answered, for so many seconds after one that is not counted; then one connection alone, 500
times. Every answer is compared with the model's own: a server that is wrong in any digit is void.
Peers batch what arrives together by their own means, with the settings that were best of those
tried here: they stand in their files under ``peers/``. BentoML runs one worker, as it
does by default. Peers' sessions have one thread, since the client needs a core. MLServer 1.7 does
not start beside pydantic 2. mnistry is also asked about 10,000
pictures in one request, as bytes (the protocol's binary tensors) and as JSON.

Last answer: see results/serving.json
"""

from __future__ import annotations

import sys
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

PEERS = (
    Peer("mnistry", "mnistry", ("mnistry",), program="../served"),
    Peer("bentoml", "BentoML", ("bentoml",), program="../served"),
    Peer("litserve", "LitServe", ("litserve",), program="../served"),
)
MEASURES = {
    "rate": ("requests a second", "count"),
    "seconds": ("each", "ms"),
    "median": ("median", "ms"),
    "p99": ("99th percentile", "ms"),
    "single": ("alone, median", "ms"),
    "bytes_rate": ("10,000 as bytes: pictures a second", "count"),
    "json_rate": ("as JSON", "count"),
    "accuracy": ("right answers", "share"),
}


def main() -> int:
    """Measure, report; 1 if a server is void."""
    args = read_arguments(__file__, str(__doc__).splitlines()[0], PEERS, repeats=5)
    settings = {"connections": 32, "seconds": 1 if args.smoke else 8, "alone": 500}
    how = [part for key, value in settings.items() for part in (f"--{key}", value)]

    with workplace(args.smoke) as folder:

        def measure(peer: Peer, _: int) -> Run:
            return answer(peer.command("mnist.npz", "--server", peer.key, *how), folder)

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs, ours="mnistry", measures=MEASURES, settings=settings, accuracy=(1, 1)
    )
    result["claims"] = claims(result["peers"])
    return finish(args, result)


def claims(peers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold mnistry against the best of the others, and against fixed goals."""
    found = {peer["key"]: peer for peer in peers if not peer["void"]}
    ours = found.pop("mnistry", None)
    if ours is None:
        return []
    made = [
        claim("a request alone: {} ms", 1000 * ours["single"]["median"], at_most=2),
        claim("10,000 pictures as bytes: {} thousand a second",
              ours["bytes_rate"]["median"] / 1000, at_least=30),
        claim("the same as JSON: {} thousand a second",
              ours["json_rate"]["median"] / 1000, at_least=30),
    ]  # fmt: skip
    if found:
        best = max(found.values(), key=lambda peer: peer["rate"]["median"])
        made += [
            claim(f"{{}} times the requests of {best['name']}, the best of the others",
                  best["ratio"]["median"], at_least=3),
            claim("the 99th percentile, in parts of its",
                  ours["p99"]["median"] / best["p99"]["median"], at_most=1),
        ]  # fmt: skip
        made[-1]["claim"] += ": {}"
    return made


if __name__ == "__main__":
    sys.exit(main())
