"""A server, started, asked by a client in this process, and stopped.

``served.py mnist.npz --server NAME --connections N --seconds S --alone M`` prints one JSON object:
requests a second, the median and the 99th percentile of the seconds of an answer under load, the
median of M requests by one connection alone, the share of right answers; of mnistry also the
pictures a second of a request with 10,000.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mnistry.models.file import shipped_model, shipped_path

HERE = Path(__file__).parent
PICTURES = 256  # different ones that are asked about
Find = Callable[[Any], Any]


def main() -> None:
    """Start, ask, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--server", choices=list(SERVERS), required=True)
    for size in ("--connections", "--seconds", "--alone"):
        parser.add_argument(size, type=int, required=True)
    args = parser.parse_args()
    with np.load(args.data) as arrays:
        images = arrays["x_test"]
    command, path, body, find = SERVERS[args.server]
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = os.environ | {
            "MODEL": str(shipped_path()), "PORT": str(port), "PYTHONPATH": str(HERE),
            "BENTOML_DO_NOT_TRACK": "1", "BENTOML_HOME": folder, "MNISTRY_HOME": folder,
        }  # fmt: skip
        with subprocess.Popen(
            command(Path(folder), port), cwd=folder, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as server:  # fmt: skip
            try:
                requests = [request(path, orjson.dumps(body(one))) for one in images[:PICTURES]]
                truth = shipped_model().predict_proba(images[:PICTURES])
                client = Client(port, requests, truth, find)
                client.wait(server)
                asyncio.run(client.load(args.connections, 1))
                client.seconds.clear()
                spent = asyncio.run(client.load(args.connections, args.seconds))
                under = client.seconds
                client.seconds = []
                asyncio.run(client.load(1, 60, most=args.alone))
                found = {
                    "seconds": spent / len(under),
                    "rate": len(under) / spent,
                    "median": statistics.median(under),
                    "p99": float(np.quantile(under, 0.99)),
                    "single": statistics.median(client.seconds),
                    "accuracy": 1 - client.wrong / (len(under) + len(client.seconds)),
                }
                if args.server == "mnistry":
                    found |= many(port, images[:10_000])
            finally:
                server.terminate()  # it ends its own workers
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(15)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGKILL)
    print(json.dumps(found))


class Client:
    """Asks a server over connections that stay open; checks every answer."""

    def __init__(self, port: int, requests: list[bytes], truth: Any, find: Find) -> None:
        self.port, self.requests, self.truth, self.find = port, requests, truth, find
        self.seconds: list[float] = []
        self.wrong = 0

    def wait(self, server: subprocess.Popen[bytes]) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and server.poll() is None:
            try:
                asyncio.run(self.load(1, 60, most=1))
            except (OSError, asyncio.IncompleteReadError, ValueError):
                time.sleep(0.3)
                continue
            self.seconds.clear()
            self.wrong = 0
            return
        server.kill()
        said = server.stderr.read().decode() if server.stderr else ""
        raise RuntimeError(said[-3000:])

    async def load(self, connections: int, seconds: float, most: int | None = None) -> float:
        """Ask for so long, or so often; give the seconds that it took."""
        start = time.perf_counter()
        end = start + seconds
        await asyncio.gather(*(self._ask(i, end, most) for i in range(connections)))
        return time.perf_counter() - start

    async def _ask(self, at: int, end: float, most: int | None) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        while time.perf_counter() < end and most != 0:
            at = (at + 7) % len(self.requests)
            began = time.perf_counter()
            writer.write(self.requests[at])
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 200"):
                raise ValueError(head.decode())
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            self.seconds.append(time.perf_counter() - began)
            found = np.ravel(self.find(orjson.loads(body)))
            self.wrong += int(np.abs(found - self.truth[at]).max() > 1e-5)
            most = None if most is None else most - 1
        writer.close()


def request(path: str, body: bytes, more: str = "") -> bytes:
    """Write a request out."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}{more}content-length: {len(body)}\r\n\r\n".encode() + body


def many(port: int, images: Any) -> dict[str, float]:
    """Time a request with many pictures, as bytes and as JSON; the median of five."""
    given = {"name": "images", "datatype": "UINT8", "shape": list(images.shape)}
    wanted = [{"name": "probabilities"}]
    told = {
        "inputs": [{**given, "parameters": {"binary_data_size": images.size}}],
        "outputs": [{**wanted[0], "parameters": {"binary_data": True}}],
    }
    head = orjson.dumps(told)
    more = f"inference-header-content-length: {len(head)}\r\n"
    path = "/v2/models/convnet/infer"
    plain = orjson.dumps(
        {"inputs": [{**given, "data": images.ravel().tolist()}], "outputs": wanted}
    )
    forms = {
        "bytes_rate": request(path, head + images.tobytes(), more),
        "json_rate": request(path, plain),
    }
    rates = {}
    for name, form in forms.items():
        client = Client(port, [form], None, np.asarray)
        times = []
        for _ in range(6):
            began = time.perf_counter()
            asyncio.run(_once(client))
            times.append(time.perf_counter() - began)
        rates[name] = len(images) / statistics.median(times[1:])
    return rates


async def _once(client: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=2**26)
    writer.write(client.requests[0])
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head  # noqa: S101
    await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    writer.close()


def tensor(image: Any) -> dict[str, Any]:
    """One picture in the Open Inference Protocol."""
    given = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28]}
    return {
        "inputs": [{**given, "data": image.ravel().tolist()}],
        "outputs": [{"name": "probabilities"}],
    }


Server = tuple[Callable[[Path, int], list[str]], str, Callable[[Any], Any], Find]
SERVERS: dict[str, Server] = {
    "mnistry": (
        lambda _, port: [sys.executable, "-m", "mnistry", "serve", "--port", str(port)],
        "/v2/models/convnet/infer", tensor, lambda told: told["outputs"][0]["data"],
    ),
    "bentoml": (
        lambda _, port: [
            str(Path(sys.executable).with_name("bentoml")), "serve", "bentoml_service:Convnet",
            "--working-dir", str(HERE), "--port", str(port), "--host", "127.0.0.1",
        ],
        "/predict", lambda image: {"images": [image.tolist()]}, lambda told: told,
    ),
    "litserve": (
        lambda *_: [sys.executable, str(HERE / "litserve_server.py")],
        "/predict", lambda image: {"image": image.ravel().tolist()}, lambda told: told,
    ),
}  # fmt: skip


if __name__ == "__main__":
    main()
