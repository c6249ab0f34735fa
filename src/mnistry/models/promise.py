"""The part of a graph that turns oddness into p-values; `mnistry.models.calibration` in ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.models.calibration import LEAST_DISTANCE, LEVELS, LOWEST, STEPS, Calibration


def pooled_nodes(name: str) -> list[Any]:
    """Give the nodes that take each channel's mean and largest."""
    from onnx import helper

    return [
        helper.make_node("GlobalAveragePool", [name], ["means"]),
        helper.make_node("GlobalMaxPool", [name], ["peaks"]),
        helper.make_node("Concat", ["means", "peaks"], ["both"], axis=1),
        helper.make_node("Flatten", ["both"], ["pooled"], axis=1),
    ]


def strangeness_nodes(features: str, wide: int) -> list[Any]:
    """Give the nodes of `Gaussian.strangeness`, in a float of that width."""
    from onnx import TensorProto, helper

    names = ("mean", "axes", "spread", "rest", "slopes", "offsets")
    node = helper.make_node
    return [
        *(node("Cast", [f"gaussian.{name}"], [f"g.{name}"], to=wide) for name in names),
        node("Sub", [features, "g.mean"], ["g.x"]),
        node("MatMul", ["g.x", "g.axes"], ["g.along"]),
        node("Transpose", ["g.axes"], ["g.back"], perm=[1, 0]),
        node("MatMul", ["g.along", "g.back"], ["g.shadow"]),
        node("Sub", ["g.x", "g.shadow"], ["g.other"]),
        node("Mul", ["g.along", "g.spread"], ["g.steps"]),
        node("ReduceSumSquare", ["g.steps"], ["g.within"], axes=[1], keepdims=0),
        node("ReduceSumSquare", ["g.other"], ["g.without"], axes=[1], keepdims=0),
        node("Mul", ["g.without", "g.rest"], ["g.beyond"]),
        node("Add", ["g.within", "g.beyond"], ["g.own"]),
        node("Gemm", ["g.x", "g.slopes", "g.offsets"], ["g.towards"]),
        node("ReduceMin", ["g.towards"], ["g.nearest"], axes=[1], keepdims=0),
        node("Add", ["g.own", "g.nearest"], ["g.distance"]),
        node("Cast", ["g.distance"], ["g.squared"], to=TensorProto.FLOAT),
        node("Max", ["g.squared", "least"], ["g.positive"]),
        node("Log", ["g.positive"], ["strangeness"]),
    ]


def promises_nodes(calibration: Calibration) -> tuple[list[Any], dict[str, NDArray[Any]]]:
    """Give the nodes that look p-values up: of each class's doubt, and of strangeness."""
    from onnx import helper

    node = helper.make_node
    nodes = [
        node("TopK", ["logits", "two"], ["best", "which"], axis=1),
        node("Split", ["best"], ["first", "second"], axis=1),
        node("Equal", ["logits", "first"], ["is_first"]),
        node("Where", ["is_first", "second", "first"], ["rival"]),
        node("Sub", ["rival", "logits"], ["doubt"]),
        *level_nodes("doubt"),
        *level_nodes("strangeness"),
        node("Gather", ["p_values.table", "doubt.level"], ["p_values"]),
        node("Gather", ["typicality.table", "strangeness.level"], ["typicality"]),
    ]
    arrays: dict[str, NDArray[Any]] = {
        "two": np.array([2], "<i8"),
        "least": np.array(LEAST_DISTANCE, "<f4"),
        "lowest": np.array(LOWEST, "<f4"),
        "steps": np.array(STEPS, "<f4"),
        "bottom": np.array(0, "<f4"),
        "top": np.array(LEVELS - 1, "<f4"),
        "p_values.table": calibration.doubt_table(),
        "typicality.table": calibration.strange_table(),
    }
    if calibration.gaussian is None:
        del arrays["least"]
    return nodes, arrays


def level_nodes(what: str) -> list[Any]:
    """Give the nodes that turn oddness into levels; see `calibration.levels`."""
    from onnx import TensorProto, helper

    node = helper.make_node
    return [
        node("Sub", [what, "lowest"], [f"{what}.above"]),
        node("Mul", [f"{what}.above", "steps"], [f"{what}.steps"]),
        node("Floor", [f"{what}.steps"], [f"{what}.floor"]),
        node("Clip", [f"{what}.floor", "bottom", "top"], [f"{what}.within"]),
        node("Cast", [f"{what}.within"], [f"{what}.level"], to=TensorProto.INT64),
    ]
