"""The command line: one module per command, which adds its parser and runs it.

Exit codes: 0 done, 1 a check that the user asked for failed, 2 the user's input is at fault
(one sentence on standard error that names the option or file). With ``--json``, standard output
holds JSON only. Progress goes to standard error.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from mnistry import __version__
from mnistry.cli import console, data, evaluate, predict, read, serve, show, train
from mnistry.cli.parser import CommandParser
from mnistry.errors import DataWarning, InputError, machine_error, printable


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    # A stream that the shell has closed, as `>&-` does, is None.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - for as long as we run
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - likewise
    console.prepare()
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
        parser = args.parser
        with _warnings_in(parser):
            code = int(args.run(args))
        sys.stdout.flush()
    except InputError as error:
        return _refuse(parser.in_options(str(error)))
    except BrokenPipeError:
        # `| head` closes the pipe when it has enough; that is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{where}{error.strerror or error}.")
    except MemoryError:
        return _refuse("There is not enough memory for this; give less data, or free some.")
    except Exception as error:
        if (found := machine_error(error)) is None:
            raise
        return _refuse(str(found))
    except KeyboardInterrupt:
        print("mnistry: stopped.", file=sys.stderr)
        return 128 + signal.SIGINT
    return code


def build_parser() -> CommandParser:
    """Return the parser of all commands."""
    parser = CommandParser(
        prog="mnistry",
        description="Handwritten digits to probabilities you can trust, with the evidence shown.",
        epilog="Example:\n  mnistry train --out digits.onnx && mnistry evaluate digits.onnx\n",
    )
    parser.add_argument("--version", action="version", version=f"mnistry {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (train, evaluate, predict, read, show, data, serve):
        command.add_parser(commands)
    return parser


@contextmanager
def _warnings_in(parser: CommandParser) -> Iterator[None]:
    """Print warnings about the user's data as sentences on standard error, each of them once."""
    printed: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, DataWarning):
            shown(message, category, *place, **more)
        elif str(message) not in printed:
            printed.add(str(message))
            with suppress(OSError):
                sentence = printable(parser.in_options(str(message)))
                print(f"mnistry: warning: {sentence}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        shown, warnings.showwarning = warnings.showwarning, show
        yield


def _refuse(sentence: str) -> int:
    with suppress(OSError):  # standard error may be full; the exit code remains
        print(f"mnistry: {printable(sentence)}", file=sys.stderr)
    return 2
