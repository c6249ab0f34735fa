"""What is made of scenes, made in several processes; the same whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Pipe, get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.cores import be_one_of_many, cores, end_with_parent
from mnistry.training.scene import Scenes

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from numpy.random import Generator

    from mnistry.data.dataset import DataSet

Task = Callable[[Scenes, "Generator", int], Any]
_scenes: Scenes  # of a worker process, once it is prepared


def by_many(
    task: Task,
    data: DataSet,
    n: int,
    seed: int,
    *,
    chunk: int,
    digits: int,
    workers: int | None = None,
) -> list[Any]:
    """Let `task` make something of n scenes, `chunk` at a time.

    Parameters
    ----------
    task : a module's function of scenes, a generator and how many to make.
    data : whose digits the scenes are written with, at most so many `digits` of them.
    workers : processes; as many as cores unless told.

    Returns
    -------
    made : what `task` gave, in order.
    """
    parts = np.array_split(np.arange(n), max(n // chunk, 1))
    line, own = Pipe(duplex=False)
    # A fork of a process with threads may hang: workers start anew.
    pool = ProcessPoolExecutor(
        workers or cores(),
        get_context("spawn"),
        initializer=_prepare,
        initargs=(line, data, seed, min(4 * n, digits)),
    )
    try:
        calls = [pool.submit(_work, task, (seed, int(p[0])), len(p)) for p in parts]
        return [call.result() for call in calls]
    finally:
        # Where one was killed, one that was being started then is ended by this alone.
        own.close()
        pool.shutdown(cancel_futures=True)


def _prepare(line: Connection, data: DataSet, seed: int, digits: int) -> None:
    import cv2

    global _scenes
    end_with_parent(line)
    be_one_of_many()
    cv2.setNumThreads(1)
    _scenes = Scenes(data, np.random.default_rng(seed), digits)


def _work(task: Task, seed: tuple[int, int], n: int) -> Any:
    return task(_scenes, np.random.default_rng(seed), n)
