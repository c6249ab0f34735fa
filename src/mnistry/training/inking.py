"""The inker learns: which pixels of a picture are handwriting, from scenes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.inker import DOWN, FIRST, STEP, padded, planes
from mnistry.training.device import choose
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
_EXCERPTS = 0.4  # share of the scenes that are cut down to a few digits, strokes along their edges
_LEAST_SIDE = 8  # pixels; excerpts are no smaller
_BATCH, _LEAST_BATCH = 32, 8
_SETTLED = 0.25  # share of the steps, at the end, that keep the statistics of the normalisation


def make_scenes(
    data: DataSet, n: int, seed: int, workers: int | None = None
) -> list[NDArray[np.uint8]]:
    """Make n scenes in several processes: each (2, h, w), its greys and its ink."""
    made = by_many(_some, data, n, seed, chunk=250, digits=_MOST_DIGITS, workers=workers)
    return [scene for some in made for scene in some]


def _some(scenes: Scenes, rng: Generator, n: int) -> list[NDArray[np.uint8]]:
    return [_one(scenes, rng) for _ in range(n)]


def _one(scenes: Scenes, rng: Generator) -> NDArray[np.uint8]:
    scene = scenes.make(rng, _SHAPE, excerpts=_EXCERPTS, least=_LEAST_SIDE)
    return np.round(255 * np.stack([scene.grey, scene.ink])).astype(np.uint8)


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


def train(
    scenes: Sequence[NDArray[np.uint8]], epochs: int, seed: int = 0, rate: float = 4e-3
) -> nn.Module:
    """Train on scenes of `make_scenes`, flipped and turned over at random.

    A batch's scenes are of about one size, and small ones are fuller of ink. So that no batch is
    measured by itself in the end, the last steps keep the mean statistics of those before. It runs
    on a GPU where there is one, and then doesn't repeat to the bit.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    device = choose(precision="float32").device
    net = network().to(device, memory_format=torch.channels_last)
    batches = [batch for _ in range(epochs) for batch in _batches(rng, scenes)]

    def loss_of(net: nn.Module, chosen: NDArray[np.intp]) -> Tensor:
        flip = (slice(None), *(slice(None, None, rng.choice([1, -1])) for _ in range(2)))
        batch = [scenes[i][flip] for i in np.sort(chosen)]
        shown = [padded(planes(scene[0].astype(np.float32) / 255)) for scene in batch]
        x = torch.from_numpy(np.stack(shown)).to(device, memory_format=torch.channels_last)
        y, there = np.zeros((2, len(batch), 1, *x.shape[2:]), np.float32)
        for i, (_, ink) in enumerate(batch):
            y[i, 0, : ink.shape[0], : ink.shape[1]] = ink / np.float32(255)
            there[i, 0, : ink.shape[0], : ink.shape[1]] = 1
        truth, inside = (torch.from_numpy(plane).to(device) for plane in (y, there))
        z = net(x)
        p = torch.sigmoid(z) * inside
        overlap = (p * truth).sum((1, 2, 3))
        dice = 1 - (2 * overlap + 8) / (p.sum((1, 2, 3)) + truth.sum((1, 2, 3)) + 8)
        each = functional.binary_cross_entropy_with_logits(z, truth, inside, reduction="sum")
        found: Tensor = each / inside.sum() + 0.3 * dice.mean()
        return found

    return fit(
        net, batches, loss_of, steps=len(batches), rate=rate, decay=1e-3, warm=0.1, clip=1.0,
        settled=_SETTLED,
    ).cpu()  # fmt: skip


def _batches(
    rng: np.random.Generator, scenes: Sequence[NDArray[np.uint8]]
) -> list[NDArray[np.intp]]:
    """Draw an epoch's batches, each of scenes that are padded to one size."""
    sizes = np.array([[-(-side // STEP) for side in scene.shape[1:]] for scene in scenes])
    batches = []
    for size in np.unique(sizes, axis=0):
        order = rng.permutation(np.flatnonzero((sizes == size).all(axis=1)))
        parts = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
        batches += [part for part in parts if len(part) >= _LEAST_BATCH]
    return [batches[i] for i in rng.permutation(len(batches))]


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
