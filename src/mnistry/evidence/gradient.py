"""The gradient of a convnet's evidence: how much each pixel's ink would change it, exactly.

Backpropagation through the few kinds of layer that a `Network` has, in NumPy and in double, so
that evidence needs a model's file and no framework for training.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from mnistry.cores import one_thread
from mnistry.errors import InputError
from mnistry.models.convnet import ConvNet, Member, View
from mnistry.models.network import Block, Network

Doubles = NDArray[np.float64]
_AT_ONCE = 1_000_000  # numbers that a convolution reads, each as often as it is read
_MOST = 100_000_000  # for a single picture: 0.8 GB


def slopes(model: ConvNet, path: ArrayLike, mix: ArrayLike) -> tuple[Doubles, Doubles]:
    """Give a mix of the logits along a path of pictures, and how it rises with each pixel's ink.

    A convnet is linear in pieces. Between two pictures, each ReLU has the share of its gradient
    that is the share of the way on which it is on; of a pool, the largest at the start has its
    share until that at the end overtakes. So the chain rule holds for differences, however far
    apart the pictures are: slopes times the change of the pixels add up to the change of the mix.
    Where two pictures are the same, the slopes are the gradient there; a unit that is just zero
    counts as off, and several largest share alike.

    Parameters
    ----------
    path : float (n + 1, h, w), 0 = paper, 1 = ink.
    mix : (k,), what each class's logit is multiplied with; 1 for one class and -1 for another
        gives the difference of the two.

    Returns
    -------
    values : (n + 1,), the mixed logits. slopes : (n, h, w), between each picture and the next.

    Raises
    ------
    InputError : an argument has another shape, or the networks are too large.
    """
    pictures, weights = np.asarray(path, np.float64), np.asarray(mix, np.float64)
    if pictures.ndim != 3 or pictures.shape[1:] != model.shape or len(pictures) < 2:
        h, w = model.shape
        raise InputError(
            f"`path` must have shape (n, {h}, {w}), two of the model's pictures or more; "
            f"got {pictures.shape}."
        )
    if weights.shape != (len(model.classes),):
        raise InputError(
            f"`mix` must be {len(model.classes)} numbers, one a class; got shape {weights.shape}."
        )
    values, found = np.zeros(len(pictures)), np.zeros((len(pictures) - 1, *model.shape))
    share = 1 / (model.temperature * len(model.members) * len(model.views))
    for member in model.members:
        chain, step = _Chain(member, share * weights), _at_once(member.network)
        for start in range(0, len(found), step):
            some = pictures[start : start + step + 1]
            for view in model.views:
                with one_thread():
                    value, slope = chain.run(_moved(some, view))
                skip = 1 if start else 0  # the first picture was the last of the stretch before
                values[start + skip : start + len(some)] += value[skip:]
                found[start : start + len(slope)] += _moved(slope, View(-view.down, -view.right))
    return values, found


class _Chain:
    """One member's layers, ready to run forwards and backwards; channels stand last."""

    def __init__(self, member: Member, mix: Doubles) -> None:
        network, arrays = member.network, member.arrays
        self.blocks = network.blocks
        # A column for each channel out, a row for each number that the kernel reads.
        self.kernels = [
            np.ascontiguousarray(
                arrays[f"kernel.{i}"].transpose(2, 3, 1, 0).reshape(-1, block.channels), np.float64
            )
            for i, block in enumerate(self.blocks)
        ]
        self.biases = [arrays[f"bias.{i}"].astype(np.float64) for i in range(len(self.blocks))]
        channels, h, w = network.sizes[-1]
        k = len(mix)  # an open network has one more logit, for none of the classes
        last = arrays["weights"][:, :k].astype(np.float64) @ mix
        if network.head == "mean":
            self.last = np.broadcast_to(last / (h * w), (h, w, channels))
        else:
            self.last = last.reshape(channels, h, w).transpose(1, 2, 0)
        self.constant = float(arrays["biases"][:k].astype(np.float64) @ mix)

    def run(self, path: Doubles) -> tuple[Doubles, Doubles]:
        """Give the mixed logits of pictures (n + 1, h, w), and the n slopes between them."""
        x, seen, on, largest = path[..., np.newaxis], [], [], []
        for block, kernel, bias in zip(self.blocks, self.kernels, self.biases, strict=True):
            seen.append(x.shape)
            x = _convolve(x, block, kernel) + bias
            largest.append(_largest(x, block.pool))
            x = _pool(x, block.pool)
            on.append(_on(x))
            x = np.maximum(x, 0)
        values = np.einsum("nhwc,hwc->n", x, self.last) + self.constant
        back = np.broadcast_to(self.last, (len(x) - 1, *self.last.shape))
        for i in reversed(range(len(self.blocks))):
            block = self.blocks[i]
            back = _unpool(back * on[i], largest[i], block.pool)
            back = _unconvolve(back, block, self.kernels[i], seen[i])
        return values, back[..., 0]


