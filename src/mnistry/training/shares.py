"""Layers that see a share of each batch and work as if they saw it whole."""

from __future__ import annotations

from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from mnistry.training.layers import Normalise
from mnistry.training.ranks import Ranks


def shared(layers: nn.Sequential, ranks: Ranks, batch: int) -> nn.Module:
    """Prepare layers for ranks that share batches of so many pictures; alone they stay as they are.

    Returns
    -------
    forward : what to call in training. Its slopes are the mean over the ranks, once `settle` was
        called; the parameters and statistics are those of `layers`, whose layers are replaced in
        place where they have to ask the others.
    """
    if ranks.count == 1:
        return layers
    for i, layer in enumerate(layers):
        if isinstance(layer, Normalise):
            layers[i] = SharedNormalise(layer, ranks, batch)
        elif isinstance(layer, nn.Dropout):
            layers[i] = SharedDropout(layer.p, ranks, batch)
    if _by_wire(layers, ranks):
        return layers
    # Statistics are the same everywhere, so that none need be sent. The option's name changed.
    newer = "forward_sync_buffers" in signature(DistributedDataParallel).parameters
    still = {"forward_sync_buffers" if newer else "broadcast_buffers": False}
    return DistributedDataParallel(layers, gradient_as_bucket_view=True, **still)


def settle(layers: nn.Sequential, ranks: Ranks) -> None:
    """Average the slopes over the ranks, where `shared` leaves it to be done.

    On one machine they go at once when all are found: less than PyTorch's way takes to begin.
    """
    if not _by_wire(layers, ranks):
        return
    slopes = [p.grad for p in layers.parameters() if p.grad is not None]
    whole = ranks.add(torch.cat([slope.flatten() for slope in slopes])).div_(ranks.count)
    parts = whole.split([slope.numel() for slope in slopes])
    for slope, part in zip(slopes, parts, strict=True):
        slope.copy_(part.view(slope.shape))


def _by_wire(layers: nn.Sequential, ranks: Ranks) -> bool:
    return ranks.wire is not None and next(layers.parameters()).device.type == "cpu"


class SharedNormalise(Normalise):
    """Batch normalisation by the statistics of the whole batch.

    PyTorch's own, SyncBatchNorm, is for GPUs alone.
    """

    def __init__(self, like: Normalise, ranks: Ranks, batch: int) -> None:
        super().__init__(like.num_features)
        self.load_state_dict(like.state_dict())
        self.to(like.bias)
        self._ranks, self._batch = ranks, batch
        own = ranks.share(batch)
        self._part = (own.stop - own.start) / batch

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, x: Tensor) -> Tensor:
        """Normalise (own, channels, h, w)."""
        if not self.training:
            return super().forward(x)
        n = self._batch * x.shape[2] * x.shape[3]
        y, mean, variance = _Normalised.apply(
            x, self.weight, self.bias, self.running_mean, self.running_var, self._ranks,
            self._part, n, self.eps,
        )  # fmt: skip
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (n / max(n - 1, 1)), self.momentum)
        return y


class _Normalised(torch.autograd.Function):  # type: ignore[misc]
    """One sum over the ranks forward, one backward (Ioffe & Szegedy 2015, Algorithm 1)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, about: Tensor, usual: Tensor,
        ranks: Ranks, part: float, n: int, eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Normalise; give the mean and the variance of the whole batch as well."""
        # The running statistics stay as they are. They are given for their type: what is found of
        # bfloat16 comes in float32 then, and no copy in float32 need be made.
        own, spread = torch.batch_norm_update_stats(x, about, usual, 0.0)
        # About a mean that all ranks have, lest much cancel in a sum of squares.
        apart = own - about
        mean, square = ranks.add(torch.stack([apart, spread + apart * apart]) * part)
        variance = square - mean * mean
        mean = mean + about
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.ranks, ctx.n, ctx.eps = ranks, n, eps
        y = functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    def backward(ctx: Any, slope: Tensor, *_: Any) -> tuple[Any, ...]:
        """Give the slopes for this rank's pictures, and its part of those for the shift."""
        x, weight, mean, variance = ctx.saved_tensors
        narrow = x.element_size() < 4
        inverse = torch.rsqrt(variance + ctx.eps)
        steep = weight * inverse
        # In float32 the sums alone are asked for. In bfloat16 all is, as if the batch were this
        # rank's pictures: what is missing then is small, and no copy in float32 need be made.
        found, scale, shift = torch.ops.aten.native_batch_norm_backward(
            slope, x, weight, mean, variance, mean, inverse, narrow, ctx.eps, [narrow, True, True]
        )
        sums = torch.stack([shift, scale])
        missing = sums * (x.shape[1] / x.numel()) if narrow else torch.zeros_like(sums)
        missing -= ctx.ranks.add(sums) / ctx.n
        level, along = (missing * steep).unbind()
        more = functional.batch_norm(x, mean, variance, along, level, training=False, eps=ctx.eps)
        found = found.add_(more) if narrow else torch.addcmul(more, slope, steep[:, None, None])
        return found, None, shift, *[None] * 7


class SharedDropout(nn.Dropout):  # type: ignore[misc]
    """Dropout of what would be dropped of the whole batch."""

    def __init__(self, share: float, ranks: Ranks, batch: int) -> None:
        super().__init__(share)
        self._batch, self._mine = batch, ranks.share(batch)

    def forward(self, x: Tensor) -> Tensor:
        """Drop from (own, features)."""
        if not self.training:
            return x
        whole = torch.ones((self._batch, *x.shape[1:]), dtype=x.dtype, device=x.device)
        return x * functional.dropout(whole, self.p)[self._mine]
