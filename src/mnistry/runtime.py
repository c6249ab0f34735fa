"""Load OpenCV and ONNX Runtime, and open ONNX Runtime's sessions.

This is the only module that imports `onnxruntime`. Releases from 1.29 on report usage to their
maker by default on Linux and macOS, and they decide about it while they are being imported. Threads
of a session do not spin while they wait.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from mnistry.cores import cores
from mnistry.errors import unloadable

_CV2_FUNCTIONS = ("resize", "LUT", "connectedComponentsWithStats", "setNumThreads")


def load_onnxruntime() -> Any:
    """Return the module `onnxruntime`, imported with its telemetry turned off.

    The environment variable must be set before the import, and child processes inherit it. A value
    that the user has set is left alone. If another library imported `onnxruntime` earlier in this
    process, only the events that follow can be suppressed.

    Raises
    ------
    MachineError : it can't be loaded.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise unloadable("onnxruntime", error) from None

    if os.environ["ORT_DISABLE_TELEMETRY"] == "1":
        # Windows ignores that variable and logs events to the system's tracing until this call.
        onnxruntime.disable_telemetry_events()
    return onnxruntime


@cache
def load_cv2() -> Any:
    """Return the module `cv2` after checking that it is complete.

    `opencv-python` and `opencv-python-headless` install the same folder. Removing one of them
    deletes files of the other, and the rest may still be imported.

    Raises
    ------
    MachineError : it can't be loaded, or lacks functions.
    """
    try:
        import cv2
    except Exception as error:  # noqa: BLE001 - OpenCV's loader raises anything if files are missing
        raise unloadable("cv2", error) from None
    for name in _CV2_FUNCTIONS:
        if not hasattr(cv2, name):
            raise unloadable("cv2", AttributeError(f"it has no function `{name}`"))
    return cv2


def open_session(model: bytes) -> Any:
    """Return an `onnxruntime.InferenceSession` for the bytes of an ONNX file."""
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    # A spinning thread would hold a core that other processes may need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_options_of_large_runs() -> Any:
    """Return options of a run after which the session gives its memory back.

    A session keeps the memory of its largest run. That makes runs of a usual size fast, but after
    a large image it would keep hundreds of megabytes for good.
    """
    options = load_onnxruntime().RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
