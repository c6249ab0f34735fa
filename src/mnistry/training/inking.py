"""The inker learns: which pixels of a picture are handwriting, from scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.inker import DOWN, FIRST, planes
from mnistry.training.fold import Nodes, layer
from mnistry.training.loop import fit
from mnistry.training.many import by_many
from mnistry.training.scene import Scenes

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from mnistry.data.dataset import DataSet

_SHAPE = (96, 128)
_MOST_DIGITS = 8000  # that scenes are written with
_BATCH = 32


def make_scenes(data: DataSet, n: int, seed: int, workers: int = 2) -> NDArray[np.uint8]:
    """Make n scenes in several processes: (n, 2, h, w), their greys and their ink."""
    made = by_many(_some, data, n, seed, chunk=250, digits=_MOST_DIGITS, workers=workers)
    return np.concatenate(made)


def _some(scenes: Scenes, rng: Generator, n: int) -> NDArray[np.uint8]:
    out = np.empty((n, 2, *_SHAPE), np.uint8)
    for i in range(n):
        scene = scenes.make(rng, _SHAPE)
        out[i] = np.round(255 * np.stack([scene.grey, scene.ink]))
    return out


def network() -> nn.Module:
    """Give the network untrained: down to a sixteenth and up again, with short cuts."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Inker(nn.Module):  # type: ignore[misc]  # torch is untyped here
        def __init__(self) -> None:
            super().__init__()
            self.first = layer(2, FIRST)
            before = (FIRST, *DOWN[:-1])
            self.down = nn.ModuleList(
                nn.Sequential(layer(a, b, stride=2), layer(b, b))
                for a, b in zip(before, DOWN, strict=True)
            )
            self.up = nn.ModuleList(
                layer(a + b, b) for a, b in zip(DOWN[::-1], before[::-1], strict=True)
            )
            self.last = nn.Conv2d(FIRST, 1, 3, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            kept = [self.first(x)]
            for down in self.down:
                kept.append(down(kept[-1]))
            x = kept.pop()
            for up in self.up:
                x = functional.interpolate(x, scale_factor=2)
                x = up(torch.cat([x, kept.pop()], 1))
            out: Tensor = self.last(x)
            return out

    return Inker()


def train(scenes: NDArray[np.uint8], epochs: int, seed: int = 0, rate: float = 4e-3) -> nn.Module:
    """Train on scenes of `make_scenes`, flipped and turned over at random."""
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = network().to(memory_format=torch.channels_last)
    order = np.concatenate([_order(rng, len(scenes)) for _ in range(epochs)])
    batches = order.reshape(-1, _BATCH)

    def loss_of(net: nn.Module, chosen: NDArray[np.intp]) -> Tensor:
        batch = scenes[np.sort(chosen)]
        batch = batch[:, :, :: rng.choice([1, -1]), :: rng.choice([1, -1])]
        shades = [planes(grey.astype(np.float32) / 255) for grey in batch[:, 0]]
        x = torch.from_numpy(np.stack(shades)).to(memory_format=torch.channels_last)
        y = torch.from_numpy(batch[:, 1:].astype(np.float32) / 255)
        z = net(x)
        p = torch.sigmoid(z)
        overlap = (p * y).sum((1, 2, 3))
        dice = 1 - (2 * overlap + 8) / (p.sum((1, 2, 3)) + y.sum((1, 2, 3)) + 8)
        found: Tensor = functional.binary_cross_entropy_with_logits(z, y) + 0.3 * dice.mean()
        return found

    return fit(net, batches, loss_of, steps=len(batches), rate=rate, decay=1e-3, warm=0.1, clip=1.0)


def _order(rng: np.random.Generator, n: int) -> NDArray[np.intp]:
    """Draw the order of an epoch, in whole batches."""
    return rng.permutation(n)[: n // _BATCH * _BATCH]


def graph(net: nn.Module) -> Any:
    """Give the trained network as an ONNX model, normalisation folded into the convolutions.

    Its input `planes` is float32 (1, 2, h, w), h and w multiples of 16; its output `ink` is
    float32 (1, 1, h, w), the probability that a pixel is handwriting.
    """
    from onnx import TensorProto, helper

    nodes = Nodes()
    twice = nodes.array("twice", np.array([1, 1, 2, 2], np.float32))
    kept = [nodes.convolution("planes", "first", *net.first[:2])]
    for i, pair in enumerate(net.down):
        x = nodes.convolution(kept[-1], f"down.{i}.0", *pair[0][:2])
        kept.append(nodes.convolution(x, f"down.{i}.1", *pair[1][:2]))
    x = kept.pop()
    for i, block in enumerate(net.up):
        x = nodes.node(
            "Resize", [x, "", twice], f"up.{i}.large", mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )  # fmt: skip
        x = nodes.node("Concat", [x, kept.pop()], f"up.{i}.both", axis=1)
        x = nodes.convolution(x, f"up.{i}", *block[:2])
    nodes.node("Sigmoid", [nodes.convolution(x, "last", net.last)], "ink")
    return nodes.model(
        "ink",
        [helper.make_tensor_value_info("planes", TensorProto.FLOAT, [1, 2, "h", "w"])],
        [helper.make_tensor_value_info("ink", TensorProto.FLOAT, [1, 1, "h", "w"])],
    )
