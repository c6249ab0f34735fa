"""Hands on a cluster: Ray's tasks, a core for each, wherever it has one.

Tasks and not Ray Data: its readers raise over a damaged file or leave it out, its own retries go
on for ever where a picture kills every process that reads it, and its rows would be others than
those that one machine writes. A part is its own unit of work, and what Ray must do is run it.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from typing import Any

from mnistry.cores import cores
from mnistry.errors import InputError, MissingExtra
from mnistry.reader.job.hand import Hand, Refusal, Tally, Task
from mnistry.reader.job.plan import Part

_MEMORY = 128 * 2**20  # bytes that a Ray of ours shares between processes; parts are small
_PATIENCE = 10  # seconds until a Ray must answer
# Ray replaces 127.0.0.1 by the machine's address in the network, but takes this loopback address.
# Only Linux has it configured.
_LOOPBACK = {"_node_ip_address": "127.0.0.2"} if sys.platform == "linux" else {}
_NO_PROXY = "http://127.0.0.1:9"  # the discard port, on which nothing listens
_PROXY_VARIABLES = ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY")


def load_ray(address: str) -> Any:
    """Import Ray without usage statistics; for an instance of our own, with a token.

    Raises
    ------
    MissingExtra : it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns
    if not address:
        # Without a token, any other user of this machine could run code in our instance.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError:
        raise MissingExtra("Reading on a cluster", "Ray", "ray") from None
    return ray


class Cluster:
    """A Ray that reads parts: one that runs, or one of our own on this machine's cores.

    Parameters
    ----------
    address : "auto", "host:port" or "ray://host:port"; "" for one of our own, which ends with
        this. Nobody else can use that one.

    Raises
    ------
    MissingExtra : Ray is not installed.
    InputError : no Ray is there.
    """

    def __init__(self, task: Task, address: str) -> None:
        self._ray = ray = load_ray(address)
        own: dict[str, Any] = {}
        if not address:
            own = {"num_cpus": cores(), "object_store_memory": _MEMORY, "include_dashboard": False}
            own |= _LOOPBACK
        self._open = ExitStack()
        # It prints a paragraph for each process that is killed, which `next` tells as well.
        nowhere = open(os.devnull, "w")  # noqa: SIM115 - closed with the rest
        self._open.enter_context(nowhere)
        self._open.enter_context(redirect_stdout(nowhere))
        self._busy: dict[Any, Part] = {}
        try:
            _knock(address)
            silence = warnings.catch_warnings(action="ignore")  # Ray warns before it raises
            with silence, nullcontext() if address else _without_metadata_requests():
                ray.init(address or "local", logging_level="error", log_to_driver=False, **own)
        except Exception as error:  # noqa: BLE001 - Ray raises bare exceptions, such as for a slow start
            self._open.close()
            raise InputError(
                f"No Ray answers at {address or 'this machine'!r} "
                f"({' '.join(str(error).split()):.200}); start one with `ray start --head`, or "
                "leave ADDRESS out."
            ) from None
        self._open.callback(ray.shutdown)
        # What is lost is asked for again by us, who know how often that was.
        self._work = ray.remote(num_cpus=1, max_retries=0)(_work)
        self._task = ray.put(task)
        self._proxies = {} if address else _proxies()
        self._key = secrets.token_hex(8)

    @property
    def busy(self) -> int:
        """How many parts are being read, or wait for a core."""
        return len(self._busy)

    @property
    def most(self) -> int:
        """How many should be: more than there are cores, so that a cluster that can grow does."""
        return 2 * max(int(self._ray.cluster_resources().get("CPU", 0)), 1)

    def send(self, part: Part, *, careful: bool) -> None:
        """Let a part be read where there is a core."""
        self._busy[self._work.remote(self._task, self._key, self._proxies, part, careful)] = part

    def next(self) -> tuple[Part, Tally | Refusal | None]:
        """Wait for a part; None stands for what came of it if its process or machine is gone."""
        [done], _ = self._ray.wait(list(self._busy), num_returns=1)
        part = self._busy.pop(done)
        try:
            answer: Tally | Refusal = self._ray.get(done)
        except self._ray.exceptions.RayTaskError:
            raise  # a fault of ours
        except self._ray.exceptions.RayError:
            return part, None
        return part, answer

    def close(self) -> None:
        """Leave the cluster, or end it if it is our own; what was being read is not written."""
        self._open.close()


def _proxies() -> dict[str, str | None]:
    """Return the environment variables that choose a proxy; None for those that are not set."""
    return {name: os.environ.get(name) for name in _PROXY_VARIABLES}


def _set_proxies(proxies: dict[str, str | None]) -> None:
    """Set or remove the environment variables that choose a proxy."""
    for name, value in proxies.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _without_metadata_requests() -> Iterator[None]:
    """Keep processes that start within the context from asking where they run.

    Ray's head process asks the metadata services of three clouds whether it runs there, over plain
    HTTP, even if usage statistics are off. No option prevents it. A proxy that does not exist does.
    """
    before = _proxies()
    _set_proxies(
        {"http_proxy": _NO_PROXY, "HTTP_PROXY": _NO_PROXY, "no_proxy": None, "NO_PROXY": None}
    )
    try:
        yield
    finally:
        _set_proxies(before)


def _knock(address: str) -> None:
    """See whether anyone answers there at all; Ray itself would wait for minutes.

    Raises
    ------
    OSError : no one does.
    """
    host, _, port = address.removeprefix("ray://").partition("/")[0].rpartition(":")
    if host:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()


_hand: tuple[str, Hand] | None = None  # of a process of Ray's, which is kept from task to task


def _work(
    task: Task, key: str, proxies: dict[str, str | None], part: Part, careful: bool
) -> Tally | Refusal:
    global _hand
    _set_proxies(proxies)  # a worker of our own instance inherited a proxy that does not exist
    if _hand is None or _hand[0] != key:
        _hand = key, Hand(task)
    return _hand[1].do(part, careful=careful)
