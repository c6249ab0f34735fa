"""``mnistry read --out``: any number of pictures into a folder of Parquet files."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import TYPE_CHECKING

from mnistry.cli.progress import Counter
from mnistry.errors import InputError

if TYPE_CHECKING:
    from mnistry.reader import Reader

_ADDRESS = r"auto|ray://.+|\[?[\w.:-]+\]?:\d+"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that make a job of it."""
    group = parser.add_argument_group(
        "many images",
        "With --out the readings are written to Parquet files, one row per image, also for "
        "errors. A job that was stopped continues when the same command is run again. Exit code "
        "0: every image has its row; 2: no image could be read.",
    )
    group.add_argument("--out", metavar="DIR", help="folder of the Parquet files, a path or a URL")
    group.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="read on a Ray cluster: auto, host:port or ray://host:port; without ADDRESS, Ray is "
        "started on this machine (needs the extra `ray`)",
    )
    group.add_argument(
        "--per-file", type=int, metavar="N", help="rows of a Parquet file; default 2000"
    )


def settle(args: argparse.Namespace) -> None:
    """Part an address from the first picture, and refuse options that do not go together."""
    if args.ray and not re.fullmatch(_ADDRESS, args.ray):
        args.pictures.insert(0, args.ray)  # `--ray scans/`: there was no address
        args.ray = ""
    if not args.pictures:
        raise InputError("No PICTURE was given; name a file, a folder or a pattern.")
    if args.out is None:
        alone = {"--ray": args.ray, "--per-file": args.per_file}
        for option, value in alone.items():
            if value is not None:
                raise InputError(f"`{option}` needs `--out`, the folder of the Parquet files.")
        return
    files = {"--show": args.show, "--csv": args.csv, "--review": args.review}
    few_only = {option: path is not None for option, path in files.items()}
    for option, wanted in (few_only | {"--doctor": args.doctor}).items():
        if wanted:
            raise InputError(f"`{option}` is of a few pictures, `--out` of many; leave out one.")


def run(args: argparse.Namespace, reader: Reader) -> int:
    """Read, sum up; 2 if not one picture could be read."""
    from mnistry.reader.job import MOST_PER_FILE, PER_FILE, read_into

    per_file = PER_FILE if args.per_file is None else args.per_file
    if not 1 <= per_file <= MOST_PER_FILE:
        raise InputError(f"`--per-file` must be from 1 to {MOST_PER_FILE:,}; got {per_file}.")
    with Counter(wanted=True) as counter:
        done = read_into(
            args.out, args.pictures, reader, ray=args.ray, per_file=per_file, tell=counter.update
        )
    if args.json:
        print(json.dumps({"out": args.out, **done.to_dict()}))
    else:
        read = done.pictures - done.before
        print(f"{args.out}: {done.pictures:,} pictures, {done.errors:,} of them with an error")
        if done.before:
            print(f"{done.before:,} were read before")
        if done.killed:
            print(f"processes killed: {done.killed:,}; what they were reading was read again")
        if read:
            print(f"{read:,} in {done.seconds:,.1f} s, {read / done.seconds:,.0f} a second")
    if done.skipped:
        from mnistry.pictures import pdf

        files = f"{done.skipped:,} file{'s' if done.skipped > 1 else ''}"
        sentence = pdf.missing(f" ({files} skipped, each a row with an error)")
        print(f"mnistry: {sentence}", file=sys.stderr)
    if done.errors == done.pictures:
        print("mnistry: Not one picture could be read; see the column `error`.", file=sys.stderr)
        return 2
    return 0
