"""How well, and how fast, are strangers' pictures of digits read?

How well: on the sets of a folder of real pictures (``--pictures DIR``, laid out as `handwriting`
says), which isn't published. mnistry's models did not learn from it; what others' learnt from is
not known. Every peer gets the same files, as they are, in the same run. Right is a picture whose
digits are read exactly, in order, and no others: letters, points and line breaks don't count. Of
what isn't a digit, right is a picture in which none is read. Where labels have both one and
several digits there is a row for each kind too; where they have boxes, another for single digits
cut out by them, with the parts of their neighbours that lie in the box.

With each share stands its exact 95% interval. It takes pictures for independent, which those of
one hand are not: where writers are known, a second interval is found by drawing whole writers
(bootstrap, seeded; the digits of one cheque count as one writer's).

The peers, each as it reads digits best:

- mnistry; and once more told how many digits each picture has (not asked about other things).
- the plain resize that most programs do, with the same convnet: single digits only.
- RapidOCR: its recogniser given the whole picture as it is, or dark on light with paper around,
  or its whole pipeline on that. Once more, single digits only, with its recogniser's input made
  as narrow as one digit, which is quicker and reads less well.
- Tesseract: given grey pictures dark on light, of the size that suits it, with paper around, told
  whether they hold one digit, one row or more, and to read digits only, or anything.

Where a peer has several ways, 100 pictures of each set are read in all of them, and the set in the
one that was best there, which is named. Letters that look like digits (O o, l I |) count as those
digits where that helps a peer.

How fast: MNIST's test digits as 2,000 PNG files, dark on light, 28 to 140 pixels a side; from the
files to the texts in each peer's first way, in fresh processes, models loaded, processes started
and the first 128 pictures read before the clock starts. A peer that reads fewer than a tenth
rightly is void.

The environment: ``pip install '.[bench]'`` brings RapidOCR with its models, of 3.10 or later,
which is on opencv-python-headless as mnistry is; older ones may bring opencv-python, the same
module in another package, and the two must not lie beside each other. Tesseract is a program: on
Debian ``apt-get install tesseract-ocr``.

Last answer: see results/reading.json
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare import Peer, Run, answer, claim, finish, read_arguments, summarise, take_turns
from handwriting import OTHER, Written, draw_files, gather, kept, make_up
from mnistry import load_data
from mnistry.probability.measure import binomial_interval

OURS, KNOWN, RESIZE, RAPIDOCR, NARROW, TESSERACT = (
    "mnistry", "mnistry_known", "resize", "rapidocr", "rapidocr_narrow", "tesseract",
)  # fmt: skip
PEERS = (
    Peer(OURS, "mnistry", ("mnistry",), program="mnistry_reading"),
    Peer(KNOWN, "mnistry, number known", ("mnistry",), program="mnistry_reading"),
    Peer(RESIZE, "plain resize, same convnet", ("pillow", "mnistry"), program="resize_reading"),
    Peer(RAPIDOCR, "RapidOCR", ("rapidocr",), goal=20, program="rapidocr_reading"),
    Peer(NARROW, "RapidOCR, narrow", ("rapidocr",), program="rapidocr_reading"),
    Peer(TESSERACT, "Tesseract", ("tesseract",), program="tesseract_reading"),
)
FLAGS = {KNOWN: ("--known",), NARROW: ("--narrow",)}
SEVERAL_WAYS = {RAPIDOCR, TESSERACT}
MEASURES = {
    "rate": ("PNG files a second", "count"),
    "seconds": ("a picture", "ms"),
    "accuracy": ("of them right", "share"),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "--pictures": {"type": Path, "metavar": "DIR", "help": "real pictures; without: speed alone"},
    "--most": {"type": int, "metavar": "N", "help": "at most so many of each set, for a trial"},
}
FILES, TRIED = 2000, 100  # pictures to read in a round; of a set, to choose a way by
TITLES = {
    "own": "single digits, photographed or drawn",
    "paint": "drawn with a mouse",
    "scans": "scanned, pen and pencil",
    "meter_cells": "cut from boxed forms, with borders",
    "optdigits": "UCI optdigits, 32×32 in black and white",
    "one_writer": "one writer's, off-centre",
    "amounts": "amounts on cheques, whole",
    "amounts_digits": "digits cut from those, with parts of neighbours",
    "meter_fields": "boxed forms, photographed",
    "pages": "whole pages",
    "printed": "printed digits",
    OTHER: "no digits: letters of other scripts",
}
LETTERS = str.maketrans("OolI|", "00111")
RESAMPLES = 2000  # of writers

Bools = NDArray[np.bool_]


def main() -> int:
    """Measure, report; 1 if a peer is void."""
    question = str(__doc__).splitlines()[0]
    args = read_arguments(__file__, question, PEERS, repeats=5, options=OPTIONS)
    test = load_data().test
    settings = {"files": 40 if args.smoke else FILES, "tried": TRIED, "most": args.most}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.smoke:
            args.pictures = folder / "made up"
            make_up(test.images, test.labels, args.pictures)
        (folder / "work").mkdir()
        sets = gather(args.pictures, folder / "work", args.most) if args.pictures else {}
        rows: dict[str, list[dict[str, Any]]] = {key: [] for key in sets}
        for peer in args.peers if sets else ():
            for key, own in read_sets(peer, sets, folder).items():
                rows[key] += own
            print(f"{peer.name} has read the sets", flush=True)

        race = draw_files(test.images, test.labels, folder / "race", settings["files"])

        def measure(peer: Peer, _: int) -> Run:
            [told] = ask(peer, {"race": race}, folder, "--first")["race"].values()
            right, n = int(marks(race, told["texts"]).sum()), len(race)
            seconds = told["seconds"] / n
            return {"seconds": seconds, "rate": 1 / seconds, "accuracy": right / n, "n": n}

        runs = take_turns(args.peers, args.repeats, measure)
    result = summarise(
        args, runs, ours=OURS, measures=MEASURES, settings=settings, accuracy=(0.1, 1)
    )
    result["sets"] = [
        {"key": key, "title": TITLES.get(key, key), "n": len(sets[key]), "rows": rows[key]}
        for key in ordered(rows)
    ]
    rate = [peer["rate"]["median"] for peer in result["peers"] if peer["key"] == OURS]
    result["claims"] += [
        claim("mnistry: {} thousand PNG files a second", r / 1000, at_least=2) for r in rate
    ]
    return finish(args, result)


def read_sets(peer: Peer, sets: dict[str, list[Written]], folder: Path) -> dict[str, Any]:
    """Have a peer read the sets that it can be asked about; give the rows of each."""
    suited = {key: own for key, own in sets.items() if suits(peer.key, own)}
    best = {}
    if peer.key in SEVERAL_WAYS:
        tried = {key: kept(own, TRIED) for key, own in suited.items()}
        told = ask(peer, tried, folder)
        best = {key: best_way(own, texts_of(told[key])) for key, own in tried.items()}
    told = ask(peer, suited, folder, ways=best)
    found = {}
    for key, own in suited.items():
        [(way, texts)] = texts_of(told[key]).items()
        found[key] = [{"peer": peer.key, "way": way, **row} for row in scores(own, texts)]
    return found


def suits(peer: str, pictures: list[Written]) -> bool:
    """Say whether a peer can be asked about a set."""
    if peer in (RESIZE, NARROW):
        return all(len(picture.text) == 1 for picture in pictures)
    return peer != KNOWN or all(picture.text for picture in pictures)


def ask(
    peer: Peer,
    piles: dict[str, list[Written]],
    folder: Path,
    *how: str,
    ways: Mapping[str, str] | None = None,
) -> Run:
    """Have a peer read piles, in the ways named for them if any are; see `pile`."""
    job: dict[str, dict[str, Any]] = {}
    for key, pictures in piles.items():
        job[key] = {
            "files": [str(picture.file.resolve()) for picture in pictures],
            "rows": [[len(row) for row in picture.rows] for picture in pictures],
        }
        if ways:
            job[key]["way"] = ways[key]
    path = folder / "piles.json"
    path.write_text(json.dumps(job), "utf-8")
    return answer(peer.command(path, *how, *FLAGS.get(peer.key, ())), folder)


def texts_of(told: Run) -> dict[str, list[str]]:
    """Give what was read of a pile, by way."""
    return {way: found["texts"] for way, found in told.items()}


def best_way(pictures: Sequence[Written], texts: Mapping[str, Sequence[str]]) -> str:
    """Give the way that reads most pictures rightly; the first of several."""
    return max(texts, key=lambda way: max(int(m.sum()) for m in both(pictures, texts[way])))


def both(pictures: Sequence[Written], texts: Sequence[str]) -> tuple[Bools, Bools]:
    """Give `marks` without and with letters taken for digits."""
    return marks(pictures, texts), marks(pictures, texts, letters=True)


def marks(pictures: Sequence[Written], texts: Sequence[str], *, letters: bool = False) -> Bools:
    """Say which texts are right: digit for digit, whatever else is in them."""
    read = [text.translate(LETTERS) if letters else text for text in texts]
    digits = ["".join(c for c in text if c in "0123456789") for text in read]
    return np.array(
        [own == picture.text for own, picture in zip(digits, pictures, strict=True)], np.bool_
    )


def scores(pictures: Sequence[Written], texts: Sequence[str]) -> list[dict[str, Any]]:
    """Give a set's rows: all of it, and where labels differ so, those of one digit and of more."""
    plain, lenient = both(pictures, texts)
    several = np.array([len(picture.text) > 1 for picture in pictures])
    parts = {"": np.ones(len(pictures), np.bool_)}
    if several.any() and not several.all():
        parts |= {"one digit": ~several, "several digits": several}
    rows = []
    for part, which in parts.items():
        letters = bool(lenient[which].sum() > plain[which].sum())
        right = (lenient if letters else plain)[which]
        writers = [picture.writer for picture, own in zip(pictures, which, strict=True) if own]
        known = all(writers)
        rows.append(
            {
                "part": part, "letters": letters, "n": len(right), "right": int(right.sum()),
                "share": float(right.mean()),
                "interval": binomial_interval(int(right.sum()), len(right)),
                "writers": len(set(writers)) if known else None,
                "clustered": clustered_interval(right, writers) if known else None,
            }
        )  # fmt: skip
    return rows


def clustered_interval(
    right: Bools, writers: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float] | None:
    """Give a share's 95% interval by drawing whole writers with replacement.

    None where there are fewer than two. It says nothing where all or none is right.
    """
    names, which = np.unique(np.array(writers), return_inverse=True)
    if len(names) < 2:
        return None
    hits, sizes = np.bincount(which, right), np.bincount(which)
    drawn = np.random.default_rng(seed).integers(0, len(names), (resamples, len(names)))
    low, high = np.quantile(hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def ordered(keys: Iterable[str]) -> list[str]:
    """Give sets in the order of their titles above; others after them."""
    order = list(TITLES)
    return sorted(keys, key=lambda key: order.index(key) if key in order else len(order))


if __name__ == "__main__":
    sys.exit(main())
