"""A network's numbers as PyTorch layers, and the trained layers as arrays again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from mnistry.models.convnet import Member
from mnistry.models.network import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How much of each batch's statistics goes into those that are used once trained. More in the
# short runs, where the weights, and so the statistics, move until the end.
_MOMENTUM = 0.3


class Normalise(nn.BatchNorm2d):  # type: ignore[misc]
    """Batch normalisation with a learnt shift and a fixed scale of 1 (Ioffe & Szegedy 2015)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-5, momentum=_MOMENTUM)
        self.weight.requires_grad_(False)


def layers(network: Network, dropout: float = 0.0) -> nn.Sequential:
    """Make the layers of a network, freshly drawn from PyTorch's generator.

    They take float (n, 1, h, w), 0 = paper, 1 = ink, and give logits (n, k); open ones one more.
    """
    made: list[nn.Module] = []
    channels = 1
    for block in network.blocks:
        made.append(
            nn.Conv2d(
                channels, block.channels, block.kernel, block.stride, block.padding, bias=False
            )
        )
        if block.pool > 1:
            made.append(nn.MaxPool2d(block.pool))
        made += [Normalise(block.channels), nn.ReLU(inplace=True)]
        channels = block.channels
    if network.head == "mean":
        made.append(nn.AdaptiveAvgPool2d(1))
    made.append(nn.Flatten())
    if dropout:
        made.append(nn.Dropout(dropout))
    made.append(nn.Linear(network.features, network.evidence))
    return nn.Sequential(*made)


def member(network: Network, trained: nn.Module) -> Member:
    """Give trained layers as arrays: normalisation is folded into the convolutions.

    Since its scale is positive, it commutes with taking the largest, which stands between.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    convolutions = [m for m in trained.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in trained.modules() if isinstance(m, Normalise)]
    [linear] = [m for m in trained.modules() if isinstance(m, nn.Linear)]
    for i, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True)):
        mean, variance, shift = map(_wide, (norm.running_mean, norm.running_var, norm.bias))
        scale = 1 / np.sqrt(variance + norm.eps)
        kernel = _wide(convolution.weight) * scale[:, None, None, None]
        arrays[f"kernel.{i}"] = kernel.astype(np.float32)
        arrays[f"bias.{i}"] = (shift - mean * scale).astype(np.float32)
    # PyTorch flattens (channels, h, w) in that order, as ONNX does.
    arrays["weights"] = np.ascontiguousarray(_wide(linear.weight).T, dtype=np.float32)
    arrays["biases"] = _wide(linear.bias).astype(np.float32)
    return Member(network, arrays)


def _wide(tensor: torch.Tensor) -> NDArray[np.float64]:
    return np.asarray(tensor.detach().to("cpu", torch.float64).numpy())
