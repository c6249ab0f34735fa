"""A client that asks a server over many connections and checks every answer; quick enough that the
server is what is measured.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import select
import socket
import statistics
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from judging import Judge

WAIT = 0.05  # seconds until a connection is tried again
Event = tuple[float, Callable[[], None]]


@dataclass(eq=False)
class Wire:
    """A connection: what is asked over it, since when, and what has come of the answer."""

    socket: socket.socket
    which: int | None = None
    since: float = 0.0
    come: bytes = b""
    open: bool = False


@dataclass
class Client:
    """Asks over connections that stay open, and checks every answer.

    Attributes
    ----------
    answered : when right answers came. took : how long each took.
    statuses : how often each status came. wrong : answers that were not right.
    broken : when the requests were sent that were never answered, for their connection ended.
    unsent : requests that were due while every connection waited.
    refused : times that a connection was not let in.
    """

    port: int
    requests: Sequence[bytes]
    judge: Judge
    connections: int
    _wires: dict[int, Wire] = field(default_factory=dict)
    _idle: deque[Wire] = field(default_factory=deque)
    _later: deque[float] = field(default_factory=deque)  # when a connection is tried again
    _next: int = 0
    _spent: float = 0.0

    def __post_init__(self) -> None:
        self.forget()
        self._poll = select.epoll()

    def forget(self) -> None:
        """Begin to count anew."""
        self.answered, self.took, self.away = array("d"), array("d"), array("d")
        self.statuses: Counter[str] = Counter()
        self.broken: list[float] = []
        self.wrong = self.without_retry_after = self.unsent = self.refused = 0
        self._spent = 0.0

    def __enter__(self) -> Client:
        """Connect."""
        for _ in range(self.connections):
            self._connect()
        deadline = time.monotonic() + 30
        while len(self._idle) < self.connections and time.monotonic() < deadline:
            self._turn(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""
        for wire in self._wires.values():
            wire.socket.close()
        self._wires.clear()
        self._poll.close()

    def run(
        self,
        seconds: float,
        rate: float | None = None,
        events: Sequence[Event] = (),
        until: Callable[[], bool] | None = None,
    ) -> None:
        """Ask for so long.

        Parameters
        ----------
        rate : requests that are due a second; None for as many as are answered.
        events : what to do, and after how many seconds.
        until : asked twenty times a second; says that it is enough.
        """
        with _no_collection():
            start = time.monotonic()
            waiting, due, look = deque(events), start, start
            while (now := time.monotonic()) < start + seconds:
                if waiting and now >= start + waiting[0][0]:
                    waiting.popleft()[1]()
                if until is not None and not waiting and now >= look:
                    look = now + 0.05
                    if until():
                        break
                if rate is None:
                    while self._idle:
                        self._ask(self._idle.popleft())
                    self._turn(0.01)
                    continue
                while due <= now:
                    due += 1 / rate
                    if self._idle:
                        self._ask(self._idle.popleft())
                    else:
                        self.unsent += 1
                self._turn(max(0.0, min(due - time.monotonic(), 0.01)))
            self._spent += time.monotonic() - start
            if until is None:
                self.finish(5)

    def finish(self, seconds: float) -> None:
        """Wait for what is under way, but no longer than so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(
            w.which is not None for w in self._wires.values()
        ):
            self._turn(0.01)

    def report(self) -> dict[str, Any]:
        """Say what came of it."""
        took = np.array(self.took or [0.0])
        right, wrong = self.statuses["200"] - self.wrong, self.wrong
        return {
            "rate": right / self._spent,
            "turned_away": self.statuses["503"] / self._spent,
            "p50": float(np.median(took)), "p99": float(np.quantile(took, 0.99)),
            "longest": float(took.max()),
            "turned_away_p50": statistics.median(self.away) if self.away else None,
            "accuracy": right / max(1, right + wrong),
            "statuses": dict(self.statuses), "wrong": wrong,
            "without_retry_after": self.without_retry_after,
            "broken": len(self.broken), "unsent": self.unsent, "refused": self.refused,
            "spent": self._spent,
        }  # fmt: skip

    def _connect(self) -> None:
        wire = Wire(socket.socket())
        wire.socket.setblocking(False)
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = wire.socket.connect_ex(("127.0.0.1", self.port))
        if code not in (0, errno.EINPROGRESS):
            self._refused(wire)
            return
        self._wires[wire.socket.fileno()] = wire
        self._poll.register(wire.socket.fileno(), select.EPOLLOUT)

    def _refused(self, wire: Wire) -> None:
        self.refused += 1
        wire.socket.close()
        self._later.append(time.monotonic() + WAIT)

    def _ask(self, wire: Wire) -> None:
        wire.which = self._next
        self._next = (self._next + 1) % len(self.requests)
        wire.since = time.monotonic()
        try:
            wire.socket.sendall(self.requests[wire.which])
        except OSError:
            self._ended(wire)

    def _turn(self, patience: float) -> None:
        """Take what has come."""
        while self._later and self._later[0] <= time.monotonic():
            self._later.popleft()
            self._connect()
        for number, _ in self._poll.poll(patience):
            wire = self._wires.get(number)
            if wire is None:
                continue
            if not wire.open:
                self._opened(wire)
                continue
            try:
                data = wire.socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                self._ended(wire)
                continue
            wire.come += data
            self._take(wire)

    def _opened(self, wire: Wire) -> None:
        number = wire.socket.fileno()
        if wire.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            del self._wires[number]
            self._refused(wire)
            return
        wire.open = True
        wire.socket.setblocking(True)  # a request fits the kernel's buffer
        self._poll.modify(number, select.EPOLLIN)
        self._idle.append(wire)

    def _ended(self, wire: Wire) -> None:
        if wire.which is not None:
            self.broken.append(wire.since)
        else:
            with contextlib.suppress(ValueError):
                self._idle.remove(wire)
        del self._wires[wire.socket.fileno()]
        wire.socket.close()
        self._later.append(time.monotonic() + WAIT)

    def _take(self, wire: Wire) -> None:
        head, found, body = wire.come.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.lower().split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in lines[1:])
        if len(body) < int(fields.get(b"content-length", b"0")):
            return
        now, which = time.monotonic(), wire.which
        wire.come, wire.which = b"", None
        if which is None:  # nobody asked
            self.wrong += 1
            return
        status = lines[0].split()[1].decode()
        self.statuses[status] += 1
        if status == "200":
            if self.judge(which, body):
                self.answered.append(now)
                self.took.append(now - wire.since)
            else:
                self.wrong += 1
        elif status == "503":
            self.away.append(now - wire.since)
            self.without_retry_after += b"retry-after" not in fields
        if fields.get(b"connection") == b"close":
            self._ended(wire)
        else:
            self._idle.append(wire)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's collector from stopping the client."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
