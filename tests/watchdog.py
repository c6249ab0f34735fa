"""Kill the processes that a test run has left behind, however the run ended.

Fixtures stop what they have started, but not when pytest itself is killed, and a server, a browser
or a Ray daemon would then run on. All of them inherit an environment variable by which they are
recognized, also those that moved to a session of their own.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path
from uuid import uuid4

_VARIABLE = "MNISTRY_TEST_RUN"
_GRACE = 3  # seconds in which processes may still end by themselves


def start() -> None:
    """Mark this process and start the watchdog that waits for its end (Linux only)."""
    if not hasattr(os, "pidfd_open"):
        return
    run = uuid4().hex
    # The watchdog itself does not carry the mark. In a session of its own it is out of Ctrl-C's
    # reach, and without our standard output it keeps no pipe open, as to `tail`.
    os.posix_spawn(
        sys.executable,
        [sys.executable, __file__, str(os.getpid()), run],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        setsid=True,
    )
    os.environ[_VARIABLE] = run


def _wait_for(pid: int) -> None:
    """Return once a process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([descriptor], [], [])


def _kill_marked(run: str) -> None:
    """Kill all processes whose environment holds the mark of that run."""
    mark = f"{_VARIABLE}={run}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:  # it has ended, or belongs to somebody else
            continue


if __name__ == "__main__":
    _wait_for(int(sys.argv[1]))
    time.sleep(_GRACE)
    _kill_marked(sys.argv[2])
