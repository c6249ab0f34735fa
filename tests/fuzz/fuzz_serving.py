"""Fuzz the server: any body must be answered, or refused with a sentence, soon.

    python tests/fuzz/fuzz_serving.py --seconds 600 --seed 0

A case is a request, its head as lines and then its body, to the app as the server runs it but for
the sockets. Cases are sound requests to each address that takes a body: damaged as bytes, with JSON
of another kind or size within, with a header that lies, or sent to another address.
Exits 1 on a finding, else 0.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import MutableMapping
from pathlib import Path
from random import Random
from typing import Any

from fuzz_idx import mutate
from fuzz_model import jumble
from harness import fuzz
from PIL import Image

from mnistry.data.embedded import load_embedded_mnist
from mnistry.serving.app import make_app
from mnistry.serving.store import ModelStore

INFER = "/v2/models/convnet/infer"
JSON = "application/json"
SENTENCE = 2000  # characters


def requests() -> list[tuple[str, dict[str, str], bytes]]:
    """Give a sound request to each address that takes a body: address, headers, body."""
    image = load_embedded_mnist()[1].images[0]
    pixels = image.ravel().tolist()
    tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28]}
    packed = {**tensor, "parameters": {"binary_data_size": 784}}
    head = json.dumps({"inputs": [packed], "outputs": [{"name": "logits"}]}).encode()
    many = {**tensor, "shape": [30, 28, 28], "data": pixels * 30}
    drawing = {"width": 100, "height": 100, "pen": 8, "strokes": [[[20, 20], [50, 50], [20, 80]]]}
    files = []
    for kind in ("png", "jpeg", "gif", "webp", "bmp", "tiff"):
        file = io.BytesIO()
        Image.fromarray(255 - image).resize((56, 56)).save(file, kind)
        files.append((kind, file.getvalue()))
    form = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="%d.png"\r\n\r\n%b\r\n' % one
        for one in enumerate(data for _, data in files)
    )
    plain = [
        (INFER, {"inputs": [{**tensor, "data": pixels}], "id": "a"}),
        ("/v2/models/softmax/versions/1/infer", {"inputs": [{**tensor, "data": pixels}]}),
        (INFER, {"inputs": [many]}),
        ("/explain", {"image": pixels, "why": 7, "not": 2, "model": "softmax"}),
        ("/read", drawing),
        ("/corrections", {"image": pixels, "label": 3, "answer": 5}),
        ("/training/nothing", {"rate": 1}),
        ("/v2/repository/index", {"ready": True}),
    ]
    return [
        *((path, {"content-type": JSON}, json.dumps(body).encode()) for path, body in plain),
        (INFER, {"inference-header-content-length": str(len(head))}, head + image.tobytes()),
        *(("/read", {"content-type": f"image/{kind}"}, data) for kind, data in files),
        ("/read", {"content-type": "multipart/form-data; boundary=x"}, form + b"--x--\r\n"),
    ]


def case(random: Random) -> bytes:
    """Make a request that may be unsound."""
    path, headers, body = random.choice(SOUND)
    if body[:1] == b"{" and headers.get("content-type") == JSON and random.random() < 0.6:
        told = json.loads(body)
        for _ in range(random.choice([1, 1, 2])):
            told = jumble(told, random)
        body = json.dumps(told).encode()
    if random.random() < 0.5:
        body = mutate(body, random)
    if random.random() < 0.2:
        path = random.choice(SOUND)[0] + random.choice(["", "?alpha=x", "?digits=-1", "?keep=%00"])
    if random.random() < 0.2:
        lies = [
            "-1",
            "0",
            "7",
            "9" * 30,
            "9" * 5000,
            "²",
            "",
            *(other.get("content-type", "") for _, other, _ in SOUND),
        ]
        name = random.choice(["inference-header-content-length", "content-type"])
        headers = {**headers, name: random.choice(lies)}
    return as_bytes(path, headers, body)


def as_bytes(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Put a request into one piece, as it is kept of a finding."""
    head = "\n".join([path, *(f"{name}: {value}" for name, value in headers.items())])
    return head.encode() + b"\n\n" + body


def check(data: bytes, folder: Path, random: Random) -> bool:
    """Send it in parts; give whether it was answered, or else refused with a fair sentence."""
    head, _, body = data.partition(b"\n\n")
    path, *lines = head.decode().split("\n")
    headers = [tuple(part.encode() for part in line.split(": ", 1)) for line in lines]
    cut = random.randrange(len(body) + 1)
    status, answer = LOOP.run_until_complete(_ask(path, headers, [body[:cut], body[cut:]]))
    if status < 300:
        return True
    if status >= 500 and status != 503:
        raise AssertionError(f"status {status}: {answer[:500]!r}")
    told = json.loads(answer)
    sentence = told["error"] if "error" in told else told["readings"][0]["error"]
    if len(sentence) > SENTENCE or "Traceback" in sentence or str(folder.parent) in sentence:
        raise AssertionError(f"a sentence not to tell: {sentence[:SENTENCE]}")
    return False


async def _ask(path: str, headers: list[Any], parts: list[bytes]) -> tuple[int, bytes]:
    path, _, query = path.partition("?")
    left = list(parts)
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if left:
            part = left.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(left)}
        await asyncio.get_running_loop().create_future()  # the client stays
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": query.encode(), "headers": headers, "client": None, "server": None,
    }  # fmt: skip
    await GUARD(scope, receive, send)
    bodies = [one.get("body", b"") for one in said if one["type"] == "http.response.body"]
    return int(said[0]["status"]), b"".join(bodies)


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ResourceWarning)  # starlette leaves a broken form's files
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    logging.getLogger("mnistry.serving").addHandler(logging.StreamHandler(sys.stderr))
    with tempfile.TemporaryDirectory() as home:
        os.environ["MNISTRY_HOME"] = home  # where its corrections go
        SOUND = requests()
        GUARD, _ = make_app(ModelStore(None))
        with asyncio.Runner() as runner:
            LOOP = runner.get_loop()
            for one in SOUND:  # now, or loading would count as the first case's time
                check(as_bytes(*one), Path(home), Random(0))  # noqa: S311
            code = fuzz("the server", case, check)
    sys.exit(code)
