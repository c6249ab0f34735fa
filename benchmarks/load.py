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
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import machine
from asking import Client
from compare import RESULTS, claim, finish, spread
from judging import TOLERANCE, Judge, request, tensor
from mnistry import load_data, shipped_model
from watched import Server, Watch

PICTURES = 1000
CAPACITY = 64  # connections
REACHES = 0.05  # seconds in which what was sent has reached the server
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


def main() -> int:
    """Measure, report; 1 if an answer was wrong."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600, help="of overload; default %(default)s")
    parser.add_argument("--connections", type=int, default=960, help="default %(default)s")
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
        path = "/v2/models/convnet/infer"
        asked = [request(path, json.dumps(tensor(one[None])).encode()) for one in images]
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
        parts[key] = {"key": key, "name": name, **client.report(), **more}
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
        part("overload", "twice as much", client, due=2 * capacity, **watch.report())

    with Client(server.port, asked, judge, CAPACITY) as client:
        killed = []

        def kill() -> None:
            killed.append(time.monotonic())
            server.kill()
            server.start()

        client.run(3 + 2 * seconds, capacity, [(3, kill)])
        # Answers that had come already may be read after the kill: the longest gap is what counts.
        answered = np.array([killed[0], *(at for at in client.answered if at > killed[0])])
        away = float(np.diff(answered).max()) if len(answered) > 1 else None
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


if __name__ == "__main__":
    sys.exit(main())
