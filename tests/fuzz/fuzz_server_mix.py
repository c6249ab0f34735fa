"""Attack a real server for minutes with a mix of ordinary, large and hostile requests.

    python tests/fuzz/fuzz_server_mix.py --seconds 600 --seed 0

The server is a process of its own on loopback. Four threads send the mix of
`benchmarks/attacking.py`. Findings are an answer of status 500; a server that ends by itself, or
not with code 0 after SIGTERM; memory above `--most-megabytes`, or whose peak in the second half of
the time is more than `--growth` times the peak in the first half; and a health check that fails or
takes longer than `--health` seconds. So run it on a machine without other work. Exits 1 on a
finding, else 0.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from attacking import Attack
from watched import Server, Watch

_END = 60  # seconds for which the end is waited


def main() -> int:
    """Attack, report, and return the exit code."""
    parser = argparse.ArgumentParser(description="Attack a server with a mix of requests.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-megabytes", type=float, default=1000)
    parser.add_argument("--growth", type=float, default=1.2, help="of the peak (default 1.2)")
    parser.add_argument("--health", type=float, default=0.5, help="seconds (default 0.5)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, Server(Path(home)) as server:
        with Watch(server) as watch, Attack(server.port, asked.seed) as attack:
            time.sleep(asked.seconds)
        report = watch.report()
        code_before = server.code()
        server.terminate()
        for _ in range(_END * 10):
            if server.code() is not None:
                break
            time.sleep(0.1)
        code = server.code()
    most = report["memory"]["most"] / 1e6
    statuses = dict(sorted(attack.statuses.items()))
    print(f"{sum(statuses.values())} requests: {statuses}")
    print(
        f"memory: at most {most:.0f} MB, at last {report['memory']['last'] / 1e6:.0f} MB; health "
        f"checks: {report['health_checks']}, {report['health_failed']} failed, the longest took "
        f"{report['health'] or 0:.2f} s"
    )
    findings = [f"answered {name}" for name in statuses if name.endswith(" 500")]
    if code_before is not None:
        findings.append(f"the server ended by itself with code {code_before}")
    elif code != 0:
        findings.append(f"after SIGTERM the exit code was {code}, not 0")
    longest = report["health"] or 0.0
    if report["health_failed"] or longest > asked.health:
        findings.append(
            f"{report['health_failed']} health checks failed, the longest took {longest:.2f} s"
        )
    seconds = report["memory"]["each_second"] or [0]
    first, second = (
        max(half) for half in (seconds[: len(seconds) // 2 + 1], seconds[len(seconds) // 2 :])
    )
    if second > asked.growth * first:
        findings.append(f"memory grew from {first / 1e6:.0f} to {second / 1e6:.0f} MB")
    if most > asked.most_megabytes:
        findings.append(f"{most:.0f} MB are more than {asked.most_megabytes:.0f}")
    for finding in findings:
        print(f"finding: {finding}")
    if not findings:
        print("no finding")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
