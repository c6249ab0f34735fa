"""A test run leaves no processes behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import subprocess, sys, time, watchdog
watchdog.start()
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_what_a_killed_run_has_started_is_killed() -> None:
    """A process in a session of its own ends after the run that started it was killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, stderr=subprocess.DEVNULL
    ) as run:
        assert run.stdout
        child = os.pidfd_open(int(run.stdout.readline()))
        run.send_signal(signal.SIGKILL)
    ended, _, _ = select.select([child], [], [], 60)  # seconds, so that a failure does not hang
    os.close(child)
    assert ended
