"""How well, and how fast, are numbers in one writer's hand read?

The images are the public benchmark of `mnistry.synthesis.numbers`: dates, amounts and codes of 2 to
10 digits, composed from MNIST's test split by writer, on plain, boxed and ruled paper. Anyone can
make them again (``python -m mnistry.synthesis numbers FOLDER``). mnistry's networks did not learn
from these writers, but from MNIST's others; what peers learnt from is not known.

Every peer reads the same files, in turns, `--repeats` times; see `reading.py` for how each reads
them. Where a peer has several ways, it is measured in the one that reads 100 randomly drawn images
best. Right is an image whose digits are read exactly. In the table by kind and paper, letters that
look like digits count as those digits where that helps a peer. The clock starts once models are
loaded and 128 images are read.

How many readings of mnistry could be accepted without a person, at which risk, and whether its
probabilities are true, is what ``mnistry evaluate --images FOLDER --labels FILE --json`` says.

Last answer: see results/whole_numbers.json
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from compare import Peer, Run, claim, finish, read_arguments, summarise, take_turns
from handwriting import Written, kept
from mnistry.synthesis.numbers import KINDS, PAPERS, write_numbers
from reading import (
    MEASURES,
    OURS,
    PEERS,
    RAPIDOCR,
    SEVERAL_WAYS,
    TESSERACT,
    TRIED,
    ask,
    best_way,
    marks,
    scores,
    texts_of,
)

COUNT = 900
GOAL = 5  # times RapidOCR's rate
OPTIONS: dict[str, dict[str, Any]] = {
    "--count": {
        "type": int,
        "default": COUNT,
        "metavar": "N",
        "help": f"number of images ({COUNT})",
    },
}
TAKING_PART = tuple(
    replace(peer, goal=GOAL if peer.key == RAPIDOCR else None)
    for peer in PEERS
    if peer.key in (OURS, RAPIDOCR, TESSERACT)
)


def main() -> int:
    """Measure, report; 1 if a peer is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, TAKING_PART, repeats=3, options=OPTIONS)
    count = 18 if args.smoke else args.count
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = folder / "numbers"
        write_numbers(images, count)
        with (images / "labels.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        written = [Written(images / row["file"], (row["text"],), row["writer"]) for row in rows]
        ways: dict[str, dict[str, str]] = {}
        for peer in args.peers:
            if peer.key in SEVERAL_WAYS:
                some = kept(written, TRIED)
                trial = ask(peer, {"numbers": some}, folder)["numbers"]
                ways[peer.key] = {"numbers": best_way(some, texts_of(trial))}
        texts: dict[str, list[str]] = {}

        def measure(peer: Peer, _: int) -> Run:
            answers = ask(peer, {"numbers": written}, folder, "--first", ways=ways.get(peer.key))
            [result] = answers["numbers"].values()
            texts[peer.key] = result["texts"]
            seconds = result["seconds"] / count
            right = int(marks(written, result["texts"]).sum())
            return {"seconds": seconds, "rate": 1 / seconds, "accuracy": right / count, "n": count}

        runs = take_turns(args.peers, args.repeats, measure)
        settings = {"count": count, "ways": ways}
        result = summarise(
            args, runs, ours=OURS, measures=MEASURES, settings=settings, accuracy=(0.1, 1)
        )
        parts = {"all": list(range(count))}
        for column, names in (("kind", KINDS), ("paper", PAPERS)):
            for one in names:
                parts[one] = [i for i, row in enumerate(rows) if row[column] == one]
        result["sets"] = [
            {
                "key": part,
                "title": part,
                "n": len(chosen),
                "rows": [
                    {
                        "peer": key,
                        "way": ways.get(key, {}).get("numbers", ""),
                        **scores([written[i] for i in chosen], [read[i] for i in chosen])[0],
                    }
                    for key, read in texts.items()
                ],
            }
            for part, chosen in parts.items()
        ]
        if OURS in texts:
            result["straight_through"] = report = evaluated(images)
            [at_one] = [one for one in report["accepted"] if one["risk"] == 0.01]
            exact, share = 100 * report["exact"], 100 * at_one["share"]
            result["claims"] += [
                claim("mnistry: {}% of the numbers read exactly", exact, at_least=95),
                claim("mnistry: {}% accepted with at most 1% of these wrong", share, at_least=75),
                claim("mnistry: {} expected calibration error", report["ece"], at_most=0.02),
            ]
    return finish(args, result)


def evaluated(images: Path) -> dict[str, Any]:
    """Return what `mnistry evaluate` reports about the images."""
    command = [sys.executable, "-m", "mnistry", "evaluate", "--json", "--images", str(images)]
    command += ["--labels", str(images / "labels.csv")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report = json.loads(done.stdout)
    return {key: report[key] for key in ("exact", "ece", "accepted", "bins")}


if __name__ == "__main__":
    sys.exit(main())
