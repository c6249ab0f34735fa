"""The comparison: peers measured in turn in one run, A B C A B C …, and set against one of them.

Each measurement is a fresh process, so that no library's threads or memory disturb another.
What is reported is the median, with the least and the largest; a ratio is taken within each
round, where the machine was the same for both, and then summarised likewise.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine

PEERS = Path(__file__).parent / "peers"
RESULTS = Path(__file__).parent / "results"

Run = dict[str, Any]


@dataclass(frozen=True)
class Peer:
    """A program to measure.

    Parameters
    ----------
    key : its file under ``peers/``, without ``.py``. name : as tables show it.
    needs : the distributions that it imports and the programs that it runs; the first one's
        version is shown beside it.
    goal : the ratio, its seconds to ours, that the project wants to reach at least.
    program : its file, where several peers share one and `key` is just a name.
    """

    key: str
    name: str
    needs: tuple[str, ...]
    goal: float | None = None
    program: str | None = None

    @property
    def library(self) -> str:
        """What it runs on, with the version."""
        return f"{self.needs[0]} {machine.installed(self.needs[0])}"

    def command(self, *arguments: object) -> list[str]:
        """Give the command that runs it."""
        return [sys.executable, str(PEERS / f"{self.program or self.key}.py"), *map(str, arguments)]


def read_arguments(
    script: str,
    question: str,
    peers: Sequence[Peer],
    repeats: int,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Any:
    """Read a benchmark's command line: its arguments with `peers`, those asked for and installed.

    `script` is the benchmark's ``__file__``; its results go to ``results/`` under its name.
    `options` are those that it has of its own, as `add_argument` takes them. A smoke run shows
    that everything works, with sizes too small to mean anything: its results never go there,
    and it is one round.
    """
    parser = argparse.ArgumentParser(description=question)
    keys = [peer.key for peer in peers]
    parser.add_argument("--repeats", type=int, default=repeats, help="rounds; default %(default)s")
    parser.add_argument("--peers", nargs="+", choices=keys, default=keys, help="only these")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one round")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON; default: in results/")
    for flag, how in (options or {}).items():
        parser.add_argument(flag, **how)
    args = parser.parse_args()
    for name, value in vars(args).items():
        if type(value) is int and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1; got {value}")
    args.name, args.question = Path(script).stem, question
    if args.smoke:
        args.repeats = 1
        if args.out and args.out.resolve().is_relative_to(RESULTS.resolve()):
            parser.error("--smoke results mean nothing; give --out a place outside results/")
    elif args.out is None:
        args.out = RESULTS / f"{args.name}.json"
    wanted = [peer for peer in peers if peer.key in args.peers]
    missing = {name for peer in wanted for name in peer.needs if not machine.installed(name)}
    for name in sorted(missing):
        print(f"{name}: not installed")
    args.peers = [peer for peer in wanted if missing.isdisjoint(peer.needs)]
    args.missing = sorted(missing)
    if not args.peers:
        parser.error("none of the peers is installed; pip install '.[bench]'")
    return args


@contextmanager
def workplace(smoke: bool) -> Iterator[Path]:
    """Give a temporary folder that holds MNIST as Keras' ``mnist.npz``, but not compressed.

    A smoke run's holds the first 6,000 and 1,000 pictures.
    """
    import numpy as np

    from mnistry import load_data

    data = load_data("mnist", validation=0)
    train, test = (6000, 1000) if smoke else (60_000, 10_000)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(
            Path(folder, "mnist.npz"),
            x_train=data.train.images[:train],
            y_train=data.train.labels[:train].astype(np.uint8),
            x_test=data.test.images[:test],
            y_test=data.test.labels[:test].astype(np.uint8),
        )
        yield Path(folder)


def take_turns(
    peers: Sequence[Peer],
    repeats: int | Mapping[str, int],
    measure: Callable[[Peer, int], Run],
    *,
    earlier: Mapping[str, Sequence[Run]] | None = None,
    keep: Callable[[dict[str, list[Run]]], object] | None = None,
) -> dict[str, list[Run]]:
    """Measure each peer once a round; `measure` gets the round, which is also the seed.

    Parameters
    ----------
    repeats : the rounds; where peers differ, by key: who has had its own drops out.
    earlier : runs of the first rounds, by key; they are kept, and not measured again.
    keep : gets all runs after each round.
    """
    rounds = {p.key: repeats if isinstance(repeats, int) else repeats.get(p.key, 0) for p in peers}
    runs = {peer.key: [*(earlier or {}).get(peer.key, ())] for peer in peers}
    for turn in range(max(rounds.values())):
        for peer in peers:
            own, last = runs[peer.key], rounds[peer.key]
            if len(own) <= turn < last:
                own.append(measure(peer, turn))
                print(f"{turn + 1}/{last} {peer.name}: {_brief(own[-1])}", flush=True)
        if keep:
            keep(runs)
    return runs


def answer(command: Sequence[str], cwd: Path) -> Run:
    """Run a program and give the JSON object that its last line holds.

    Raises
    ------
    RuntimeError : it failed; the message ends with what it wrote to standard error.
    """
    # No peer gets an accelerator, and none fills the output with its log.
    quiet = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=os.environ | quiet, check=False
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    found: Run = json.loads(lines[-1])
    return found


def spread(values: Sequence[float]) -> dict[str, float]:
    """Summarise repeated measurements."""
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else 0.0,
        "n": len(values),
    }


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Summarise how many times ours theirs is, round by round."""
    return spread([a / b for a, b in zip(theirs, ours, strict=True)])


