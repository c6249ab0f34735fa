"""A server, started, asked by a client in this process, and stopped; see `serving.py`.

``served.py mnist.npz --server NAME --connections N --seconds S --alone M`` prints one JSON object:
requests a second, the median and the 99th percentile of the seconds of an answer under load, the
median of M requests by one connection alone, the share of right answers; of mnistry also the
pictures a second of a request with 10,000.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from asking import Client
from compare import PEERS
from judging import Find, Judge, request, tensor, told
from mnistry.models.file import shipped_model, shipped_path

PICTURES = 256  # different ones that are asked about
TIMES = 6  # that many pictures are asked about at once; the first is not counted
INFER = "/v2/models/convnet/infer"


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
    some = images[:PICTURES]
    asked = [request(path, json.dumps(body(one)).encode()) for one in some]
    judge = Judge(shipped_model().predict_proba(some), find)
    with tempfile.TemporaryDirectory() as folder, started(command, folder) as (port, process):
        with Client(port, asked, judge, 1) as client:
            client.run(90, until=lambda: bool(client.answered) or process.poll() is not None)
        if not client.answered:
            raise RuntimeError(f"{args.server} did not answer rightly: {client.report()}")
        with Client(port, asked, judge, args.connections) as client:
            client.run(1)
            client.forget()
            client.run(args.seconds)
        under = client.report()
        alone = ask_often(Client(port, asked, judge, 1), args.alone)
        found = {
            "seconds": 1 / under["rate"], "rate": under["rate"], "median": under["p50"],
            "p99": under["p99"], "single": float(np.median(alone)),
            "accuracy": under["accuracy"],
        }  # fmt: skip
        if args.server == "mnistry":
            found |= many(port, images[:10_000])
    print(json.dumps(found))


@contextlib.contextmanager
def started(command: Callable[[int], list[str]], folder: str) -> Any:
    """Start a server on a free port; end it, and what it has started, at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = os.environ | {
        "MODEL": str(shipped_path()), "PORT": str(port), "BENTOML_DO_NOT_TRACK": "1",
        "BENTOML_HOME": folder, "MNISTRY_HOME": folder,
    }  # fmt: skip
    with subprocess.Popen(
        command(port), cwd=folder, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            yield port, process
        finally:
            process.terminate()  # it ends its own workers
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def many(port: int, images: Any) -> dict[str, float]:
    """Time a request with many pictures, as bytes and as JSON: pictures a second."""
    plain = tensor(images)
    given = {key: value for key, value in plain["inputs"][0].items() if key != "data"}
    packed = {
        "inputs": [{**given, "parameters": {"binary_data_size": images.size}}],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    head = json.dumps(packed).encode()
    truth = shipped_model().predict_proba(images)[None]
    size = f"inference-header-content-length: {len(head)}"
    forms: dict[str, tuple[bytes, Find]] = {
        "bytes_rate": (
            request(INFER, head + images.tobytes(), size),
            lambda body: np.frombuffer(body[-4 * truth.size :], "<f4"),
        ),
        "json_rate": (request(INFER, json.dumps(plain).encode()), told),
    }
    rates = {}
    for name, (asked, find) in forms.items():
        took = ask_often(Client(port, [asked], Judge(truth, find), 1), TIMES)
        rates[name] = len(images) / float(np.median(took[1:]))
    return rates


def ask_often(client: Client, times: int) -> list[float]:
    """Ask so often, over what connections there are; give the seconds of each answer."""
    with client:
        client.run(120, until=lambda: len(client.took) + client.wrong >= times)
    if client.wrong or len(client.took) < times:
        raise RuntimeError(f"Not {times} right answers: {client.report()}")
    return list(client.took)


Server = tuple[Callable[[int], list[str]], str, Callable[[Any], Any], Find]
SERVERS: dict[str, Server] = {
    "mnistry": (
        lambda port: [sys.executable, "-m", "mnistry", "serve", "--port", str(port)],
        INFER, lambda image: tensor(image[None]), told,
    ),
    "bentoml": (
        lambda port: [
            str(Path(sys.executable).with_name("bentoml")), "serve", "bentoml_service:Convnet",
            "--working-dir", str(PEERS), "--port", str(port), "--host", "127.0.0.1",
        ],
        "/predict", lambda image: {"images": [image.tolist()]}, json.loads,
    ),
    "litserve": (
        lambda _: [sys.executable, str(PEERS / "litserve_server.py")],
        "/predict", lambda image: {"image": image.ravel().tolist()}, json.loads,
    ),
}  # fmt: skip


if __name__ == "__main__":
    main()
