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
from functools import cache, partial
from multiprocessing import Pipe, connection, get_context, parent_process
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

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


def processes(
    count: int, prepare: Callable[..., None], *arguments: Any
) -> tuple[ProcessPoolExecutor, Callable[[], None]]:
    """Start processes anew for work that is handed to them; they end with this one.

    A fork of a process with threads may hang, so none is forked.

    Parameters
    ----------
    prepare, arguments : what each process calls before its first work; both are sent to it.

    Returns
    -------
    pool, end : the second ends all of them. Of a pool that broke, a process that was being started
        then is ended by nothing else, and would be waited for.
    """
    from concurrent.futures import ProcessPoolExecutor  # its import takes longer than a small run

    line, own = Pipe(duplex=False)
    context = get_context("spawn")
    pool = ProcessPoolExecutor(count, context, _begin, (line, prepare, arguments))
    return pool, partial(_end, pool, own)


def _begin(
    line: connection.Connection, prepare: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    end_with_parent(line)
    prepare(*arguments)


def _end(pool: ProcessPoolExecutor, line: connection.Connection) -> None:
    line.close()
    pool.shutdown(cancel_futures=True)


def _end_after(any_of: list[int | connection.Connection]) -> None:
    connection.wait(any_of)
    os._exit(1)
