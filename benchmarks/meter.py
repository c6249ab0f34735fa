"""The meter: run a command; its wall seconds, and the most memory that it held.

A process's peak counts what its parent held when it was started, so that the parent has to be
small: this one imports next to nothing. Prints {"seconds", "peak_bytes", "output"}.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main() -> int:
    """Run the command that the arguments are; give its exit code."""
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"seconds": seconds, "peak_bytes": usage.ru_maxrss * unit, "output": output}
    print(json.dumps(found))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
