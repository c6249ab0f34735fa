"""The argument parser of every command: errors of one sentence, which name the option typed.

A misspelt command, option or choice gets "did you mean". Sentences of `InputError` name the
arguments of Python functions in backticks; `CommandParser.in_options` rewrites those as the options
that the user can type.
"""

from __future__ import annotations

import argparse
import math
import re
import textwrap
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from mnistry.errors import InputError, did_you_mean

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction["CommandParser"]

# Options whose `dest` differs from the argument of the Python function that they reach.
_PYTHON_NAMES = {
    "source": "--data",
    "count": "--digits",
    "every": "--save-every",
    "folder": "--to",
    "name": "NAME",
}


class HelpFormatter(argparse.HelpFormatter):
    """Fill descriptions to the terminal's width; keep the line breaks of examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("Example"):
            return textwrap.indent(text, indent)
        return super()._fill_text(text, width, indent)


class CommandParser(argparse.ArgumentParser):
    """A parser whose sub-commands are parsers of the same kind.

    The parsed arguments hold the innermost parser as `parser`. Their `run` prints its help unless
    the command sets another function.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", HelpFormatter)
        super().__init__(*args, **options)
        self.set_defaults(parser=self, run=_print_help)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; reject unknown arguments here, so that the error names the right command."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown[0])
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Raise argparse's message as an `InputError`."""
        sentence = re.sub(r"^argument (\S+): (must |needs )?", _as_subject, message)
        raise InputError(sentence if sentence.endswith((".", "?")) else f"{sentence}.")

    def in_options(self, sentence: str) -> str:
        """Replace each Python argument in backticks by the option of this parser that sets it."""
        shown = {
            action.dest: action.option_strings[0] if action.option_strings else action.metavar
            for action in self._actions
        }
        for argument, option in _PYTHON_NAMES.items():
            if argument not in shown and option in shown.values():
                shown[argument] = option
        return re.sub(r"`(\w+)`", lambda match: f"`{shown.get(match[1]) or match[1]}`", sentence)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(action, one_of(names, str(value)))

    def _refuse(self, argument: str) -> NoReturn:
        """Reject an argument that this command does not accept."""
        hint = f"see `{self.prog} --help`"
        if not argument.startswith("-"):
            raise InputError(f"{argument!r} is one argument too many for `{self.prog}`; {hint}.")
        option = argument.partition("=")[0]
        known = [name for action in self._actions for name in action.option_strings]
        like = did_you_mean(option, known)
        cure = f": {like[:-1]} ({hint})?" if like else f"; {hint}."
        raise InputError(f"`{option}` is not an option of `{self.prog}`{cure}")


def one_of(names: Iterable[str], given: str) -> str:
    """Return the end of an error message: the allowed names, and the one that was given."""
    known = list(names)
    like = did_you_mean(given, known)
    if like:
        return f"must be one of {', '.join(known)}; got {given!r}: {like}"
    return f"must be one of {', '.join(known)}; got {given!r}."


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return an argparse type: a whole number of at least `least`, and at most `most` if given."""
    span = f"{least:,} or more" if most is None else f"from {least:,} to {most:,}"

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"must be a whole number, {span}; got {text!r}."
            ) from None
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"must be {span}; got {text}.")
        return value

    return parse


def real(*, above: float | None = None, least: float = 0.0, most: float) -> Callable[[str], float]:
    """Return an argparse type: a finite number from `least` (or more than `above`) to `most`."""
    low = f"from {least:g}" if above is None else f"more than {above:g},"
    span = f"{low} to {most:,.15g}" if above is None else f"{low} up to {most:,.15g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a number {span}; got {text!r}.") from None
        fits = value >= least if above is None else value > above
        if math.isnan(value) or not fits or value > most:
            raise argparse.ArgumentTypeError(f"must be {span}; got {text}.")
        return value

    return parse


def _as_subject(match: re.Match[str]) -> str:
    """Return the option in backticks, as the subject of the message that follows it."""
    return f"`{match[1]}` {match[2]}" if match[2] else f"`{match[1]}`: "


def _print_help(args: argparse.Namespace) -> int:
    args.parser.print_help()
    return 0
