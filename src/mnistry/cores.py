"""Work on several cores without BLAS's own threads getting in each other's way.

BLAS splits every product over all cores and waits for the slowest. Where products are small and
another process wants a core, most of the time goes into waiting: training was seen to take 60
times longer. So small products run on one thread each, and blocks of pictures run side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from multiprocessing import connection, parent_process
from threading import Thread
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_thread() -> AbstractContextManager[Any]:
    """Keep BLAS to one thread, in the whole process, while the context lasts."""
    return _controller().limit(limits=1, user_api="blas")  # type: ignore[no-any-return]


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply a function that spends its time in NumPy to each item, as many at once as cores.

    The results come in the order of the items, so that sums over them are the same every time.
    """
    with one_thread(), ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(function, items))


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def cores() -> int:
    """Give the cores that this process may use."""
    if _share is not None:
        return _share
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


_share: int | None = None


def be_one_of_many() -> None:
    """Use one core from now on: others of this process's kind use the rest."""
    global _share
    _share = 1
    _controller().limit(limits=1)


def end_with_parent(*lines: connection.Connection) -> None:
    """End this process at once when the one that started it is gone, or closes one of the lines.

    It may have been killed, and told no one.

    Parameters
    ----------
    lines : ends of pipes, on which nothing is ever sent.
    """
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_after, args=([parent.sentinel, *lines],), daemon=True).start()


def _end_after(any_of: list[int | connection.Connection]) -> None:
    connection.wait(any_of)
    os._exit(1)
