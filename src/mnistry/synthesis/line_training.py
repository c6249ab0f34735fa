"""Training of the line recognizer on synthetic rows, in pieces that can be resumed."""

from __future__ import annotations

import math
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.atomic import replacing
from mnistry.data.sources import load_data
from mnistry.errors import InputError
from mnistry.ocr.line_image import HEIGHT, normalized, stacked
from mnistry.ocr.recognizer import BLANK, CLASSES
from mnistry.synthesis.strokes import load_strokes
from mnistry.synthesis.text_lines import TextLines
from mnistry.training.fold import Nodes, layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor, nn

    Line = tuple[NDArray[np.uint8], tuple[int, ...]]

CHANNELS = (24, 48, 96, 160)
_BATCH = 64
_RATE, _DECAY, _CLIP = 3e-3, 0.02, 5.0
_WARM = 0.08  # share of the steps in which the rate rises
_KEEP_EVERY = 60.0  # seconds between checkpoints
_REPORT_EVERY = 200  # steps between lines of progress
_POOL = 32  # batches whose rows are sorted by width together


# Rows on disk


def write_rows(
    folder: str | os.PathLike[str], count: int, seed: int, strokes: str | None, rows: int = 2500
) -> None:
    """Write `count` files of `rows` rows each, unless they are there already.

    Parameters
    ----------
    seed : of the first file; the others follow. Files of different seeds add up.
    strokes : folder of pen strokes, see `load_strokes`; None: MNIST's skeletons alone.
    """
    import cv2

    cv2.setNumThreads(1)
    data = load_data("mnist").train
    more = None if strokes is None else load_strokes(strokes)
    source = TextLines(data, np.random.default_rng(seed), more)
    for number in range(seed, seed + count):
        path = Path(folder, f"rows-{number:05}.npz")
        if path.exists():
            continue
        lines = list(source.lines(np.random.default_rng((number, 1)), rows))
        with replacing(path) as file:
            np.savez(
                file,
                pixels=np.concatenate([image.T.reshape(-1) for image, _ in lines]),
                widths=np.array([image.shape[1] for image, _ in lines], np.int32),
                texts=np.array([k for _, text in lines for k in text], np.int8),
                lengths=np.array([len(text) for _, text in lines], np.int32),
            )
        sys.stderr.write(f"{path.name}: {rows:,} rows\n")


def read_rows(path: str | os.PathLike[str]) -> list[Line]:
    """Read a file of `write_rows`: grey images (48, w) and their texts."""
    with np.load(path, allow_pickle=False) as file:
        pixels, widths, texts, lengths = (
            file[name] for name in ("pixels", "widths", "texts", "lengths")
        )
    at, said = np.cumsum([0, *widths * HEIGHT]), np.cumsum([0, *lengths])
    return [
        (
            pixels[at[i] : at[i + 1]].reshape(-1, HEIGHT).T,
            tuple(int(k) for k in texts[said[i] : said[i + 1]]),
        )
        for i in range(len(widths))
    ]


# The network


def network(channels: tuple[int, int, int, int] = CHANNELS) -> nn.Module:
    """Return the untrained network: (n, 1, 48, w) -> log probabilities (n, 12, w / 4)."""
    from torch import nn
    from torch.nn import functional

    a, b, c, d = channels

    class LineNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
        """Residual convolutions down to one row of columns, then dilated ones along it."""

        def __init__(self) -> None:
            super().__init__()
            self.down = nn.ModuleList(
                [
                    layer(1, a, 5, 2, stride=2),
                    layer(a, b, stride=2),
                    layer(b, c, stride=(2, 1)),
                    layer(c, d, stride=(2, 1)),
                ]
            )
            self.residual = nn.ModuleList(
                [nn.Sequential(layer(width, width), layer(width, width)) for width in channels]
            )
            self.flat = layer(d, d, 3, (0, 1))
            self.context = nn.ModuleList(
                [layer(d, d, (1, 5), (0, 2 * step), dilation=(1, step)) for step in (1, 2, 4)]
            )
            self.drop = nn.Dropout(0.1)
            self.last = nn.Conv2d(d, CLASSES, 1)

        def forward(self, x: Tensor) -> Tensor:
            for down, residual in zip(self.down, self.residual, strict=True):
                x = down(x)
                x = x + residual(x)
            x = self.flat(x)
            for one in self.context:
                x = x + one(self.drop(x))
            logits: Tensor = self.last(self.drop(x))[:, :, 0].float()
            return functional.log_softmax(logits, dim=1)

    return LineNetwork()


