"""Framed pictures to infer: the one answer that is asked for thousands of times a second.

It is an ASGI app without a router, a request and a response, which cost more than a picture does.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from mnistry.serving import protocol
from mnistry.serving.desk import Desk

if TYPE_CHECKING:
    from mnistry.serving.guard import Receive, Scope, Send
    from mnistry.serving.metrics import Metrics
    from mnistry.serving.store import ModelStore, Served

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
        content, headers = await self._answer(served, body, length)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": content})
        if len(body) > _WORTH_A_THREAD:  # whoever asked has the answer already
            await asyncio.to_thread(self._metrics.look, served.name)

    async def _answer(
        self, served: Served, body: bytes, length: str | None
    ) -> tuple[bytes, dict[str, str]]:
        began = time.perf_counter()
        large = len(body) > _WORTH_A_THREAD
        parse, answer = protocol.parse, protocol.answer
        if large:
            asked = await asyncio.to_thread(parse, body, length, served)
        else:
            asked = parse(body, length, served)
        parsed = time.perf_counter()
        found = await served.batcher.run(asked.images, self.desk)
        ran = time.perf_counter()
        if large:
            content, headers = await asyncio.to_thread(answer, asked, served, found)
        else:
            content, headers = answer(asked, served, found)
        at = served.batcher.typicality
        self._metrics.saw(served.name, asked.images, None if at is None else found[at])
        self._metrics.took(served.name, parsed - began, ran - parsed, time.perf_counter() - ran)
        return content, headers
