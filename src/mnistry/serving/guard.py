"""Middleware that checks callers, and limits requests, their size and their duration."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.middleware.cors import CORSMiddleware

from mnistry.errors import InputError, printable
from mnistry.serving.errors import Refused

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

_OPEN = ("/", "/docs", "/v2/health/live", "/v2/health/ready", "/favicon.ico")  # to all, always
STREAMS = ("/training",)  # limit their own duration and number
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: list[Header] = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_CLOSE = {"Connection": "close"}  # with a refusal of what has not come whole
_LINGER, _MOST_LINGER = 2.0, 2**27  # seconds and bytes that the rest of it is then taken
_METHODS = ["GET", "POST", "DELETE"]
_CORS_HEADERS = [
    "authorization", "x-api-key", "content-type", "content-encoding",
    "inference-header-content-length",
]  # fmt: skip
_INFERENCE = "/v1/models/", "/v2/models/"
_TICK = 0.25  # seconds between two checks of a body's timeout
_QUICK_BODY = 2**18  # bytes of a request to infer that is answered in a moment
_DENSEST = 1040  # times its size that packed bytes can become, at most (RFC 1951)
_log = logging.getLogger("mnistry.serving")


@dataclass(frozen=True)
class Limits:
    """How much a server takes on.

    Attributes
    ----------
    body : bytes of a request with pictures. small : bytes of any other.
    bodies : bytes of all requests that are being answered.
    requests : that are being answered at a time; more are told to come again.
    upload, answer : seconds that a body may take to arrive, and an answer to be made.
    """

    body: int = 64 * 2**20
    small: int = 2**20
    bodies: int = 256 * 2**20
    requests: int = 512
    upload: float = 20.0
    answer: float = 60.0


class Guard:
    """Middleware that passes requests on with their whole body, or answers why it does not.

    Parameters
    ----------
    key : what callers must show; None for nothing.
    hosts : names allowed in the `Host` header; None for any. They prevent DNS rebinding: a page
        of another site whose name was made to point to this server could use it otherwise.
    origins : other sites, such as `https://example.org`, whose pages may send requests (CORS);
        `*` for all.
    """

    def __init__(
        self,
        app: App,
        limits: Limits,
        key: str | None,
        hosts: frozenset[str] | None,
        origins: frozenset[str] = frozenset(),
    ):
        self.app, self.limits, self.hosts, self.origins = app, limits, hosts, origins
        # The CORS middleware comes first: preflights can't send a key, and errors need its headers
        # for a page to read them.
        self._cors = CORSMiddleware(
            self._answer,
            allow_origins=sorted(origins),
            allow_methods=_METHODS,
            allow_headers=_CORS_HEADERS,
            expose_headers=["retry-after", "inference-header-content-length"],
        )
        self.key = None if key is None else key.encode()
        self.busy = self.bytes = 0
        self.rejected = self.abandoned = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks for it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self.origins and self._is_allowed(dict(scope["headers"]).get(b"origin")):
            await self._cors(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = finished = False

        async def send_guarded(message: Message) -> None:
            nonlocal started, finished
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *_HEADERS]
            elif message["type"] == "http.response.body":
                finished = not message.get("more_body", False)
            await send(message)

        try:
            await self._admit(scope, receive, send_guarded)
        except Refused as no:
            await _refuse(send_guarded, started, no.status, no.sentence, no.headers, receive)
        except InputError as error:
            await _refuse(send_guarded, started, 422, str(error))
        except TimeoutError:
            await _refuse(send_guarded, started, 503, "This took too long; give less at once.")
        except _Gone:
            # The server also reports a disconnect after a complete answer.
            self.abandoned += not finished
        except Exception:  # noqa: BLE001 - it is told in the log, and nothing of it to the client
            _log.exception("%s %s failed", scope["method"], scope["path"])
            sentence = "Something went wrong here; the server's log says what."
            await _refuse(send_guarded, started, 500, sentence)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        path = scope["path"]
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            raise Refused(400, "A request has one Host header; this one has several.")
        self._check_caller(headers, path)
        if path in _OPEN:
            await self.app(scope, receive, send)
            return
        if self.busy >= self.limits.requests:
            self._turn_away()
        packed = headers.get(b"content-encoding", b"").lower()
        if packed not in (b"", b"identity", b"gzip", b"x-gzip", b"deflate"):
            sentence = "A body's Content-Encoding may be gzip, deflate, or none."
            raise Refused(415, sentence, {"Accept-Encoding": "gzip, deflate"})
        large = path == "/read" or path.startswith(_INFERENCE)
        most = self.limits.body if large else min(self.limits.body, self.limits.small)
        body = await self._body(headers, receive, most)
        held = len(body)
        try:
            if body and packed not in (b"", b"identity"):
                room = min(most, _DENSEST * len(body))
                if self.bytes + room > self.limits.bodies:
                    self._turn_away()
                self.bytes += room  # until it is known what comes out of it
                held += room
                body = await asyncio.to_thread(_unpacked, body, most)
                self.bytes -= room - len(body)
                held -= room - len(body)
            if self.busy >= self.limits.requests:
                self._turn_away()
            if path in STREAMS:
                await self.app(scope, _once(body, receive), send)
                return
            self.busy += 1
            try:
                async with asyncio.timeout(self.limits.answer):
                    if path.startswith(_INFERENCE) and len(body) <= _QUICK_BODY:
                        # Watching for a disconnect would take longer than answering.
                        await self.app(scope, _once(body, receive), send)
                    else:
                        await _unless_gone(self.app(scope, _once(body), send), receive)
            finally:
                self.busy -= 1
        finally:
            self.bytes -= held

    def _check_caller(self, headers: dict[bytes, bytes], path: str) -> None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self.hosts is not None and without_port(host) not in self.hosts:
            raise Refused(
                421, "The Host header does not name this server; use the address that it printed."
            )
        origin = headers.get(b"origin")
        if origin is not None:
            of = origin.decode("latin-1").lower().partition("://")[2]
            if of != host and not self._is_allowed(origin):
                raise Refused(
                    403, "Pages of other sites may not send requests here; see `--allow-origin`."
                )
        if self.key is None or path in _OPEN or path.startswith("/page/"):
            return
        shown = headers.get(b"authorization", b"")
        shown = shown[7:].strip() if shown[:7].lower() == b"bearer " else b""
        shown = shown or headers.get(b"x-api-key", b"")
        if not hmac.compare_digest(shown, self.key):
            raise Refused(401, "This server requires a key; send `Authorization: Bearer KEY`.")

    def _is_allowed(self, origin: bytes | None) -> bool:
        """Return whether pages of another site's origin may send requests."""
        if origin is None:
            return False
        return "*" in self.origins or origin.decode("latin-1").lower() in self.origins

    async def _body(self, headers: dict[bytes, bytes], receive: Receive, most: int) -> bytes:
        """Receive a body whole, within the limits, and count its bytes."""
        told = headers.get(b"content-length", b"0")
        if told.isdigit() and int(told[:20]) > most:
            raise _too_large(most, _CLOSE)
        parts: list[bytes] = []
        size = 0
        try:
            async with _responsive_timeout(self.limits.upload):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    size += len(part)
                    self.bytes += len(part)
                    parts.append(part)
                    if size > most:
                        raise _too_large(most, _CLOSE)
                    if self.bytes > self.limits.bodies:
                        self._turn_away()
                    more = message.get("more_body", False)
        except TimeoutError:
            self.bytes -= size
            sentence = f"The body did not arrive within {self.limits.upload:g} seconds."
            raise Refused(408, sentence, _CLOSE) from None
        except BaseException:
            self.bytes -= size
            raise
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _turn_away(self) -> None:
        self.rejected += 1
        raise Refused(503, "The server is busy; try again in a second.")


