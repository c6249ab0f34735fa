"""Framed pictures to infer: the one answer that is asked for thousands of times a second.

It is an ASGI app without a router, a request and a response, which cost more than a picture does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from mnistry.serving import protocol
from mnistry.serving.desk import Desk
from mnistry.serving.protocol import Asked

if TYPE_CHECKING:
    from mnistry.serving.guard import Receive, Scope, Send
    from mnistry.serving.metrics import Metrics
    from mnistry.serving.store import ModelStore, Served

Answer = Callable[[Asked, Any, list[NDArray[np.float32]]], tuple[bytes, dict[str, str]]]

_HEADER = protocol.HEADER.encode()
_WORTH_A_THREAD = 2**18  # bytes of a body


class Infer:
    """Answers requests to infer, whose `path_params` are the model and perhaps its version."""

    def __init__(self, store: ModelStore, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics
        self.desk = Desk(waiting=None, name="large")  # the guard bounds how many requests wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks for it; the guard gives the body whole."""
        asked_for = scope["path_params"]
        served = self._store.get(asked_for["model"], asked_for.get("version"))
        body = (await receive())["body"]
        header = dict(scope["headers"]).get(_HEADER)
        length = None if header is None else header.decode("latin-1")
        parse = partial(protocol.parse, body, length, served)
        content, headers = await self._answer(served, parse, protocol.answer, len(body))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": content})
        if len(body) > _WORTH_A_THREAD:  # the response has been sent
            await asyncio.to_thread(self._metrics.look, served.name)

    async def predict(self, request: Request) -> Response:
        """Answer in the form of KServe's V1 protocol."""
        served = self._store.get(request.path_params["model"])
        body = await request.body()
        parse = partial(protocol.parse_instances, body, served)
        content, headers = await self._answer(served, parse, protocol.predictions, len(body))
        return Response(content, headers=headers)

    async def _answer(
        self, served: Served, parse: Callable[[], Asked], answer: Answer, size: int
    ) -> tuple[bytes, dict[str, str]]:
        """Parse a body of `size` bytes, run the model, and update the statistics."""
        began = time.perf_counter()
        large = size > _WORTH_A_THREAD
        try:
            asked = await asyncio.to_thread(parse) if large else parse()
            parsed = time.perf_counter()
            found = await served.batcher.run(asked.images, self.desk)
            ran = time.perf_counter()
            if large:
                content, headers = await asyncio.to_thread(answer, asked, served, found)
            else:
                content, headers = answer(asked, served, found)
        except BaseException:
            served.statistics.failed(time.perf_counter() - began)
            raise
        at = served.batcher.typicality
        self._metrics.saw(served.name, asked.images, None if at is None else found[at])
        took = parsed - began, ran - parsed, time.perf_counter() - ran
        self._metrics.took(served.name, *took)
        served.statistics.succeed(*took)
        return content, headers
