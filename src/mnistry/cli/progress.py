"""Progress on standard error: a moving line on a terminal, else a line every few seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from mnistry.cli.console import bar

_EVERY = 0.1  # seconds between two drawings on a terminal
_EVERY_LINE = 5.0  # seconds between two lines in a log or a notebook
_MB = 1e6


class Line:
    """Progress of one task.

    On a terminal one line is redrawn, and erased at the end. Elsewhere, as in a notebook or a log
    file, a line is printed every few seconds; a task that ends before the first prints nothing.

    Parameters
    ----------
    wanted : whether to draw on a terminal; notebooks and log files always get their lines.
    clock : a monotonic clock, in seconds.
    """

    def __init__(self, *, wanted: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = sys.stderr.isatty()
        self._wanted = wanted or not self._terminal
        self._clock = clock
        self.start = self._last = clock()
        self._shown = False

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self.start

    def due(self) -> bool:
        """Return whether it is time to write again."""
        now = self._clock()
        if not self._wanted or now - self._last < (_EVERY if self._terminal else _EVERY_LINE):
            return False
        self._last = now
        return True

    def draw(self, head: str, bar: str, rest: str) -> None:
        """Write the parts, cut to the terminal's width; a narrow one, or a log, gets no bar."""
        parts = [part for part in (head, bar, rest) if part]
        if not self._terminal:
            text = " ".join(part for part in (head, rest) if part)
            with suppress(OSError):  # a full disk must not stop the work
                print(text, file=sys.stderr, flush=True)
            return
        # A line that wraps can't be erased.
        width = _columns() - 1
        if len(" ".join(parts)) > width:
            parts = [part for part in (head, rest) if part]
        self._shown = True
        sys.stderr.write(f"\r\033[K{' '.join(parts)[:width]}")
        sys.stderr.flush()

    def wipe(self) -> None:
        """Erase the line, so that something else can be written there."""
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._shown = False

    def left(self, done: int, total: int) -> str:
        """Return the estimated time left, at the mean speed so far."""
        return f"{self.seconds / max(done, 1) * (total - done):.0f} s left"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wipe()


def _columns() -> int:
    """Return the width of the terminal on standard error."""
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        width = 0
    return width or 80  # some terminals report 0


class Progress(Line):
    """Progress of training."""

    def __init__(self, task: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self.task = task

    def update(self, done: int, total: int, loss: float, more: str = "") -> None:
        """Report the steps done of all, the loss in nats, and `more`."""
        if self.due():
            self.draw(
                self.task,
                bar(done / max(total, 1), 20),
                f"{done:,}/{total:,}  loss {loss:.4f}  {more}{self.left(done, total)}",
            )


class Counter(Line):
    """Progress through images whose number is not known."""

    def update(self, done: int) -> None:
        """Report how many are done."""
        if self.due():
            noun = "image" if done == 1 else "images"
            self.draw("", "", f"{done:,} {noun}  {done / self.seconds:,.0f} a second")


class Share(Line):
    """Progress through a known number of images."""

    def __init__(self, task: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self.task = task

    def update(self, done: int, total: int) -> None:
        """Report how many are done of all."""
        if self.due():
            self.draw(
                self.task,
                bar(done / max(total, 1), 20),
                f"{done:,}/{total:,} images  {self.left(done, total)}",
            )


class Download(Line):
    """Progress of downloads, one file after the other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self._file, self._begun = "", (self.start, 0)

    def update(self, file: str, done: int, total: int | None) -> None:
        """Report the bytes done of a file, of `total` if that is known."""
        if file != self._file:
            self._file, self._begun = file, (self._clock(), done)
        whole = self._terminal and self._wanted and done == total
        if not (whole or self.due()):
            return
        seconds, before = self._clock() - self._begun[0], self._begun[1]
        amount = f"{done / _MB:.1f} of {total / _MB:.1f} MB" if total else f"{done / _MB:.1f} MB"
        rate = f"  {(done - before) / _MB / seconds:.1f} MB/s" if seconds > 0.5 else ""
        self.draw(file, bar(done / total, 20) if total else "", amount + rate)
