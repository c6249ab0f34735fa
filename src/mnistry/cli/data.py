"""``mnistry data``: the family of data sets, what of it is here, and how to get the rest."""

from __future__ import annotations

import argparse
import json
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistry.cli import choice
from mnistry.cli.console import columns, table
from mnistry.cli.parser import CommandParser, real, whole
from mnistry.cli.progress import Download
from mnistry.data.family import FAMILY, Member, home, locate, shelf
from mnistry.errors import DataError

if TYPE_CHECKING:
    from mnistry.cli.parser import Subparsers
    from mnistry.data.check import Finding

_MB = 1e6
_DEFORMED = 8_100_000  # as many as infinite MNIST's first release
_WIDE = 104  # columns that the whole list takes
_FIRST = 5000  # training pictures of a folder that are held out where nothing else is said


def add_parser(subparsers: Subparsers) -> None:
    """Add the command and its sub-commands."""
    parser = _add(
        subparsers,
        "data",
        "list, fetch, check and make data sets",
        "MNIST comes with the package. Its relatives are fetched when you ask for them, and\n"
        "nothing else touches the network.",
        "mnistry data list\n  mnistry data fetch fashion\n  mnistry data check MNIST_data",
    )
    commands = parser.add_subparsers(dest="data_command", metavar="COMMAND")
    _add(
        commands,
        "list",
        "what there is, and what of it is here",
        "List the family of data sets: what is embedded, fetched, or can be fetched.",
        "mnistry data list --json",
    )
    fetch = _add(
        commands,
        "fetch",
        "fetch data sets",
        "Fetch data sets from their mirrors, checked against their published checksums.\n"
        "A download that was cut off goes on where it stopped.",
        "mnistry data fetch fashion kmnist\n  mnistry data fetch mnist --to MNIST_data",
    )
    fetch.add_argument("names", nargs="+", metavar="NAME", help="a data set of `mnistry data list`")
    fetch.add_argument(
        "--to", metavar="FOLDER", help="where the files go (default: your data home)"
    )
    fetch.add_argument(
        "--mirror",
        action="append",
        metavar="URL",
        help="a base address to use instead of the published ones; may be given again",
    )
    fetch.add_argument(
        "--timeout",
        type=real(above=0, most=86_400),
        default=30.0,
        metavar="SECONDS",
        help="give a mirror up after so long without a sign of life (default: 30)",
    )
    fetch.add_argument(
        "--keep-archive",
        action="store_true",
        help="keep EMNIST's archive (562 MB), which holds all six of its data sets",
    )
    check = _add(
        commands,
        "check",
        "say what the files in a folder are, and whether they are whole",
        "Look at each file in FOLDER by its bytes: what it is, whether it is whole, what to do.\n"
        "Without FOLDER, look at the embedded MNIST and all that was fetched.\n"
        "The exit code is 1 if something is broken.",
        "mnistry data check MNIST_data",
    )
    check.add_argument("folders", nargs="*", metavar="FOLDER", help="a folder, or a file")
    deform = _add(
        commands,
        "deform",
        "make a set of millions out of one",
        "Make a set as large as you like: each training picture bent a little, another way each\n"
        "time, in the manner of infinite MNIST. FOLDER becomes a folder of IDX files for --data.\n"
        "The first training pictures are the set's validation pictures, which no other is made\n"
        "of; the test pictures stay as they are.",
        "mnistry data deform big-mnist --count 8100000",
    )
    deform.add_argument("folder", metavar="FOLDER", help="where the four files go")
    deform.add_argument(
        "--count",
        type=whole(1),
        default=_DEFORMED,
        metavar="N",
        help=f"training pictures, 785 bytes each for MNIST's; default {_DEFORMED:,}",
    )
    deform.add_argument("--data", default="mnist", metavar="SOURCE", help="made of it; see train")
    choice.add_invert(deform)
    deform.add_argument(
        "--seed", type=whole(0), default=0, help="seed of every random choice; default 0"
    )