def _on(x: Doubles) -> Doubles:
    """Give the share of the way between each x and the next on which it is above zero."""
    above, far = np.maximum(x, 0), np.abs(x)
    way = far[:-1] + far[1:]
    on = np.zeros_like(way)
    np.divide(above[:-1] + above[1:], way, out=on, where=way > 0)
    return on


def _parts(x: Doubles, pool: int) -> Doubles:
    """Part (n, h, w, channels) into pools; a rest that fills none is not looked at."""
    n, h, w, channels = x.shape
    h, w = h // pool, w // pool
    return np.asarray(x[:, : h * pool, : w * pool].reshape(n, h, pool, w, pool, channels))


def _pool(x: Doubles, pool: int) -> Doubles:
    """Give the largest of each pool."""
    return x if pool == 1 else np.asarray(_parts(x, pool).max(axis=(2, 4)))


def _largest(x: Doubles, pool: int) -> Doubles | None:
    """Give the share of the way to the next on which each x is its pool's largest."""
    if pool == 1:
        return None
    parts = _parts(x, pool)
    top = parts.max(axis=(2, 4), keepdims=True)
    first = (parts == top).astype(np.float64)
    first /= first.sum(axis=(2, 4), keepdims=True)
    # How far the later largest is behind at the start, and the former at the end.
    behind = top[:-1] - (first[1:] * parts[:-1]).sum(axis=(2, 4), keepdims=True)
    ahead = top[1:] - (first[:-1] * parts[1:]).sum(axis=(2, 4), keepdims=True)
    behind, ahead = np.maximum(behind, 0), np.maximum(ahead, 0)  # but for rounding, they are
    way = behind + ahead
    until = np.divide(behind, way, out=np.full_like(way, 0.5), where=way > 0)
    shares = until * first[:-1] + (1 - until) * first[1:]
    found = np.zeros((len(x) - 1, *x.shape[1:]))
    _, h, _, w, _, channels = parts.shape
    found[:, : h * pool, : w * pool] = shares.reshape(len(found), h * pool, w * pool, channels)
    return found


def _unpool(back: Doubles, largest: Doubles | None, pool: int) -> Doubles:
    """Take slopes from the largest of each pool to all of it."""
    if largest is None:
        return back
    _, h, w, _ = back.shape
    found = np.zeros_like(largest)
    found[:, : h * pool, : w * pool] = back.repeat(pool, axis=1).repeat(pool, axis=2)
    return found * largest


def _convolve(x: Doubles, block: Block, kernel: Doubles) -> Doubles:
    """Convolve (n, h, w, channels) by one product of matrices."""
    p, k, s = block.padding, block.kernel, block.stride
    if p:
        x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    windows = sliding_window_view(x, (k, k), axis=(1, 2))[:, ::s, ::s]
    columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, len(kernel))
    return np.asarray((columns @ kernel).reshape(*windows.shape[:3], -1))


def _unconvolve(back: Doubles, block: Block, kernel: Doubles, shape: tuple[int, ...]) -> Doubles:
    """Take the gradient from a convolution's outputs to its inputs, of that shape."""
    p, k, s = block.padding, block.kernel, block.stride
    _, h, w, channels = shape
    n, rows, columns, _ = back.shape
    each = (back.reshape(-1, block.channels) @ kernel.T).reshape(n, rows, columns, k, k, channels)
    found = np.zeros((n, h + 2 * p, w + 2 * p, channels))
    for i in range(k):
        for j in range(k):
            found[:, i : i + s * rows : s, j : j + s * columns : s] += each[:, :, :, i, j]
    return found[:, p : p + h, p : p + w]


def _moved(pictures: Doubles, view: View) -> Doubles:
    """Move pictures (n, h, w), paper filling what is left."""
    if not any(view):
        return pictures
    _, h, w = pictures.shape
    found = np.zeros_like(pictures)
    down, right = view
    rows, columns = (max(0, h - abs(down)), max(0, w - abs(right)))
    top, left = max(down, 0), max(right, 0)
    above, before = max(-down, 0), max(-right, 0)
    found[:, top : top + rows, left : left + columns] = pictures[
        :, above : above + rows, before : before + columns
    ]
    return found


def _at_once(network: Network) -> int:
    """Give the number of pictures of which no convolution reads too many numbers at once."""
    channels = [1, *(block.channels for block in network.blocks)]
    largest = max(
        count // block.channels * block.kernel**2 * before
        for count, block, before in zip(network.outputs[1:], network.blocks, channels, strict=False)
    )
    if largest > _MOST:
        raise InputError(
            f"A convolution of this model reads {largest:,} numbers for a single picture, more "
            f"than the {_MOST:,} that can be explained; use a smaller network."
        )
    return max(_AT_ONCE // largest, 1)
