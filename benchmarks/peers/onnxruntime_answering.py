"""A model file's answers to MNIST's test through ONNX Runtime, so many pictures a call.

``onnxruntime_answering.py mnist.npz MODEL --batch N --threads T --passes P`` asks about all the
test pictures, P times after a first time that is not counted, and prints one JSON object: the
median seconds of a call, and what follows. A last batch that is not whole is answered, not timed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
import onnxruntime


def main() -> None:
    """Answer, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("model")
    for size in ("--batch", "--threads", "--passes"):
        parser.add_argument(size, type=int, required=True)
    args = parser.parse_args()
    with np.load(args.data) as arrays:
        images, labels = arrays["x_test"], arrays["y_test"]
    batch = min(args.batch, len(images))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    calls, predicted = [], []
    for turn in range(args.passes + 1):
        for first in range(0, len(images), batch):
            pictures = images[first : first + batch]
            start = time.perf_counter()
            [probabilities] = session.run(["probabilities"], {"images": pictures})
            seconds = time.perf_counter() - start
            if turn == 0:
                predicted.append(probabilities.argmax(axis=1))
            elif len(pictures) == batch:
                calls.append(seconds)
    seconds = statistics.median(calls)
    accuracy = float((np.concatenate(predicted) == labels).mean())
    found = {"seconds": seconds, "rate": batch / seconds, "accuracy": accuracy, "n": len(calls)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
