"""The convnet as MLServer's documentation would have it: a runtime of its own."""

from __future__ import annotations

import os

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Convnet(MLModel):  # type: ignore[misc]
    """Pictures in, probabilities out."""

    async def load(self) -> bool:
        """Load the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer a batch."""
        images = NumpyCodec.decode_input(payload.inputs[0]).astype(np.uint8)
        [found] = self.session.run(["probabilities"], {"images": images})
        output = NumpyCodec.encode_output("probabilities", found)
        return InferenceResponse(model_name=self.name, outputs=[output])