def _add(
    subparsers: Subparsers,
    name: str,
    summary: str,
    description: str,
    example: str,
) -> CommandParser:
    parser = subparsers.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"Example:\n  {example}\n",
    )
    # A default here would overwrite what was said before the sub-command.
    default = False if name == "data" else argparse.SUPPRESS
    parser.add_argument("--json", action="store_true", default=default, help="print JSON")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked; 1 if a check found something broken, else 0.

    Raises
    ------
    InputError : a name, folder or mirror makes no sense, or a download failed.
    """
    if args.data_command is None:
        args.parser.print_help()
        return 0
    command = {"list": _list, "fetch": _fetch, "check": _check, "deform": _deform}[
        args.data_command
    ]
    return command(args)


def _list(args: argparse.Namespace) -> int:
    states = {name: _state(name) for name in FAMILY}
    if args.json:
        members = [_facts(member, states[name]) for name, member in FAMILY.items()]
        print(json.dumps({"home": str(home()), "members": members}))
        return 0
    head = ("NAME", "STATE", "TRAIN", "TEST", "CLASSES", "DOWNLOAD", "LICENCE", "WHAT IT IS")
    rows: list[tuple[str, ...]] = [head]
    for name, member in FAMILY.items():
        size = member.download_size
        rows.append(
            (
                name,
                states[name],
                *(f"{count:,}" for count in member.counts),
                str(len(member.classes)),
                f"{size / _MB:,.1f} MB" if size else "?",
                member.licence,
                member.about,
            )
        )
    if columns() < _WIDE:
        rows = [(*row[:5], row[-1]) for row in rows]
        more = "Download sizes and licences: widen the terminal, or use --json.\n"
    else:
        more = ""
    print(table(rows, right=(2, 3, 4, 5) if not more else (2, 3, 4)))
    print(f"\n{more}The six EMNIST sets are fetched once, as one archive.")
    print(f"Fetched data sets are in {home()} (set MNISTRY_HOME to change it).")
    return 0


def _state(name: str) -> str:
    try:
        locate(name)
    except DataError:
        return "not fetched"
    return "embedded" if name == "mnist" else "fetched"


def _facts(member: Member, state: str) -> dict[str, Any]:
    return {
        "name": member.name,
        "title": member.title,
        "about": member.about,
        "state": state,
        "folder": None if state == "not fetched" else str(shelf(member.name)),
        "train": member.counts[0],
        "test": member.counts[1],
        "classes": list(member.classes),
        "download_bytes": member.download_size,
        "licence": member.licence,
        "attribution": member.attribution,
        "homepage": member.homepage,
    }


def _fetch(args: argparse.Namespace) -> int:
    from mnistry.data.fetch import fetch_all

    names = list(dict.fromkeys(args.names))
    with Download() as progress:
        fetched = fetch_all(
            names,
            args.to,
            args.mirror,
            progress.update,
            timeout=args.timeout,
            keep_archive=args.keep_archive,
        )
    places = {name: next(iter(paths.values())).parent for name, paths in fetched.items()}
    if args.json:
        state = [
            {
                "name": name,
                "folder": str(places[name]),
                "files": {key: str(path) for key, path in paths.items()},
            }
            for name, paths in fetched.items()
        ]
        print(json.dumps({"fetched": state}))
        return 0
    for name, place in places.items():
        member = FAMILY[name]
        print(f"{member.title} is in {place}")
        print(f"  licence: {member.licence}; by {member.attribution}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from mnistry.data.check import check_folder

    if args.folders:
        places = [Path(folder) for folder in args.folders]
    else:
        places = [place for place in map(shelf, FAMILY) if place.is_dir() and any(place.iterdir())]
    found = {place: check_folder(place) for place in places}
    whole = all(finding.state != "broken" for each in found.values() for finding in each)
    if args.json:
        folders = [_verdict(*pair) for pair in found.items()]
        print(json.dumps({"whole": whole, "folders": folders}))
    else:
        print("\n\n".join(_report(*pair) for pair in found.items()))
    return 0 if whole else 1


def _verdict(folder: Path, findings: list[Finding]) -> dict[str, Any]:
    from dataclasses import asdict

    whole = all(finding.state != "broken" for finding in findings)
    return {"folder": str(folder), "whole": whole, "findings": [asdict(f) for f in findings]}


def _report(folder: Path, findings: list[Finding]) -> str:
    if not findings:
        to = shlex.quote(str(folder))
        return f"{folder}\n  no files; mnistry data fetch NAME --to {to} puts some there"
    rows: list[tuple[str, ...]] = [
        (f"  {f.state}", f.name, f"{f.what}; {f.todo}" if f.todo else f.what) for f in findings
    ]
    return f"{folder}\n{table(rows, wrap=False)}"


def _deform(args: argparse.Namespace) -> int:
    from mnistry.cli.progress import Share
    from mnistry.data.deform import write_deformed
    from mnistry.data.sources import load_data

    data = load_data(args.data, validation=_FIRST, seed=args.seed, invert=args.invert)
    start = time.perf_counter()
    with Share("deforming") as share:
        write_deformed(Path(args.folder), data, args.count, args.seed, share.update)
    seconds = time.perf_counter() - start
    held_out = len(data.validation)
    if args.json:
        found = {"folder": args.folder, "train": args.count, "validation": held_out}
        counts = {"test": len(data.test), "seed": args.seed}
        print(json.dumps({**found, **counts, "seconds": seconds}))
        return 0
    print(
        f"{args.folder}: {args.count:,} training pictures, the first {held_out:,} of them to be "
        f"held out, and {len(data.test):,} to test; made in {seconds:.0f} s\n"
        f"next  mnistry train --model convnet --data {shlex.quote(args.folder)}"
        + (f" --validation {held_out}" if held_out != _FIRST else "")
    )
    return 0
