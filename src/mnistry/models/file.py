"""A model is one ONNX file: written whole, and read back only if it is one of ours.

What it learnt from, how, and how well it did stand in its metadata as JSON under the key
``mnistry``; what it computes is told in `mnistry.models.graph`.
"""

from __future__ import annotations

import json
import os
import platform
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mnistry
from mnistry.atomic import replacing
from mnistry.errors import InputError, ModelError, did_you_mean_path
from mnistry.models.base import Model
from mnistry.models.calibration import LEVELS, Calibration, Gaussian
from mnistry.models.calibration import MOST as MOST_HELD_OUT
from mnistry.models.convnet import MOST, ConvNet, Member
from mnistry.models.graph import build, learnt
from mnistry.models.network import Network
from mnistry.models.softmax import SoftmaxRegression

if TYPE_CHECKING:
    import onnx

_FORMAT = 1
_LARGEST = 64 * 2**20  # bytes; far more than any model of ours
_LARGEST_METADATA = 2**20
_MOST_CLASSES, _LONGEST_SIDE = 10_000, 4096

Take = Callable[[str, tuple[int, ...]], np.ndarray[Any, np.dtype[np.float32]]]
Read = Callable[
    [dict[str, Any], tuple[str, ...], tuple[int, int], Take], SoftmaxRegression | ConvNet
]


