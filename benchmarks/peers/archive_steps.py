"""One process with one thread reads a folder, a step for a chunk of pictures after the other."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from mnistry.pictures.decode import decode
from mnistry.pictures.ink import find_ink
from mnistry.pictures.pale import pieces_of
from mnistry.reader.job.plan import plan
from mnistry.reader.job.table import rows
from mnistry.reader.many import Named, reader_of_many

CHUNK, PART = 96, 2000  # as jobs have them
FOLDER, NAMES = 1000, 200_000  # files to a folder, and in all, that are found


def main() -> None:
    """Read, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts", type=Path, help="what each picture says, by its name")
    args = parser.parse_args()
    texts: dict[str, str] = json.loads(args.texts.read_text("utf-8"))
    reader = reader_of_many(None, {})
    reader.read(next(iter(texts)))  # models are loaded, and libraries warm
    spent: defaultdict[str, float] = defaultdict(float)
    right = 0
    for part in batched(texts, PART):
        found: list[Named] = []
        for names in batched(part, CHUNK):
            times = [time.perf_counter()]
            images = [decode(name) for name in names]
            times.append(time.perf_counter())
            seen = [(inked, pieces_of(inked)) for inked in map(find_ink, images)]
            times.append(time.perf_counter())
            readings = reader.answer(seen)
            times.append(time.perf_counter())
            for i, key in enumerate(("decode", "ink", "networks")):
                spent[key] += times[i + 1] - times[i]
            found += zip(names, readings, strict=True)
            right += sum(one.text == texts[name] for name, one in zip(names, readings, strict=True))
        since = time.perf_counter()
        pq.write_table(rows(found), BytesIO(), compression="zstd")
        spent["rows"] += time.perf_counter() - since
    each = {key: seconds / len(texts) for key, seconds in spent.items()}
    seconds = sum(each.values())
    told = {"rate": 1 / seconds, "seconds": seconds, **each, "accuracy": right / len(texts)}
    print(json.dumps({**told, "names": planned(min(100 * len(texts), NAMES))}))


def planned(count: int) -> float:
    """Give how many files a second are found and divided into parts, a thousand to a folder."""
    with tempfile.TemporaryDirectory() as root:
        for i in range(count):
            if i % FOLDER == 0:
                folder = Path(root, f"{i:07}")
                folder.mkdir()
            (folder / f"{i:07}.png").touch()
        since = time.perf_counter()
        found = sum(len(part.names) for part in plan([root], PART))
        seconds = time.perf_counter() - since
    if found != count:
        raise RuntimeError(f"{found:,} of {count:,} files were found.")
    return count / seconds


def batched(names: Iterable[str], size: int) -> Iterator[list[str]]:
    """Give names a few at a time; Python 3.11 has no such thing."""
    rest = iter(names)
    return iter(lambda: list(islice(rest, size)), [])


if __name__ == "__main__":
    main()
