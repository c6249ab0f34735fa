"""Training watched live: softmax regression learns, and a stream of events shows its weights."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from mnistry.cores import one_thread
from mnistry.errors import InputError
from mnistry.models.base import cross_entropy
from mnistry.models.softmax import SoftmaxRegression
from mnistry.serving.errors import Refused
from mnistry.serving.look import mnist

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_MAX_LOOKS = 20.0  # events per second of one run
_MAX_LOOKS_OF_ALL = 60.0  # events per second of all runs together
_MAX_SECONDS = 600.0  # of learning in one run
_MAX_PAUSE = 1800.0  # seconds that a paused run is kept
_MAX_LEARNING = 64  # runs that learn in turns; more wait for a place
_MAX_RUNS = 256  # including those that wait or are paused
_MAX_STEPS = 20_000
_SLICE = 0.04  # seconds of training at a time
_ROUND = 0.25  # seconds of training until every run has had its turn
LIMITS = {"rate": (1e-4, 1000.0), "speed": (1.0, 5000.0), "steps": (1, 1000)}


@dataclass(eq=False)
class Training:
    """A training run and its settings.

    Attributes
    ----------
    speed : batches a second, at most.
    paused : whether it is paused.
    owed : steps that are due, guarded by `lock`.
    seconds : spent on its steps.
    learning, idle : seconds that it had a place among those that learn, and that it was paused.
    name : random, in the URL that changes its settings.
    """

    model: SoftmaxRegression
    seed: int
    speed: float = 20.0
    paused: bool = False
    owed: float = 0.0
    step: int = 0
    seconds: float = 0.0
    learning: float = 0.0
    idle: float = 0.0
    stopped: bool = False
    name: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    epoch: int = -1
    order: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def set(self, changes: Mapping[str, Any]) -> None:
        """Change how it goes on.

        Raises
        ------
        InputError : something is out of range or not known.
        """
        for name, value in changes.items():
            if name == "paused" and isinstance(value, bool):
                continue
            low, high = LIMITS.get(name, (1.0, 0.0))
            if isinstance(value, bool) or not isinstance(value, int | float):
                value = None
            if value is None or not low <= value <= high:
                raise InputError(
                    "A run takes `paused` (true or false), "
                    + ", ".join(f"`{n}` from {a:g} to {b:g}" for n, (a, b) in LIMITS.items())
                    + f"; got {changes[name]!r:.40} for {name[:40]!r}."
                )
        self.model.rate = float(changes.get("rate", self.model.rate))
        self.speed = float(changes.get("speed", self.speed))
        paused = bool(changes.get("paused", "steps" in changes or self.paused))
        with self.lock:
            if paused and not self.paused:
                self.owed = 0.0  # steps that were late are not made up for in a pause
            self.paused = paused
            self.owed += int(changes.get("steps", 0))
        self.changed.set()

    def take_step(self) -> bool:
        """Return whether a step is due, which is then counted as taken.

        The training thread takes steps while requests change how many are due.
        """
        with self.lock:
            if self.owed < 1:
                return False
            self.owed -= 1
            return True


class Trainings:
    """The runs that are being watched.

    All learn in one thread, a little each in turn, so that thirty get equal shares and a processor
    is left for other requests. A paused run gives its place to one that waits.
    """

    def __init__(self) -> None:
        self._runs: dict[str, Training] = {}
        self._learning: set[Training] = set()
        self._waiting: list[Training] = []  # the first is the next
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="training")

    def begin(self, settings: Mapping[str, Any]) -> Training:
        """Begin a run, which is kept until `end` is called.

        Parameters
        ----------
        settings : `rate`, `batch` and `seed`, each of which may be missing.

        Raises
        ------
        InputError : a number is out of range. Refused : 503, there are too many runs.
        """
        batch, seed = settings.get("batch", 100), settings.get("seed", 0)
        for name, value, low, high in (("batch", batch, 1, 10_000), ("seed", seed, 0, 2**32)):
            if type(value) is not int or not low <= value <= high:
                raise InputError(f"`{name}` must be a whole number from {low} to {high:,}.")
        run = Training(SoftmaxRegression(batch=batch, seed=seed), seed)
        run.set({"rate": settings.get("rate", 0.5)})
        if len(self._runs) >= _MAX_RUNS:
            raise Refused(503, f"{_MAX_RUNS} runs are watched already; try again in a minute.")
        self._runs[run.name] = run
        return run

    def end(self, run: Training) -> None:
        """Delete a run, and free its place."""
        del self._runs[run.name]
        self._leave(run)

    def set(self, name: str, changes: Mapping[str, Any]) -> None:
        """Change how a run goes on.

        Raises
        ------
        Refused : 404, there is no such run. InputError : as for `Training.set`.
        """
        run = self._runs.get(name)
        if run is None:
            raise Refused(404, "There is no such run any more; begin another.")
        run.set(changes)

    def stop(self) -> None:
        """End all runs, because the server shuts down."""
        for run in self._runs.values():
            run.stopped = True
            run.changed.set()

    async def events(self, run: Training) -> AsyncGenerator[bytes, None]:
        """Let a run go on, and yield its events in the form of `text/event-stream`."""
        data = await self._do(mnist)
        yield _event(
            "start",
            {
                "id": run.name, "train": len(data.train), "validation": len(data.validation),
                "classes": data.train.classes,
            },
        )  # fmt: skip
        looked = 0.0
        while True:
            began = time.monotonic()
            run.changed.clear()  # before anything is decided: later changes wake the waits below
            if (end := _end(run)) is not None:
                yield _event("end", end)
                return
            if run.paused and run.owed < 1:
                self._leave(run)
                yield _event("look", await self._do(_look, run))
                while not await _happens(run.changed):
                    yield b": still here\n\n"  # a write shows whether the client has left
                    run.idle += time.monotonic() - began
                    began = time.monotonic()
                    if run.idle > _MAX_PAUSE:
                        break
                continue
            run.idle = 0.0
            if ahead := self._queue(run):
                yield _event("wait", {"ahead": ahead})
                await _happens(run.changed)
                continue
            # Each run gets its share of a round, and looks often enough for the eye or, among
            # many, as often as the thread can afford.
            many = len(self._learning)
            looks = began - looked >= max(1 / _MAX_LOOKS, many / _MAX_LOOKS_OF_ALL) or run.paused
            if run.owed >= 1:
                seen = await self._do(_turn, run, min(_SLICE, _ROUND / many), looks)
                if seen is not None:
                    looked = began
                    yield _event("look", seen)
            await asyncio.sleep(max(0.0, 1 / _MAX_LOOKS - (time.monotonic() - began)))
            passed = time.monotonic() - began
            run.learning += passed
            if not run.paused:
                # A run that falls behind its speed catches up by a second at most.
                run.owed = min(run.owed + run.speed * passed, max(run.speed, 1.0))

    def _queue(self, run: Training) -> int:
        """Take a place if one is free, else wait in line; return how many are ahead, 0 for none."""
        if run in self._learning:
            return 0
        if run not in self._waiting:
            self._waiting.append(run)
        place, free = self._waiting.index(run), _MAX_LEARNING - len(self._learning)
        if place >= free:
            return place - free + 1
        self._waiting.remove(run)
        self._learning.add(run)
        return 0

    def _leave(self, run: Training) -> None:
        """Free a run's place for the next one, and the memory that it can restore later."""
        run.epoch, run.order = -1, np.zeros(0, np.int32)
        if run in self._waiting:
            self._waiting.remove(run)
        self._learning.discard(run)
        for other in self._waiting:
            other.changed.set()

    async def _do(self, work: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


async def _happens(event: asyncio.Event, seconds: float = 5.0) -> bool:
    """Wait for an event; return whether it came in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False


def _turn(run: Training, seconds: float, looks: bool) -> dict[str, Any] | None:
    """Take the steps that are due, for at most `seconds`; if `looks`, return the run's state."""
    data = mnist().train
    began = time.perf_counter()
    with np.errstate(all="ignore"):
        while time.perf_counter() - began < seconds and run.take_step():
            rows = _rows(run, len(data))
            run.model.partial_fit(data.images[rows], data.labels[rows], classes=data.classes)
            run.step += 1
    run.seconds += time.perf_counter() - began
    return _look(run) if looks else None


def _rows(run: Training, n: int) -> NDArray[np.int32]:
    """Return a step's images: each epoch sees every one once, in a new order."""
    size = run.model.batch
    epoch, place = divmod(run.step, max(n // size, 1))
    if epoch != run.epoch:
        order = np.random.default_rng((run.seed, epoch)).permutation(n)
        run.epoch, run.order = epoch, order.astype(np.int32)
    return run.order[place * size :][:size]


@cache
def _validation() -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return the validation images as shares of ink, (n, 784), and their labels."""
    data = mnist().validation
    return data.images.reshape(len(data), -1).astype(np.float32) / np.float32(255), data.labels


def _look(run: Training) -> dict[str, Any]:
    """Return a run's present state."""
    model = run.model
    inks, labels = _validation()
    weights: NDArray[Any]
    biases: NDArray[Any]
    if run.step == 0:
        weights, biases = np.zeros((10, 784)), np.zeros(10)
        accuracy, loss = float((labels == 0).mean()), float(np.log(10))
    else:
        weights, biases = model.weights.T, model.biases
        with np.errstate(all="ignore"), one_thread():
            logits = inks @ model.weights + biases
            accuracy = float((logits.argmax(axis=1) == labels).mean())
            loss = cross_entropy(logits.astype(np.float64), labels)
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


def _end(run: Training) -> dict[str, str] | None:
    """Return why a run is over, or None while it is not."""
    if run.step and not np.isfinite(run.model.weights).all():
        return {
            "reason": "diverged",
            "sentence": f"After {run.step:,} steps some weights are infinite; take a lower "
            "learning rate.",
        }
    if run.stopped:
        return {"reason": "stopped", "sentence": "The server is shutting down."}
    if run.idle > _MAX_PAUSE:
        minutes = round(_MAX_PAUSE / 60)
        return {"reason": "idle", "sentence": f"It was paused for {minutes} minutes."}
    if run.step >= _MAX_STEPS or run.learning > _MAX_SECONDS:
        return {"reason": "done", "sentence": f"{run.step:,} steps are taken; that is all."}
    return None


@cache
def tutorial_weights() -> bytes:
    """Return the weights and biases that the tutorial's 1,000 steps lead to, as JSON.

    The model in the package is trained to the optimum, where pixels that are hardly ever inked
    have large weights of either sign; after 1,000 steps its maps still look like digits.
    """
    data = mnist().train
    model = SoftmaxRegression().fit(data.images, data.labels, classes=data.classes)
    rounded = {"weights": model.weights.T, "biases": model.biases}
    return orjson.dumps({name: values.round(4).tolist() for name, values in rounded.items()})


def _event(kind: str, changes: dict[str, Any]) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(changes) + b"\n\n"
