"""Counts and times of one model's requests, in the form of Triton's statistics extension."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

_STEPS = ("compute_input", "compute_infer", "compute_output")


@dataclass
class _Duration:
    count: int = 0
    ns: int = 0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.ns += round(seconds * 1e9)


@dataclass
class Statistics:
    """Statistics of a model since it was loaded.

    The time that a request waits for others is part of `compute_infer`: requests that arrive
    together run together, without a queue before the model.
    """

    last: int = 0  # milliseconds since 1970; 0 for never
    success: _Duration = field(default_factory=_Duration)
    fail: _Duration = field(default_factory=_Duration)
    steps: tuple[_Duration, ...] = field(default_factory=lambda: tuple(_Duration() for _ in _STEPS))

    def succeed(self, *seconds: float) -> None:
        """Count a request that was answered, and how long each of its three steps took."""
        self.last = time.time_ns() // 1_000_000
        self.success.add(sum(seconds))
        for step, spent in zip(self.steps, seconds, strict=True):
            step.add(spent)

    def failed(self, seconds: float) -> None:
        """Count a request that was refused or went wrong."""
        self.fail.add(seconds)

    def to_dict(self) -> dict[str, Any]:
        """Return the durations as Triton's `inference_stats`."""
        steps = dict(zip(_STEPS, self.steps, strict=True))
        durations = {"success": self.success, "fail": self.fail, **steps}
        queue = {"count": self.success.count, "ns": 0}
        return {"queue": queue, **{name: asdict(spent) for name, spent in durations.items()}}