class _Gone(Exception):  # noqa: N818 - internal, never reported
    """The client has left."""


def _too_large(most: int, headers: Mapping[str, str] | None = None) -> Refused:
    return Refused(413, f"A request may have at most {most:,} bytes; send less at once.", headers)


def _unpacked(body: bytes, most: int) -> bytes:
    """Give what gzip or deflate has packed, never more than `most` bytes of it."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # whichever of the two it is
    try:
        plain = unpacker.decompress(body, most + 1)
    except zlib.error:
        plain = None
    if plain is not None and len(plain) > most:
        raise _too_large(most)
    if plain is None or not unpacker.eof or unpacker.unused_data:
        raise Refused(400, "The body is not whole, or not packed as its Content-Encoding says.")
    return plain


def without_port(host: str) -> str:
    """Return the name in a Host header."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


@contextlib.asynccontextmanager
async def _responsive_timeout(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError in the block after so many seconds in which the event loop was responsive.

    While other work blocks the loop, a body that has arrived may still be in the system's buffers.
    So each tick counts once, however late it comes.
    """
    loop = asyncio.get_running_loop()
    left = seconds
    due = loop.time() + _TICK
    handle: asyncio.TimerHandle

    def tick() -> None:
        nonlocal left, due, handle
        now = loop.time()
        # Data that came during a stall is read in the iterations of the loop after it.
        if now - due < _TICK:
            left -= _TICK
        if left <= 0:
            scope.reschedule(now)
            return
        due = now + _TICK
        handle = loop.call_at(due, tick)

    handle = loop.call_at(due, tick)
    try:
        async with asyncio.timeout(None) as scope:
            yield
    finally:
        handle.cancel()


async def _unless_gone(answer: Awaitable[None], receive: Receive) -> None:
    """Await an answer, and cancel it if the client disconnects first.

    Raises
    ------
    _Gone : the client has disconnected.
    """

    async def leave() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    work, left = asyncio.ensure_future(answer), asyncio.ensure_future(leave())
    try:
        await asyncio.wait((work, left), return_when=asyncio.FIRST_COMPLETED)
        is_done = work.done()
    finally:
        work.cancel()
        left.cancel()
        await asyncio.gather(work, left, return_exceptions=True)
    if not is_done:
        raise _Gone
    work.result()


def _once(body: bytes, receive: Receive | None = None) -> Receive:
    """Return a `receive` that gives the body as one message, and then the disconnect."""
    waiting = True

    async def receive_once() -> Message:
        nonlocal waiting
        if waiting:
            waiting = False
            return {"type": "http.request", "body": body, "more_body": False}
        if receive is None:  # `_unless_gone` waits for the disconnect
            await asyncio.get_running_loop().create_future()
            raise AssertionError
        return await receive()

    return receive_once


async def _refuse(
    send: Send,
    started: bool,
    status: int,
    sentence: str,
    more: Mapping[str, str] | None = None,
    receive: Receive | None = None,
) -> None:
    """Say no, unless an answer has begun, which can only be broken off."""
    if started:
        raise ConnectionAbortedError(sentence)
    headers, body = _error_response(sentence)
    headers += [(name.lower().encode(), value.encode()) for name, value in (more or {}).items()]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if receive is not None and more == _CLOSE:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await _let_come(receive)
        body = b""
    await send({"type": "http.response.body", "body": body})


async def _let_come(receive: Receive) -> None:
    """Take what is still sent, and forget it.

    Where a connection is closed on what was not taken, whoever sends is told that it was reset,
    and never sees the answer.
    """
    left, more = _MOST_LINGER, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            while more and left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                more = message.get("more_body", False)


def _error_response(sentence: str) -> tuple[list[Header], bytes]:
    # A name in it may hold surrogates, which UTF-8 can't encode.
    body = orjson.dumps({"error": printable(sentence)})
    length = str(len(body)).encode()
    return [(b"content-type", b"application/json"), (b"content-length", length)], body


def refusal(status: int, sentence: str) -> bytes:
    """Give a whole response, as bytes, to what is no request; the connection is to be closed."""
    headers, body = _error_response(sentence)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [name + b": " + value for name, value in (*headers, *_HEADERS)]
    return b"\r\n".join([*lines, b"connection: close", b"", body])
