"""A line of progress, on a terminal alone."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self


class Line:
    """One line on standard error, drawn anew while work goes on and wiped at the end.

    Parameters
    ----------
    wanted : whether to write at all; nothing is written where standard error is no terminal.
    """

    def __init__(self, *, wanted: bool = True, every: float = 0.1) -> None:
        self._wanted, self._every = wanted, every
        self.start = self._last = time.monotonic()
        self._shown = False

    def due(self) -> bool:
        """Say whether it is time to draw it again."""
        now = time.monotonic()
        if not self._wanted or now - self._last < self._every or not sys.stderr.isatty():
            return False
        self._last = now
        return True

    def draw(self, text: str) -> None:
        """Draw it."""
        self._shown = True
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()

    def wipe(self) -> None:
        """Clear it, for others to write there."""
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wipe()


class Progress(Line):
    """How far a training is."""

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task

    def update(self, done: int, total: int, loss: float, more: str = "") -> None:
        """Show how far the work is: steps done of all, the loss now in nats, and `more`."""
        if not self.due():
            return
        left = (time.monotonic() - self.start) / max(done, 1) * (total - done)
        bar = "█" * round(20 * done / max(total, 1))
        self.draw(
            f"{self.task} {bar:░<20} {done:,}/{total:,}  loss {loss:.4f}  "
            f"{more}at most {left:.0f} s left"
        )


class Counter(Line):
    """How many pictures are done, and how many a second."""

    def update(self, done: int) -> None:
        """Show it."""
        if self.due():
            rate = done / (time.monotonic() - self.start)
            self.draw(f"{done:,} pictures  {rate:,.0f} a second")


class Share(Line):
    """How much of a known number of pictures is done."""

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task

    def update(self, done: int, total: int) -> None:
        """Show it."""
        if self.due():
            spent = time.monotonic() - self.start
            left = spent / max(done, 1) * (total - done)
            bar = "█" * round(20 * done / max(total, 1))
            self.draw(f"{self.task} {bar:░<20} {done:,}/{total:,} pictures  {left:.0f} s left")
