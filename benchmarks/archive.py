"""How fast is an archive of pictures read, on one machine and by Ray?

MNIST's test digits as 20,000 PNG files, dark on light, 28 to 140 pixels a side, a thousand to a
folder; from the command to its end, each time in an empty folder:

- ``mnistry read --json``: what a stream of readings costs, without keeping parts apart.
- ``mnistry read --out``: processes on this machine, Parquet out, whole whatever is killed.
- ``mnistry read --out --ray``: the same by a Ray of its own on the same cores.

What it takes to start is measured by itself, with one picture, and is not part of the rate: an
archive takes longer. Ray's start is that of a whole cluster.

And where the time goes: one process with one thread does a step of reading after the other, for
all pictures of a chunk, as jobs do: decoding files, finding ink and pieces of it, framing and the
networks, rows and their file.

What a part costs besides its pictures, handing it out and keeping its file, is found with the
pictures of one folder, a part for each, on the same cores that read. And how many files a second
are found and divided into parts: 200,000 empty ones, a thousand to a folder, whose names are in the
system's cache.

A way whose texts are right for fewer than nine pictures in ten is void.

Last answer: see results/archive.json
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from compare import Peer, Run, answer, claim, finish, read_arguments, summarise, take_turns
from handwriting import draw_files
from mnistry import load_data

NEEDS = ("mnistry", "pyarrow")
PEERS = (
    Peer("json", "mnistry read --json", ("mnistry",), program="archive_reading"),
    Peer("here", "mnistry read --out", NEEDS, program="archive_reading"),
    Peer("ray", "mnistry read --out --ray", (*NEEDS, "ray"), program="archive_reading"),
    Peer("steps", "one process, step by step", NEEDS, program="archive_steps"),
)
MEASURES = {
    "rate": ("pictures a second", "count"),
    "seconds": ("a picture", "ms"),
    "start": ("to start", "s"),
    "part": ("a part more", "ms"),
    "decode": ("decoding", "us"),
    "ink": ("ink and pieces", "us"),
    "networks": ("framing and networks", "us"),
    "rows": ("rows and Parquet", "us"),
    "names": ("files found a second", "count"),
    "accuracy": ("of them right", "share"),
}
FILES, FOLDER = 20_000, 1000
KEPT = 0.8  # of the stream's rate that a job should have


def main() -> int:
    """Measure, report; 1 if a way is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=5)
    test = load_data().test
    settings = {"files": 120 if args.smoke else FILES}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        scans = place / "scans"
        scans.mkdir()
        texts: dict[str, str] = {}
        for first in range(0, settings["files"], FOLDER):
            count = min(FOLDER, settings["files"] - first)
            chosen = slice(first % len(test.images), None)
            folder = scans / f"{first:06}"
            for one in draw_files(test.images[chosen], test.labels[chosen], folder, count):
                texts[f"scans/{folder.name}/{one.file.name}"] = one.rows[0]
        (place / "texts.json").write_text(json.dumps(texts), "utf-8")

        def measure(peer: Peer, _: int) -> Run:
            way = () if peer.key == "steps" else ("--way", peer.key)
            return answer(peer.command("scans", "texts.json", *way), place)

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs, ours=None, measures=MEASURES, settings=settings, accuracy=(0.9, 1)
    )
    result["claims"] = claims({peer["key"]: peer for peer in result["peers"]})
    return finish(args, result)


def claims(peers: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold the rates of jobs against the stream's."""
    if "json" not in peers:
        return []
    stream = peers["json"]["rate"]["median"]
    return [
        claim(f"{peers[key]['name']}: {{}} of the rate of {peers['json']['name']}",
              peers[key]["rate"]["median"] / stream, at_least=KEPT)
        for key in ("here", "ray") if key in peers
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
