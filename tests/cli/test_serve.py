"""``mnistry serve`` opens a browser; what it serves is tested in tests/serving."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import pytest

Serve = Callable[..., AbstractContextManager[tuple[str, "Popen[str]"]]]

# As browsers in a terminal do, it keeps whoever opens it waiting until it is closed.
BROWSER = """
import sys, urllib.request
from pathlib import Path
with urllib.request.urlopen(sys.argv[1], timeout=30) as page:
    Path(__file__).with_name("seen").write_bytes(page.read())
"""


@pytest.mark.slow
def test_a_browser_that_waits_for_the_page_gets_it(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes on serving while ``--open`` opens it."""
    (tmp_path / "browser.py").write_text(BROWSER)
    monkeypatch.setenv("BROWSER", f"{sys.executable} {tmp_path / 'browser.py'} %s")
    seen, end = tmp_path / "seen", time.monotonic() + 120
    with serve(tmp_path, "--open"):
        while not (seen.exists() and seen.stat().st_size) and time.monotonic() < end:
            time.sleep(0.05)
        assert b"<title>mnistry</title>" in seen.read_bytes()
