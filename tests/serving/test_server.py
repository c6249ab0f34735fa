"""A real server, called, overloaded, fed slowly, killed and stopped."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gzip
import http.client
import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image

from mnistry.data.dataset import DataSets
from mnistry.models.file import shipped_model, shipped_path
from mnistry.serving import patience
from mnistry.serving.guard import Guard, Limits, Message, Receive, Scope, Send

pytestmark = pytest.mark.slow

Serve = Callable[..., AbstractContextManager[tuple[str, "subprocess.Popen[str]"]]]
KEY = "a key that is long enough"
INFER = "/v2/models/convnet/infer"
AMPLE = 2**25


def asked(image: np.ndarray, n: int = 1) -> dict[str, object]:
    data = [image.ravel().tolist()] * n
    given = {"name": "images", "datatype": "UINT8", "shape": [n, 28, 28], "data": data}
    return {"inputs": [given], "outputs": [{"name": "probabilities"}]}


def test_requests_that_arrive_together_get_their_own_answers(url: str, mnist: DataSets) -> None:
    """Of 400 requests by 16 clients, each gets the answer to its own picture; they were batched."""
    images = mnist.test.images[:400]
    truth = shipped_model().predict_proba(images)

    def ask(part: range) -> float:
        worst = 0.0
        with httpx.Client(base_url=url) as client:
            for i in part:
                response = client.post("/v2/models/convnet/infer", json=asked(images[i]))
                found = response.json()["outputs"][0]["data"]
                worst = max(worst, float(np.abs(found - truth[i]).max()))
        return worst

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert max(pool.map(ask, [range(k, 400, 16) for k in range(16)])) < 1e-5


def test_who_comes_too_many_is_told_at_once(url: str, mnist: DataSets) -> None:
    """And can come again by the same connection; the others are answered, and so is health."""
    images = mnist.test.images[:100]
    given = {"name": "images", "datatype": "UINT8", "shape": [100, 28, 28]}
    packed = {**given, "parameters": {"binary_data_size": images.size}}
    head = json.dumps({"inputs": [packed], "outputs": [{"name": "typicality"}]}).encode()
    long = {"inference-header-content-length": str(len(head))}

    async def rush() -> tuple[list[httpx.Response], httpx.Response, list[httpx.Response]]:
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60))
                for _ in range(8)
            ]
            waiting = [
                asyncio.create_task(
                    client.post(INFER, content=head + images.tobytes(), headers=long)
                )
                for client in clients
                for _ in range(100)  # connections, which httpx keeps of each client
            ]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            health = await clients[0].get("/v2/health/live")
            first = await asyncio.gather(*waiting)
            again = [clients[0].post(INFER, json=asked(images[0])) for _ in range(100)]
            return first, health, await asyncio.gather(*again)

    # In a thread of its own, since the browser's tests leave an event loop in this one.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first, health, again = pool.submit(lambda: asyncio.run(rush())).result()
    assert health.status_code == 200
    away = [response for response in first if response.status_code == 503]
    assert len(away) > 20
    assert {response.status_code for response in first} == {200, 503}
    for response in away:
        assert response.headers["retry-after"] == "1"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "The server is busy" in response.json()["error"]
    assert {response.status_code for response in again} == {200}
    answer_text = httpx.get(f"{url}/metrics").text
    found = re.search(r"^mnistry_requests_rejected_total (\S+)", answer_text, re.MULTILINE)
    assert found
    assert float(found[1]) >= len(away)


def test_key_is_asked_for(serve: Serve, tmp_path: Path) -> None:
    """With a key, only the page and the health checks are open; both headers show it."""
    with serve(tmp_path, key=KEY) as (url, _), httpx.Client(base_url=url) as client:
        for path in ("/", "/docs", "/v2/health/live", "/v2/health/ready", "/page/app.js"):
            assert client.get(path).status_code == 200
        for path in ("/models", "/metrics", "/corrections", "/openapi.json", "/v2"):
            response = client.get(path)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert "This server requires a key" in response.json()["error"]
        for wrong in ({"authorization": "Bearer no"}, {"x-api-key": KEY[:-1]}):
            assert client.get("/models", headers=wrong).status_code == 401
        for right in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
            assert client.get("/models", headers=right).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 can be called from other machines, so that a key"),  # noqa: S104
        (["--key", "short"], "A key must have at least 16 plain characters"),
        (["--allow-origin", "*"], "lets the pages of every site send requests, so it needs a key"),
        (["--allow-origin", "example.org"], "must be an origin as https://example.org"),
        (["--allow-origin", "https://a.test/page"], "got 'https://a.test/page'"),
        (["--allow-origin", "https://["], "must be an origin as https://example.org"),
        (["--allow-origin", "https://a.test:port"], "must be an origin as https://example.org"),
        (["--allow-origin", "https://a b"], "must be an origin as https://example.org"),
        (["--grace", "0"], "`--grace` must be 1 second or more; got 0"),
        (["--port", "99999"], "`--port` must be from 0 to 65,535; got 99999"),
        (["--models", "/no/such/folder"], "'/no/such/folder' is not a folder"),
        (["--host", "no such host", "--key", KEY], "can't be served on"),
    ],
)
def test_command_refuses(arguments: list[str], sentence: str) -> None:
    """What can't be served on is one sentence and exit code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "mnistry", "serve", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_told(url: str) -> None:
    """Two servers can't have one port."""
    port = url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "mnistry", "serve", "--port", port],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Address already in use; choose another" in done.stderr


