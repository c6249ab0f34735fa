"""Does the server stay steady under twice the load that it can take?

`mnistry serve`, with its defaults, on loopback, asked by one client in a process of its own beside
the server's. A request is one picture of MNIST's test split as JSON (the Open Inference Protocol),
the answer its ten probabilities; 1,000 pictures take turns. Every answer is checked: its digit is
the model's own and no probability is further than 1e-5 from it. In this order:

- capacity: 64 connections, each of which asks again as soon as it is answered, for 10 seconds.
- overload: requests are due at twice that rate for `--seconds`, however many wait, over
  `--connections` connections that stay open. One that is due while every connection waits is not
  sent, and counted. A 503 counts as turned away, and must say when to come again (`Retry-After`).
  Each second the server's resident memory and its open files are noted, and a health check is
  made over a new connection, which must be answered within a second. Memory is flat if the median
  of the last tenth of the run, at most a minute, is hardly above that of the first tenth.
- killed: at the capacity, SIGKILL after 3 seconds and a new server at once on the same port. What
  was under way is lost; the clients connect again until they are let in.
- stopped: at the capacity, SIGTERM after 3 seconds. Requests that were sent before it must be
  answered; what is sent afterwards may be answered or find its connection closed. Those sent within
  the last 50 ms before it stand apart: they may not have reached the server.

Any wrong answer makes a part void. Seconds of an answer are from the sending to the whole answer;
they include the client's own queue, which shares the cores with the server.

Last answer: see results/load.json
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import http.client
import json
import multiprocessing
import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import machine
from compare import RESULTS, claim, finish, spread
from mnistry import load_data, shipped_model

PICTURES = 1000
CAPACITY = 64  # connections
WAIT = 0.05  # seconds until a connection is tried again
REACHES = 0.05  # seconds in which what was sent has reached the server
TOLERANCE = 1e-5
MEASURES = {
    "rate": ("answers a second", "count"),
    "due": ("due a second", "count"),
    "turned_away": ("turned away a second", "count"),
    "p50": ("median", "ms"),
    "p99": ("99th percentile", "ms"),
    "longest": ("longest", "ms"),
    "health": ("longest health check", "ms"),
    "accuracy": ("right answers", "share"),
}
Event = tuple[float, Callable[[], None]]


def main() -> int:
    """Measure, report; 1 if an answer was wrong."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600, help="of overload; default %(default)s")
    parser.add_argument("--connections", type=int, default=800, help="default %(default)s")
    parser.add_argument("--smoke", action="store_true", help="seconds only; nothing written")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON; default: in results/")
    args = parser.parse_args()
    if args.seconds < 1 or not 1 <= args.connections <= 1000:
        parser.error("--seconds must be at least 1, and --connections from 1 to 1000")
    args.name, args.question, args.missing = Path(__file__).stem, str(__doc__).splitlines()[0], []
    if args.smoke:
        args.seconds, args.connections = min(args.seconds, 3), min(args.connections, 200)
    elif args.out is None:
        args.out = RESULTS / f"{args.name}.json"
    images = load_data().test.images[:PICTURES]
    judge = Judge(shipped_model().predict_proba(images))
    settings = {
        "seconds": args.seconds, "connections": args.connections, "pictures": PICTURES,
        "capacity_connections": CAPACITY, "capacity_seconds": 1 if args.smoke else 10,
        "tolerance": TOLERANCE,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as home, Server(Path(home)) as server:
        asked = [request(one) for one in images]
        parts = run_all(server, asked, judge, settings)
    result = {
        "benchmark": args.name, "question": args.question, "smoke": args.smoke,
        "machine": machine.describe(), "repeats": 1, "settings": settings,
        "measures": {key: {"title": t, "unit": unit} for key, (t, unit) in MEASURES.items()},
        "ours": None, "peers": [row(part) for part in parts.values()], "not_installed": [],
        "parts": parts, "claims": claims(parts),
    }  # fmt: skip
    return finish(args, result)


def run_all(
    server: Server, asked: list[bytes], judge: Judge, settings: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Go through all parts; give what was found, by part."""
    seconds = settings["capacity_seconds"]
    parts: dict[str, dict[str, Any]] = {}

    def part(key: str, name: str, client: Client, **more: Any) -> None:
        parts[key] = {"key": key, "name": name, **client.told(), **more}
        shown = ("rate", "turned_away", "p50", "p99", "wrong", "broken")
        print(name, *(f"{k} {parts[key][k]:.5g}" for k in shown), sep="  ", flush=True)

    with Client(server.port, asked, judge, CAPACITY) as client:
        client.run(1)
        client.forget()
        client.run(seconds)
        part("capacity", f"{CAPACITY} connections that don't wait", client)
    capacity = parts["capacity"]["rate"]

    with Client(server.port, asked, judge, settings["connections"]) as client:
        with Watch(server) as watch:
            client.run(settings["seconds"], 2 * capacity)
        part("overload", "twice as much", client, due=2 * capacity, **watch.told())

    with Client(server.port, asked, judge, CAPACITY) as client:
        killed = []

        def kill() -> None:
            killed.append(time.monotonic())
            server.kill()
            server.start()

        client.run(3 + 2 * seconds, capacity, [(3, kill)])
        back = min((at for at in client.answered if at > killed[0] + 0.01), default=None)
        away = None if back is None else back - killed[0]
        part("killed", "killed and started again", client, due=capacity, seconds_away=away)

    with Client(server.port, asked, judge, CAPACITY) as client:
        stopped, codes = [], []

        def stop() -> None:
            stopped.append(time.monotonic())
            server.terminate()

        def gone() -> bool:
            code = server.code()
            if code is not None:
                codes.append((code, time.monotonic() - stopped[0]))
            return code is not None

        client.run(45, capacity, [(3, stop)], until=gone)
        client.finish(2)
        code, took = codes[0] if codes else (None, None)
        lost = [at for at in client.broken if at <= stopped[0]]
        part(
            "stopped", "told to stop", client, due=capacity, exit_code=code, seconds_to_stop=took,
            lost=sum(at < stopped[0] - REACHES for at in lost),
            lost_on_the_way=sum(at >= stopped[0] - REACHES for at in lost),
            closed_afterwards=len(client.broken) - len(lost),
        )  # fmt: skip
    return parts


def row(part: dict[str, Any]) -> dict[str, Any]:
    """Give a part as a row of the table."""
    wrong = part["wrong"]
    found = {key: spread([part[key]]) for key in MEASURES if part.get(key) is not None}
    library = f"mnistry {machine.installed('mnistry')}"
    void = f"{wrong} wrong answers" if wrong else None
    return {"key": part["key"], "name": part["name"], "library": library, "void": void, **found}


def claims(parts: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold what was found against what is wanted."""
    overload, killed, stopped = (parts[key] for key in ("overload", "killed", "stopped"))
    odd = {
        status: count
        for part in parts.values()
        for status, count in part["statuses"].items()
        if status not in ("200", "503")
    }
    away = killed["seconds_away"]
    return [
        claim("{} wrong answers", sum(part["wrong"] for part in parts.values()), at_most=0),
        claim("{} answers that are neither 200 nor 503", sum(odd.values()), at_most=0),
        claim("{} times turned away without a word of when to come again",
              sum(part["without_retry_after"] for part in parts.values()), at_most=0),
        claim("under twice the load, {} of the answers a second that it gives at its capacity",
              overload["rate"] / parts["capacity"]["rate"], at_least=0.5),
        claim("{} connections broken under twice the load", overload["broken"], at_most=0),
        claim("{} health checks failed", overload["health_failed"], at_most=0),
        claim("memory grew by {}%", 100 * overload["memory"]["growth"], at_most=2),
        claim("killed and started again: {} s until the next answer",
              float("inf") if away is None else away, at_most=10),
        claim("told to stop: {} requests that had reached it not answered",
              stopped["lost"], at_most=0),
        claim("told to stop: exit code {}",
              255 if stopped["exit_code"] is None else abs(stopped["exit_code"]), at_most=0),
    ]  # fmt: skip


def request(image: Any) -> bytes:
    """Write out a request for one picture's probabilities."""
    given = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28]}
    told = {
        "inputs": [{**given, "data": image.ravel().tolist()}],
        "outputs": [{"name": "probabilities"}],
    }
    body = json.dumps(told, separators=(",", ":")).encode()
    head = (
        "POST /v2/models/convnet/infer HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Judge:
    """Says whether an answer is right; what it has found right before, it knows again."""

    def __init__(self, truth: Any) -> None:
        self._truth = truth.tolist()
        self._known: list[set[bytes]] = [set() for _ in self._truth]

    def __call__(self, which: int, body: bytes) -> bool:
        """Compare an answer about one picture with the truth."""
        known = self._known[which]
        if body in known:
            return True
        truth = self._truth[which]
        try:
            found = [float(p) for p in json.loads(body)["outputs"][0]["data"]]
        except (ValueError, LookupError, TypeError):
            return False
        if len(found) != len(truth) or found.index(max(found)) != truth.index(max(truth)):
            return False
        if not all(abs(a - b) <= TOLERANCE for a, b in zip(found, truth, strict=True)):
            return False
        if len(known) < 100:
            known.add(body)
        return True


class Server:
    """`mnistry serve` as a process, on one port all along."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._environment = os.environ | {"MNISTRY_HOME": str(home)}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        """Start it, and wait until it answers."""
        self.start()
        deadline = time.monotonic() + 60
        while not healthy(self.port):
            if time.monotonic() > deadline or self.code() is not None:
                self.kill()
                raise RuntimeError("`mnistry serve` did not start.")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        """End it, however it is."""
        self.kill()

    def start(self) -> None:
        """Start it; it isn't waited for."""
        command = [sys.executable, "-m", "mnistry", "serve", "--port", str(self.port)]
        self._process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def terminate(self) -> None:
        """SIGTERM."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def code(self) -> int | None:
        """Give the exit code, once there is one."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """Give its number, 0 before it is started."""
        return 0 if self._process is None else self._process.pid


def _look(pid: int, port: int, end: Any, tell: Any) -> None:
    """Look each second; tell of everything at the end."""
    resident, files, health, failed = [], [], [], 0
    tell.send(None)
    while not end.wait(1):
        size = size_of(pid)
        resident.append(size[0])
        files.append(size[1])
        began = time.monotonic()
        failed += not healthy(port)
        health.append(time.monotonic() - began)
    tell.send((resident, files, health, failed))


def size_of(pid: int) -> tuple[int, int]:
    """Give a process's resident bytes and the number of its open files; Linux alone tells."""
    about = Path("/proc", str(pid))
    with contextlib.suppress(OSError):
        pages = int((about / "statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(about / "fd"))
    return 0, 0


def healthy(port: int) -> bool:
    """Make a health check over a new connection, with a second's patience."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Watch:
    """Looks each second at a server's memory and health, in a process of its own."""

    def __init__(self, server: Server) -> None:
        context = multiprocessing.get_context("spawn")
        self._end = context.Event()
        self._mine, theirs = context.Pipe()
        about = server.pid, server.port, self._end, theirs
        self._process = context.Process(target=_look, args=about, daemon=True)
        self._bytes: list[int] = []
        self._files: list[int] = []
        self._health: list[float] = []
        self._failed = 0

    def __enter__(self) -> Watch:
        """Begin, once it is there to look."""
        self._process.start()
        self._mine.recv()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._end.set()
        self._bytes, self._files, self._health, self._failed = self._mine.recv()
        self._process.join()

    def told(self) -> dict[str, Any]:
        """Say what was seen."""
        seen = np.array(self._bytes or [0], np.float64)
        some = max(1, min(60, len(seen) // 10))
        first, last = float(np.median(seen[:some])), float(np.median(seen[-some:]))
        late = seen[len(seen) // 2 :]  # by then, all that is kept is filled
        slope = float(np.polyfit(np.arange(len(late)), late, 1)[0]) if len(late) > 2 else 0.0
        return {
            "memory": {
                "first": first, "last": last, "growth": last / first - 1 if first else 0.0,
                "most": float(seen.max()), "second_half_bytes_a_second": slope,
                "each_second": self._bytes,
            },
            "files": {"most": max(self._files, default=0), "last": (self._files or [0])[-1]},
            "health": max(self._health, default=None),
            "health_checks": len(self._health), "health_failed": self._failed,
        }  # fmt: skip


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

    def told(self) -> dict[str, Any]:
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


if __name__ == "__main__":
    sys.exit(main())
