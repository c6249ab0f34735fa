"""RapidOCR with the models in its package: its recogniser on the whole picture; or all of it.

As many of it as there are cores, with a thread each: as quick as one with all threads, and quicker
where its input is small.
The pipeline finds lines first, which it does better with paper around them, and then says all that
it read, however unsure. With ``--narrow`` the recogniser's input is as wide as it is high instead
of 320x48: enough for one digit, and less to compute.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR

from paper import laid_out
from pile import Pile, Way, answer, parser

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
SETTINGS = {
    "Global.log_level": "critical",
    "Global.text_score": 0.0,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
}
NARROW = {"Rec.rec_img_shape": [3, 48, 48]}
TALL = 64  # pixels of a row, and half of it of paper on each side, for the pipeline

Show = Callable[[str, int], Any]


def main() -> None:
    """Read, print."""
    arguments = parser()
    arguments.add_argument("--narrow", action="store_true")
    args = arguments.parse_args()
    settings = SETTINGS | (NARROW if args.narrow else {})
    engines = [RapidOCR(params=settings) for _ in range(CORES)]

    def way(show: Show, *, find: bool) -> Way:
        def part(k: int, pile: Pile) -> list[str]:
            files, rows = pile.files[k::CORES], pile.rows[k::CORES]
            return [
                text(engines[k](show(file, len(own)), use_det=find, use_cls=False))
                for file, own in zip(files, rows, strict=True)
            ]

        def read(pile: Pile) -> list[str]:
            found = [""] * len(pile.files)
            with ThreadPoolExecutor(CORES) as pool:
                for k, texts in enumerate(pool.map(part, range(CORES), [pile] * CORES)):
                    found[k::CORES] = texts
            return found

        return read

    plain = way(lambda file, _: file, find=False)
    ways = {
        "recogniser": plain,
        "recogniser, on paper": way(on_paper, find=False),
        "whole pipeline": way(on_paper, find=True),
    }
    answer(args, {"": plain} if args.narrow else ways)


def on_paper(file: str, rows: int) -> NDArray[np.uint8]:
    """Give a picture dark on light with paper around it, as an array of colours."""
    shown = laid_out(file, tall=TALL * max(rows, 1), margin=TALL // 2)
    return np.asarray(shown.convert("RGB"))


def text(found: Any) -> str:
    """Give what was read, a line for each box, in reading order."""
    return "\n".join(getattr(found, "txts", None) or ())


if __name__ == "__main__":
    main()