def graph(net: nn.Module) -> Any:
    """Return the trained network as an ONNX model, normalization folded into the convolutions.

    Its input `lines` is float32 (n, 1, 48, w); its output `log_probabilities` is float32
    (n, w / 4, 12).
    """
    from onnx import TensorProto, helper

    nodes = Nodes()
    layers = dict(_convolutions(net))

    def convolution(x: str, name: str) -> str:
        return nodes.convolution(x, name, *layers[name])

    x = "lines"
    for i in range(len(net.down)):
        x = convolution(x, f"down.{i}")
        y = convolution(convolution(x, f"residual.{i}.0"), f"residual.{i}.1")
        x = nodes.node("Add", [x, y], f"residual.{i}.sum")
    x = convolution(x, "flat")
    for i in range(len(net.context)):
        x = nodes.node("Add", [x, convolution(x, f"context.{i}")], f"context.{i}.sum")
    x = convolution(x, "last")
    lines = helper.make_tensor_value_info("lines", TensorProto.FLOAT, ["n", 1, HEIGHT, "w"])
    return nodes.ctc_model("line_recognizer", x, lines, CLASSES)


def start_from(net: nn.Module, path: str | os.PathLike[str], lines: NDArray[np.float32]) -> None:
    """Set the network's weights to those of an exported one, so that training can go on.

    Batch normalization is folded into the exported convolutions. So the scale and shift of each
    normalization are set to the statistics of these rows, on which it is then the identity. In
    training mode, the outputs for other batches differ a little from the exported network's.

    Parameters
    ----------
    path : `.onnx` file that `graph` made of a network of the same channels.
    lines : (n, 1, 48, w) normalized rows, as they are trained on.

    Raises
    ------
    InputError : the file is no such network.
    """
    import onnx
    import torch
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        arrays = {
            array.name: torch.from_numpy(np.array(numpy_helper.to_array(array)))
            for array in onnx.load(path).graph.initializer
        }
        expected = {
            name: tuple(convolution[0].weight.shape) for name, convolution in _convolutions(net)
        }
        fits = all(tuple(arrays[f"{name}.kernel"].shape) == s for name, s in expected.items())
    except (OSError, KeyError, ValueError, TypeError, DecodeError):
        fits = False
    if not fits:
        raise InputError(f"{os.fspath(path)!r} is no line recognizer of this shape.")

    def undo(norm: Any, inputs: tuple[Tensor], bias: Tensor) -> None:
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean + bias)

    hooks = []
    with torch.no_grad():
        for name, convolution in _convolutions(net):
            convolution[0].weight.copy_(arrays[f"{name}.kernel"])
            if len(convolution) == 1:
                convolution[0].bias.copy_(arrays[f"{name}.bias"])
            else:
                hook = partial(undo, bias=arrays[f"{name}.bias"])
                hooks.append(convolution[1].register_forward_pre_hook(hook))
        net.train()
        net(torch.from_numpy(lines))
    for hook in hooks:
        hook.remove()


def _convolutions(net: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the name of each convolution in the ONNX graph, with its layers in PyTorch."""
    for i, (down, residual) in enumerate(zip(net.down, net.residual, strict=True)):
        yield f"down.{i}", down[:2]
        yield from ((f"residual.{i}.{j}", part[:2]) for j, part in enumerate(residual))
    yield "flat", net.flat[:2]
    yield from ((f"context.{i}", one[:2]) for i, one in enumerate(net.context))
    yield "last", [net.last]


# Training


def train(
    folder: str | os.PathLike[str],
    checkpoint: str,
    steps: int,
    *,
    seed: int = 0,
    channels: tuple[int, int, int, int] = CHANNELS,
    start: str | None = None,
    highest_rate: float = _RATE,
) -> nn.Module:
    """Train on the rows in a folder until `steps` steps are done; resume if begun before.

    The learning rate rises, then falls along a cosine to 0. Files that appear in the folder while
    training goes on are used too. It runs on a GPU where there is one; with another machine, thread
    count or library, results differ in the last bits.

    Parameters
    ----------
    checkpoint : file of the state, which is written every minute.
    start : `.onnx` file of a trained network to go on from, unless there is a checkpoint already.
        None: random weights.
    highest_rate : peak learning rate, reached after warm-up.

    Raises
    ------
    InputError : the folder holds no rows.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = network(channels).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_DECAY)
    step = _load_state(checkpoint, net, optimizer)
    if start and not step:
        rows = next(_batches(Path(folder), np.random.default_rng(seed)))
        draws = np.random.default_rng(seed)
        lines = stacked([augmented(draws, image) for image, _ in rows])
        start_from(net.cpu(), start, lines)
        net.to(device)
    rng = np.random.default_rng((seed, step))
    since, kept, total = time.monotonic(), time.monotonic(), 0.0
    first = step
    net.train()
    for batch in _batches(Path(folder), rng):
        if step >= steps:
            break
        for group in optimizer.param_groups:
            group["lr"] = highest_rate * _rate((step + 1) / steps)
        x = torch.from_numpy(stacked([augmented(rng, image) for image, _ in batch]))
        x = x.to(device, memory_format=torch.channels_last)
        texts = [text for _, text in batch]
        with torch.autocast(device, torch.bfloat16):
            answers = net(x)
        loss = functional.ctc_loss(
            answers.permute(2, 0, 1),
            torch.tensor([k for text in texts for k in text], dtype=torch.long),
            torch.full((len(batch),), answers.shape[2]),
            torch.tensor([len(text) for text in texts]),
            blank=BLANK, zero_infinity=True,
        )  # fmt: skip
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), _CLIP)
        optimizer.step()
        step, total = step + 1, total + loss.item()
        if step % _REPORT_EVERY == 0:
            left = (time.monotonic() - since) / (step - first) * (steps - step)
            mean, total = total / min(_REPORT_EVERY, step - first), 0.0
            sys.stderr.write(f"step {step:,} of {steps:,}  loss {mean:.4f}  {left:.0f} s left\n")
        if time.monotonic() - kept > _KEEP_EVERY:
            kept = time.monotonic()
            _save_state(checkpoint, net, optimizer, step)
    _save_state(checkpoint, net, optimizer, step)
    return net.eval().cpu()


