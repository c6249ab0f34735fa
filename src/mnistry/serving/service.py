"""The answers to all requests but those to infer."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

import mnistry
from mnistry.errors import InputError, printable
from mnistry.models.base import Model
from mnistry.serving import look, pictures, protocol, teach, uploads
from mnistry.serving.desk import Desk
from mnistry.serving.errors import Refused
from mnistry.serving.guard import Limits, Receive, Scope, Send
from mnistry.serving.live import Training, Trainings, tutorial_weights
from mnistry.serving.metrics import Metrics
from mnistry.serving.openapi import document
from mnistry.serving.query import flag
from mnistry.serving.static import Packed
from mnistry.serving.store import ModelStore, Served, configuration, metadata, statistics

_EXTENSIONS = [
    "binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics",
]  # fmt: skip

_DIGITS = tuple("0123456789")


class Service:
    """The answers, over one store of models."""

    def __init__(self, store: ModelStore, metrics: Metrics) -> None:
        self.store, self.metrics = store, metrics
        self.desk, self.trainings = Desk(), Trainings()
        self.desks = [self.desk]  # all worker pools of the server
        self._answers: dict[Served, dict[str, Any]] = {}
        self._tutorial: Packed | None = None

    @property
    def is_busy(self) -> bool:
        """Return whether a thread is at work, even if nobody waits for it any more."""
        return any(desk.is_busy for desk in self.desks)

    # The Open Inference Protocol

    async def server(self, _: Request) -> Response:
        """Describe the server."""
        told = {"name": "mnistry", "version": mnistry.__version__, "extensions": _EXTENSIONS}
        return _json(told)

    async def live(self, _: Request) -> Response:
        """Tell that the server lives."""
        return _json({"live": True})

    async def ready(self, _: Request) -> Response:
        """Tell whether all models are ready."""
        return _json({"ready": True})

    async def repository(self, request: Request) -> Response:
        """Tell of all models, those too that can't be read."""
        told = protocol.load_json(body) if (body := await request.body()) else {}
        rows = [
            {"name": one.name, "version": one.version, "state": "READY", "reason": ""}
            for one in self.store.all()
        ]
        if not told.get("ready"):
            rows += [
                {"name": name, "version": version, "state": "UNAVAILABLE", "reason": why}
                for (name, version), why in self.store.broken.items()
            ]
        return _json(rows)

    async def model(self, request: Request) -> Response:
        """Describe a model."""
        served = self._served(request)
        return _json(metadata(served, self.store.versions(served.name)))

    async def model_ready(self, request: Request) -> Response:
        """Tell whether a model is ready; one that is not there is not."""
        served = self._served(request)
        return _json({"name": served.name, "ready": True})

    async def config(self, request: Request) -> Response:
        """Return a model's configuration in Triton's form."""
        return _json(configuration(self._served(request)))

    async def stats(self, request: Request) -> Response:
        """Return the statistics of a model, or of all, in Triton's form."""
        one = "model" in request.path_params
        chosen = [self._served(request)] if one else self.store.all()
        return _json({"model_stats": [statistics(served) for served in chosen]})

    async def names(self, _: Request) -> Response:
        """List the models in the form of KServe's V1 protocol."""
        return _json({"models": sorted({one.name for one in self.store.all()})})

    # Pictures and evidence

    async def read(self, request: Request) -> Response:
        """Read pictures or a drawing."""
        name = request.query_params.get("model")
        served = None if name is None else self.store.get(name)
        label = "reader" if name is None else name
        reader = await self.desk.do(pictures.reader_of, request.query_params, served)
        images = flag(request.query_params, "images")
        began = time.perf_counter()
        named = await self.desk.do(uploads.paged, await _images_in(request, self.desk))
        # Each image is a step, so that the rest is dropped when the client leaves.
        readings = await self.desk.do_each(partial(pictures.read, reader, *one) for one in named)
        self.metrics.seconds["predict"].labels(label).observe(time.perf_counter() - began)
        for one in readings:
            for outcome in pictures.outcomes(one):
                self.metrics.outcomes.labels(label, str(outcome)).inc()
        told = [
            pictures.to_json(name, one, images=images)
            for (name, _), one in zip(named, readings, strict=True)
        ]
        alone = len(readings) == 1 and isinstance(readings[0], InputError)
        if alone:
            return _json({"error": told[0]["error"], "readings": told}, 422)
        return _json({"readings": told})

    async def explain(self, request: Request) -> Response:
        """Tell why a picture is one class and not another."""
        told = protocol.load_json(await request.body())
        name = told.get("model", "convnet")
        if not isinstance(name, str):
            raise InputError("`model` must be a model's name.")
        served = self.store.get(name)
        began = time.perf_counter()
        found = await self.desk.do(pictures.explain, served, told)
        self.metrics.seconds["explain"].labels(served.name).observe(time.perf_counter() - began)
        return _json(found)

    async def weights(self, request: Request) -> Response:
        """Give the weights and biases of softmax regression."""
        served = self._served(request)
        weights, biases = (getattr(served.model, name, None) for name in ("weights", "biases"))
        if weights is None or biases is None:
            raise Refused(404, f"{served.name!r} is no softmax regression; it has no weight maps.")
        return _json({"weights": weights.T.tolist(), "biases": biases.tolist()})

    # Models and data

    async def models(self, _: Request) -> Response:
        """Tell of all models that are ready."""
        return _json({"models": [_model_info(one) for one in self.store.all()]})

    async def answers(self, request: Request) -> Response:
        """Tell what a model makes of MNIST's test pictures."""
        served = self._served(request)
        if served not in self._answers:
            told = await self.desk.do(look.answers, served)
            ready = set(self.store.all())
            kept = {one: known for one, known in self._answers.items() if one in ready}
            self._answers = {**kept, served: told}
        return _json(self._answers[served])

    async def labels(self, request: Request) -> Response:
        """Give a split's labels."""
        return _json(await self.desk.do(look.labels, request.path_params["split"]))

    async def images(self, request: Request) -> Response:
        """Give pictures of a split as bytes."""
        split, query = request.path_params["split"], request.query_params
        found = await self.desk.do(look.images, split, query)
        return Response(found, media_type="application/octet-stream")

    # Training watched live

    async def tutorial(self, request: Request) -> Response:
        """Return the weights and biases after the tutorial's training."""
        if self._tutorial is None:
            weights = await self.desk.do(tutorial_weights)
            self._tutorial = Packed.of(weights, "application/json")
        return self._tutorial.answer(request, "no-cache")

    async def train(self, request: Request) -> Response:
        """Begin a run, and stream how it goes."""
        told = protocol.load_json(body) if (body := await request.body()) else {}
        return _Watched(self.trainings, self.trainings.begin(told))

    async def steer(self, request: Request) -> Response:
        """Change how a run goes on."""
        told = protocol.load_json(await request.body())
        self.trainings.set(request.path_params["run"], told)
        return Response(status_code=204)

    # Corrections

    async def corrections(self, _: Request) -> Response:
        """List the corrections."""
        return _json(await self.desk.do(teach.listed))

    async def correct(self, request: Request) -> Response:
        """Keep a correction."""
        told = protocol.load_json(await request.body())
        name = told.get("model")
        known = [one for one in self.store.all() if one.name == name]
        if known and known[-1].model.classes != _DIGITS:
            raise InputError(f"Corrections are of digits, and {name!r} has other classes.")
        return _json(await self.desk.do(teach.add, told), 201)

    async def forget(self, request: Request) -> Response:
        """Forget a correction."""
        await self.desk.do(teach.remove, request.path_params["id"])
        return Response(status_code=204)

    async def parquet(self, _: Request) -> Response:
        """Give the corrections as Parquet."""
        found = await self.desk.do(teach.as_parquet)
        return _file(found, "application/vnd.apache.parquet", "train.parquet")

    async def idx(self, _: Request) -> Response:
        """Return the corrections as IDX files, zipped."""
        return _file(await self.desk.do(teach.as_idx), "application/zip", "corrections.zip")

    # The rest

    async def metrics_text(self, _: Request) -> Response:
        """Return the metrics in Prometheus' format."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def openapi(self, _: Request) -> Response:
        """Describe all of this."""
        return _json(document())

    def _served(self, request: Request) -> Served:
        return self.store.get(request.path_params["model"], request.path_params.get("version"))


class _Watched(StreamingResponse):
    """A run's events; its place is given up at the end, though the first was never asked for."""

    def __init__(self, trainings: Trainings, run: Training) -> None:
        headers = {"cache-control": "no-store"}
        super().__init__(trainings.events(run), media_type="text/event-stream", headers=headers)
        self._end = partial(trainings.end, run)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()


async def _images_in(request: Request, desk: Desk) -> uploads.Named:
    """Return the images, or the drawing, in a request to read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await uploads.from_form(request, Limits.body)
    body = await request.body()
    images: uploads.Named = await desk.do(uploads.from_body, body, kind)
    return images


def _model_info(served: Served) -> dict[str, Any]:
    model: Model = served.model
    scores = model.provenance.get("scores")
    accuracy = scores.get("accuracy") if isinstance(scores, dict) else None
    # A file may hold any number, and JSON can't represent an integer of 400 digits.
    is_share = isinstance(accuracy, int | float) and 0 <= accuracy <= 1
    return {
        "name": served.name,
        "kind": served.kind,
        "version": served.version,
        "ready": True,
        "classes": [printable(name) for name in model.classes],
        "shape": list(model.shape),
        "accuracy": accuracy if is_share else None,
        "load": served.load,
    }


def _json(told: Any, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(orjson.dumps(told), status, headers, media_type="application/json")


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