def test_pages_of_other_sites_and_names_are_refused(client: httpx.Client) -> None:
    """A page elsewhere can't ask, nor can one whose name was made to point here."""
    assert client.get("/models", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/models", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/models", headers={"origin": str(client.base_url).rstrip("/")}).is_success


def test_pages_of_an_allowed_origin_may_ask(serve: Serve, tmp_path: Path) -> None:
    """Preflights need no key, answers and refusals can be read by the page, others are refused."""
    origin = "https://digits.example.org"
    more = [
        "--allow-origin",
        "https://DIGITS.example.org:443/",
        "--allow-origin",
        "http://a.test:81",
    ]
    with serve(tmp_path, *more, key=KEY) as (url, _), httpx.Client(base_url=url) as client:
        asks = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        }
        preflight = client.options(INFER, headers=asks)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert "authorization" in preflight.headers["access-control-allow-headers"]
        for headers, status in (
            ({"origin": origin}, 401),
            ({"origin": origin, "x-api-key": KEY}, 200),
            ({"origin": "http://a.test:81", "x-api-key": KEY}, 200),
        ):
            response = client.get("/models", headers=headers)
            assert response.status_code == status
            assert response.headers["access-control-allow-origin"] == headers["origin"]
            assert "origin" in response.headers["vary"].lower()
        for other in ("https://evil.example", "http://digits.example.org", "null", "http://a.test"):
            for response in (
                client.get("/models", headers={"origin": other, "x-api-key": KEY}),
                client.options(INFER, headers={**asks, "origin": other}),
            ):
                assert response.status_code == 403
                assert "access-control-allow-origin" not in response.headers
        # A proxy on this machine passes on the name by which it was called.
        named = {"host": "digits.example.org", "x-api-key": KEY}
        assert client.get("/models", headers=named).status_code == 200


