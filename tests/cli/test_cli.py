"""What all commands share."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code"),
    [("data list >&-", 0), ("evaluate /nothing 2>&-", 2), ("data list >&- 2>&- <&-", 0)],
)
def test_closed_streams_are_no_error(command: str, code: int) -> None:
    """Where the shell has closed what is written to, nothing is written or said."""
    done = subprocess.run(
        f"{sys.executable} -m mnistry {command}",
        shell=True, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
