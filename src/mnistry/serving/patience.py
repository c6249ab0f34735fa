"""Close connections that send no request head, or do not read the response (slow clients)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections import Counter

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mnistry.serving.guard import refusal

HEAD = 10.0  # seconds in which a request's head must have come
TAKEN = 20.0  # seconds in which some of an answer must have been taken
MOST = 1000  # connections
# Connections of one address other than this machine's. A class behind one router has thirty
# browsers, each of which opens six connections.
MOST_OF_ONE = 250
MOST_HEAD = 2**16  # bytes of a request that are no body: its head, and what comes behind
_TOO_LONG = refusal(431, "A request's head may have at most 65,536 bytes.")
_LOOK = 2.0
_UNSENT = 2**17  # bytes of an answer that the system may hold besides those on their way


_connected: Counter[str | None] = Counter()  # connections by address


def _address_of(transport: asyncio.Transport) -> str | None:
    """Return the client's IP address; None for this machine, where a reverse proxy may run."""
    peer = transport.get_extra_info("peername")
    if not isinstance(peer, tuple):  # a socket of this machine
        return None
    address = ipaddress.ip_address(peer[0].partition("%")[0])
    plain = getattr(address, "ipv4_mapped", None) or address
    return None if plain.is_loopback else str(plain)


class _Gathered:
    """A transport that sends what is written in one turn of the loop at once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []
        self._sent = 0
        for name in (
            "get_extra_info",
            "is_closing",
            "pause_reading",
            "resume_reading",
            "set_protocol",
            "get_protocol",
            "get_write_buffer_size",
        ):
            setattr(self, name, getattr(transport, name))

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def _send(self) -> None:
        if self._parts:
            data, self._parts = b"".join(self._parts), []
            self._sent += len(data)
            self._transport.write(data)

    def taken(self) -> int:
        """Give how many bytes the other side's system, or ours for it, has taken so far."""
        return self._sent - self._transport.get_write_buffer_size()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def abort(self) -> None:
        self._parts = []
        self._transport.abort()


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with an end to its patience."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self._head_since: float | None = self.loop.time()
        self._look_due = self._head_since + _LOOK
        self._came = self._given = 0  # bytes of this request, and of its body
        self._taken, self._taken_at = 0, self.loop.time()
        self._gathered = _Gathered(transport, self.loop)
        self._look_again = self.loop.call_at(self._look_due, self._look)
        # Else it takes megabytes at once, and then for long none, however steadily they are read.
        with contextlib.suppress(AttributeError, OSError):  # not every system knows of it
            of = socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT
            transport.get_extra_info("socket").setsockopt(*of, _UNSENT)
        super().connection_made(self._gathered)  # type: ignore[arg-type]
        self._address = _address_of(transport)
        _connected[self._address] += 1
        if len(self.connections) > MOST or self._is_one_too_many():
            transport.abort()

    def _is_one_too_many(self) -> bool:
        return self._address is not None and _connected[self._address] > MOST_OF_ONE

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._look_again.cancel()
        _connected[self._address] -= 1
        if _connected[self._address] <= 0:
            del _connected[self._address]
        self._gathered.abort()  # what is not sent yet, is for no one
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; between two requests, it begins a head."""
        between = self.cycle is None or self.cycle.response_complete
        if between and self._head_since is None:
            self._head_since = self.loop.time()
        self._came += len(data)
        super().data_received(data)
        # A body in pieces has a line for each, a few bytes where the pieces are single ones.
        if self._came - self._given > MOST_HEAD + 8 * self._given:
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_TOO_LONG)
                self.transport.close()
            else:
                self.transport.abort()

    def on_body(self, body: bytes) -> None:
        """Count what is body."""
        self._given += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew."""
        self._came = self._given = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Say that it was no HTTP, as everything is said here."""
        self.transport.write(refusal(400, "That was no request of HTTP/1.1."))
        self.transport.close()

    def on_headers_complete(self) -> None:
        """Go on to the body, whose time the guard takes."""
        self._head_since = None
        super().on_headers_complete()

    def _look(self) -> None:
        now, taken = self.loop.time(), self._gathered.taken()
        # Time in which the event loop was blocked does not count as the client's.
        late = max(now - self._look_due, 0.0)
        self._taken_at += late
        if self._head_since is not None:
            self._head_since += late
        # An answer is written in one go: whether more may be written says nothing of who takes it.
        if not self.flow.write_paused or taken > self._taken:
            self._taken, self._taken_at = taken, now
        waits = self._head_since is not None and now - self._head_since > HEAD
        stuck = now - self._taken_at > TAKEN
        if waits or stuck:
            self.transport.abort()
            return
        self._look_due = now + _LOOK
        self._look_again = self.loop.call_at(self._look_due, self._look)
