"""Metrics in Prometheus' format: durations of each step, and statistics of predictions."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.serving.guard import Guard
    from mnistry.serving.store import ModelStore

# Of a tenth of a millisecond to ten seconds.
_SECONDS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_TYPICALITY = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
_LONGEST, _CENTRE = 20, (13.5, 14.5)  # of a picture that was framed as MNIST's were, in pixels
_TOGETHER = 64  # requests that are looked at together: numpy's calls cost more than the pictures
STEPS = ("preprocess", "predict", "postprocess", "explain")


class Metrics:
    """Counts and times of one server, and of the models that it has.

    Attributes
    ----------
    guard : whose requests are told of, once there is one.
    seconds : by step, KServe's histograms `request_STEP_seconds`, labelled by model.
    outcomes : what marks turned out to be, by model and outcome.
    """

    def __init__(self, store: ModelStore) -> None:
        self.guard: Guard | None = None
        self._store = store
        self.registry = CollectorRegistry()
        self.seconds = {
            step: Histogram(
                f"request_{step}_seconds", f"Time that a request's {step} step takes.",
                ["model_name"], buckets=_SECONDS, registry=self.registry,
            )
            for step in STEPS
        }  # fmt: skip
        self.outcomes = Counter(
            "mnistry_outcomes", "Outcomes of what was found in images, by model.",
            ["model_name", "outcome"], registry=self.registry,
        )  # fmt: skip
        self._unframed = Counter(
            "mnistry_unframed_images",
            "Images to infer that were not framed as the model's own: preprocessing was skipped.",
            ["model_name"], registry=self.registry,
        )  # fmt: skip
        self._looking = Lock()
        self._unseen: dict[str, list[tuple[NDArray[np.uint8], NDArray[Any] | None]]] = {}
        self._steps: dict[str, tuple[Any, ...]] = {}
        self._typicality: dict[str, tuple[NDArray[np.int64], float]] = {}
        self.registry.register(self)

    def saw(self, name: str, images: NDArray[np.uint8], typicality: NDArray[Any] | None) -> None:
        """Note a request's pictures and how like digits they were; `look` counts them."""
        unseen = self._unseen.setdefault(name, [])
        unseen.append((images, typicality))
        if len(unseen) >= _TOGETHER:
            self.look(name)

    def took(self, name: str, *seconds: float) -> None:
        """Note how long a request's first three steps took."""
        steps = self._steps.get(name)
        if steps is None:
            steps = self._steps[name] = tuple(self.seconds[s].labels(name) for s in STEPS[:3])
        for step, spent in zip(steps, seconds, strict=True):
            step.observe(spent)

    def look(self, name: str) -> None:
        """Count what was noted of a model; any thread may."""
        with self._looking:
            unseen = self._unseen.pop(name, [])
            for some in {images.shape[1:] for images, _ in unseen}:
                own = [one for one in unseen if one[0].shape[1:] == some]
                images = np.concatenate([images for images, _ in own])
                known = [typicality for _, typicality in own if typicality is not None]
                self._count(name, images, np.concatenate(known) if known else None)

    def _count(self, name: str, images: NDArray[np.uint8], typicality: NDArray[Any] | None) -> None:
        unframed = int((~are_framed(images)).sum()) if images.shape[1:] == (28, 28) else 0
        if unframed:
            self._unframed.labels(name).inc(unframed)
        if typicality is None or not len(typicality):
            return
        counts, total = self._typicality.get(name, (np.zeros(len(_TYPICALITY), np.int64), 0.0))
        bins = np.searchsorted(_TYPICALITY, typicality)
        counts = counts + np.bincount(bins, minlength=len(_TYPICALITY))[: len(_TYPICALITY)]
        self._typicality[name] = counts, total + float(typicality.sum())

    def collect(self) -> Iterable[Any]:
        """Give what is counted here and not in Prometheus' own kinds of numbers."""
        family = HistogramMetricFamily(
            "mnistry_typicality", "p-value of each picture being like those learnt from.",
            labels=["model_name"],
        )  # fmt: skip
        for name, (counts, total) in self._typicality.items():
            buckets = [
                (f"{bound:g}", float(n))
                for bound, n in zip(_TYPICALITY, counts.cumsum(), strict=True)
            ]
            buckets.append(("+Inf", float(counts.sum())))
            family.add_metric([name], buckets, total)
        yield family
        if self.guard is not None:
            guard = self.guard
            yield GaugeMetricFamily(
                "mnistry_requests_in_flight", "Requests being answered.", value=guard.busy
            )
            yield CounterMetricFamily(
                "mnistry_requests_rejected",
                "Requests answered 503 because too many came at once.", value=guard.rejected,
            )  # fmt: skip
            yield CounterMetricFamily(
                "mnistry_requests_abandoned",
                "Requests whose client left before the answer.", value=guard.abandoned,
            )  # fmt: skip
        labels = ["model_name", "model_version"]
        batches = CounterMetricFamily(
            "mnistry_batches", "Batches that the model ran.", labels=labels
        )
        images = CounterMetricFamily("mnistry_images", "Images that the model ran.", labels=labels)
        for served in self._store.all():
            own = [served.name, served.version]
            batches.add_metric(own, served.batcher.batches)
            images.add_metric(own, served.batcher.pictures)
        yield batches
        yield images

    def text(self) -> bytes:
        """Give all of it in Prometheus' text format."""
        for name in list(self._unseen):
            self.look(name)
        return bytes(generate_latest(self.registry))


def are_framed(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which of n pictures of 28×28 are as framing leaves them, (n,).

    Their longest side is 20 pixels or nearly, and their centre of mass is in the middle.
    """
    ink = images > 0
    rows, columns = ink.any(axis=2), ink.any(axis=1)
    longest = np.maximum(_extent(rows), _extent(columns))
    mass = images.sum(axis=(1, 2), dtype=np.int64)
    at = np.arange(images.shape[1])
    safe = np.maximum(mass, 1)
    y = images.sum(axis=2, dtype=np.int64) @ at / safe
    x = images.sum(axis=1, dtype=np.int64) @ at / safe
    low, high = _CENTRE
    centred = (y > low) & (y <= high) & (x > low) & (x <= high)
    return np.asarray((abs(longest - _LONGEST) <= 1) & centred & (mass > 0))


def _extent(inked: Any) -> Any:
    return inked.shape[1] - inked[:, ::-1].argmax(axis=1) - inked.argmax(axis=1)
