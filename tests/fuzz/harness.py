"""The loop that all fuzzers share: seeded cases in a process of bounded memory."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

ADDRESS_SPACE = 1 << 30  # bytes beyond what the process holds when it starts
SECONDS_A_CASE = 2.0  # of processor time, which a busy machine does not lengthen


def fuzz(
    what: str,
    case: Callable[[Random], bytes],
    check: Callable[[bytes, Path, Random], bool],
) -> int:
    """Check cases until time is up, or a number of them; return the exit code.

    Case i of seed s is the same bytes every time. The first finding ends the run with code 1: an
    exception of `check`, or more processor time than `SECONDS_A_CASE`.

    Parameters
    ----------
    what : what is fuzzed, for the help text.
    case : makes the bytes of a case.
    check : returns whether the bytes were accepted; it may write into the folder that it gets.
    """
    parser = argparse.ArgumentParser(description=f"Fuzz {what}.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--cases", type=int, help="stop after so many cases, not by the clock")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + ADDRESS_SPACE, held + ADDRESS_SPACE))

    start = time.monotonic()
    count = accepted = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        while count < asked.cases if asked.cases else time.monotonic() - start < asked.seconds:
            random = Random(f"{asked.seed}/{count}")  # noqa: S311 - not for secrets
            data = case(random)
            before = time.process_time()
            try:
                accepted += check(data, Path(folder), random)
                took = time.process_time() - before
                if took > SECONDS_A_CASE:
                    raise AssertionError(f"took {took:.1f} s")
            except Exception:  # noqa: BLE001 - whatever it is, it is the finding
                traceback.print_exc()
                found = Path(f"finding-{asked.seed}-{count}.bin")
                found.write_bytes(data)
                print(f"finding: seed {asked.seed}, case {count}, bytes in {found}")
                return 1
            slowest = max(slowest, took)
            count += 1
    seconds = time.monotonic() - start
    print(
        f"no finding in {count} cases ({accepted} accepted), {count / seconds:.0f} a second, "
        f"slowest {slowest * 1000:.0f} ms"
    )
    return 0
