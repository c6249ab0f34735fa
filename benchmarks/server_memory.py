"""Does the server's memory grow under mixed ordinary, large and hostile requests, and why?

`mnistry serve` with its defaults, on loopback, in a process of its own. Four clients send a mix for
`--seconds`: 70% ordinary requests, 15% large ones, 15% hostile ones (see `attacking.py`). Each
second the resident memory is noted and a health check is made over a new connection. Afterwards
the server is idle for `--quiet` seconds, and then returns the free memory of its allocator to the
system (`malloc_trim`). The memory that is returned was fragmentation or cache of the allocator; the
rest are objects, caches and the arenas of ONNX Runtime. With `--tracemalloc` the server also
reports how much Python's objects hold, and which lines allocated most; it is several times slower
then.

`--peers` chooses the server's settings: `default`, `arenas` (MALLOC_ARENA_MAX=2), `untuned`
(without what `serve` sets for the allocator).

Last answer: see `LOG.md`; the benchmark is run by hand.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from attacking import Attack
from watched import Server, Watch, size_of

SETTINGS: dict[str, dict[str, str]] = {
    "default": {},
    "arenas": {"MALLOC_ARENA_MAX": "2"},
    "untuned": {"MNISTRY_BENCHMARK_UNTUNED": "1"},
}
_REPORT = "MNISTRY_BENCHMARK_REPORT"
_TRACED = "MNISTRY_BENCHMARK_TRACED"


class Traced(Server):
    """A server that trims its memory and reports its size on SIGUSR1."""

    def __init__(self, home: Path, settings: dict[str, str], traced: bool) -> None:
        super().__init__(home)
        self._report = home / "report.json"
        self._environment |= (
            settings | {_REPORT: str(self._report)} | ({_TRACED: "1"} if traced else {})
        )

    def __enter__(self) -> Traced:
        """Start it, and wait until it answers."""
        super().__enter__()
        return self

    def start(self) -> None:
        """Start this file as the server."""
        command = [sys.executable, __file__, "--serve", str(self.port)]
        self._process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def trimmed(self) -> dict[str, Any]:
        """Trim its memory; return its size in bytes before and after, and that of its objects."""
        os.kill(self.pid, signal.SIGUSR1)
        for _ in range(600):
            if self._report.exists():
                return dict(json.loads(self._report.read_text("utf-8")))
            time.sleep(0.1)
        raise RuntimeError("The server did not report its memory within a minute.")


def serve(port: int) -> None:
    """Run the server in this process."""
    from mnistry.serving import server

    if os.environ.get("MNISTRY_BENCHMARK_UNTUNED"):
        server.tune_allocator = lambda: None
    if os.environ.get(_TRACED):
        tracemalloc.start()

    def report(*_: object) -> None:
        before, _files = size_of(os.getpid())
        ctypes.CDLL(None).malloc_trim(0)
        sizes: dict[str, Any] = {"before": before, "after": size_of(os.getpid())[0]}
        if tracemalloc.is_tracing():
            sizes["objects"] = tracemalloc.get_traced_memory()[0]
            sizes["lines"] = [
                str(one) for one in tracemalloc.take_snapshot().statistics("lineno")[:15]
            ]
        path = Path(os.environ[_REPORT])
        path.with_suffix(".new").write_text(json.dumps(sizes), "utf-8")
        path.with_suffix(".new").replace(path)

    signal.signal(signal.SIGUSR1, report)
    server.serve(port=port)


def measure(name: str, seconds: float, quiet: float, seed: int, traced: bool) -> dict[str, Any]:
    """Attack one server; return the measurements."""
    with (
        tempfile.TemporaryDirectory() as home,
        Traced(Path(home), SETTINGS[name], traced) as server,
    ):
        with Watch(server) as watch, Attack(server.port, seed) as attack:
            time.sleep(seconds)
        time.sleep(quiet)
        return {**watch.report(), "statuses": dict(attack.statuses), "trimmed": server.trimmed()}


def main() -> int:
    """Measure each setting and print its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--quiet", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", nargs="+", choices=SETTINGS, default=["default"])
    parser.add_argument("--tracemalloc", action="store_true")
    parser.add_argument("--json", type=Path, help="also write everything to a file")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve is not None:
        serve(asked.serve)
        return 0
    found = {}
    for name in asked.peers:
        one = measure(name, asked.seconds, asked.quiet, asked.seed, asked.tracemalloc)
        found[name] = one
        memory, trimmed = one["memory"], one["trimmed"]
        print(
            f"{name:<8} MB: first {memory['first'] / 1e6:.0f}, last {memory['last'] / 1e6:.0f}, "
            f"most {memory['most'] / 1e6:.0f}, quiet {trimmed['before'] / 1e6:.0f}, trimmed "
            f"{trimmed['after'] / 1e6:.0f}; health: longest {one['health'] or 0:.2f} s, "
            f"{one['health_failed']} of {one['health_checks']} failed"
        )
        print(f"         {one['statuses']}")
        for line in trimmed.get("lines", []):
            print(f"         {line}")
    if asked.json:
        asked.json.write_text(json.dumps(found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
