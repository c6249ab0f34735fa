"""The terminal: how wide it is, what its encoding can print, and tables that fit it."""

from __future__ import annotations

import codecs
import io
import shutil
import sys
import textwrap

# One character each, so that columns stay aligned.
_PLAIN = {"█": "#", "░": ".", "·": ".", "×": "x", "…": "~", "–": "-", "²": "2", "Σ": "S"}


def prepare() -> None:
    """Make standard output and standard error accept any text, whatever their encoding."""
    codecs.register_error("mnistry", _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="mnistry")


def columns(default: int = 80) -> int:
    """Return the width of the terminal on standard output, or `default` without one."""
    if not sys.stdout.isatty():
        return default
    return max(40, shutil.get_terminal_size((default, 24)).columns)


def bar(share: float, width: int) -> str:
    """Return a bar of `width` characters, of which `share` (0 to 1) are filled."""
    return f"{'█' * round(width * share):░<{width}}"


def table(rows: list[tuple[str, ...]], right: tuple[int, ...] = (), *, wrap: bool = True) -> str:
    """Return rows with aligned columns, the last of which is wrapped to the terminal's width.

    Parameters
    ----------
    rows : cells; equally many in each row.
    right : indices of the columns to align right.
    wrap : False leaves the last column as it is, for commands that are copied from it.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    before = sum(widths[:-1]) + 2 * len(widths[:-1])
    last = max(columns() - before, 20)
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row[:-1], widths, strict=False))
        ]
        wrapped = [row[-1]]
        if wrap:
            wrapped = textwrap.wrap(row[-1], last, break_long_words=False, break_on_hyphens=False)
        lines.append("  ".join([*cells, *wrapped[:1]]).rstrip())
        lines += [" " * before + more for more in wrapped[1:]]
    return "\n".join(lines)


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace characters that an encoding lacks by a look-alike or an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    shown = "".join(
        _PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in signs
    )
    return shown, error.end
