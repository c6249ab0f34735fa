"""ONNX Runtime as mnistry runs it: on the cores that it may use, without holding them idle."""

from __future__ import annotations

from typing import Any

from mnistry.cores import cores


def open_session(model: bytes) -> Any:
    """Give an `onnxruntime.InferenceSession` of an ONNX file's bytes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    # A thread that waits gives its core away: others may need it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