def _rate(share: float) -> float:
    """Return the learning rate's share of its highest value."""
    return (
        share / _WARM
        if share < _WARM
        else 0.5 * (1 + math.cos(math.pi * (share - _WARM) / (1 - _WARM)))
    )


def _batches(folder: Path, rng: Generator) -> Iterator[list[Line]]:
    """Yield batches of rows about as wide as each other, without end."""
    rows: list[Line] = []
    used: set[Path] = set()
    while True:
        for path in sorted(set(folder.glob("rows-*.npz")) - used):
            rows += read_rows(path)
            used.add(path)
        if len(rows) < _BATCH:
            raise InputError(f"{str(folder)!r} holds no rows; make some first with `rows`.")
        # Rows are drawn pool by pool, so that new files are soon used.
        pool = rng.choice(
            len(rows), min(_POOL * _BATCH, len(rows) // _BATCH * _BATCH), replace=False
        )
        pool = pool[np.argsort([rows[i][0].shape[1] for i in pool], kind="stable")]
        for chosen in rng.permutation(pool.reshape(-1, _BATCH)):
            yield [rows[i] for i in chosen]


def augmented(rng: Generator, line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Stretch, slant, move, blur, darken and normalize a row, each at random; invert some."""
    import cv2

    h, w = line.shape
    image: NDArray[Any] = line
    if rng.random() < 0.7:
        wide, high = np.exp(0.12 * rng.standard_normal(2))
        slant, turn = 0.12 * rng.standard_normal(), 0.03 * rng.standard_normal()
        matrix = np.array(
            [
                [wide, slant, -slant * h / 2],
                [turn, high, h / 2 * (1 - high) - turn * w / 2 + rng.normal(0, 2)],
            ]
        )
        size = max(16, round(w * wide)), h
        image = cv2.warpAffine(
            image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < 0.25:
        image = image + rng.normal(0, rng.uniform(2, 12), image.shape)
    if rng.random() < 0.3:
        image = 255 * (np.clip(image, 0, 255) / 255) ** np.exp(0.5 * rng.standard_normal())
    out = normalized(np.clip(image, 0, 255))
    return -out if rng.random() < 0.15 else out


# State on disk


def _save_state(path: str, net: nn.Module, optimizer: Any, step: int) -> None:
    """Write weights, the optimizer's moments and the progress to an `.npz` file."""
    arrays = {f"net.{name}": value.cpu().numpy() for name, value in net.state_dict().items()}
    for i, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            arrays[f"optimizer.{i}.{name}"] = value.cpu().numpy()
    with replacing(path) as file:
        np.savez(file, step=step, **arrays)


def _load_state(path: str, net: nn.Module, optimizer: Any) -> int:
    """Restore what `_save_state` wrote, if it is there; return the number of steps done."""
    import torch

    if not Path(path).exists():
        return 0
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: torch.from_numpy(np.array(file[name])) for name in file.files}
    own = {name.removeprefix("net."): a for name, a in arrays.items() if name.startswith("net.")}
    net.load_state_dict(own)
    state: dict[int, dict[str, Any]] = {}
    for name, value in arrays.items():
        if name.startswith("optimizer."):
            _, i, what = name.split(".")
            state.setdefault(int(i), {})[what] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return int(arrays["step"])
