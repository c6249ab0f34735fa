"""Tesseract's program: a process a core, each with a list of pictures, so that it loads once.

Pictures are made grey, dark on light, of the size that it reads best and with paper around them,
as its manual asks. It is told whether a picture has one digit, one row or several, and to say
digits only; or, as another way, to say what it likes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from paper import laid_out
from pile import Pile, answer, parser

TALL, MARGIN = 40, 12  # pixels: of a row, and of paper on each side; others were read worse
DIGITS = ("-c", "tessedit_char_whitelist=0123456789")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """Read, print."""
    ways = {"digits only": partial(read, how=DIGITS), "any character": partial(read, how=())}
    answer(parser().parse_args(), ways)


def read(pile: Pile, how: tuple[str, ...]) -> list[str]:
    """Read pictures of one digit, one row and several rows, each with the mode for it."""
    found = [""] * len(pile.files)
    modes = [10 if sum(rows) < 2 else 7 if len(rows) == 1 else 6 for rows in pile.rows]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(CORES) as pool:
        parts = [
            (mode, part)
            for mode in sorted(set(modes))
            for k in range(CORES)
            if (part := [i for i, own in enumerate(modes) if own == mode][k::CORES])
        ]

        def work(job: tuple[int, list[int]]) -> list[str]:
            mode, part = job
            targets = [Path(folder, f"{i}.pgm") for i in part]
            for i, target in zip(part, targets, strict=True):
                tall = TALL * max(len(pile.rows[i]), 1)
                laid_out(pile.files[i], tall=tall, margin=MARGIN).save(target)
            return ask(targets, Path(folder, f"{part[0]}.txt"), "--psm", str(mode), *how)

        for (_, part), texts in zip(parts, pool.map(work, parts), strict=True):
            for i, text in zip(part, texts, strict=True):
                found[i] = text
    return found


def ask(files: list[Path], listed: Path, *how: str) -> list[str]:
    """Have the program read files, which it is told by a list; one that it dies of says nothing."""
    listed.write_text("".join(f"{file}\n" for file in files), "utf-8")
    done = subprocess.run(
        ["tesseract", listed, "stdout", *how],
        capture_output=True, text=True, check=False, env=os.environ | {"OMP_THREAD_LIMIT": "1"},
    )  # fmt: skip
    if done.returncode == 0:
        return done.stdout.split("\f")[: len(files)]
    half = len(files) // 2
    return [*ask(files[:half], listed, *how), *ask(files[half:], listed, *how)] if half else [""]


if __name__ == "__main__":
    main()
