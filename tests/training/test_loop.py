"""The loop that trains the networks for reading."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from mnistry.training.loop import fit


def _run(settled: float) -> list[torch.Tensor]:
    """Train on batches whose mean grows; give the running mean after each step."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    seen: list[torch.Tensor] = []

    def loss_of(net: nn.Module, level: float) -> torch.Tensor:
        loss: torch.Tensor = (net(level + torch.randn(8, 3)) ** 2).mean()
        seen.append(net[0].running_mean.clone())
        return loss

    levels = [float(k) for k in range(8)]
    fit(net, levels, loss_of, steps=8, rate=1e-2, decay=0, warm=0.1, clip=1, settled=settled)
    return seen


def test_the_last_steps_keep_the_statistics() -> None:
    """The running statistics follow the batches, and stand still in the settled share."""
    seen = _run(0.25)
    moved = [not torch.equal(a, b) for a, b in pairwise(seen)]
    assert moved == [True] * 5 + [False] * 2
    free = _run(0)
    assert all(not torch.equal(a, b) for a, b in pairwise(free))


def test_progress_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The last step is told with its loss and what is left."""
    _run(0)
    assert "step 8 of 8" in capsys.readouterr().err
