"""The convnet as BentoML's documentation would have it: one worker, adaptive batching."""

from __future__ import annotations

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1, traffic={"timeout": 30})
class Convnet:
    """Pictures in, probabilities out."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=5000)  # type: ignore[untyped-decorator]
    def predict(self, images: np.ndarray) -> np.ndarray:
        """Answer a batch."""
        pictures = images.astype(np.uint8)
        return np.asarray(self.session.run(["probabilities"], {"images": pictures})[0])