def save_model(
    model: Model, path: str | os.PathLike[str], *, provenance: Mapping[str, Any] | None = None
) -> None:
    """Write a trained model as one ONNX file, whole or not at all.

    Parameters
    ----------
    model : a trained `SoftmaxRegression` or `ConvNet`.
    path : must end in ``.onnx``.
    provenance : JSON-ready facts to keep: the data's fingerprint, the recipe, the scores.

    Raises
    ------
    ModelError : the model is not trained, or too large, or `path` ends otherwise.
    OSError : the file can't be written.
    """
    if Path(path).suffix != ".onnx":
        raise ModelError(f"`path` must end in .onnx; got {Path(path).name!r}.")
    trained = isinstance(model, ConvNet) or hasattr(model, "weights")
    if not isinstance(model, SoftmaxRegression | ConvNet) or not trained:
        raise ModelError(
            "`model` must be a trained SoftmaxRegression or ConvNet; call its `fit` first."
        )
    facts = {
        "format": _FORMAT,
        **_told(model),
        "classes": list(model.classes),
        "shape": list(model.shape),
        **({} if model.calibration is None else {"calibration": model.calibration.to_dict()}),
        "versions": {
            "mnistry": mnistry.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        **(provenance or {}),
    }
    for what, found, most in (
        ("classes", len(model.classes), _MOST_CLASSES),
        ("pixels a side", max(model.shape), _LONGEST_SIDE),
        ("bytes of metadata", len(json.dumps(facts, ensure_ascii=False)), _LARGEST_METADATA),
    ):
        if found > most:
            raise ModelError(
                f"The model has {found:,} {what}, and a file of mnistry at most {most:,}."
            )
    content = build(model, facts).SerializeToString(deterministic=True)
    if len(content) > _LARGEST:
        raise ModelError(
            f"The model takes {len(content):,} bytes, and a file of mnistry at most "
            f"{_LARGEST:,}; use fewer members or a smaller network."
        )
    with replacing(path) as file:
        file.write(content)


def load_model(path: str | os.PathLike[str]) -> SoftmaxRegression | ConvNet:
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
    kinds: dict[str, Read] = {"softmax": _softmax, "convnet": _convnet}
    read = kinds.get(str(kind))
    if read is None or number != _FORMAT:
        raise ModelError(
            f"{name} is a model of kind {str(kind)[:40]!r}, format {str(number)[:40]}, "
            f"which mnistry {mnistry.__version__} can't read; a newer version may."
        )
    classes, shape = _names(facts, name), _shape(facts, name)
    tensors: dict[str, list[Any]] = {}
    for tensor in proto.graph.initializer:
        tensors.setdefault(tensor.name, []).append(tensor)
    try:

        def take(key: str, size: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
            return _array(tensors, key, size, name)

        model = read(facts, classes, shape, take)
        if facts.get("calibration") is not None:
            model.promise(_calibration(facts["calibration"], model, take))
    except ModelError:
        raise
    except InputError as error:
        raise ModelError(f"{name} is damaged: {error} Train it again.") from error
    weights = learnt(model)
    if _skeleton(proto, weights) != _skeleton(build(model), weights):
        raise ModelError(
            f"{name} does not hold the graph that mnistry writes for a model of kind {kind!r}; "
            "it was changed after training, so it is not loaded. Train it again."
        )
    model.provenance = facts
    return model


def shipped_path(kind: str = "convnet") -> Path:
    """Give the file of a model in the package: "convnet", the robust one, or "softmax"."""
    return Path(__file__).with_name(f"{kind}.onnx")


def shipped_model(kind: str = "convnet") -> Any:
    """Load a model in the package; its card is `provenance`.

    Parameters
    ----------
    kind : "convnet" for the one that reads strangers' handwriting, "softmax" for softmax
        regression at its optimum on MNIST.
    """
    return load_model(shipped_path(kind))


def _told(model: SoftmaxRegression | ConvNet) -> dict[str, Any]:
    """Give what the metadata must say for the graph to be built again."""
    if isinstance(model, SoftmaxRegression):
        return {"kind": "softmax"}
    return {
        "kind": "convnet",
        "members": [member.network.to_dict() for member in model.members],
        "views": [list(view) for view in model.views],
    }


def _softmax(
    _: dict[str, Any], classes: tuple[str, ...], shape: tuple[int, int], take: Take
) -> SoftmaxRegression:
    model = SoftmaxRegression()
    model.of_bytes = True
    model.classes, model.shape = classes, shape
    model.weights = take("weights", (shape[0] * shape[1], len(classes)))
    model.biases = take("biases", (len(classes),))
    return model


def _convnet(
    facts: dict[str, Any], classes: tuple[str, ...], shape: tuple[int, int], take: Take
) -> ConvNet:
    told, views = facts.get("members"), facts.get("views")
    if not isinstance(told, list) or not 1 <= len(told) <= MOST:
        raise InputError(f"it must have from 1 to {MOST} members in its metadata.")
    if not isinstance(views, list) or not all(isinstance(view, list) for view in views):
        raise InputError("it must have a list of views in its metadata.")
    members = []
    for i, one in enumerate(told):
        network = Network.from_dict(one)
        if (network.shape, network.classes) != (shape, len(classes)):
            raise InputError(f"its member {i} is for pictures or classes of another number.")
        arrays = {key: take(f"{i}.{key}", size) for key, size in network.arrays.items()}
        members.append(Member(network, arrays))
    return ConvNet(
        members,
        classes=classes,
        views=views,
        temperature=float(take("temperature", (1,))[0]),
    )


def _calibration(told: Any, model: SoftmaxRegression | ConvNet, take: Take) -> Calibration:
    """Read what held-out pictures said; a Gaussian's arrays stand in the graph."""
    told = told if isinstance(told, dict) else {}
    doubt, size, gaussian = told.get("doubt"), told.get("gaussian"), None
    if not isinstance(doubt, list) or len(doubt) != len(model.classes):
        raise InputError("its calibration is no list of levels for each class.")
    levels = [_levels(one) for one in (*doubt, told.get("strange"))]
    if size is not None:
        width = model.pooled[1] if isinstance(model, ConvNet) else len(model.weights)
        r = size[1] if isinstance(size, list) and len(size) == 2 else None
        if type(r) is not int or not 1 <= r <= width:
            raise InputError(f"its Gaussian is of size {str(size)[:40]}.")
        shapes = Gaussian.shapes(width, r, len(model.classes))
        gaussian = Gaussian(**{key: take(f"gaussian.{key}", of) for key, of in shapes.items()})
    if gaussian is None and not (isinstance(model, ConvNet) and model.open):
        raise InputError("it has nothing to tell strange pictures by.")
    heat = take("heat", (LEVELS,)) if told.get("heat") is True else None
    return Calibration(tuple(levels[:-1]), levels[-1], gaussian, heat)


def _levels(told: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    if (
        not isinstance(told, list)
        or len(told) > MOST_HELD_OUT
        or not all(type(one) is int and 0 <= one < LEVELS for one in told)
    ):
        raise InputError(f"its calibration must have levels from 0 to {LEVELS - 1}.")
    return np.array(told, np.int64)


def _read(name: str) -> bytes:
    try:
        about = os.stat(name)
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):  # a pipe would wait
            raise ModelError(
                f"{name} is no file but a pipe or a device; "
                "give the path of a file that `mnistry train --out FILE` wrote."
            )
        if about.st_size > _LARGEST:
            raise ModelError(
                f"{name} has {about.st_size:,} bytes, more than the {_LARGEST:,} that any model of "
                "mnistry has; it is not one."
            )
        with open(name, "rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as error:
        like = did_you_mean_path(name) if isinstance(error, FileNotFoundError) else ""
        cure = like or "give the path of a file that `mnistry train --out FILE` wrote."
        raise ModelError(
            f"The model file {name} can't be read: {error.strerror}; {cure}"
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
    if not isinstance(classes, list) or not 1 <= len(classes) <= _MOST_CLASSES:
        raise ModelError(f"{name} names no classes in its metadata; it is damaged. Train it again.")
    return tuple(map(str, classes))


def _shape(facts: dict[str, Any], name: str) -> tuple[int, int]:
    shape = facts.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or not all(type(side) is int and 1 <= side <= _LONGEST_SIDE for side in shape)
    ):
        raise ModelError(
            f"{name} gives the pictures' shape as {str(shape)[:60]}, not two sides of 1 to "
            f"{_LONGEST_SIDE} pixels; it is damaged. Train it again."
        )
    return shape[0], shape[1]


def _array(
    tensors: Mapping[str, list[Any]], key: str, shape: tuple[int, ...], name: str
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Take one array out of the file, after its size is known to be what the metadata promise."""
    from onnx import TensorProto

    found = tensors.get(key, [])
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


def _skeleton(proto: onnx.ModelProto, weights: Mapping[str, Any]) -> bytes:
    """Give everything in a model that decides what it computes, but for the weights."""
    from onnx import ModelProto

    kept = ModelProto()
    kept.CopyFrom(proto)
    del kept.metadata_props[:]
    kept.ClearField("producer_version")
    for tensor in kept.graph.initializer:
        if tensor.name in weights:
            tensor.raw_data = b""
    return bytes(kept.SerializeToString(deterministic=True))
