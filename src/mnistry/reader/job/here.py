"""Hands on this machine: a process for each, which is replaced when it is killed."""

from __future__ import annotations

from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from signal import SIG_IGN, SIGINT, signal
from typing import Any

from mnistry.errors import InputError
from mnistry.reader.job.hand import Hand, Refusal, Tally, Task
from mnistry.reader.job.plan import Part


class Here:
    """Processes of this machine that read parts.

    Parameters
    ----------
    count : how many.
    """

    def __init__(self, task: Task, count: int) -> None:
        self._task, self._count = task, count
        self._idle: list[tuple[Connection, Any]] = []
        self._busy: dict[Connection, tuple[Any, Part]] = {}

    @property
    def busy(self) -> int:
        """How many parts are being read."""
        return len(self._busy)

    @property
    def most(self) -> int:
        """How many can be."""
        return self._count

    def send(self, part: Part, *, careful: bool) -> None:
        """Let a part be read by one that has nothing to do."""
        ours, process = self._idle.pop() if self._idle else self._started()
        self._busy[ours] = process, part
        with suppress(OSError):  # it was killed while it waited; `next` sees that
            ours.send((part, careful))

    def next(self) -> tuple[Part, Tally | Refusal | None]:
        """Wait for a part; None stands for what came of it if its process was killed."""
        ours = wait(list(self._busy))[0]
        assert isinstance(ours, Connection)  # noqa: S101 - nothing else was waited for
        process, part = self._busy.pop(ours)
        try:
            answer: Tally | Refusal = ours.recv()
        except (EOFError, OSError):
            ours.close()
            process.join()
            return part, None
        self._idle.append((ours, process))
        return part, answer

    def close(self) -> None:
        """End the processes; what they were reading is not written."""
        for ours, process in [*self._idle, *((o, p) for o, (p, _) in self._busy.items())]:
            process.kill()
            process.join()
            ours.close()
        self._idle, self._busy = [], {}

    def _started(self) -> tuple[Connection, Any]:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._task))
        process.start()
        theirs.close()  # so that its end is seen here
        return ours, process


def _serve(asked: Connection, task: Task) -> None:
    """Read the parts that the parent process sends, until it ends or is killed."""
    signal(SIGINT, SIG_IGN)  # the process that asks decides what an interruption means
    try:
        hand: Hand | Refusal = Hand(task)
    except (InputError, MemoryError) as error:
        hand = Refusal(str(error) or "There is not enough memory to read; allow more.")
    try:
        while True:
            part, careful = asked.recv()
            asked.send(hand if isinstance(hand, Refusal) else hand.do(part, careful=careful))
    except (EOFError, OSError):
        return
