"""A pile of pictures, as each peer is given it, and how a peer answers.

``PEER.py PILES.json`` reads every pile in the way that is named with it, or else in each way that
it knows, and prints one JSON object: {pile: {way: {"texts", "seconds"}}}. ``--first`` is for the
clock: the ways after the first are left out, and some pictures are read before, so that models
are loaded and processes started.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WARM = 128  # pictures


@dataclass(frozen=True)
class Pile:
    """Pictures to read.

    Parameters
    ----------
    files : their paths.
    rows : how many digits are in each of a picture's rows; () where it holds none. A peer that
        wants to know about its pictures what a person knows at a glance may look here.
    """

    files: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]

    def take(self, chosen: list[int]) -> Pile:
        """Give some of the pictures."""
        return Pile(tuple(self.files[i] for i in chosen), tuple(self.rows[i] for i in chosen))


Way = Callable[[Pile], list[str]]


def parser() -> argparse.ArgumentParser:
    """Give the command line that all peers have."""
    made = argparse.ArgumentParser()
    made.add_argument("piles", type=Path)
    made.add_argument("--first", action="store_true")
    return made


def answer(args: argparse.Namespace, ways: Mapping[str, Way]) -> None:
    """Read all piles, print."""
    told = json.loads(args.piles.read_text("utf-8"))
    found: dict[str, dict[str, Any]] = {key: {} for key in told}
    for key, pile in told.items():
        own = Pile(tuple(pile["files"]), tuple(map(tuple, pile["rows"])))
        names = list(ways)[:1] if args.first else list(ways)
        for name in [pile["way"]] if "way" in pile else names:
            if args.first:
                ways[name](own.take(list(range(min(WARM, len(own.files))))))
            start = time.perf_counter()
            texts = ways[name](own)
            seconds = time.perf_counter() - start
            found[key][name] = {"texts": texts, "seconds": seconds}
    print(json.dumps(found))
