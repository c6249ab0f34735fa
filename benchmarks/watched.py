"""`mnistry serve` as a process, and a look at its memory and health each second."""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


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

    def report(self) -> dict[str, Any]:
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
