"""The terminal: its width and what its encoding can print."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mnistry.cli import console


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_signs_that_an_encoding_lacks_have_look_alikes(encoding: str) -> None:
    """Bars keep their length where the encoding has no blocks; other text is escaped."""
    code = (
        "from mnistry.cli import console\n"
        "console.prepare()\n"
        "print(console.bar(0.5, 40))\n"
        "print('数 ×')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True, check=True,
    )  # fmt: skip
    bar, word = done.stdout.decode(encoding).splitlines()
    full, empty, number, times = {
        "ascii": ("#", ".", r"\u6570", "x"),
        "cp1252": ("#", ".", r"\u6570", "×"),
        "utf-8": ("█", "░", "数", "×"),
    }[encoding]
    assert bar == full * 20 + empty * 20
    assert word == f"{number} {times}"


def test_tables_wrap_their_last_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines fit the width, and what is wrapped stays in its column."""
    monkeypatch.setattr(console, "columns", lambda: 30)
    rows: list[tuple[str, ...]] = [("a", "1", "one two three four five six"), ("bb", "10", "seven")]
    assert console.table(rows, right=(1,)).splitlines() == [
        "a    1  one two three four",
        "        five six",
        "bb  10  seven",
    ]
    assert console.table(rows, wrap=False).splitlines()[0] == "a   1   one two three four five six"


def test_width_is_80_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output to a pipe has the default width, whatever COLUMNS is."""
    monkeypatch.setenv("COLUMNS", "200")
    assert console.columns() == 80
