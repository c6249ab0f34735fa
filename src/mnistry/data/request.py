"""A request for a file: asked politely, answered in bounded time and bytes, or refused in words.

The standard library speaks HTTP and knows proxies and TLS. Added here: every byte of an
answer, from its status line on, passes through `_Patient`, so that no server can keep us
waiting for ever, and redirects stay few and within http and https.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import string
import time
import traceback
import urllib.request
from typing import Any, cast
from urllib.error import URLError
from urllib.parse import quote, urljoin

from mnistry import __version__

_HEAD = 1 << 20  # bytes that a server may spend before the body
_LEAST = 1024  # bytes a second, on average over the timeout
_REDIRECTS = 5


class Refusal(Exception):  # noqa: N818 - an answer, which the next mirror may better
    """Why a server did not serve; `text` goes on from its name.

    `kind` is `network`, `proxy`, `tls` or `server`; `again`: the same server may well serve
    if it is asked once more; `via`: the proxy in use, if any.
    """

    def __init__(self, url: str, text: str, kind: str = "server", again: bool = False) -> None:
        self.via = _proxy(url).rpartition("@")[2].removeprefix("http://")  # no password
        through = f" (through the proxy {self.via})" if self.via else ""
        super().__init__(f"{_host(url)}{through} {text}")
        self.kind = kind
        self.again = again


class Response(http.client.HTTPResponse):
    """An answer that is read with patience, but not for ever."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._patient = _Patient(self.fp.detach(), sock.gettimeout() or 30.0)
        self.fp = io.BufferedReader(self._patient)

    def allow(self, count: int) -> None:
        """Accept `count` bytes more."""
        self._patient.left += count


def ask(url: str, start: int, timeout: float) -> Response:
    """Ask for the file at `url` from byte `start` on.

    Parameters
    ----------
    timeout : seconds to wait for a connection and for each sign of life; over any such
        stretch the server must send at least 1 KiB a second on average.

    Returns
    -------
    response : the answer, whatever its status, but no redirect. Its body has not been read;
        `allow` says how much of it may be.

    Raises
    ------
    Refusal : there is no answer in HTTP, or it leads on and on, or away from http and https.
    """
    # To a name like Python's own, NIST's server answers 403.
    headers = {"User-Agent": f"mnistry/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), _HTTPHandler(), _HTTPSHandler()):
        opener.add_handler(handler)
    try:
        for _ in range(_REDIRECTS + 1):
            request = urllib.request.Request(url, headers=headers)  # noqa: S310 - looked at next
            if request.type not in ("http", "https"):
                raise Refusal(url, f"is a {request.type}: address, not http or https")
            if not re.match(r"(https?://|(?!.*://))", _proxy(url)):
                raise Refusal(url, "was not asked: only HTTP proxies can be used", "proxy")
            response = cast("Response", opener.open(request, timeout=timeout))
            if response.status not in (301, 302, 303, 307, 308):
                return response
            response.close()
            place = response.headers.get("Location", "")
            place = quote(place, safe=string.punctuation, encoding="iso-8859-1")
            url, last = urljoin(url, place), url
            if not url.startswith(("http://", "https://")):
                raise Refusal(last, "leads to an address that is not http or https")
        raise Refusal(url, "leads from one address to the next without end")
    except (OSError, http.client.HTTPException, ValueError) as error:
        for one in (error, error.__context__):
            if one is not None:  # what a proxy's refusal leaves open is closed with its frames
                traceback.clear_frames(one.__traceback__)
        raise _explain(error, url, timeout) from None


def _explain(error: Exception, url: str, timeout: float) -> Refusal:
    """Say in words why there was no answer."""
    cause = error.reason if isinstance(error, URLError) else error
    match cause:
        case ssl.SSLCertVerificationError():
            reason = getattr(cause, "verify_message", "") or "no reason given"
            text = f"showed a certificate that this machine does not trust ({reason})"
            return Refusal(url, text, "tls")
        case ssl.SSLError():
            reason = getattr(cause, "reason", "") or "no reason given"
            return Refusal(url, f"failed to set up TLS ({reason})", "tls")
        case socket.gaierror():
            return Refusal(url, "could not be found by its name", "network")
        case TimeoutError():
            return Refusal(url, f"did not answer within {timeout:g} seconds", "network")
        case ConnectionRefusedError():
            return Refusal(url, "refused the connection", "network")
        case ConnectionError():
            return Refusal(url, "broke the connection off", "network")
        case OSError() if found := re.search(r"Tunnel connection failed: (\d{3})", str(cause)):
            return Refusal(url, f"was not reached: the proxy answered {found[1]}", "proxy")
        case OSError():
            reason = cause.strerror or "no reason given"
            return Refusal(url, f"could not be reached ({reason})", "network")
        case http.client.InvalidURL() | ValueError() | str():
            return Refusal(url, "has an address that can't be used")
    return Refusal(url, "did not answer in HTTP")


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _proxy(url: str) -> str:
    """Give the proxy that the environment sets for `url`; empty if none."""
    if urllib.request.proxy_bypass(_host(url)):
        return ""
    return urllib.request.getproxies().get(url.partition("://")[0], "")


class _Patient(io.RawIOBase):
    """A socket's stream that gives up on a sender who is too slow or sends too much."""

    def __init__(self, stream: io.RawIOBase, timeout: float) -> None:
        self._stream = stream
        self._timeout = timeout
        self._since: float | None = None
        self._count = 0
        self.left = _HEAD

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._stream.readinto(buffer) or 0
        now = time.monotonic()
        if self._since is None:  # waiting for the first byte was the socket's timeout's job
            self._since = now
        self._count += count
        self.left -= count
        if self.left < 0:
            raise http.client.HTTPException("more bytes than are allowed")
        seconds = now - self._since
        if seconds > self._timeout:
            if self._count < _LEAST * seconds:
                raise TimeoutError("too few bytes a second")
            self._since, self._count = now, 0
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Connection(http.client.HTTPConnection):
    response_class = Response


class _SecureConnection(http.client.HTTPSConnection):
    response_class = Response


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)