def test_a_browser_asks_whether_the_page_is_the_same(client: httpx.Client) -> None:
    """Modules of two versions never meet in one page, and what has not changed is not sent."""
    first = client.get("/page/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/page/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


def test_nothing_leaks_and_nothing_is_loaded_from_elsewhere(client: httpx.Client) -> None:
    """Every answer has the headers that keep a page to itself; none tells of the machine."""
    for path in ("/", "/nothing", "/models", "/page/../server.py", "/page/%2e%2e/server.py"):
        response = client.get(path)
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "server" not in response.headers
        for leak in ("Traceback", "uvicorn", "site-packages", "/src/", "def "):
            assert leak not in response.text
    assert client.get("/page/%2e%2e/server.py").status_code == 404
    refused = client.get("/read")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_too_large_a_body_is_refused(url: str) -> None:
    """A body that says it is large is not waited for; one that says nothing is cut off."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 60) as wire:
        head = f"POST /read HTTP/1.1\r\nHost: {host}\r\nContent-Length: {2**40}\r\n\r\n"
        wire.sendall(head.encode())
        assert b" 413" in wire.recv(1000).splitlines()[0]
    with socket.create_connection((host, int(port)), 60) as wire:
        head = f"POST /read HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire.sendall(head.encode())
        chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
        answer = b""
        for _ in range(80):
            wire.sendall(chunk)
        wire.settimeout(10)
        answer = wire.recv(1000)
        assert b" 413" in answer.splitlines()[0]
    assert httpx.get(f"{url}/v2/health/live").is_success


def test_who_sends_first_and_listens_then_is_told_too(client: httpx.Client) -> None:
    """Of what is too large, enough is taken that most clients come to see why it is refused."""
    host, port = client.base_url.host, client.base_url.port
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=60)) as caller:
        caller.request("POST", "/read", bytes(70 * 2**20), {"content-type": "image/png"})
        answer = caller.getresponse()
        assert answer.status == 413
        assert "at most 67,108,864 bytes" in json.loads(answer.read())["error"]


@pytest.fixture
def ample(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server of 32 MiB, which it writes in one go, with little patience."""
    monkeypatch.setattr(patience, "TAKEN", 1.0)
    monkeypatch.setattr(patience, "_LOOK", 0.1)

    async def app(_: Scope, __: Receive, send: Send) -> None:
        size = str(AMPLE).encode()
        headers = [(b"content-length", size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(AMPLE)})

    config = uvicorn.Config(app, http=patience.PatientProtocol, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(30)


def receive(port: int, pauses: Iterable[float]) -> int:
    """Ask for all of it; take some after each pause, then what still comes; give how much came."""
    got = 0
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**17)
        wire.settimeout(30)
        wire.connect(("127.0.0.1", port))
        wire.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            for pause in pauses:
                time.sleep(pause)
                got += len(wire.recv(2**17, socket.MSG_WAITALL))
            while part := wire.recv(2**20):
                got += len(part)
    return got


def test_one_address_has_no_more_than_its_share(
    ample: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection too many of another machine's address ends, and one that ends makes room."""
    monkeypatch.setattr(patience, "_address_of", lambda _: "192.0.2.1")
    monkeypatch.setattr(patience, "MOST_OF_ONE", 2)

    def is_cut_off(wire: socket.socket) -> bool:
        wire.settimeout(0.5)
        try:
            return wire.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    with contextlib.ExitStack() as stack:
        wires = [
            stack.enter_context(socket.create_connection(("127.0.0.1", ample), 30))
            for _ in range(3)
        ]
        assert [is_cut_off(wire) for wire in wires] == [False, False, True]
        wires[0].close()
        wait_until(lambda: patience._connected["192.0.2.1"] == 1)
        another = stack.enter_context(socket.create_connection(("127.0.0.1", ample), 30))
        assert not is_cut_off(another)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        (("127.0.0.1", 5), None),
        (("::1", 5, 0, 0), None),
        (("::ffff:127.0.0.1", 5, 0, 0), None),
        ("", None),
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::1"),
    ],
)
def test_this_machine_is_not_counted(peer: object, address: str | None) -> None:
    """A proxy on this machine speaks for many clients."""

    class Transport(asyncio.Transport):
        def get_extra_info(self, name: str, default: object = None) -> object:
            return peer if name == "peername" else default

    assert patience._address_of(Transport()) == address


def test_who_takes_some_of_an_answer_gets_all_of_it(ample: int) -> None:
    """Slowly and steadily, for several times as long as a server waits for one who takes none."""
    assert receive(ample, [0.2] * 12) > AMPLE
    assert receive(ample, [0.2, 2]) < AMPLE


