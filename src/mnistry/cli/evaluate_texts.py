"""``mnistry evaluate --images``: scores of reading on the user's own labelled images."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mnistry.cli.console import bar, table
from mnistry.cli.progress import Counter
from mnistry.cores import cores
from mnistry.errors import InputError, printable

if TYPE_CHECKING:
    from mnistry.probability.straight_through import TextScores

_MAX_MISTAKES = 20


def run(args: argparse.Namespace) -> int:
    """Read the images, compare with their labels, report."""
    from mnistry.data.label_files import read_texts
    from mnistry.models.file import load_model
    from mnistry.probability.straight_through import score_texts
    from mnistry.reader import Reader
    from mnistry.reading import digits_of

    listed = {str(path): text for path, text in read_texts(args.images, args.labels)}
    reader = Reader(None if args.model is None else load_model(args.model))
    claimed, right, mistakes = [], [], []
    failed = 0
    with Counter(wanted=not sys.stdout.isatty()) as counter:
        for name, one in reader.read_many(list(listed), workers=cores()):
            path = name if name in listed else name.removesuffix("#1")
            if path not in listed:
                continue  # a later page: a document counts as its first one
            if isinstance(one, InputError):
                failed += 1
                counter.wipe()
                print(f"mnistry: {printable(str(one))}", file=sys.stderr)
                said, p = "", 0.0
            else:
                said, p = digits_of(one.text), one.probability
            label = digits_of(listed[path])
            claimed.append(p)
            right.append(said == label)
            if said != label:
                mistakes.append((p, Path(path).name, label, said))
            counter.update(len(right))
    scores = score_texts(claimed, right)
    mistakes.sort(reverse=True)
    if args.json:
        wrong = [
            {"image": name, "label": label, "text": said, "probability": round(p, 6)}
            for p, name, label, said in mistakes
        ]
        print(json.dumps({"images": args.images, **scores.to_dict(), "mistakes": wrong}))
    else:
        print("\n".join(_report(args.images, scores)))
        if mistakes:
            print("\nsurest mistakes")
            head = ("image", "label", "read", "claimed")
            rows: list[tuple[str, ...]] = [
                (printable(name, 40), label, said or "(nothing)", f"{p:.2%}")
                for p, name, label, said in mistakes[:_MAX_MISTAKES]
            ]
            print(table([head, *rows]))
    return 2 if failed else 0


def _report(name: str, scores: TextScores) -> Iterator[str]:
    """Lay out the scores."""
    low, high = scores.exact_interval
    yield f"{printable(name)}: {scores.count:,} labelled images"
    yield f"exact match  {scores.exact:.2%} ({low:.2%} to {high:.2%})"
    yield f"claimed      {scores.claimed:.2%} on average"
    yield f"ECE          {scores.ece:.4f} (expected calibration error)"
    yield ""
    yield "straight-through: images that need no person, the most probable first"
    rows: list[tuple[str, ...]] = [
        ("risk", "share", "95% interval", "from", "wrong", "95% interval")
    ]
    for one in scores.accepted:
        share, error = one.share_interval, one.error_interval
        none = one.threshold is None
        rows.append(
            (
                f"{one.risk:.1%}", f"{one.share:.1%}", f"{share[0]:.1%} to {share[1]:.1%}",
                "none" if none else f"{one.threshold:.6f}", f"{one.wrong:,} of {one.accepted:,}",
                "" if none else f"{error[0]:.2%} to {error[1]:.2%}",
            )
        )  # fmt: skip
    yield table(rows)
    yield "(from: accept readings whose probability is at least this)"
    yield ""
    yield "calibration"
    yield table(
        [
            ("claimed", "images", "average", "right", ""),
            *(
                (f"{one.low:.1f} to {one.high:.1f}", f"{one.count:,}", f"{one.claimed:.1%}",
                 f"{one.right:.1%}", bar(one.right, 20))
                for one in scores.bins
            ),
        ]
    )  # fmt: skip
