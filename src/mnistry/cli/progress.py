"""A line of progress, on a terminal alone."""

from __future__ import annotations

import sys
import time
from types import TracebackType


class Progress:
    """Redraws one line on standard error while work goes on, and wipes it at the end.

    Nothing is written where standard error is not a terminal.
    """

    def __init__(self, task: str, every: float = 0.1) -> None:
        self.task, self.every = task, every
        self.start = self.last = time.monotonic()
        self.shown = False

    def update(self, done: int, total: int, loss: float, more: str = "") -> None:
        """Show how far the work is: steps done of all, the loss now in nats, and `more`."""
        now = time.monotonic()
        if now - self.last < self.every or not sys.stderr.isatty():
            return
        self.last, self.shown = now, True
        left = (now - self.start) / max(done, 1) * (total - done)
        bar = "█" * round(20 * done / max(total, 1))
        sys.stderr.write(
            f"\r\033[K{self.task} {bar:░<20} {done:,}/{total:,}  loss {loss:.4f}  "
            f"{more}at most {left:.0f} s left"
        )
        sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
