"""Work that takes longer than a moment, done in threads."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mnistry.serving.errors import Refused

_WORKERS, _WAITING = 2, 16


class Desk:
    """Does a few things at a time, in threads of its own; more are turned away."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="desk")
        self._queued = 0

    async def do(self, work: Any, *args: Any) -> Any:
        """Do some work.

        Raises
        ------
        Refused : 503, there is too much to do.
        """
        if self._queued >= _WORKERS + _WAITING:
            raise Refused(503, "Too much is being done already; come again in a second.")
        self._queued += 1
        done = asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        done.add_done_callback(self._done)  # even if whoever asked has left
        return await done

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._queued -= 1
        if not future.cancelled():
            future.exception()  # seen, so that no one complains of it where nobody waits any more
