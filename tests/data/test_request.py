"""What a request says, and how its failures are put into words."""

from __future__ import annotations

import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from urllib.error import URLError

import pytest

from mnistry import __version__
from mnistry.data import request
from mnistry.data.request import Refusal, ask

Answer = Callable[[socket.socket, bytes], None]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def listen() -> Iterator[Callable[[Answer], str]]:
    """Start a server of one connection; its answer is told the request's bytes."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def start(answer: Answer) -> str:
        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection, connection.recv(4096))

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/file"

    yield start
    for thread in threads:
        thread.join()
    listener.close()


def test_request_names_itself(listen: Callable[[Answer], str]) -> None:
    """A server learns who asks (some refuse Python's own name) and from which byte on."""
    said: list[str] = []

    def answer(connection: socket.socket, asked: bytes) -> None:
        said.append(asked.decode())
        connection.sendall(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nok")

    with ask(listen(answer), 7, 5) as response:
        assert (response.status, response.read()) == (206, b"ok")
    assert f"User-Agent: mnistry/{__version__}\r\n" in said[0]
    assert "Range: bytes=7-\r\n" in said[0]
    assert "Accept-Encoding: identity\r\n" in said[0]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that requests go by: one number, in seconds, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(request, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_request_waits_for_the_first_byte_apart(
    listen: Callable[[Answer], str], clock: list[float]
) -> None:
    """The wait for the first byte does not count against a server that is slow from then on."""
    first_part_is_read = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        clock[0] += 40
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        first_part_is_read.wait(60)
        clock[0] += 30
        connection.sendall(b"ok")

    with ask(listen(answer), 0, 60) as response:
        first_part_is_read.set()
        assert response.read() == b"ok"


def test_response_reads_what_is_allowed(listen: Callable[[Answer], str]) -> None:
    """Without leave a body is read no further than a head may be long."""
    body = bytes(3 << 20)

    def answer(connection: socket.socket, _: bytes) -> None:
        with suppress(OSError):  # the reader may leave
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body)

    with ask(listen(answer), 0, 5) as response, pytest.raises(Exception, match="more bytes than"):
        response.read()
    with ask(listen(answer), 0, 5) as response:
        response.allow(len(body))
        assert response.read() == body


@pytest.mark.parametrize(
    ("error", "text", "kind"),
    [
        (ssl.SSLCertVerificationError(1, "x"), "showed a certificate that this machine", "tls"),
        (ssl.SSLError(1, "x"), "failed to set up TLS", "tls"),
        (socket.gaierror(-2, "x"), "could not be found by its name", "network"),
        (TimeoutError(), "did not answer within 9 seconds", "network"),
        (ConnectionRefusedError(), "refused the connection", "network"),
        (ConnectionResetError(), "broke the connection off", "network"),
        (OSError("Tunnel connection failed: 407 <b>no</b>"), "the proxy answered 407", "proxy"),
        (OSError(113, "No route to host"), r"be reached \(No route to host\)", "network"),
        (OSError("from a \x1b[31m server"), r"be reached \(no reason given\)", "network"),
        (ValueError("user:secret@proxy"), "has an address that can't be used", "server"),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_errors_have_words(error: Exception, text: str, kind: str, wrapped: bool) -> None:
    """Each of the system's errors becomes a sentence; nothing a server wrote is passed on."""
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "self-signed certificate"
    given = URLError(error) if wrapped and isinstance(error, OSError) else error
    refusal = request._explain(given, "https://me:secret@example.org/file", 9)
    assert isinstance(refusal, Refusal)
    with pytest.raises(Refusal, match=rf"^example\.org .*{text}"):
        raise refusal
    assert refusal.kind == kind
    assert "secret" not in str(refusal)
    assert str(refusal).isprintable()


def test_patient_stream_ends_a_drip(clock: list[float]) -> None:
    """A stream that never falls silent and never brings much is given up after the timeout."""

    class Drip(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            clock[0] += 1
            buffer[:1] = b"x"
            return 1

    with pytest.raises(TimeoutError, match="too few bytes a second"):
        request._Patient(Drip(), 10).readall()
    assert clock[0] == 12
