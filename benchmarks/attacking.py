"""Ordinary, large and hostile requests to a server, mixed, from a few threads on this machine."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import io
import json
import random
import threading
from collections import Counter
from functools import cache
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistry.data.embedded import load_embedded_mnist

INFER = "/v2/models/convnet/infer"
KINDS = "ordinary", "large", "hostile"
_SHARES = 70, 15, 15  # percent of the requests
_ABANDONED = 0.3  # share of hostile requests whose answer is not waited for
_TIMEOUT = 120  # seconds for an answer

Request = tuple[str, dict[str, Any]]  # the path, and arguments of httpx


@cache
def _digits() -> NDArray[np.uint8]:
    return load_embedded_mnist()[1].images[:5000]


def _png(image: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


@cache
def _page(rows: int, columns: int, scale: int) -> bytes:
    """Return a page of digits as PNG, `scale` × 28 pixels each."""
    cells = _digits()[: rows * columns].reshape(rows, columns, 28, 28)
    page = 255 - cells.swapaxes(1, 2).reshape(rows * 28, columns * 28)
    return _png(np.kron(page, np.ones((scale, scale), np.uint8)))


def _tensor(n: int, data: Any, kind: str = "UINT8") -> dict[str, Any]:
    tensor = {"name": "images", "shape": [n, 28, 28], "datatype": kind, "data": data}
    return {"inputs": [tensor], "outputs": [{"name": "probabilities"}]}


def _binary(n: int) -> Request:
    tensor = {"name": "images", "shape": [n, 28, 28], "datatype": "UINT8"}
    parameters = {"binary_data_size": n * 784}
    head = json.dumps({"inputs": [{**tensor, "parameters": parameters}]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    return INFER, {"content": head + _digits()[:n].tobytes(), "headers": headers}


def _json(path: str, value: Any) -> Request:
    return path, {"content": json.dumps(value).encode()}


def _packed(body: bytes) -> Request:
    return INFER, {"content": gzip.compress(body, 1), "headers": {"content-encoding": "gzip"}}


@cache
def requests() -> dict[str, list[Request]]:
    """Return requests of each kind."""
    image = _digits()[0]
    flat = image.ravel().tolist()
    small, url = _page(1, 4, 4), base64.b64encode(_page(1, 4, 4)).decode()
    damaged = bytearray(_page(2, 5, 4))
    damaged[len(damaged) // 2 :: 97] = b"\0" * len(damaged[len(damaged) // 2 :: 97])
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="%d.png"\r\n\r\n%b\r\n'
        % (i, small if i % 2 else small[:200])
        for i in range(40)
    )
    form = {"content-type": "multipart/form-data; boundary=x"}
    stroke = [[random.Random(i).randrange(400), i % 400] for i in range(20_000)]  # noqa: S311
    return {
        "ordinary": [
            _json(INFER, _tensor(1, flat)),
            _json("/v2/models/softmax/infer", _tensor(1, flat)),
            _json("/v1/models/convnet:predict", {"instances": [flat]}),
            _binary(32),
            ("/read", {"content": small}),
            _json("/read", {"image": url}),
            _json("/explain", {"image": flat, "why": 7, "not": 2, "model": "softmax"}),
        ],
        "large": [
            _binary(5000),
            _json(INFER, _tensor(2000, _digits()[:2000].ravel().tolist())),
            _json(INFER, _tensor(1000, (_digits()[:1000] / 255).round(3).tolist(), "FP32")),
            ("/read", {"content": _page(3, 6, 20)}),
            ("/read", {"content": _page(40, 40, 3)}),
            ("/read", {"content": parts + b"--x--\r\n", "headers": form}),
            ("/read", {"content": _png(np.full((4000, 6000), 250, np.uint8))}),
        ],
        "hostile": [
            _json(INFER, _tensor(1, ["a" * 200_000, *[""] * 5000], "FP32")),
            _json(INFER, _tensor(1, [["a" * 100_000], *[[""]] * 5000], "FP32")),
            _packed(b'{"inputs":[' + b"{}," * (20 * 2**20) + b"{}]}"),
            _packed(b"[" * (30 * 2**20)),
            _packed(b'{"inputs":[{"data":[' + b"0.1," * (15 * 2**20) + b"0]}]}"),
            _json(INFER, _tensor(20_000, [0.5] * 2_000_000, "FP32")),
            _json("/read", {"images": ["A" * 100_000] * 100}),
            _json("/read", {"image": "A" * (20 * 2**20)}),
            _json("/read", {"width": 400, "height": 400, "pen": 20, "strokes": [stroke]}),
            ("/read", {"content": bytes(damaged)}),
            ("/read", {"content": _png(np.zeros((5000, 5001), np.uint8))}),
            ("/read", {"content": b"image=" + b"%41" * 400_000,
                       "headers": {"content-type": "application/x-www-form-urlencoded"}}),
            ("/read", {"content": np.random.default_rng(0).bytes(2**20)}),
        ],
    }  # fmt: skip


class Attack:
    """Send requests from several threads within a `with` block.

    Attributes
    ----------
    statuses : number of answers by kind and status, such as `hostile 400`; `left` stands for
        requests whose answer was not waited for.
    """

    def __init__(self, port: int, seed: int, threads: int = 4) -> None:
        self._port, self.statuses = port, Counter[str]()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(f"{seed}/{i}"),), daemon=True)  # noqa: S311
            for i in range(threads)
        ]

    def __enter__(self) -> Attack:
        """Start the threads."""
        requests()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the threads after the answers that are still due."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, rng: random.Random) -> None:
        address = f"http://127.0.0.1:{self._port}"
        with httpx.Client(base_url=address, timeout=_TIMEOUT) as client:
            while not self._stop.is_set():
                [kind] = rng.choices(KINDS, _SHARES)
                path, sent = rng.choice(requests()[kind])
                try:
                    if kind == "hostile" and rng.random() < _ABANDONED:
                        outcome = self._abandon(path, sent)
                    else:
                        outcome = str(client.post(path, **sent).status_code)
                except (httpx.TransportError, OSError) as error:
                    outcome = type(error).__name__
                with self._lock:
                    self.statuses[f"{kind} {outcome}"] += 1

    def _abandon(self, path: str, sent: dict[str, Any]) -> str:
        """Send a request, and close the connection without waiting for the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT)
        with contextlib.closing(connection):
            connection.request("POST", path, sent["content"], sent.get("headers", {}))
        return "left"
