"""A model as an ONNX graph: uint8 pictures in; logits and probabilities out; weights inside.

The graph holds the preprocessing, so that whoever opens the file needs nothing else. That of a
calibrated model also gives each class's p-value and how typical the picture is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import mnistry
from mnistry.models.base import Model
from mnistry.models.convnet import ITSELF, ConvNet, View
from mnistry.models.network import Network
from mnistry.models.promise import level_nodes, pooled_nodes, promises_nodes, strangeness_nodes
from mnistry.models.softmax import SoftmaxRegression

if TYPE_CHECKING:
    import onnx

_OPSET, _IR = 17, 8  # old enough for every runtime of the last years

Arrays = dict[str, NDArray[Any]]


def build(
    model: Model,
    facts: Mapping[str, Any] | None = None,
    pictures: str = "uint8",
    inner: Mapping[str, tuple[int, ...]] | None = None,
) -> onnx.ModelProto:
    """Give a trained model's graph, with `facts` as JSON in its metadata.

    Parameters
    ----------
    model : a trained `SoftmaxRegression` or `ConvNet`.
    pictures : the type of the input ``images``, "uint8", or for convnets "float32": levels 0 to
        255.
    inner : tensors on the way to give as well, by name, and each one's shape for a picture.
    """
    if isinstance(model, SoftmaxRegression):
        nodes, arrays, name = *_softmax(model), "softmax_regression"
    elif isinstance(model, ConvNet):
        nodes, arrays, name = *_convnet(model, pooled="pooled" in (inner or {})), "convnet"
    else:
        raise TypeError(f"`model` must be of a kind that has a graph; got {type(model).__name__}.")
    if model.calibration is not None:
        more, tables = promises_nodes(model.calibration)
        known = {output for node in nodes for output in node.output}
        nodes = [*nodes, *(node for node in more if node.output[0] not in known)]
        arrays |= tables
    return _pack(model, nodes, arrays, name, facts, pictures, inner or {})


def learnt(model: SoftmaxRegression | ConvNet) -> Arrays:
    """Give the arrays of a model that training found, by their names in the graph."""
    found: Arrays = {}
    if isinstance(model, ConvNet):
        found["temperature"] = np.float32(model.temperature).reshape(1)
        for i, member in enumerate(model.members):
            for name in member.network.arrays:
                found[f"{i}.{name}"] = member.arrays[name].astype("<f4")
    else:
        found = {"weights": model.weights.astype("<f4"), "biases": model.biases.astype("<f4")}
    if model.calibration is not None and model.calibration.gaussian is not None:
        for name, array in model.calibration.gaussian.arrays.items():
            found[f"gaussian.{name}"] = array.astype("<f4")
    if model.calibration is not None and model.calibration.heat is not None:
        found["heat"] = model.calibration.heat.astype("<f4")
    return found


def _softmax(model: SoftmaxRegression) -> tuple[list[Any], Arrays]:
    from onnx import TensorProto, helper

    # The sum runs in double: hundreds of float32 terms that nearly cancel would cost more than
    # the 1e-6 by which probabilities may differ from one runtime to another.
    double = TensorProto.DOUBLE
    nodes = [
        helper.make_node("Cast", ["images"], ["levels"], to=double),
        helper.make_node("Mul", ["levels", "white"], ["ink"]),
        helper.make_node("Flatten", ["ink"], ["X"], axis=1),
        helper.make_node("Cast", ["weights"], ["W"], to=double),
        helper.make_node("Cast", ["biases"], ["b"], to=double),
        helper.make_node("Gemm", ["X", "W", "b"], ["evidence"]),
        helper.make_node("Cast", ["evidence"], ["logits"], to=TensorProto.FLOAT),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    if model.calibration is not None and model.calibration.gaussian is not None:
        nodes += strangeness_nodes("X", double)
    return nodes, {"white": np.array(1 / 255), **learnt(model)}


def _convnet(model: ConvNet, *, pooled: bool) -> tuple[list[Any], Arrays]:
    from onnx import TensorProto, helper

    constants: Arrays = {"white": np.array(1 / 255, "<f4"), "channel": np.array([1], "<i8")}
    nodes = [
        helper.make_node("Cast", ["images"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["levels", "white"], ["shades"]),
        helper.make_node("Unsqueeze", ["shades", "channel"], ["ink"]),
    ]
    more, constants_of_views, seen = _looks(model.views, model.shape)
    nodes += more
    constants |= constants_of_views
    votes = []
    for i, member in enumerate(model.members):
        more, vote = _chain(member.network, i, seen)
        nodes += more
        votes.append(vote)
    if len(votes) > 1:
        nodes.append(helper.make_node("Mean", votes, ["vote"]))
    network = model.members[0].network
    if model.views != ITSELF:
        nodes += _over_views(nodes[-1].output[0], "opinion")
        constants["by_view"] = np.array([len(model.views), -1, network.evidence], "<i8")
    nodes.append(helper.make_node("Div", [nodes[-1].output[0], "temperature"], ["logits"]))
    if network.open:
        nodes[-1].output[0] = "evidence"
        constants["kinds"] = np.array([network.classes, 1], "<i8")
        nodes.append(helper.make_node("Split", ["evidence", "kinds"], ["logits", "none"], axis=1))
    if network.open:
        # No class at all may speak for a picture as loudly as its best class does.
        largest = helper.make_node("ReduceMax", ["logits"], ["largest"], axes=[1], keepdims=1)
        constants["alone"] = np.array([-1], "<i8")
        nodes += [
            largest,
            helper.make_node("Sub", ["none", "largest"], ["apart"]),
            helper.make_node("Reshape", ["apart", "alone"], ["strangeness"]),
        ]
    heated = model.calibration is not None and model.calibration.heat is not None
    sure = "logits"
    if heated:
        # The stranger a picture, the less sure the answer.
        sure = "cooled"
        constants["across"] = np.array([-1, 1], "<i8")
        nodes += [
            *level_nodes("strangeness"),
            helper.make_node("Gather", ["heat", "strangeness.level"], ["warmth"]),
            helper.make_node("Reshape", ["warmth", "across"], ["warmths"]),
            helper.make_node("Div", ["logits", "warmths"], [sure]),
        ]
    nodes.append(helper.make_node("Softmax", [sure], ["probabilities"], axis=1))
    gaussian = model.calibration is not None and model.calibration.gaussian is not None
    if gaussian or pooled:
        j, width = model.pooled
        nodes += pooled_nodes(f"0.relu.{j}")
        if model.views != ITSELF:
            nodes[-1].output[0] = "pooled_views"
            nodes += _over_views("pooled_views", "pooled")
            constants["pooled.by_view"] = np.array([len(model.views), -1, width], "<i8")
    if gaussian:
        nodes += strangeness_nodes("pooled", TensorProto.FLOAT)
    return nodes, {**constants, **learnt(model)}


def _looks(views: tuple[View, ...], shape: tuple[int, int]) -> tuple[list[Any], Arrays, str]:
    """Give the nodes that put the views of all pictures one after the other."""
    from onnx import helper

    if views == ITSELF:
        return [], {}, "ink"
    most = max(abs(step) for view in views for step in view)
    h, w = shape
    constants: Arrays = {
        "margin": np.array([0, 0, most, most, 0, 0, most, most], "<i8"),
        "sides": np.array([2, 3], "<i8"),
    }
    nodes = [helper.make_node("Pad", ["ink", "margin"], ["wide"])]
    for i, (down, right) in enumerate(views):
        top, left = most - down, most - right
        constants[f"from.{i}"] = np.array([top, left], "<i8")
        constants[f"to.{i}"] = np.array([top + h, left + w], "<i8")
        nodes.append(
            helper.make_node("Slice", ["wide", f"from.{i}", f"to.{i}", "sides"], [f"view.{i}"])
        )
    nodes.append(
        helper.make_node("Concat", [f"view.{i}" for i in range(len(views))], ["seen"], axis=0)
    )
    return nodes, constants, "seen"


def _chain(network: Network, i: int, seen: str) -> tuple[list[Any], str]:
    """Give the nodes of one member, and the name of its logits."""
    from onnx import helper

    nodes, last = [], seen
    for j, block in enumerate(network.blocks):
        names = [last, f"{i}.kernel.{j}", f"{i}.bias.{j}"]
        sides: dict[str, Any] = {
            "kernel_shape": [block.kernel] * 2,
            "strides": [block.stride] * 2,
            "pads": [block.padding] * 4,
        }
        nodes.append(helper.make_node("Conv", names, [f"{i}.conv.{j}"], **sides))
        # ReLU and the largest commute; this order lets a runtime fuse it with the convolution.
        last = f"{i}.relu.{j}"
        nodes.append(helper.make_node("Relu", [f"{i}.conv.{j}"], [last]))
        if block.pool > 1:
            pool = [block.pool] * 2
            nodes.append(
                helper.make_node(
                    "MaxPool", [last], [f"{i}.pool.{j}"], kernel_shape=pool, strides=pool
                )
            )
            last = f"{i}.pool.{j}"
    if network.head == "mean":
        nodes.append(helper.make_node("GlobalAveragePool", [last], [f"{i}.mean"]))
        last = f"{i}.mean"
    nodes.append(helper.make_node("Flatten", [last], [f"{i}.features"], axis=1))
    names = [f"{i}.features", f"{i}.weights", f"{i}.biases"]
    nodes.append(helper.make_node("Gemm", names, [f"{i}.logits"]))
    return nodes, f"{i}.logits"


def _over_views(name: str, mean: str) -> list[Any]:
    """Give the nodes that take the mean over views, which stand one after the other."""
    from onnx import helper

    shape = "by_view" if mean == "opinion" else f"{mean}.by_view"
    return [
        helper.make_node("Reshape", [name, shape], [f"{mean}s"]),
        helper.make_node("ReduceMean", [f"{mean}s"], [mean], axes=[0], keepdims=0),
    ]


def _pack(
    model: Model,
    nodes: list[Any],
    arrays: Arrays,
    name: str,
    facts: Mapping[str, Any] | None,
    pictures: str,
    inner: Mapping[str, tuple[int, ...]],
) -> onnx.ModelProto:
    from onnx import TensorProto, helper, numpy_helper

    (h, w), k = model.shape, len(model.classes)
    given = TensorProto.UINT8 if pictures == "uint8" else TensorProto.FLOAT
    shapes: dict[str, list[str | int]] = {"logits": ["n", k], "probabilities": ["n", k]}
    if model.calibration is not None:
        shapes |= {"p_values": ["n", k], "typicality": ["n"]}
    shapes |= {name: ["n", *shape] for name, shape in inner.items()}
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("images", given, ["n", h, w])],
        [
            helper.make_tensor_value_info(one, TensorProto.FLOAT, shape)
            for one, shape in shapes.items()
        ],
        [numpy_helper.from_array(array, key) for key, array in arrays.items()],
    )
    proto = helper.make_model(
        graph,
        producer_name="mnistry",
        producer_version=mnistry.__version__,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
    )
    if facts is not None:
        helper.set_model_props(proto, {"mnistry": json.dumps(facts, ensure_ascii=False)})
    return proto
