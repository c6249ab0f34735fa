"""Training watched live: softmax regression learns, and tells at every look how it is."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from mnistry.errors import InputError
from mnistry.models.base import cross_entropy
from mnistry.models.softmax import SoftmaxRegression
from mnistry.serving.errors import Refused
from mnistry.serving.look import mnist

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_LOOKS = 20.0  # a second, at most
_MOST_SECONDS = 600.0
_MOST_RUNS = 8
_MOST_STEPS = 20_000
_SLICE = 0.04  # seconds of training at a time
LIMITS = {"rate": (1e-4, 1000.0), "speed": (1.0, 5000.0), "steps": (1, 1000)}


@dataclass
class Training:
    """One run, as whoever watches it has set it.

    Attributes
    ----------
    rate : learning rate. speed : batches a second, as far as the machine can. paused, owed :
        whether it waits, and how many steps it takes all the same. name : what it is set by.
    """

    model: SoftmaxRegression
    seed: int
    speed: float = 20.0
    paused: bool = False
    owed: float = 0.0
    step: int = 0
    seconds: float = 0.0
    stopped: bool = False
    name: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, told: Mapping[str, Any]) -> None:
        """Change how it goes on.

        Raises
        ------
        InputError : something is out of range or not known.
        """
        for name, value in told.items():
            if name == "paused" and isinstance(value, bool):
                continue
            low, high = LIMITS.get(name, (1.0, 0.0))
            if isinstance(value, bool) or not isinstance(value, int | float):
                value = None
            if value is None or not low <= value <= high:
                raise InputError(
                    "A run takes `paused` (true or false), "
                    + ", ".join(f"`{n}` from {a:g} to {b:g}" for n, (a, b) in LIMITS.items())
                    + f"; got {told[name]!r:.40} for {name[:40]!r}."
                )
        self.model.rate = float(told.get("rate", self.model.rate))
        self.speed = float(told.get("speed", self.speed))
        self.paused = bool(told.get("paused", self.paused))
        if "steps" in told:
            self.paused, self.owed = True, self.owed + int(told["steps"])
        self.changed.set()


class Trainings:
    """The runs that are being watched."""

    def __init__(self) -> None:
        self._runs: dict[str, Training] = {}

    def begin(self, told: Mapping[str, Any]) -> Training:
        """Begin a run, which has its place among those watched until it is told to `end`.

        Parameters
        ----------
        told : `rate`, `batch` and `seed`, each of which may be missing.

        Raises
        ------
        InputError : a number is out of range. Refused : 503, there are too many runs.
        """
        batch, seed = told.get("batch", 100), told.get("seed", 0)
        for name, value, low, high in (("batch", batch, 1, 10_000), ("seed", seed, 0, 2**32)):
            if type(value) is not int or not low <= value <= high:
                raise InputError(f"`{name}` must be a whole number from {low} to {high:,}.")
        run = Training(SoftmaxRegression(batch=batch, seed=seed), seed)
        run.set({"rate": told.get("rate", 0.5)})
        if len(self._runs) >= _MOST_RUNS:
            raise Refused(503, f"{_MOST_RUNS} runs are watched already; come again later.")
        self._runs[run.name] = run
        return run

    def end(self, run: Training) -> None:
        """Give a run's place to others."""
        del self._runs[run.name]

    def set(self, name: str, told: Mapping[str, Any]) -> None:
        """Change how a run goes on.

        Raises
        ------
        Refused : 404, there is no such run. InputError : as for `Training.set`.
        """
        run = self._runs.get(name)
        if run is None:
            raise Refused(404, "There is no such run any more; begin another.")
        run.set(told)

    def stop(self) -> None:
        """End all runs: the server goes down."""
        for run in self._runs.values():
            run.stopped = True
            run.changed.set()


async def events(run: Training) -> AsyncIterator[bytes]:
    """Let a run go on; give its events as they come, in the form of `text/event-stream`."""
    data = await asyncio.to_thread(mnist)
    yield _event(
        "start",
        {
            "id": run.name, "train": len(data.train), "validation": len(data.validation),
            "classes": data.train.classes,
        },
    )  # fmt: skip
    async for event in _watched(run):
        yield event


