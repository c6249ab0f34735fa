"""ONNX Runtime sessions as mnistry uses them: without telemetry, without busy waiting.

This is the only module that imports `onnxruntime`. Releases from 1.29 on report usage to their
maker by default on Linux and macOS, and they decide about it while they are being imported.
"""

from __future__ import annotations

import os
from typing import Any

from mnistry.cores import cores


def load_onnxruntime() -> Any:
    """Return the module `onnxruntime`, imported with its telemetry turned off.

    The environment variable must be set before the import, and child processes inherit it. A value
    that the user has set is left alone. If another library imported `onnxruntime` earlier in this
    process, only the events that follow can be suppressed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    if os.environ["ORT_DISABLE_TELEMETRY"] == "1":
        # Windows ignores that variable and logs events to the system's tracing until this call.
        onnxruntime.disable_telemetry_events()
    return onnxruntime


def open_session(model: bytes) -> Any:
    """Return an `onnxruntime.InferenceSession` for the bytes of an ONNX file."""
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    # A spinning thread would hold a core that other processes may need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
