"""A step as one graph of a GPU's: its hundred small operations are started together.

A network of a million products is done with each of them sooner than a processor can ask for the
next. Recorded once and replayed, they follow each other without it (Gray 2019, "Getting started
with CUDA graphs").
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor], None]
_WARM = 3  # steps before the recording, in which libraries choose and make what they need


class Replay:
    """Does to each batch what `step` did to the first: the same operations on the same memory.

    Making it takes a few steps, which the caller takes back; what they changed must stay where it
    is. The generator for the GPU is read anew each time, so that dropout drops anew.

    Parameters
    ----------
    step : takes a batch on a GPU, and asks nothing of the processor that differs between steps.
    x, y : a batch, of the size of all others.
    """

    def __init__(self, step: Step, x: Tensor, y: Tensor) -> None:
        self._x, self._y = x.clone(), y.clone()
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(_WARM):
                step(self._x, self._y)
        torch.cuda.current_stream().wait_stream(beside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            step(self._x, self._y)

    def __call__(self, x: Tensor, y: Tensor) -> None:
        """Take the step with a batch."""
        self._x.copy_(x)
        self._y.copy_(y)
        self._graph.replay()
