"""Broken packages and limits of the machine give one error message with the cure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from PIL import Image

from mnistry.errors import InputError, MachineError, machine_error, unloadable
from mnistry.reader import Reader, many
from mnistry.runtime import load_cv2

BROKEN = {
    "gone": "raise ModuleNotFoundError(\"No module named 'cv2'\", name='cv2')",
    "a part is gone": "raise ImportError('libGL.so.1: cannot open shared object file', name='cv2')",
    "its folder is left": "",
    "its loader is confused": "raise RuntimeError('recursion is detected')",
}
CURE = "run `pip install --force-reinstall opencv-python-headless`."


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command where Python finds the modules of a folder first."""
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two images."""
    for i in range(2):
        image = Image.new("L", (40, 40), 255)
        image.paste(0, (18, 8, 22, 32))
        image.save(tmp_path / f"{i}.png")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_opencv_is_one_sentence(how: str, folder: Path) -> None:
    """`mnistry read` prints one message for any number of images, with the repairing command."""
    (folder / "cv2.py").write_text(BROKEN[how])
    done = run(folder, "-m", "mnistry", "read", "0.png", "1.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("mnistry: OpenCV can't be loaded (")
    assert done.stderr.endswith(f"; {CURE}\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_broken_opencv_is_told_everywhere(folder: Path) -> None:
    """Python, a job, the server and other commands give the same sentence."""
    (folder / "cv2.py").write_text(BROKEN["gone"])
    code = "import mnistry, numpy as np\nfor make in (mnistry.Reader, lambda: mnistry.to_ink("
    code += "np.zeros((9, 9)))):\n    try: make()\n    except mnistry.InputError as e: print(e)"
    printed = run(folder, "-c", code).stdout.splitlines()
    assert printed == [f"OpenCV can't be loaded (No module named 'cv2'); {CURE}"] * 2
    commands = (["read", ".", "--out", "x"], ["serve", "--port", "0"])
    for command in commands:
        done = run(folder, "-m", "mnistry", *command)
        assert (done.returncode, done.stderr) == (2, f"mnistry: {printed[0]}\n"), command


@pytest.mark.slow
def test_a_broken_onnxruntime_is_one_sentence(folder: Path) -> None:
    """ONNX Runtime's message is one sentence, too; if memory is limited, the cure differs."""
    said = "libonnxruntime.so: failed to map segment from shared object"
    (folder / "onnxruntime.py").write_text(f"raise ImportError({said!r}, name='onnxruntime')")
    done = run(folder, "-m", "mnistry", "read", "0.png", "1.png", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"mnistry: ONNX Runtime can't be loaded ({said}); allow this process more memory "
        "(`ulimit -v`, or the container's limit).\n"
    )


def test_machine_errors_are_told_from_others() -> None:
    """Signs of a broken package or a limit are known; any other error is none of them."""
    left = types.ModuleType("cv2")
    try:
        left.resize  # noqa: B018
    except AttributeError as error:
        assert CURE in str(machine_error(error))
    found = machine_error(RuntimeError("can't start new thread"))
    assert str(found).startswith("No more threads can be started (can't start new thread); allow")
    assert machine_error(ImportError("no", name="scipy")) is None
    assert machine_error(ImportError("no")) is None
    assert machine_error(AttributeError("no")) is None
    assert machine_error(ValueError("bad")) is None
    fault = unloadable("numpy", ImportError())
    assert machine_error(fault) is fault
    assert "NumPy can't be loaded (ImportError); run `pip install --force-reinstall numpy`" in str(
        fault
    )
    assert load_cv2().resize


def test_no_image_is_blamed_for_the_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that breaks during reading ends it with that message, not as an image's error."""

    def fail(*_: object) -> None:
        raise ImportError("cannot allocate memory in static TLS block", name="onnxruntime")

    reader = Reader()
    monkeypatch.setattr(many, "decode", fail)
    with pytest.raises(MachineError, match=r"ONNX Runtime can't be loaded .* allow this process"):
        list(reader.read_many(folder))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limits")
@pytest.mark.parametrize("extra", [100, 200, 300])
def test_limited_memory_is_a_sentence(folder: Path, extra: int) -> None:
    """Wherever memory ends while libraries are loaded, nothing is blamed on mnistry or an image."""
    code = f"""
import resource, sys
import numpy
from mnistry.cli import main
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {extra} * 2**20,) * 2)
sys.exit(main(["read", "0.png", "1.png", "--json"]))
"""
    done = run(folder, "-c", code)
    assert "please tell its makers" not in done.stderr
    assert "Traceback" not in done.stderr
    for line in done.stdout.splitlines():
        assert "tell its makers" not in json.loads(line).get("error", "")


def test_machine_errors_are_input_errors() -> None:
    """A MachineError is an InputError, so that all interfaces handle it alike."""
    assert issubclass(MachineError, InputError)