async def _watched(run: Training) -> AsyncIterator[bytes]:
    """Train a little, look, and again."""
    began = last = time.monotonic()
    while True:
        now = time.monotonic()
        if not run.paused:
            # What could not be done in time is not made up for.
            run.owed = min(run.owed + run.speed * (now - last), max(run.speed / _LOOKS, 1) * 2)
        last = now
        if run.owed >= 1:
            await asyncio.to_thread(_learn, run)
            yield _event("look", await asyncio.to_thread(_look, run))
        end = _end(run, now - began)
        if end is not None:
            yield _event("end", end)
            return
        if run.paused and run.owed < 1:
            run.changed.clear()
            yield _event("look", await asyncio.to_thread(_look, run))
            try:
                await asyncio.wait_for(run.changed.wait(), 5)
            except TimeoutError:
                yield b": still here\n\n"  # whoever has left is found out so
            last = time.monotonic()
        else:
            await asyncio.sleep(max(0, 1 / _LOOKS - (time.monotonic() - now)))


def _learn(run: Training) -> None:
    """Take the steps that are owed, as many as fit into a moment."""
    data = mnist().train
    began = time.perf_counter()
    size = run.model.batch
    with np.errstate(all="ignore"):
        while run.owed >= 1 and time.perf_counter() - began < _SLICE:
            rows = _rows(len(data), size, run.step, run.seed)
            run.model.partial_fit(data.images[rows], data.labels[rows], classes=data.classes)
            run.owed -= 1
            run.step += 1
    run.seconds += time.perf_counter() - began


def _rows(n: int, size: int, step: int, seed: int) -> NDArray[np.intp]:
    """Give a step's pictures: each epoch sees every one once, in a new order."""
    per_epoch = max(n // size, 1)
    epoch, place = divmod(step, per_epoch)
    return _order(n, epoch, seed)[place * size :][:size]


@lru_cache(maxsize=16)
def _order(n: int, epoch: int, seed: int) -> NDArray[np.intp]:
    return np.random.default_rng((seed, epoch)).permutation(n)


def _look(run: Training) -> dict[str, Any]:
    """Tell how it is."""
    data = mnist().validation
    model = run.model
    weights: NDArray[Any]
    biases: NDArray[Any]
    if run.step == 0:
        weights, biases = np.zeros((10, 784)), np.zeros(10)
        accuracy, loss = float((data.labels == 0).mean()), float(np.log(10))
    else:
        weights, biases = model.weights.T, model.biases
        with np.errstate(all="ignore"):
            logits = model.logits(data.images)
            accuracy = float((logits.argmax(axis=1) == data.labels).mean())
            loss = cross_entropy(logits, data.labels)
    finite = np.isfinite(weights).all()
    scale = float(np.abs(weights).max()) if finite else 0.0
    levels = np.rint(weights * (127 / scale)) if scale else np.zeros((10, 784))
    return {
        "step": run.step,
        "loss": loss if np.isfinite(loss) else None,
        "accuracy": accuracy,
        "rate": model.rate,
        "seconds": round(run.seconds, 4),
        "paused": run.paused,
        "scale": scale,
        "weights": base64.b64encode(levels.astype(np.int8).tobytes()).decode(),
        "biases": biases.tolist() if np.isfinite(biases).all() else [0.0] * len(biases),
    }


def _end(run: Training, seconds: float) -> dict[str, str] | None:
    """Tell why a run is over, if it is."""
    if run.step and not np.isfinite(run.model.weights).all():
        return {
            "reason": "diverged",
            "sentence": f"Training ran away: after {run.step:,} steps, weights are no numbers any "
            "more; take a lower learning rate.",
        }
    if run.stopped:
        return {"reason": "stopped", "sentence": "The server goes down."}
    if run.step >= _MOST_STEPS or seconds > _MOST_SECONDS:
        return {"reason": "done", "sentence": f"{run.step:,} steps are taken; that is all."}
    return None


def _event(kind: str, told: dict[str, Any]) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(told) + b"\n\n"
