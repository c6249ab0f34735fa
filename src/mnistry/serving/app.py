"""Which address gives which answer."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import Route, Router

from mnistry.serving.errors import Refused
from mnistry.serving.guard import App, Guard, Limits, Receive, Scope, Send
from mnistry.serving.infer import Infer
from mnistry.serving.metrics import Metrics
from mnistry.serving.service import Service
from mnistry.serving.static import StaticFiles
from mnistry.serving.store import ModelStore

_REFRESH = 1.0  # seconds between two looks at the folder of models
_log = logging.getLogger("mnistry.serving")
_INFER = re.compile("/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")


def make_app(
    store: ModelStore,
    *,
    limits: Limits | None = None,
    key: str | None = None,
    hosts: frozenset[str] | None = None,
    origins: frozenset[str] = frozenset(),
) -> tuple[Guard, Service]:
    """Make the ASGI app, and return the service behind it as well.

    Parameters
    ----------
    limits, key, hosts, origins : see `Guard`.
    """
    metrics = Metrics(store)
    service, infer = Service(store, metrics), Infer(store, metrics)
    service.desks.append(infer.desk)
    guard = Guard(_app(make_router(service, infer), infer), limits or Limits(), key, hosts, origins)
    metrics.guard = guard
    return guard, service


def make_router(service: Service, infer: Infer) -> Router:
    """Give every address."""
    files = StaticFiles()
    both = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
    routes = [
        *(Route(f"{path}/infer", infer, methods=["POST"]) for path in both),
        Route("/v1/models", service.names),
        Route("/v1/models/{model}:predict", infer.predict, methods=["POST"]),
        Route("/v1/models/{model}", service.model_ready),
        Route("/v2/models/stats", service.stats),
        *(Route(f"{path}/config", service.config) for path in both),
        *(Route(f"{path}/stats", service.stats) for path in both),
        Route("/read", service.read, methods=["POST"]),
        Route("/explain", service.explain, methods=["POST"]),
        Route("/v2", service.server),
        Route("/v2/health/live", service.live),
        Route("/v2/health/ready", service.ready),
        Route("/v2/repository/index", service.repository, methods=["GET", "POST"]),
        *(Route(f"{path}/ready", service.model_ready) for path in both),
        *(Route(path, service.model) for path in both),
        Route("/models", service.models),
        Route("/models/{model}/answers", service.answers),
        Route("/weights/{model}", service.weights),
        Route("/data/{split}/labels", service.labels),
        Route("/data/{split}/images", service.images),
        Route("/tutorial/weights", service.tutorial),
        Route("/training", service.train, methods=["POST"]),
        Route("/training/{run}", service.steer, methods=["POST"]),
        Route("/corrections", service.corrections),
        Route("/corrections", service.correct, methods=["POST"]),
        Route("/corrections.parquet", service.parquet),
        Route("/corrections.zip", service.idx),
        Route("/corrections/{id}", service.forget, methods=["DELETE"]),
        Route("/metrics", service.metrics_text),
        Route("/openapi.json", service.openapi),
        Route("/docs", files.docs),
        Route("/", files.index),
        Route("/page/{name}", files.file),
        Route("/page/{version}/{name}", files.file),
    ]
    return Router(routes, redirect_slashes=False, lifespan=_lifespan(service.store))


def _lifespan(store: ModelStore) -> Callable[[Any], Any]:
    """Look after the models for as long as the server runs."""

    async def keep_looking() -> None:
        while store.folder is not None:
            await asyncio.sleep(_REFRESH)
            try:
                await asyncio.to_thread(store.refresh)
            except Exception:  # noqa: BLE001 - a file may do anything; the next look may be better
                _log.exception("The folder of models could not be looked at")

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(keep_looking())
        try:
            yield
        finally:
            task.cancel()

    return lifespan


def _app(router: Router, infer: Infer) -> App:
    """Go past the router to infer, and say in our own words what the router refuses."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "POST" and (found := _INFER.fullmatch(scope["path"])):
            scope["path_params"] = found.groupdict()
            await infer(scope, receive, send)
            return
        scope["app"] = router  # by which it knows that its refusals may be raised
        try:
            await router(scope, receive, send)
        except HTTPException as error:
            path, headers = scope["path"][:100], error.headers or {}
            sentence = str(error.detail)
            if error.status_code == 404:
                sentence = f"There is nothing at {path}; /docs tells what there is."
            elif error.status_code == 405:
                sentence = f"{path} takes {headers.get('Allow', 'other methods')}."
            raise Refused(error.status_code, sentence, headers) from None

    return app
