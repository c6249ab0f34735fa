"""A bounded worker pool for longer work; what nobody waits for any more is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from mnistry.serving.errors import Refused

_WORKERS, _WAITING = 2, 16


class Desk:
    """A worker pool with its own threads; work beyond its limits is refused.

    A thread can't be interrupted, so long work is given as steps. If the caller is cancelled,
    because the client has left, the time is up or the server stops, the steps that have not begun
    are dropped, and work that still waits for a thread never begins.

    Parameters
    ----------
    workers : threads. waiting : how many may wait for one; None for any number.
    """

    def __init__(
        self, workers: int = _WORKERS, waiting: int | None = _WAITING, name: str = "desk"
    ) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._turns = asyncio.Semaphore(workers)
        self._most = None if waiting is None else workers + waiting
        self._admitted = 0
        self._running: set[object] = set()

    @property
    def is_busy(self) -> bool:
        """Return whether a thread is at work, even if nobody waits for it any more."""
        return bool(self._running)

    async def do(self, work: Callable[..., Any], *args: Any) -> Any:
        """Do one piece of work and return its result.

        Raises
        ------
        Refused : 503, there is too much to do.
        """
        [result] = await self.do_each([partial(work, *args)])
        return result

    async def do_each(self, steps: Iterable[Callable[[], Any]]) -> list[Any]:
        """Do steps one after another and return their results, in one turn.

        Raises
        ------
        Refused : 503, there is too much to do.
        """
        if self._most is not None and self._admitted >= self._most:
            raise Refused(503, "Too much is being done already; come again in a second.")
        self._admitted += 1
        try:
            await self._turns.acquire()
            return await self._take_turn(steps)
        finally:
            self._admitted -= 1

    async def _take_turn(self, steps: Iterable[Callable[[], Any]]) -> list[Any]:
        loop = asyncio.get_running_loop()
        step: asyncio.Future[Any] | None = None
        results = []
        try:
            for work in steps:
                step = loop.run_in_executor(self._pool, self._run, work)
                results.append(await asyncio.shield(step))
            return results
        finally:
            # A step that has begun can't be cancelled, and occupies its thread until it ends.
            if step is None or step.done():
                self._turns.release()
            else:
                step.add_done_callback(lambda _: self._turns.release())

    def _run(self, work: Callable[[], Any]) -> Any:
        own = object()
        self._running.add(own)
        try:
            return work()
        finally:
            self._running.discard(own)
