"""The convnet as LitServe's documentation would have it: batches of up to 64, 1 ms of waiting."""

import os
from typing import Any

import litserve
import numpy as np
import onnxruntime


class Convnet(litserve.LitAPI):  # type: ignore[misc]
    """A picture in, probabilities out."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)

    def decode_request(self, request) -> Any:  # type: ignore[no-untyped-def]  # it reads hints
        """Take the picture."""
        return np.array(request["image"], np.uint8).reshape(28, 28)

    def batch(self, inputs: list[Any]) -> Any:
        """Put pictures together."""
        return np.stack(inputs)

    def predict(self, x: Any) -> Any:
        """Answer a batch."""
        return self.session.run(["probabilities"], {"images": x})[0]

    def unbatch(self, output: Any) -> list[Any]:
        """Take answers apart."""
        return list(output)

    def encode_response(self, output: Any) -> list[float]:
        """Give the answer."""
        return [float(p) for p in output]


if __name__ == "__main__":
    api = Convnet(max_batch_size=64, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", track_requests=False)
    server.run(port=int(os.environ["PORT"]), host="127.0.0.1", log_level="warning",
               generate_client_file=False)  # fmt: skip
