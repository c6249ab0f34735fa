"""One loop for the networks that reading needs: AdamW on one cycle of the rate, with progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import Tensor, nn

Batch = TypeVar("Batch")
_EVERY = 100  # steps, between two lines of progress


def fit(
    net: nn.Module,
    batches: Iterable[Batch],
    loss_of: Callable[[nn.Module, Batch], Tensor],
    *,
    steps: int,
    rate: float,
    decay: float,
    warm: float,
    clip: float,
    settled: float = 0.0,
) -> nn.Module:
    """Train a network in place, and say on standard error how it goes.

    Parameters
    ----------
    loss_of : of a network and a batch. steps : how many batches there are.
    rate : the highest learning rate, reached after the share `warm` of the steps.
    decay : of weights. clip : the largest norm that a gradient keeps.
    settled : share of the steps, the last, that normalise by the mean statistics of the earlier.

    Returns
    -------
    net : ready to answer.
    """
    import torch

    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps + 1, pct_start=warm)
    since, total = time.perf_counter(), 0.0
    for step, batch in enumerate(batches, 1):
        if step > (1 - settled) * steps:
            net.eval()  # these networks have no other layer that minds
        loss = loss_of(net, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % _EVERY == 0 or step == steps:
            left = (time.perf_counter() - since) / step * (steps - step)
            mean = total / ((step - 1) % _EVERY + 1)
            sys.stderr.write(f"step {step} of {steps}  loss {mean:.4f}  {left:.0f} s left\n")
            total = 0.0
    return net.eval()
