"""Connections that keep the server waiting are cut off: no head, or no one to take the answer."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 10.0  # seconds in which a request's head must have come
TAKEN = 20.0  # seconds in which some of an answer must have been taken
MOST = 1000  # connections
_LOOK = 2.0


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with an end to its patience."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        now = self.loop.time()
        self._head_since: float | None = now
        self._full_since: float | None = None
        self._look_again = self.loop.call_later(_LOOK, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if hasattr(self, "_look_again"):
            self._look_again.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; between two requests, it begins a head."""
        between = self.cycle is None or self.cycle.response_complete
        if between and self._head_since is None:
            self._head_since = self.loop.time()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Go on to the body, whose time the guard takes."""
        self._head_since = None
        super().on_headers_complete()

    def _look(self) -> None:
        now = self.loop.time()
        if not self.flow.write_paused:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now
        waits = self._head_since is not None and now - self._head_since > HEAD
        stuck = self._full_since is not None and now - self._full_since > TAKEN
        if waits or stuck:
            self.transport.abort()
            return
        self._look_again = self.loop.call_later(_LOOK, self._look)
