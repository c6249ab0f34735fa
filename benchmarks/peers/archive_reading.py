"""``mnistry read`` reads a folder in one of three ways; started once before, with one picture."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Read, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts", type=Path, help="what each picture says, by its name")
    parser.add_argument("--way", choices=("json", "here", "ray"), required=True)
    args = parser.parse_args()
    texts: dict[str, str] = json.loads(args.texts.read_text("utf-8"))
    start, _ = read(args.way, next(iter(texts)))
    seconds, found = read(args.way, str(args.folder))
    right = sum(found.get(name) == text for name, text in texts.items())
    each = max(seconds - start, 1e-9) / len(texts)
    told = {"rate": 1 / each, "seconds": each, "start": start, "accuracy": right / len(texts)}
    if args.way != "json":
        some = str(min(path for path in args.folder.iterdir()))
        seconds, found = read(args.way, some, "--per-file", "1")
        told["part"] = max((seconds - start) / len(found) - each, 0.0)
    print(json.dumps(told))


def read(way: str, source: str, *more: str) -> tuple[float, dict[str, str | None]]:
    """Run the command; give its seconds, and the texts that it gave."""
    command = [sys.executable, "-m", "mnistry", "read", source, "--json", *more]
    with tempfile.TemporaryDirectory() as name:
        out, told = Path(name, "out"), Path(name, "told")
        if way != "json":
            command += ["--out", str(out)]
        if way == "ray":
            command.append("--ray")
        begun = time.perf_counter()
        with open(told, "wb") as file:
            subprocess.run(command, stdout=file, check=True)
        seconds = time.perf_counter() - begun
        if way == "json":
            rows = [json.loads(line) for line in told.read_text("utf-8").splitlines()]
        else:
            import pyarrow.dataset as ds

            rows = ds.dataset(out).to_table(["picture", "text"]).to_pylist()
    return seconds, {row["picture"]: row.get("text") for row in rows}


if __name__ == "__main__":
    main()
