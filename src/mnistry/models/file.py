"""A model is one ONNX file: uint8 pictures in, logits and probabilities out, provenance inside.

The graph holds the preprocessing, so that whoever opens the file needs nothing else. What it
learnt from, how, and how well it did stand in its metadata as JSON under the key ``mnistry``.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mnistry
from mnistry.atomic import replacing
from mnistry.errors import ModelError
from mnistry.models.base import Model
from mnistry.models.softmax import SoftmaxRegression

if TYPE_CHECKING:
    import onnx

_FORMAT = 1
_OPSET, _IR = 17, 8  # old enough for every runtime of the last years
_LARGEST = 64 * 2**20  # bytes; far more than any model of ours
_LARGEST_METADATA = 2**20


def save_model(
    model: Model, path: str | os.PathLike[str], *, provenance: Mapping[str, Any] | None = None
) -> None:
    """Write a trained model as one ONNX file, whole or not at all.

    Parameters
    ----------
    model : a trained `SoftmaxRegression`.
    path : must end in ``.onnx``.
    provenance : JSON-ready facts to keep: the data's fingerprint, the recipe, the scores.

    Raises
    ------
    ModelError : the model is not trained, or `path` ends otherwise.
    OSError : the file can't be written.
    """
    if Path(path).suffix != ".onnx":
        raise ModelError(f"`path` must end in .onnx; got {Path(path).name!r}.")
    if not isinstance(model, SoftmaxRegression) or not hasattr(model, "weights"):
        raise ModelError("`model` must be a trained SoftmaxRegression; call its `fit` first.")
    facts = {
        "format": _FORMAT,
        "kind": "softmax",
        "classes": list(model.classes),
        "shape": list(model.shape),
        "versions": {
            "mnistry": mnistry.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        **(provenance or {}),
    }
    content = _build(model, facts).SerializeToString(deterministic=True)
    with replacing(path) as file:
        file.write(content)


def load_model(path: str | os.PathLike[str]) -> SoftmaxRegression:
    """Read a model that `save_model` wrote; its metadata is in the attribute `provenance`.

    Nothing in the file is run: its graph must be, node for node, the one that mnistry writes
    for its kind, and only the weights are taken from it.

    Raises
    ------
    ModelError : the file is missing, broken, unsafe or not one of ours; the message says which.
    """
    name = str(path)
    proto = _parse(_read(name), name)
    facts = _facts(proto, name)
    kind, number = facts.get("kind"), facts.get("format")
    if kind != "softmax" or number != _FORMAT:
        raise ModelError(
            f"{name} is a model of kind {str(kind)[:40]!r}, format {str(number)[:40]}, "
            f"which mnistry {mnistry.__version__} can't read; a newer version may."
        )
    classes, shape = _names(facts, name), _shape(facts, name)
    model = SoftmaxRegression()
    model.classes, model.shape = classes, shape
    sizes = {"weights": (shape[0] * shape[1], len(classes)), "biases": (len(classes),)}
    arrays = {key: _array(proto, key, size, name) for key, size in sizes.items()}
    model.weights, model.biases = arrays["weights"], arrays["biases"]
    if _skeleton(proto) != _skeleton(_build(model, facts)):
        raise ModelError(
            f"{name} does not hold the graph that mnistry writes for softmax regression; "
            "it was changed after training, so it is not loaded. Train it again."
        )
    model.provenance = facts
    return model


def shipped_model() -> SoftmaxRegression:
    """Load the model in the package: softmax regression on MNIST; its card is `provenance`."""
    return load_model(Path(__file__).with_name("softmax.onnx"))


def _build(model: SoftmaxRegression, facts: Mapping[str, Any]) -> onnx.ModelProto:
    from onnx import TensorProto, helper, numpy_helper

    h, w = model.shape
    k = len(model.classes)
    constants = {
        "white": np.float64(1 / 255),
        "weights": model.weights.astype("<f4"),
        "biases": model.biases.astype("<f4"),
    }
    # The sum runs in double: hundreds of float32 terms that nearly cancel would cost more than
    # the 1e-6 by which probabilities may differ from one runtime to another.
    double = TensorProto.DOUBLE
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["levels"], to=double),
            helper.make_node("Mul", ["levels", "white"], ["ink"]),
            helper.make_node("Flatten", ["ink"], ["X"], axis=1),
            helper.make_node("Cast", ["weights"], ["W"], to=double),
            helper.make_node("Cast", ["biases"], ["b"], to=double),
            helper.make_node("Gemm", ["X", "W", "b"], ["evidence"]),
            helper.make_node("Cast", ["evidence"], ["logits"], to=TensorProto.FLOAT),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "softmax_regression",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", h, w])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", k]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", k]),
        ],
        [numpy_helper.from_array(np.asarray(array), key) for key, array in constants.items()],
    )
    proto = helper.make_model(
        graph,
        producer_name="mnistry",
        producer_version=mnistry.__version__,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
    )
    helper.set_model_props(proto, {"mnistry": json.dumps(facts, ensure_ascii=False)})
    return proto


def _read(name: str) -> bytes:
    try:
        size = os.stat(name).st_size
        if size > _LARGEST:
            raise ModelError(
                f"{name} has {size:,} bytes, more than the {_LARGEST:,} that any model of "
                "mnistry has; it is not one."
            )
        with open(name, "rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as error:
        raise ModelError(
            f"The model file {name} can't be read: {error.strerror}. "
            "Give the path of a file that `mnistry train --out FILE` wrote."
        ) from error


def _parse(content: bytes, name: str) -> onnx.ModelProto:
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    proto = ModelProto()
    try:
        proto.ParseFromString(content)
    except (DecodeError, RecursionError, ValueError):
        proto.Clear()
    if not proto.HasField("graph"):
        raise ModelError(
            f"{name} is not an ONNX model, or is cut short ({len(content):,} bytes). "
            "Give a file that `mnistry train --out FILE` wrote."
        )
    return proto


def _facts(proto: onnx.ModelProto, name: str) -> dict[str, Any]:
    texts = [prop.value for prop in proto.metadata_props if prop.key == "mnistry"]
    try:
        facts = json.loads(texts[0]) if texts and len(texts[0]) <= _LARGEST_METADATA else None
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise ModelError(
            f"{name} is an ONNX model, but mnistry did not write it (no metadata of ours). "
            "Open it with ONNX Runtime, or train one with `mnistry train`."
        )
    return facts


def _names(facts: dict[str, Any], name: str) -> tuple[str, ...]:
    classes = facts.get("classes")
    if not isinstance(classes, list) or not 1 <= len(classes) <= 10_000:
        raise ModelError(f"{name} names no classes in its metadata; it is damaged. Train it again.")
    return tuple(map(str, classes))


def _shape(facts: dict[str, Any], name: str) -> tuple[int, int]:
    shape = facts.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or not all(type(side) is int and 1 <= side <= 4096 for side in shape)
    ):
        raise ModelError(
            f"{name} gives the pictures' shape as {str(shape)[:60]}, not two sides of 1 to 4096 "
            "pixels; it is damaged. Train it again."
        )
    return shape[0], shape[1]


def _array(
    proto: onnx.ModelProto, key: str, shape: tuple[int, ...], name: str
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Take one array out of the file, after its size is known to be what the metadata promise."""
    from onnx import TensorProto

    found = [tensor for tensor in proto.graph.initializer if tensor.name == key]
    if len(found) != 1:
        raise ModelError(f"{name} holds no single array {key!r}; it is damaged. Train it again.")
    tensor = found[0]
    if tensor.external_data or tensor.data_location == TensorProto.EXTERNAL:
        raise ModelError(
            f"{name} keeps its {key!r} in another file, which mnistry never opens; "
            "save the model as one file."
        )
    dims = tuple(tensor.dims)
    if tensor.data_type != TensorProto.FLOAT or dims != shape:
        raise ModelError(
            f"{name} has {key!r} of shape {str(list(dims))[:60]} where its metadata promise "
            f"float32 of shape {list(shape)}; it is damaged. Train it again."
        )
    if len(tensor.raw_data) != 4 * int(np.prod(shape)):
        raise ModelError(
            f"{name} has {len(tensor.raw_data):,} bytes for {key!r}, "
            f"not {4 * int(np.prod(shape)):,}; it is cut short. Train it again."
        )
    array = np.frombuffer(tensor.raw_data, "<f4").astype(np.float32).reshape(shape)
    # Beyond this sum, evidence would overflow float32.
    if not (np.isfinite(array).all() and np.abs(array).sum(dtype=np.float64) < 1e37):
        raise ModelError(
            f"{name} has NaN, infinity or numbers without measure in {key!r}; it is damaged. "
            "Train it again."
        )
    return array


def _skeleton(proto: onnx.ModelProto) -> bytes:
    """Give everything in a model that decides what it computes, but for the weights."""
    from onnx import ModelProto

    kept = ModelProto()
    kept.CopyFrom(proto)
    del kept.metadata_props[:]
    kept.ClearField("producer_version")
    for tensor in kept.graph.initializer:
        if tensor.name in ("weights", "biases"):
            tensor.raw_data = b""
    return bytes(kept.SerializeToString(deterministic=True))
