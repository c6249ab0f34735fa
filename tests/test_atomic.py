"""A file appears under its final name only when it is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnistry.atomic import replacing


def test_replacing_writes_the_whole_file(tmp_path: Path) -> None:
    """What was written is there under the final name, and nothing else is left."""
    with replacing(tmp_path / "a.bin") as file:
        file.write(b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_replacing_keeps_the_old_file_when_the_block_fails(tmp_path: Path) -> None:
    """An error half-way loses nothing and leaves nothing behind."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"half")
        _ = 1 / 0
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_replacing_keeps_permissions(tmp_path: Path) -> None:
    """A file that replaces another has its permissions; a new one follows the umask."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_replacing_names_the_file_that_the_user_gave(tmp_path: Path) -> None:
    """A missing folder and a folder in the way are told by the user's own path."""
    with pytest.raises(FileNotFoundError) as missing, replacing(tmp_path / "no" / "a.bin"):
        pass
    assert missing.value.filename == str(tmp_path / "no" / "a.bin")
    with pytest.raises(IsADirectoryError), replacing(tmp_path):
        pass


def test_replacing_survives_a_kill(tmp_path: Path) -> None:
    """A process killed while it writes leaves the old file as it was."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    code = (
        "import sys\nfrom mnistry.atomic import replacing\n"
        "with replacing(sys.argv[1]) as f:\n"
        "    f.write(b'x' * 1000); f.flush(); print('writing', flush=True)\n"
        "    while True: f.write(b'x' * 1000)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert path.read_bytes() == b"old"
