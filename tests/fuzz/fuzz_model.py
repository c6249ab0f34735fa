"""Fuzz the model loader: any bytes must give a model that answers, or a ModelError.

    python tests/fuzz/fuzz_model.py --seconds 600 --seed 0

Cases are damaged bytes, and sound ONNX whose fields were set to what an enemy would set; of
softmax regression and of convnets by turns.
Exits 1 on a finding, else 0.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from random import Random

import numpy as np
import onnx
import onnxruntime  # noqa: F401 - imported now, or it would count as the first case's time
from fuzz_idx import mutate
from harness import fuzz

from mnistry.errors import ModelError
from mnistry.models.base import Model
from mnistry.models.convnet import ConvNet, Member, View
from mnistry.models.file import load_model, save_model
from mnistry.models.network import Block, Network
from mnistry.models.softmax import SoftmaxRegression

NUMBERS = [-(2**63), -1, 0, 1, 2, 28, 783, 785, 2**31 - 1, 2**32, 2**40, 2**63 - 1]


def _softmax() -> SoftmaxRegression:
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 4), dtype=np.uint8)
    return SoftmaxRegression(steps=2).fit(images, np.arange(6) % 3, classes=["a", "b", "c"])


def _convnet() -> ConvNet:
    """An ensemble of two kinds of network with two views: every sort of node."""
    rng = np.random.default_rng(0)
    networks = (
        Network((5, 6), (Block(2, 3, 1, 1, 2), Block(3, 2)), 3),
        Network((5, 6), (Block(2, 3, 2),), 3, "mean"),
    )
    members = [
        Member(
            network,
            {k: rng.normal(0, 0.3, s).astype(np.float32) for k, s in network.arrays.items()},
        )
        for network in networks
    ]
    views = [View(0, 0), View(-1, 2)]
    return ConvNet(members, classes=["a", "b", "c"], views=views, temperature=1.5)


def _valid(model: Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder) / "m.onnx", provenance={"data": {"name": "fuzz"}})
        return (Path(folder) / "m.onnx").read_bytes()


VALID = [_valid(_softmax()), _valid(_convnet())]
NAMES = ["weights", "biases", "", "x" * 1000, "0.kernel.0", "1.weights", "temperature", "margin"]


def jumble(value: object, random: Random) -> object:
    """Give JSON of another kind or size in the place of `value`."""
    choices: list[object] = [
        None, True, -1, 2**70, 1e999, "", "x" * 10_000, [], {}, [[]] * 1000, value, [value] * 3,
    ]  # fmt: skip
    if isinstance(value, dict) and value and random.random() < 0.5:
        key = random.choice(list(value))
        return {**value, key: jumble(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.5:
        at = random.randrange(len(value))
        return [*value[:at], jumble(value[at], random), *value[at + 1 :]]
    if isinstance(value, int) and random.random() < 0.5:
        return random.choice(NUMBERS)
    return random.choice(choices)


def forge(valid: bytes, random: Random) -> bytes:
    """Set fields of a sound model to hostile values."""
    proto = onnx.ModelProto.FromString(valid)
    for _ in range(random.choice([1, 1, 2, 3])):
        tensor = random.choice(proto.graph.initializer)
        how = random.randrange(10)
        if how == 0:
            tensor.dims[:] = [random.choice(NUMBERS) for _ in range(random.randrange(4))]
        elif how == 1:
            tensor.raw_data = tensor.raw_data[: random.randrange(len(tensor.raw_data) + 1)]
        elif how == 2:
            tensor.data_type = random.randrange(25)
        elif how == 3:
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="/dev/zero")
        elif how == 4:
            tensor.raw_data = random.randbytes(len(tensor.raw_data))
        elif how == 5:
            tensor.name = random.choice(NAMES)
        elif how == 6 and proto.graph.node:
            node = random.choice(proto.graph.node)
            node.op_type = random.choice(["Loop", "If", "Softmax", "", "Gemm"])
        elif how == 7 and proto.graph.node:
            proto.graph.node.remove(random.choice(proto.graph.node))
        elif proto.metadata_props:
            prop = proto.metadata_props[0]
            try:
                facts = json.loads(prop.value)
                key = random.choice(list(facts))
                facts[key] = jumble(facts[key], random)
                prop.value = json.dumps(facts)
            except (ValueError, TypeError, AttributeError, IndexError):
                prop.value = random.choice(["", "[" * 50_000, "{}", "null", "\x00"])
    return bytes(proto.SerializeToString())


def case(random: Random) -> bytes:
    valid = random.choice(VALID)
    data = forge(valid, random) if random.random() < 0.6 else valid
    return mutate(data, random) if random.random() < 0.6 else data


def check(data: bytes, folder: Path, _: Random) -> bool:
    """Load; give whether a model came, which must then answer with probabilities."""
    path = folder / "case.onnx"
    path.write_bytes(data)
    try:
        model = load_model(path)
    except ModelError as error:
        if len(str(error)) > 2000:
            raise AssertionError("a sentence of more than 2000 characters") from error
        return False
    h, w = model.shape
    p = model.predict_proba(np.full((1, h, w), 255, np.uint8))
    if p.shape != (1, len(model.classes)) or not abs(float(p.sum()) - 1) <= 1e-4:
        raise AssertionError(f"probabilities {p}")
    return True


if __name__ == "__main__":
    warnings.simplefilter("error")
    sys.exit(fuzz("the model loader", case, check))
