"""What memory allows: the crops' bytes are read once and the answers' written, on all cores."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from crops import Task

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """Read, write, print."""
    task = Task()
    parts = np.array_split(np.concatenate([ink.ravel() for ink in task.crops]), CORES)
    answers = np.array_split(np.zeros(28 * 28 * len(task.crops), np.uint8), CORES)
    pool = ThreadPoolExecutor(CORES)

    def work() -> None:
        list(pool.map(lambda own: own[0].max(), [(part,) for part in parts]))
        list(pool.map(lambda own: own.fill(1), answers))

    task.run(work, lambda _: 1.0)


if __name__ == "__main__":
    main()