def test_slow_clients_are_cut_off(url: str) -> None:
    """The server ends a connection that has sent half a request head, and then nothing."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 30) as wire:
        wire.sendall(b"GET /models HTTP/1.1\r\nHost: 127")
        wire.settimeout(120)
        with contextlib.suppress(ConnectionResetError):
            assert wire.recv(100) == b""


def flood(url: str, start: bytes, piece: bytes) -> bytes:
    """Send a start and 64 MB of pieces, as far as they are taken; give what is answered."""
    host, port = url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), 10) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(start)
            for _ in range(64):
                connection.sendall(piece * (2**20 // len(piece)))
        with contextlib.suppress(OSError):
            while part := connection.recv(4096):
                answer += part
    return answer


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET / HTTP/1.1\r\nhost: localhost\r\n", b"x: y\r\n"),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ", b"y"),
        (b"GET /", b"x"),
        (
            b"POST /read HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
            b"1\r\nx\r\n0\r\n",
            b"x: y\r\n",
        ),
    ],
)
def test_a_head_without_end_is_cut_off(
    serve: Serve, tmp_path: Path, start: bytes, piece: bytes
) -> None:
    """Long before it fills the memory, be it lines, one line, or what may follow a body."""
    with serve(tmp_path) as (url, process):
        httpx.get(f"{url}/v2/health/live")
        status = Path(f"/proc/{process.pid}/status")
        before = int(status.read_text().partition("VmHWM:")[2].split()[0])
        answer = flood(url, start, piece)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
        after = int(status.read_text().partition("VmHWM:")[2].split()[0])
        assert after - before < 20_000  # kB
        assert httpx.get(f"{url}/v2/health/live").status_code == 200


def test_what_needs_no_pictures_takes_no_large_body(client: httpx.Client) -> None:
    """Held for as long as a training is watched, a few would keep all others out."""
    response = client.post("/training", json={"rate": 0.5, "pad": "x" * 2**20})
    assert response.status_code == 413
    assert "at most 1,048,576 bytes" in response.json()["error"]


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_packed_bodies_are_unpacked(
    client: httpx.Client, mnist: DataSets, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    """As clients of the protocol send them, if they are asked to; with the same answer."""
    body = json.dumps(asked(mnist.test.images[0])).encode()
    packed = client.post(INFER, content=pack(body), headers={"content-encoding": coding})
    assert packed.status_code == 200
    assert packed.json()["outputs"] == client.post(INFER, content=body).json()["outputs"]


def test_small_packed_bodies_take_little_room(url: str, mnist: DataSets) -> None:
    """Many at once, of which each could be no more than a hundredth of what all may be."""
    body = gzip.compress(json.dumps(asked(mnist.test.images[0])).encode())

    def ask(_: int) -> int:
        headers = {"content-encoding": "gzip"}
        return httpx.post(url + INFER, content=body, headers=headers).status_code

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(160))) == {200}
    assert httpx.get(url + "/models", headers={"content-encoding": "gzip"}).status_code == 200


def test_bodies_that_are_packed_badly_are_refused(client: httpx.Client) -> None:
    """No gzip, half of one, two of them, a bomb, and what nobody here unpacks."""
    whole = gzip.compress(b"[]")
    for body in (b"x", whole[:-9], whole + whole):
        response = client.post(INFER, content=body, headers={"content-encoding": "gzip"})
        assert response.status_code == 400
        assert "not whole, or not packed" in response.json()["error"]
    bomb = zlib.compress(bytes(2**27))
    response = client.post(INFER, content=bomb, headers={"content-encoding": "deflate"})
    assert response.status_code == 413
    response = client.post(INFER, content=b"x", headers={"content-encoding": "br"})
    assert response.status_code == 415
    assert "Content-Encoding" in response.json()["error"]
    with socket.create_connection((client.base_url.host, client.base_url.port), 10) as caller:
        caller.sendall(b"GET /models HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
        assert caller.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_garbage_is_no_harm(url: str) -> None:
    """Bytes that are no HTTP end their own connection and nothing else."""
    host, port = url.removeprefix("http://").split(":")
    rng = np.random.default_rng(0)
    for i in range(20):
        with socket.create_connection((host, int(port)), 10) as wire:
            wire.sendall(rng.bytes(500) + (b"\r\n\r\n" if i % 2 else b""))
    assert httpx.get(f"{url}/v2/health/ready").json() == {"ready": True}


def test_models_come_and_go(serve: Serve, tmp_path: Path) -> None:
    """A new model file is served once it is complete; broken and deleted ones are not."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(shipped_path("softmax"), folder / "mine.onnx")
    with serve(tmp_path, "--models", str(folder)) as (url, _), httpx.Client(base_url=url) as client:

        def names() -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for one in client.get("/models").json()["models"]:
                found.setdefault(one["name"], []).append(one["version"])
            return found

        def wait(wanted: dict[str, list[str]]) -> None:
            deadline = time.monotonic() + 120
            while names() != wanted and time.monotonic() < deadline:
                time.sleep(0.1)
            assert names() == wanted

        package = {"convnet": ["1"], "softmax": ["1"]}
        wait({**package, "mine": ["1"]})
        (folder / "other").mkdir()
        shutil.copy(shipped_path("convnet"), folder / "other" / "2.onnx")
        (folder / "other" / "10").mkdir()
        whole = shipped_path("convnet").read_bytes()
        (folder / "other" / "10" / "model.onnx").write_bytes(whole[: len(whole) // 2])
        wait({**package, "mine": ["1"], "other": ["2"]})
        index = client.post("/v2/repository/index").json()
        [broken] = [row for row in index if row["state"] == "UNAVAILABLE"]
        assert (broken["name"], broken["version"]) == ("other", "10")
        assert str(tmp_path) not in broken["reason"]
        (folder / "other" / "10" / "model.onnx").write_bytes(whole)
        wait({**package, "mine": ["1"], "other": ["2", "10"]})
        assert client.get("/v2/models/other").json()["versions"] == ["2", "10"]
        image = np.zeros((28, 28), np.uint8)
        response = client.post("/v2/models/other/infer", json=asked(image))
        assert response.json()["model_version"] == "10"
        (folder / "mine.onnx").unlink()
        shutil.rmtree(folder / "other" / "10")
        wait({**package, "other": ["2"]})
        response = client.post("/v2/models/mine/infer", json=asked(image))
        assert response.status_code == 404
        response = client.post("/v2/models/other/versions/10/infer", json=asked(image))
        assert "'other' has no version '10', but 2" in response.json()["error"]


def test_told_to_stop_it_finishes_what_it_has_begun(
    serve: Serve, tmp_path: Path, mnist: DataSets
) -> None:
    """SIGTERM under load: whatever was taken is answered rightly, and the exit code is 0."""
    truth = shipped_model().predict_proba(mnist.test.images[:1])[0]
    body = asked(mnist.test.images[0], 400)
    wrong: list[str] = []
    answered = [0]
    with serve(tmp_path) as (url, process):

        def ask() -> None:
            with httpx.Client(base_url=url, timeout=30) as client:
                while True:
                    try:
                        response = client.post("/v2/models/convnet/infer", json=body)
                    except (httpx.ConnectError, httpx.ReadError, httpx.WriteError):
                        return  # it no longer takes any; what it had taken was answered before
                    except httpx.RemoteProtocolError as error:
                        if "without sending" not in str(error):
                            wrong.append(str(error))
                        return
                    found = np.reshape(response.json()["outputs"][0]["data"], (400, 10))
                    if response.status_code != 200 or np.abs(found - truth).max() > 1e-5:
                        wrong.append(response.text[:200])
                    answered[0] += 1

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        for thread in threads:
            thread.join(30)
    assert wrong == []
    assert answered[0] > 0


def heavy(side: int = 12, seed: int = 0) -> bytes:
    """A page of 144 marks: a second or more to read, a few kilobytes to send."""
    rng = np.random.default_rng(seed)
    page = np.full((side * 40, side * 40), 255, np.uint8)
    for row in range(side):
        for column in range(side):
            x, y = column * 40 + 10, row * 40 + 8
            dx, dy = rng.integers(-4, 5, 2)
            page[y : y + 24, x + dx : x + dx + 3] = 0
            page[y + 10 + dy : y + 13 + dy, x - 4 : x + 12] = 0
    out = io.BytesIO()
    Image.fromarray(page).save(out, "PNG")
    return out.getvalue()


def form(image: bytes, n: int) -> tuple[dict[str, str], bytes]:
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\n'
    body = (part + image + b"\r\n") * n + b"--x--\r\n"
    return {"content-type": "multipart/form-data; boundary=x"}, body


def leave(url: str, headers: dict[str, str], body: bytes) -> None:
    """Send a request whole, and close the connection without waiting for the answer."""
    host, port = url.removeprefix("http://").split(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=60)) as caller:
        caller.request("POST", "/read", body, headers)


def abandoned(url: str) -> float:
    found = re.search(
        r"^mnistry_requests_abandoned_total (\S+)", httpx.get(f"{url}/metrics").text, re.M
    )
    assert found
    return float(found[1])


def _have_left(url: str, n: int) -> bool:
    return abandoned(url) >= n


def _is_read(url: str) -> bool:
    """Ask for a blank drawing to be read, until the images that were begun are done."""
    blank = {"strokes": [], "width": 28, "height": 28, "pen": 2}
    response = httpx.post(f"{url}/read", json=blank, timeout=120)
    assert response.status_code in (200, 503)
    return response.status_code == 200 and response.json()["readings"][0]["outcome"] == "blank"


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what must come; a minute only guards against waiting for ever."""
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come within a minute")


def test_work_of_clients_that_left_is_dropped(serve: Serve, tmp_path: Path) -> None:
    """After 20 requests of 100 images, sent and left, others are read and SIGTERM ends the process.

    Two threads read and 16 requests may wait, so requests that were not dropped would keep the
    next ones waiting for minutes.
    """
    headers, body = form(heavy(), 100)
    with serve(tmp_path) as (url, process):
        for n in range(1, 21):
            leave(url, headers, body)
            wait_until(partial(_have_left, url, n))
        wait_until(partial(_is_read, url))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_full_queue_does_not_hold_up_the_end(serve: Serve, tmp_path: Path) -> None:
    """With clients that stay for minutes of work, the process ends once its grace is over."""
    headers, body = form(heavy(), 100)
    with serve(tmp_path, "--grace", "1") as (url, process):
        host, _, port = url.removeprefix("http://").partition(":")
        with contextlib.ExitStack() as stack:
            for _ in range(6):
                caller = http.client.HTTPConnection(host, int(port), timeout=60)
                stack.enter_context(contextlib.closing(caller))
                caller.request("POST", "/read", body, headers)
            in_flight = re.compile(r"^mnistry_requests_in_flight [67]", re.M)
            wait_until(lambda: in_flight.search(httpx.get(f"{url}/metrics").text) is not None)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def test_a_body_that_came_while_the_server_was_busy_is_taken() -> None:
    """A stall of the event loop is not counted as the client's time; its own dawdling is."""
    limits = Limits(upload=1.0)

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        assert len(body) == 5
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(stall: float, wait: float) -> int:
        said: list[Message] = []
        parts = [b"h", b"e", b"l", b"l", b"o"]
        loop = asyncio.get_running_loop()

        async def receive() -> Message:
            if len(parts) == 3 and stall:
                time.sleep(stall)
            for _ in range(3):  # a buffer is emptied over several turns of the loop
                await asyncio.sleep(0)
            if wait and len(parts) == 1:
                await asyncio.sleep(wait)
            if not parts:
                await loop.create_future()
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            said.append(message)

        scope = {"type": "http", "method": "POST", "path": "/read", "headers": [(b"host", b"a")]}
        await Guard(app, limits, None, None)(scope, receive, send)
        return int(said[0]["status"])

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(ask(3.0, 0.0))).result() == 200
        assert pool.submit(lambda: asyncio.run(ask(0.0, 600.0))).result() == 408


def test_killed_and_started_again_corrections_are_there(
    serve: Serve, tmp_path: Path, mnist: DataSets
) -> None:
    """SIGKILL right after an answer loses no correction; another server has them all."""
    answer_text = {"image": mnist.test.images[8].ravel().tolist(), "label": 5, "answer": 6}
    for n in range(1, 4):
        with serve(tmp_path) as (url, process):
            assert httpx.post(f"{url}/corrections", json=answer_text).status_code == 201
            process.kill()
        with serve(tmp_path) as (url, _):
            assert httpx.get(f"{url}/corrections").json()["count"] == n
