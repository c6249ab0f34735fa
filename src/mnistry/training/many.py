"""What is made of scenes, made in several processes; the same whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.cores import be_one_of_many, cores, processes
from mnistry.training.scene import Scenes

if TYPE_CHECKING:
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
    pool, end = processes(workers or cores(), _prepare, data, seed, min(4 * n, digits))
    try:
        calls = [pool.submit(_work, task, (seed, int(p[0])), len(p)) for p in parts]
        return [call.result() for call in calls]
    finally:
        end()


def _prepare(data: DataSet, seed: int, digits: int) -> None:
    import cv2

    global _scenes
    be_one_of_many()
    cv2.setNumThreads(1)
    _scenes = Scenes(data, np.random.default_rng(seed), digits)


def _work(task: Task, seed: tuple[int, int], n: int) -> Any:
    return task(_scenes, np.random.default_rng(seed), n)
