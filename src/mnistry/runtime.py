"""OpenCV and ONNX Runtime, loaded or refused in a sentence; ONNX Runtime's sessions.

Sessions send no telemetry and do not wait busily. This is the only module that imports
`onnxruntime`. Releases from 1.29 on report usage to their
maker by default on Linux and macOS, and they decide about it while they are being imported.
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
    """Return the module `cv2`, whole.

    `opencv-python` and `opencv-python-headless` install the same folder. Who removes one of them
    takes files of the other away, and what is left may still be imported.

    Raises
    ------
    MachineError : it can't be loaded, or lacks functions.
    """
    try:
        import cv2
    except Exception as error:  # noqa: BLE001 - its loader raises anything over a broken folder
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

    A session keeps the memory of the largest run that it made. That is quick for runs of a usual
    size; after a large image it would be hundreds of megabytes for good.
    """
    options = load_onnxruntime().RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
