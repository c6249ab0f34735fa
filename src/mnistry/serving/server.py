"""The HTTP server: it runs until SIGINT or SIGTERM, and then finishes running requests."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mnistry.errors import InputError, MissingExtra
from mnistry.runtime import load_cv2

if TYPE_CHECKING:
    from mnistry.serving.guard import Limits

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
_LEAST_KEY = 16  # characters
_BACKLOG = 512
_PORTS = {"http": 80, "https": 443}
# Seconds for running requests to finish after SIGTERM. With `_LAST` this is less than the 30 after
# which Kubernetes kills a process.
GRACE = 20
_LAST = 5  # seconds after the grace, when the process exits even if threads are still at work


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    models: Path | None = None,
    key: str | None = None,
    limits: Limits | None = None,
    grace: int = GRACE,
    origins: Sequence[str] = (),
    on_start: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Then running requests have `grace` seconds to finish. The reading of an image can't be
    interrupted: if one still goes on five seconds later, the process exits all the same, with code
    0.

    Parameters
    ----------
    host, port : where to listen; port 0 for any that is free.
    models : a folder of model files; see `ModelStore`.
    key : what clients must send; required if other machines can connect.
    grace : seconds, 1 or more.
    origins : other sites, such as `https://example.org`, whose pages may send requests; `*` for
        all.
    on_start : called with the address once the server listens.

    Raises
    ------
    InputError : the address is not available, the folder does not exist, or a key is missing.
    MissingExtra : the extra `serve` is not installed.
    """
    try:
        import httptools  # noqa: F401
        import orjson  # noqa: F401
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise MissingExtra("Serving", str(error.name), "serve") from None
    load_cv2()  # fail here, and not at the first request to read
    from mnistry.serving.app import make_app
    from mnistry.serving.guard import without_port
    from mnistry.serving.patience import PatientProtocol
    from mnistry.serving.store import ModelStore

    alone = _is_this_machine(host)
    if key is not None and (len(key) < _LEAST_KEY or not key.isascii() or not key.isprintable()):
        raise InputError(
            f"A key must have at least {_LEAST_KEY} plain characters; take a random one."
        )
    if key is None and not alone:
        raise InputError(
            f"{host} can be called from other machines, so that a key is needed: set the "
            "environment variable MNISTRY_KEY, or serve on 127.0.0.1."
        )
    allowed = frozenset(_origin(origin) for origin in origins)
    if "*" in allowed and key is None:
        raise InputError(
            "`--allow-origin '*'` lets the pages of every site send requests, so it needs a key: "
            "set the environment variable MNISTRY_KEY, or name the origins."
        )
    if grace < 1:
        raise InputError(f"`--grace` must be 1 second or more; got {grace}.")
    hosts = None
    if alone:
        # A reverse proxy on this machine may forward the site's own name in `Host`.
        names = {without_port(origin.partition("://")[2]) for origin in allowed - {"*"}}
        hosts = frozenset({"localhost", "127.0.0.1", "[::1]", host.lower(), *names})
    listening = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}/"
    guard, service = make_app(
        ModelStore(models), limits=limits, key=key, hosts=hosts, origins=allowed
    )

    last = threading.Timer(grace + _LAST, os._exit, (0,))
    last.daemon = True

    class Server(uvicorn.Server):
        """uvicorn's server, which also ends streams at shutdown, and always exits."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
            """Shut down gracefully, or at once at a second signal; the exit code remains 0."""
            service.trainings.stop()
            self.force_exit = self.should_exit
            self.should_exit = True
            if not self.force_exit:
                last.start()

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            """Begin to listen."""
            await super().startup(sockets)
            if on_start is not None and self.started:
                on_start(url)

    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of clients' faults
    config = uvicorn.Config(
        guard,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=grace,
        timeout_keep_alive=30,
        backlog=_BACKLOG,
    )
    tune_allocator()
    # Objects that exist now are permanent: the garbage collector need not look at them again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    Server(config).run(sockets=[listening])
    if not service.is_busy:
        last.cancel()


def tune_allocator() -> None:
    """Make glibc's allocator return to the system what large requests needed.

    By default each thread allocates from one of many arenas, and the size from which memory is
    mapped by itself, and so returned at once, rises with the largest that was freed, up to 32 MB.
    After some hours of large images most of the process's memory is holes in arenas.
    """
    with contextlib.suppress(AttributeError, OSError):  # other C libraries lack `mallopt`
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 2**20)
        mallopt(_M_TRIM_THRESHOLD, 2**22)


def _origin(text: str) -> str:
    """Return an origin as browsers send it.

    Raises
    ------
    InputError : it is no origin.
    """
    if text == "*":
        return text
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # an IPv6 address or a port that is not valid
        parts, port = urlsplit(""), None
    has_rest = parts.path not in ("", "/") or parts.query or parts.fragment or "@" in text
    is_name = bool(parts.hostname) and text.isascii() and " " not in text
    if parts.scheme not in _PORTS or not is_name or has_rest:
        raise InputError(
            f"`--allow-origin` must be an origin as https://example.org, or *; got {text[:100]!r}."
        )
    # Browsers leave out the default port of the scheme.
    name = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{parts.scheme}://{name}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def _is_this_machine(host: str) -> bool:
    """Tell whether only programs on this machine can call an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InputError(f"`--port` must be from 0 to 65535; got {port}.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{host}:{port} can't be served on: {reason}; choose another `--host` or `--port`."
        ) from None
    return listening