def summarise(
    args: Any,
    runs: dict[str, list[Run]],
    *,
    ours: str | Mapping[str, str] | None,
    measures: dict[str, tuple[str, str]],
    settings: dict[str, Any],
    accuracy: tuple[float, float],
) -> dict[str, Any]:
    """Give a benchmark's whole result, JSON-ready.

    Parameters
    ----------
    ours : the key of the peer that the others' ``seconds`` are set against; by key, where not
        all of them are set against the same one; None for no such.
    measures : what the runs hold, by key: (title, unit), the unit one of "s", "bytes",
        "share" and "nats".
    accuracy : a peer is void if its test accuracy in any round is outside (not in a smoke run);
        then it gets no ratio, and if it is ours, no one does.
    """
    low, high = accuracy
    voids = {
        key: f"test accuracy {run['accuracy']:.2%}"
        for key, own in runs.items()
        for run in own
        if not (low <= run["accuracy"] <= high or args.smoke)
    }
    peers, claims = [], []
    for peer in args.peers:
        own = runs[peer.key]
        entry: dict[str, Any] = {"key": peer.key, "name": peer.name, "library": peer.library}
        entry |= {"void": voids.get(peer.key), "runs": own}
        entry |= {key: spread([run[key] for run in own]) for key in measures if key in own[0]}
        base = ours.get(peer.key) if isinstance(ours, Mapping) else ours
        if base in runs and voids.keys().isdisjoint({peer.key, base}):
            entry["ratio"] = ratio(*([r["seconds"] for r in runs[k]] for k in (peer.key, base)))
            if peer.goal is not None:
                text = f"{peer.name}: {{}} times mnistry's seconds"
                claims.append(claim(text, entry["ratio"]["median"], at_least=peer.goal))
        peers.append(entry)
    return {
        "benchmark": args.name,
        "question": args.question,
        "smoke": args.smoke,
        "machine": machine.describe(),
        "repeats": args.repeats,
        "settings": settings,
        "measures": {key: {"title": t, "unit": unit} for key, (t, unit) in measures.items()},
        "ours": ours,
        "peers": peers,
        "not_installed": args.missing,
        "claims": claims,
    }


def claim(
    text: str,
    found: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    aim: float | None = None,
) -> dict[str, Any]:
    """Hold a finding, which stands where `text` has {}, against what the project wants.

    `aim` is what it hopes for beyond that; nothing is judged by it.
    """
    met = (at_least is None or found >= at_least) and (at_most is None or found <= at_most)
    wanted = {"at_least": at_least, "at_most": at_most, "aim": aim}
    return {"claim": text, "found": found, **wanted, "met": met}


def finish(args: Any, result: dict[str, Any]) -> int:
    """Print the result's tables and write it; 1 if a peer is void, for then it proves nothing."""
    import tables

    print("\n" + tables.render(result))
    write(args.out, result)
    return int(any(peer["void"] for peer in result["peers"]))


def write(out: Path | None, result: dict[str, Any]) -> None:
    """Write a result, whole or not at all; nothing without a place for it."""
    from mnistry.atomic import replacing

    if out is None:
        return
    # A line for each of the result's parts: a curve of hundreds of points stays short.
    body = ",\n".join(f"{json.dumps(key)}: {json.dumps(result[key])}" for key in result)
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as file:
        file.write(f"{{\n{body}\n}}\n".encode())


def _brief(run: Run) -> str:
    shown = {k: v for k, v in run.items() if isinstance(v, int | float)}
    return "  ".join(f"{key} {value:.5g}" for key, value in shown.items())
