"""The nearest pictures that a model learnt from: precedents for what it says.

Near is what the model itself finds alike. A convnet compares what its last layer reads, the
softmax regression pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.models.base import Model, as_features
from mnistry.models.convnet import ConvNet
from mnistry.runtime import open_session

Look = Callable[[NDArray[np.float32]], NDArray[np.float32]]
_BATCH = 128
_BATCH_NUMBERS = 100_000_000  # between two layers


class Neighbours(NamedTuple):
    """The n pictures of a data set that are nearest to one, the nearest first.

    indices, labels : ints (n,). distances : float64 (n,), Euclidean, between what the model
    compares; of use beside each other, not from model to model.
    """

    indices: NDArray[np.intp]
    distances: NDArray[np.float64]
    labels: NDArray[np.int64]


def nearest(model: Model, image: ArrayLike, data: DataSet, n: int = 5) -> Neighbours:
    """Find the pictures of a data set that a model finds most like this one.

    A convnet's features are the numbers that its last, linear layer reads: the mean over views,
    all members side by side. Any other model compares pixels in [0, 1].

    Parameters
    ----------
    image : uint8 or float (h, w), of the model's shape.
    data : where to look, as a rule what the model was trained on.
    n : how many to give; all where there are fewer.

    Raises
    ------
    InputError : `n` is less than 1, there are no pictures, or they are of another size.
    """
    if n < 1:
        raise InputError(f"`n` must be 1 or more; got {n}.")
    if not len(data) or data.images.shape[1:] != model.shape:
        h, w = model.shape
        raise InputError(f"`data` must hold pictures of {h}x{w}, as the model reads; got {data!r}.")
    one = as_features(np.asarray(image)[np.newaxis], model.shape[0] * model.shape[1])
    levels = one.astype(np.float32) * np.float32(1 if one.dtype == np.uint8 else 255)
    look, batch = _features(model) if isinstance(model, ConvNet) else (_pixels, _BATCH)
    own = look(levels.reshape(1, *model.shape))
    squares = np.empty(len(data))
    for start in range(0, len(data), batch):
        rows = slice(start, start + batch)
        apart = look(data.images[rows].astype(np.float32)) - own
        squares[rows] = np.einsum("nd,nd->n", apart, apart)
    order = np.argsort(squares, kind="stable")[:n]
    return Neighbours(order, np.sqrt(squares[order]), data.labels[order])


def _pixels(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    return levels.reshape(len(levels), -1) / np.float32(255)


def _features(model: ConvNet) -> tuple[Look, int]:
    """Give what turns levels (n, h, w) into features, and how many pictures it takes at once."""
    from onnx import TensorProto, helper

    from mnistry.models.graph import build

    graph = build(model, pictures="float32")
    names = [f"{i}.features" for i in range(len(model.members))]
    for name, member in zip(names, model.members, strict=True):
        shape: list[str | int] = ["n", member.network.features]
        graph.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    session: Any = open_session(graph.SerializeToString())
    views = len(model.views)

    def look(levels: NDArray[np.float32]) -> NDArray[np.float32]:
        # The views of all pictures stand one after the other.
        found = session.run(names, {"images": levels})
        means = [each.reshape(views, len(levels), -1).mean(axis=0) for each in found]
        return np.concatenate(means, axis=1)

    numbers = views * max(max(member.network.outputs) for member in model.members)
    return look, max(min(_BATCH, _BATCH_NUMBERS // numbers), 1)
