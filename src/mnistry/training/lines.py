"""The line recogniser learns from rows that `mnistry.pictures.find` finds in scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.models.line import CLASSES
from mnistry.pictures.find import Found, find
from mnistry.pictures.layout import Row
from mnistry.pictures.line import HEIGHT, line_of
from mnistry.training.device import choose
from mnistry.training.fold import Nodes, layer
from mnistry.training.loop import fit
from mnistry.training.many import by_many
from mnistry.training.scene import NOT_A_DIGIT, Mark, Scene, Scenes

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from mnistry.data.dataset import DataSet

Line = tuple["NDArray[np.uint8]", tuple[int, ...]]  # as `line_of` gives it, and its digits
_NOTHING = CLASSES - 1
_MOST_DIGITS = 30_000  # that scenes are written with
_SHAPES = ((64, 96), (64, 200), (96, 128), (72, 256), (100, 300))
_COUNTS = (1, 1, 2, 3, 4, 5, 6, 8)
_CLEAN = 0.35  # share of the scenes whose ink is known, as on even paper; the inker finds others'
_EMPTY = 0.25  # share kept of the rows that say nothing
_EXCERPTS = 0.35  # share of the scenes that are cut down to a few digits
_SEEN, _UNSEEN = 0.45, 0.12  # of a digit's ink in a row: from here on it is read; up to here not
_INSIDE, _OUTSIDE = 0.7, 0.5  # the same of a digit that the picture's edge cuts
_BATCH = 64
_WIDEST = 400  # pixels
_POOLED = (1, 2)  # of the tower's blocks, those after which rows of pixels are halved


def lines_of(
    scene: Scene, ink: NDArray[np.float32], depth: NDArray[np.float32] | None
) -> list[Line]:
    """Give the rows found in a scene's ink of which it is certain what they say."""
    found = find(ink)
    lines = []
    for row in found.rows:
        digits = _said(scene.marks, found, row)
        if digits is not None:
            lines.append((line_of(found, row, depth), digits))
    return lines


def _said(marks: tuple[Mark, ...], found: Found, row: Row) -> tuple[int, ...] | None:
    """Give the digits that are in a row; None if some are there in part, or out of order."""
    inside = np.isin(found.owners, [piece.name for piece in row.pieces])
    ink = np.where(inside, found.ink, 0)
    columns = np.arange(ink.shape[1])
    digits, places = [], []
    for mark in marks:
        part = float(np.minimum(ink, mark.ink).sum()) / float(mark.ink.sum())
        if part <= _UNSEEN or mark.label == NOT_A_DIGIT or mark.part <= _OUTSIDE:
            continue
        if part < _SEEN or mark.part < _INSIDE:
            return None
        digits.append(mark.label)
        places.append(float(columns @ mark.ink.sum(axis=0)) / float(mark.ink.sum()))
    return tuple(digits) if (np.diff(places) > 0).all() else None


def make_lines(data: DataSet, n: int, seed: int, workers: int | None = None) -> list[Line]:
    """Make the rows of n scenes, in several processes."""
    made = by_many(_some, data, n, seed, chunk=100, digits=_MOST_DIGITS, workers=workers)
    return [line for part in made for line in part]


def _some(scenes: Scenes, rng: Generator, n: int) -> list[Line]:
    return [line for _ in range(n) for line in _one(scenes, rng)]


def _one(scenes: Scenes, rng: Generator) -> list[Line]:
    from mnistry.pictures.inker import answer

    shape = _SHAPES[rng.integers(len(_SHAPES))]
    scene = scenes.make(rng, shape, (16, 64), _COUNTS, excerpts=_EXCERPTS)
    if rng.random() < _CLEAN:
        lines = lines_of(scene, scene.ink, None)
    else:
        lines = lines_of(scene, answer(scene.grey), 1 - scene.grey)
    return [line for line in lines if line[1] or rng.random() < _EMPTY]


def network() -> nn.Module:
    """Give the network untrained: 32 pixels high become one, columns are halved and keep order."""
    import torch
    from torch import nn

    class Recogniser(nn.Module):  # type: ignore[misc]  # torch is untyped here
        def __init__(self) -> None:
            super().__init__()
            self.tower = nn.ModuleList(
                [
                    layer(2, 32, 5, 2, stride=2),
                    layer(32, 48),
                    layer(48, 64),
                    layer(64, 96),
                    layer(96, 128, (4, 3), (0, 1)),
                ]
            )
            self.context = nn.ModuleList(
                [
                    layer(128, 128, (1, 5), (0, 2)),
                    layer(128, 128, (1, 5), (0, 4), dilation=(1, 2)),
                ]
            )
            self.drop = nn.Dropout(0.1)
            self.last = nn.Conv2d(128, CLASSES, 1)

        def forward(self, x: Tensor) -> Tensor:
            for i, one in enumerate(self.tower):
                x = one(x)
                if i in _POOLED:
                    x = torch.nn.functional.max_pool2d(x, (2, 1))
            for one in self.context:
                x = x + one(self.drop(x))
            out: Tensor = self.last(self.drop(x))[:, :, 0].log_softmax(dim=1)
            return out  # (n, classes, t)

    return Recogniser()


