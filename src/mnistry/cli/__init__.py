"""The command line: one module a command; each adds its parser and runs it.

Exit codes: 0 done, 1 a check that the user asked for failed, 2 the user's input is at fault
(one sentence on standard error). ``--json`` alone writes to standard output then; progress
goes to standard error, and only to a terminal.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from mnistry import __version__
from mnistry.cli import data, evaluate, read, serve, show, train
from mnistry.errors import InputError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; give its exit code."""
    # Where the shell has closed one, as `>&-` does, there is none at all.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - for as long as we run
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - likewise
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A class may have a name that the terminal can't show; that is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    args = build_parser().parse_args(argv)
    try:
        code = int(args.run(args))
        sys.stdout.flush()
    except InputError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # The reader of our output has left, as `head` does; that is no one's mistake.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{where}{error.strerror or error}.")
    except MemoryError:
        return _refuse("There is not enough memory for this; give less data, or free some.")
    except KeyboardInterrupt:
        print("mnistry: stopped.", file=sys.stderr)
        return 128 + signal.SIGINT
    return code


def build_parser() -> argparse.ArgumentParser:
    """Give the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="mnistry",
        description="Handwritten digits to probabilities you can trust, with the evidence shown.",
        epilog="Example:\n  mnistry train --out digits.onnx && mnistry evaluate digits.onnx\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mnistry {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (train, evaluate, read, show, data, serve):
        command.add_parser(commands)
    return parser


def _refuse(sentence: str) -> int:
    with suppress(OSError):  # where standard error is full or closed, the code says it
        print(f"mnistry: {sentence}", file=sys.stderr)
    return 2
