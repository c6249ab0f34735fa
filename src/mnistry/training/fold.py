"""PyTorch layers, and the same trained as ONNX, normalisation folded into the convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import nn


def layer(before: int, after: int, kernel: Any = 3, padding: Any = 1, **more: Any) -> nn.Module:
    """Give a convolution, its normalisation and a ReLU: what `Nodes.convolution` folds."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(before, after, kernel, padding=padding, bias=False, **more),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


class Nodes:
    """The nodes and arrays of a graph, in order."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._arrays: list[Any] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node; give its output's name."""
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def array(self, name: str, values: Any) -> str:
        """Add an array; give its name."""
        from onnx import numpy_helper

        self._arrays.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def convolution(self, x: str, name: str, conv: Any, norm: Any | None = None) -> str:
        """Add a convolution and, with its batch normalisation, a ReLU; give the output's name."""
        kernel = conv.weight.detach().double()
        if norm is None:
            bias = conv.bias.detach().double()
        else:
            scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
            kernel = kernel * scale[:, None, None, None]
            bias = norm.bias.detach().double() - norm.running_mean.double() * scale
        names = [
            self.array(f"{name}.{what}", values.numpy().astype(np.float32))
            for what, values in (("kernel", kernel), ("bias", bias))
        ]
        out = self.node(
            "Conv", [x, *names], name, strides=list(conv.stride), pads=[*conv.padding] * 2,
            dilations=list(conv.dilation), kernel_shape=list(conv.kernel_size),
        )  # fmt: skip
        return out if norm is None else self.node("Relu", [out], f"{name}.out")

    def ctc_model(self, name: str, x: str, lines: Any, classes: int) -> Any:
        """Return the model of a line recognizer.

        Parameters
        ----------
        x : name of the logits, (n, classes, 1, t). lines : value info of the input.
        """
        from onnx import TensorProto, helper

        x = self.node("Squeeze", [x, self.array("high", [2])], "columns")
        x = self.node("Transpose", [x], "logits", perm=[0, 2, 1])
        self.node("LogSoftmax", [x], "log_probabilities", axis=2)
        shape: list[str | int | None] = ["n", "t", classes]
        answers = helper.make_tensor_value_info("log_probabilities", TensorProto.FLOAT, shape)
        return self.model(name, [lines], [answers])

    def model(self, name: str, inputs: list[Any], outputs: list[Any]) -> Any:
        """Give the ONNX model of them all."""
        from onnx import helper

        made = helper.make_graph(self._nodes, name, inputs, outputs, self._arrays)
        return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