def train(lines: list[Line], epochs: int, seed: int = 0, rate: float = 4e-3) -> nn.Module:
    """Train on lines of `make_lines`, each bent a little anew every time.

    It runs on a GPU where there is one, and then doesn't repeat to the bit.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    lines = [line for line in lines if line[0].shape[2] <= _WIDEST]
    device = choose(precision="float32").device
    net = network().to(device, memory_format=torch.channels_last)
    wide = np.array([image.shape[2] for image, _ in lines])
    batches = (batch for _ in range(epochs) for batch in _batches(rng, wide))

    def loss_of(net: nn.Module, chosen: NDArray[np.intp]) -> Tensor:
        images = [_bent(rng, lines[i][0]) for i in chosen]
        x = torch.from_numpy(_stacked(images)).to(device, memory_format=torch.channels_last)
        labels = [lines[i][1] for i in chosen]
        said = [digit for label in labels for digit in label]
        y = torch.tensor(said, dtype=torch.long, device=device)
        columns = torch.tensor([-(-image.shape[2] // 2) for image in images])
        digits = torch.tensor([len(label) for label in labels])
        loss: Tensor = functional.ctc_loss(
            net(x).permute(2, 0, 1), y, columns, digits, blank=_NOTHING, zero_infinity=True
        )
        return loss

    return fit(
        net, batches, loss_of, steps=epochs * (len(lines) // _BATCH), rate=rate, decay=1e-2,
        warm=0.15, clip=5.0,
    ).cpu()  # fmt: skip


def _batches(rng: Generator, wide: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Draw an epoch: batches of lines about as wide as each other, in any order."""
    order = rng.permutation(len(wide))[: len(wide) // _BATCH * _BATCH]
    parts = np.array_split(order, max(len(order) // (_BATCH * 32), 1))
    order = np.concatenate([part[np.argsort(wide[part], kind="stable")] for part in parts])
    batches = order.reshape(-1, _BATCH)
    return list(batches[rng.permutation(len(batches))])


def _stacked(images: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Give lines as (n, 2, 32, w), in [0, 1], paper to their right."""
    wide = max(image.shape[2] for image in images)
    out = np.zeros((len(images), 2, HEIGHT, wide + wide % 2), np.float32)
    for i, image in enumerate(images):
        out[i, :, :, : image.shape[2]] = image / np.float32(255)
    return out


def _bent(rng: Generator, line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch, slant and move a line a little, and make its strokes thicker or thinner."""
    import cv2

    _, h, w = line.shape
    wide, high = np.exp(0.12 * rng.standard_normal(2) * (1, 0.7))
    slant = 0.12 * rng.standard_normal()
    out = int(np.ceil(w * wide))
    shift = h / 2 - high * h / 2 + rng.normal(0, 1)
    matrix = np.array([[wide, -slant, slant * h / 2], [0, high, shift]])
    ink, deep = (cv2.warpAffine(plane, matrix, (out, h), flags=cv2.INTER_LINEAR) for plane in line)
    kind = rng.random()
    if kind < 0.15:
        ink = cv2.dilate(ink, np.ones((2, 2), np.uint8))
    elif kind < 0.5:
        edge = rng.uniform(60, 150)
        ink = np.clip((ink - edge) * rng.uniform(1.5, 4) + edge, 0, 255).astype(np.uint8)
    elif kind < 0.65:
        blur = rng.uniform(0.4, 0.9)
        ink, deep = (cv2.GaussianBlur(plane, (0, 0), blur) for plane in (ink, deep))
    if rng.random() < 0.3:
        deep = np.clip(deep * rng.uniform(0.7, 1.3), 0, 255).astype(np.uint8)
    return np.stack([ink, deep])


def graph(net: nn.Module) -> Any:
    """Give the trained network as an ONNX model, normalisation folded into the convolutions.

    Its input `lines` is uint8 (n, 2, 32, w); its output `log_probabilities` is float32 (n, t, 11).
    """
    from onnx import TensorProto, helper

    nodes = Nodes()
    x = nodes.node("Cast", ["lines"], "numbers", to=TensorProto.FLOAT)
    x = nodes.node("Div", [x, nodes.array("full", np.float32(255))], "ink")
    for i, block in enumerate(net.tower):
        x = nodes.convolution(x, f"tower.{i}", *block[:2])
        if i in _POOLED:
            x = nodes.node("MaxPool", [x], f"tower.{i}.pooled", kernel_shape=[2, 1], strides=[2, 1])
    for i, block in enumerate(net.context):
        more = nodes.convolution(x, f"context.{i}", *block[:2])
        x = nodes.node("Add", [x, more], f"context.{i}.sum")
    x = nodes.convolution(x, "last", net.last)
    lines = helper.make_tensor_value_info("lines", TensorProto.UINT8, ["n", 2, HEIGHT, "w"])
    return nodes.ctc_model("line", x, lines, CLASSES)
