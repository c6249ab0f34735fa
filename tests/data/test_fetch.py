"""Fetching from servers that serve, and from servers that fail in every way they can."""

from __future__ import annotations

import dataclasses
import gc
import gzip
import hashlib
import http.server
import io
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from mnistry.cli import main
from mnistry.data import family
from mnistry.data.family import KEYS, File, Member
from mnistry.data.fetch import fetch, fetch_all
from mnistry.data.idx import encode_idx, read_idx
from mnistry.errors import DataError, DownloadError, InputError

Behaviour = Callable[["Handler", bytes], None]
PATIENCE = 0.5


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.log.append((self.path, self.headers.get("Range")))
        folder, _, name = self.path.strip("/").rpartition("/")
        behaviour = self.server.behaviours.get(folder, serve)
        behaviour(self, self.server.files.get(name, b""))

    def start(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` under any folder; `behaviours` says how each folder misbehaves."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.log: list[tuple[str, str | None]] = []
        self.over = threading.Event()

    def handle_error(self, *_: object) -> None:
        pass  # clients that hang up are what the tests are about

    def mirror(self, name: str = "good", behaviour: Behaviour | None = None) -> str:
        """Give the address of a folder, and say how it behaves."""
        if behaviour is not None:
            self.behaviours[name] = behaviour
        return f"http://127.0.0.1:{self.server_port}/{name}/"


def serve(handler: Handler, body: bytes) -> None:
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if asked is None:
        handler.start(200, ("Content-Length", str(len(body))))
        handler.wfile.write(body)
    elif (start := int(asked[1])) >= len(body):
        handler.start(416, ("Content-Range", f"bytes */{len(body)}"), ("Content-Length", "0"))
    else:
        extent = f"bytes {start}-{len(body) - 1}/{len(body)}"
        length = str(len(body) - start)
        handler.start(206, ("Content-Range", extent), ("Content-Length", length))
        handler.wfile.write(body[start:])


def serve_ignoring_range(handler: Handler, body: bytes) -> None:
    handler.start(200, ("Content-Length", str(len(body))))
    handler.wfile.write(body)


def answer(status: int, *headers: tuple[str, str], body: bytes = b"") -> Behaviour:
    def behave(handler: Handler, _: bytes) -> None:
        handler.start(status, *headers, ("Content-Length", str(len(body))))
        handler.wfile.write(body)

    return behave


def cut_off_once(at: int) -> Behaviour:
    """Break off after `at` bytes the first time that a file is asked for."""
    seen = set()

    def behave(handler: Handler, body: bytes) -> None:
        if handler.path in seen or len(body) <= at:
            serve(handler, body)
            return
        seen.add(handler.path)
        handler.start(200, ("Content-Length", str(len(body))))
        handler.wfile.write(body[:at])

    return behave


def cut_off_always(handler: Handler, body: bytes) -> None:
    handler.start(200, ("Content-Length", str(len(body))))
    handler.wfile.write(body[: len(body) // 2])


def stall(handler: Handler, body: bytes) -> None:
    handler.start(200, ("Content-Length", str(len(body))))
    handler.wfile.write(body[: len(body) // 2])
    handler.server.over.wait(20)


def drip(handler: Handler, body: bytes) -> None:
    handler.start(200, ("Content-Length", str(len(body))))
    for i in range(len(body)):
        handler.wfile.write(body[i : i + 1])
        if handler.server.over.wait(0.05):
            return


def drip_head(handler: Handler, _: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.over.wait(0.05):
        handler.wfile.write(b"z")


def endless_head(handler: Handler, _: bytes) -> None:
    while not handler.server.over.is_set():
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def endless_body(handler: Handler, _: bytes) -> None:
    handler.start(200, ("Content-Type", "application/gzip"))
    while not handler.server.over.is_set():
        handler.wfile.write(bytes(1 << 16))


def endless_chunks(handler: Handler, _: bytes) -> None:
    handler.start(200, ("Transfer-Encoding", "chunked"))
    while not handler.server.over.is_set():
        handler.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")


def serve_in_chunks(handler: Handler, body: bytes) -> None:
    handler.start(200, ("Transfer-Encoding", "chunked"))
    for at in range(0, len(body), 1000):
        piece = body[at : at + 1000]
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    handler.wfile.write(b"0\r\n\r\n")


def cut_off_in_chunks(handler: Handler, body: bytes) -> None:
    handler.start(200, ("Transfer-Encoding", "chunked"))
    handler.wfile.write(f"{len(body):x}\r\n".encode() + body[: len(body) // 2])


def lie(handler: Handler, body: bytes) -> None:
    handler.start(200, ("Content-Length", str(len(body))))
    handler.wfile.write(bytes(len(body)))


def lie_about_length(handler: Handler, body: bytes) -> None:
    handler.start(200, ("Content-Length", str(len(body) + 7)))
    handler.wfile.write(body)


def lie_about_range(handler: Handler, body: bytes) -> None:
    if handler.headers.get("Range"):
        extent = f"bytes 1-{len(body) - 1}/{len(body)}"
        handler.start(206, ("Content-Range", extent), ("Content-Length", str(len(body) - 1)))
        handler.wfile.write(body[1:])
    else:
        serve(handler, body)


def talk_nonsense(handler: Handler, _: bytes) -> None:
    handler.wfile.write(b"220 smtp.example.org ready\r\n")


def reset(handler: Handler, _: bytes) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MNISTRY_HOME", str(tmp_path / "home"))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


def member_of(
    server: Server, name: str = "tiny", mirrors: tuple[str, ...] = (), know_size: bool = True
) -> Member:
    """A member of pictures of noise, served by `server`."""
    rng = np.random.default_rng(7)
    files = {}
    for key, count in zip(KEYS, (40, 40, 20, 20), strict=True):
        shape = (count, 28, 28) if key.endswith("images") else (count,)
        raw = encode_idx(rng.integers(0, 256, shape, np.uint8))
        body = gzip.compress(raw, mtime=0)
        file_name = f"{key.replace('_', '-')}-idx{len(shape)}-ubyte.gz"
        server.files[file_name] = body
        files[key] = File(
            file_name,
            len(body) if know_size else None,
            hashlib.md5(body, usedforsecurity=False).hexdigest(),
            hashlib.sha256(body).hexdigest() if know_size else "",
        )
    return Member(
        name=name,
        title="Tiny",
        about="Noise",
        homepage="",
        licence="none",
        attribution="",
        files=files,
        mirrors=mirrors or (server.mirror(),),
        counts=(40, 20),
        classes=tuple("0123456789"),
    )


@pytest.fixture(autouse=True)
def tiny(server: Server, monkeypatch: pytest.MonkeyPatch) -> Member:
    member = member_of(server)
    monkeypatch.setitem(family.FAMILY, "tiny", member)
    return member


def images_asked(server: Server) -> list[tuple[str, str | None]]:
    return [asked for asked in server.log if "train-images" in asked[0]]


def assert_fetched(paths: dict[str, Path], server: Server) -> None:
    assert list(paths) == list(KEYS)
    for path in paths.values():
        assert path.read_bytes() == server.files[path.name]
        assert [p.name for p in path.parent.glob(path.name + ".*")] == []


# What goes well


def test_fetch_puts_the_four_files_into_home(server: Server, tmp_path: Path) -> None:
    """Every file arrives byte for byte, under `home()`/name, and can be located there."""
    paths = fetch("tiny")
    assert_fetched(paths, server)
    assert {path.parent for path in paths.values()} == {tmp_path / "home" / "tiny"}
    assert family.locate("tiny") == paths
    assert read_idx(paths["train_images"]).shape == (40, 28, 28)


def test_fetch_into_a_folder_makes_it(server: Server, tmp_path: Path) -> None:
    """A named folder is made if need be and holds the files themselves."""
    paths = fetch("tiny", tmp_path / "a" / "b")
    assert_fetched(paths, server)
    assert paths["test_labels"].parent == tmp_path / "a" / "b"
    assert not (tmp_path / "home").exists()


def test_fetch_again_asks_for_nothing(server: Server) -> None:
    """Files that are there and true are not asked for again."""
    fetch("tiny")
    server.log.clear()
    fetch("tiny")
    assert server.log == []


def test_fetch_replaces_a_damaged_file_at_home(server: Server) -> None:
    """In our own folder, a file with other bytes is fetched anew."""
    path = fetch("tiny")["train_labels"]
    path.write_bytes(b"x" + path.read_bytes()[1:])
    assert_fetched(fetch("tiny"), server)


def test_fetch_leaves_a_stranger_in_the_users_folder(tiny: Member, tmp_path: Path) -> None:
    """In the user's folder, a file of that name with other bytes is not overwritten."""
    stranger = tmp_path / tiny.files["train_images"].name
    stranger.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"is not Tiny's train-images.*move it away or choose"):
        fetch("tiny", tmp_path)
    assert stranger.read_bytes() == b"mine"


def test_fetch_without_known_sizes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no size was published, the MD5 alone decides."""
    monkeypatch.setitem(family.FAMILY, "tiny", member_of(server, know_size=False))
    assert_fetched(fetch("tiny"), server)


@pytest.mark.parametrize("behaviour", [serve_in_chunks, serve_ignoring_range])
def test_fetch_from_other_honest_servers(server: Server, behaviour: Behaviour) -> None:
    """Bodies in chunks, and servers that know no ranges, are as good."""
    assert_fetched(fetch("tiny", mirrors=[server.mirror("other", behaviour)]), server)


def test_fetch_follows_redirects(server: Server) -> None:
    """A redirect to another http address is followed, relative ones too."""

    def redirect(handler: Handler, body: bytes) -> None:
        place = handler.path.replace("moved", "good")
        answer(302, ("Location", place))(handler, body)

    assert_fetched(fetch("tiny", mirrors=[server.mirror("moved", redirect)]), server)


def test_fetch_tells_progress(tiny: Member) -> None:
    """Progress grows to each file's size, and says which file of which member it is."""
    sentence_text: list[tuple[str, int, int | None]] = []
    fetch("tiny", progress=lambda *facts: sentence_text.append(facts))
    for file in tiny.files.values():
        counts = [
            (done, total) for name, done, total in sentence_text if name == f"tiny/{file.name}"
        ]
        assert counts == sorted(counts)
        assert counts[-1] == (file.size, file.size)


# Resuming


def test_fetch_resumes_what_a_server_broke_off(server: Server) -> None:
    """After a body that was cut off, only the rest is asked for."""
    paths = fetch("tiny", mirrors=[server.mirror("flaky", cut_off_once(5000))])
    assert_fetched(paths, server)
    assert [asked for _, asked in images_asked(server)] == [None, "bytes=5000-"]


def test_fetch_bears_a_server_that_breaks_off_often(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tries are counted only while they bring little, so that a bad line can end well."""

    def piecemeal(handler: Handler, body: bytes) -> None:
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        extent = ("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.start(206 if start else 200, extent, ("Content-Length", str(len(body) - start)))
        handler.wfile.write(body[start : start + 3000])

    mirror = server.mirror("piecemeal", piecemeal)
    with pytest.raises(DownloadError, match=r"broke off after 12,000 of"):
        fetch("tiny", mirrors=[mirror])
    monkeypatch.setattr("mnistry.data.download._MUCH", 2000)
    assert_fetched(fetch("tiny", mirrors=[mirror]), server)
    assert len(images_asked(server)) > 8


def test_fetch_gives_up_a_server_that_breaks_off_and_lies(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that come in pieces and are wrong each time are not asked for without end."""

    def lie_in_pieces(handler: Handler, body: bytes) -> None:
        if handler.headers.get("Range"):
            serve(handler, bytes(len(body)))
        else:
            cut_off_always(handler, body)

    monkeypatch.setattr("mnistry.data.download._MUCH", 1000)
    with pytest.raises(DownloadError, match="sent the wrong bytes"):
        fetch("tiny", mirrors=[server.mirror("bad", lie_in_pieces)])
    assert len(server.log) < 10


def test_fetch_resumes_with_the_next_mirror(server: Server, tiny: Member) -> None:
    """What one mirror sent before it failed is gone on from with the next."""
    mirrors = [server.mirror("half", cut_off_always), server.mirror()]
    assert_fetched(fetch("tiny", mirrors=mirrors), server)
    size = len(server.files[tiny.files["train_images"].name])
    assert images_asked(server)[-1] == (
        f"/good/{tiny.files['train_images'].name}",
        f"bytes={size // 2}-",
    )


@pytest.mark.parametrize("behaviour", [serve, serve_ignoring_range, lie_about_range])
@pytest.mark.parametrize("know_size", [True, False])
def test_fetch_from_a_wrong_part(
    server: Server, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, know_size: bool
) -> None:
    """A `.part` with wrong bytes costs a second try, never a wrong file."""
    member = member_of(server, know_size=know_size)
    monkeypatch.setitem(family.FAMILY, "tiny", member)
    place = family.home() / "tiny"
    place.mkdir(parents=True)
    for file, length in zip(member.files.values(), (100, 10_000, 20, 30), strict=True):
        (place / f"{file.name}.part").write_bytes(b"?" * length)
    assert_fetched(fetch("tiny", mirrors=[server.mirror("any", behaviour)]), server)


def test_fetch_finishes_a_whole_part_without_asking(server: Server, tiny: Member) -> None:
    """A process killed between the last byte and the rename left nothing to ask for."""
    place = family.home() / "tiny"
    place.mkdir(parents=True)
    for file in tiny.files.values():
        (place / f"{file.name}.part").write_bytes(server.files[file.name])
    assert_fetched(fetch("tiny"), server)
    assert server.log == []


def test_fetch_killed_in_the_middle_goes_on(server: Server, tmp_path: Path) -> None:
    """After SIGKILL no file has its final name too early, and the next run asks for the rest."""
    member = member_of(server, mirrors=(server.mirror("stall", stall),))
    script = (
        "import sys\n"
        "from mnistry.data.fetch import fetch\n"
        "from mnistry.data.family import FAMILY, File, Member\n"
        f"FAMILY['tiny'] = {member!r}\n"
        "fetch('tiny', sys.argv[1], progress=lambda *_: print('.', flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "data")], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        name = member.files["train_images"].name
        part = tmp_path / "data" / f"{name}.part"
        deadline = time.monotonic() + 120
        while part.stat().st_size < len(server.files[name]) // 2 - 8192:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    held = part.stat().st_size
    assert 0 < held < len(server.files[name])
    assert [path.name for path in part.parent.iterdir()] == [part.name]
    server.log.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(family.FAMILY, "tiny", member)
        paths = fetch("tiny", tmp_path / "data", [server.mirror()])
    assert_fetched(paths, server)
    assert [asked for _, asked in images_asked(server)] == [f"bytes={held}-"]


def test_fetch_twice_at_once(server: Server, tmp_path: Path) -> None:
    """Two that fetch into one folder at a time take turns, and the second finds all there."""
    results: list[dict[str, Path]] = []
    threads = [
        threading.Thread(target=lambda: results.append(fetch("tiny", tmp_path / "data")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert_fetched(results[0], server)
    assert len(images_asked(server)) == 1


# What goes wrong


BAD: dict[str, tuple[Behaviour, str]] = {
    "forbidden": (answer(403), "answered 403 Forbidden"),
    "missing": (answer(404, ("Content-Type", "text/html"), body=b"<html>"), "404 Not Found"),
    "broken": (answer(500), "answered 500 Internal Server Error"),
    "teapot": (answer(799), "answered 799"),
    "part": (answer(206), "answered 206 Partial Content"),
    "page": (
        answer(200, ("Content-Type", "text/html; charset=utf-8"), body=b"<html>Log in</html>"),
        "sent a web page instead of the file",
    ),
    "short": (answer(200, body=b"short"), r"offers 5 bytes where [\d,]+ are expected"),
    "wrong": (lie, "sent the wrong bytes"),
    "length": (lie_about_length, r"offers [\d,]+ bytes where [\d,]+ are expected"),
    "cut": (cut_off_always, r"broke off after [\d,]+ of [\d,]+ bytes"),
    "chunks": (cut_off_in_chunks, "broke off within the file"),
    "stall": (stall, r"stalled for 0\.5 seconds"),
    "drip": (drip, r"stalled for 0\.5 seconds"),
    "head": (drip_head, r"did not answer within 0\.5 seconds"),
    "forever": (endless_head, "did not answer in HTTP"),
    "endless": (endless_body, r"sent more than the [\d,]+ bytes expected"),
    "more": (endless_chunks, r"sent more than the [\d,]+ bytes expected"),
    "nonsense": (talk_nonsense, "did not answer in HTTP"),
    "reset": (reset, "broke the connection off"),
    "file": (answer(302, ("Location", "file:///etc/passwd")), "leads to an address that is not"),
    "ftp": (answer(301, ("Location", "ftp://127.0.0.1/x")), "leads to an address that is not"),
    "loop": (answer(302, ("Location", "/loop/x")), "leads from one address to the next"),
    "bare": (answer(302), "leads from one address to the next"),
    "odd": (answer(302, ("Location", "http://[")), "an address that can't be used"),
    "odder": (answer(302, ("Location", "http://" + "a" * 80)), "can't be used|by its name"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_fetch_goes_to_the_next_mirror(server: Server, name: str) -> None:
    """However the first mirror fails, the second serves, and nothing wrong is kept."""
    mirrors = [server.mirror(name, BAD[name][0]), server.mirror()]
    assert_fetched(fetch("tiny", mirrors=mirrors, timeout=PATIENCE), server)


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_fetch_names_the_reason(server: Server, name: str) -> None:
    """When all mirrors fail, the sentence says how, and no file has its final name."""
    behaviour, reason = BAD[name]
    host = re.escape(f"127.0.0.1:{server.server_port}")
    sentence = f"Tiny's train-images-idx3-ubyte.gz could not be fetched: {host}.*{reason}.*; "
    if name == "odder":
        sentence = reason
    with pytest.raises(DownloadError, match=sentence) as caught:
        fetch("tiny", mirrors=[server.mirror(name, behaviour)], timeout=PATIENCE)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    left = [path for path in family.home().rglob("*") if path.is_file()]
    assert all(path.suffix == ".part" and path.stat().st_size for path in left)
    assert bool(left) == (name in {"cut", "chunks", "stall", "drip"})  # what can be gone on from


@pytest.mark.parametrize("name", ["endless", "more", "cut"])
def test_fetch_without_a_size_is_bounded(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where no size was published, the shape of the data still bounds what is accepted."""
    monkeypatch.setitem(family.FAMILY, "tiny", member_of(server, know_size=False))
    with pytest.raises(DownloadError, match=r"sent more than|broke off|the wrong bytes"):
        fetch("tiny", mirrors=[server.mirror(name, BAD[name][0])])
    parts = list(family.home().rglob("*.part"))
    assert sum(part.stat().st_size for part in parts) < 50_000


def test_fetch_names_every_mirror(server: Server) -> None:
    """Each mirror's own reason is given, and then the cure."""
    mirrors = [server.mirror("forbidden", answer(403)), server.mirror("wrong", lie)]
    sentence = r"403 Forbidden, and 127\S+ sent the wrong bytes.*; try again later, or put the"
    with pytest.raises(DownloadError, match=sentence):
        fetch("tiny", mirrors=mirrors)


def test_fetch_says_the_same_once(server: Server) -> None:
    """Two mirrors on one host that fail alike are one reason."""
    mirrors = [server.mirror("a", answer(403)), server.mirror("b", answer(403))]
    with pytest.raises(DownloadError) as caught:
        fetch("tiny", mirrors=mirrors)
    assert str(caught.value).count("answered 403") == 1
    assert len(server.log) == 2


def test_fetch_asks_the_mirror_that_served_first(server: Server) -> None:
    """One file's wait for a silent mirror is not repeated for the next file."""
    mirrors = [server.mirror("forbidden", answer(403)), server.mirror()]
    fetch("tiny", mirrors=mirrors)
    assert [path.split("/")[1] for path, _ in server.log] == ["forbidden"] + 4 * ["good"]


def test_fetch_says_what_it_goes_on_from(server: Server) -> None:
    """A download that broke off is kept, and the sentence says that the next run uses it."""
    with pytest.raises(DownloadError, match=r"run it again to go on after the [\d,]+ bytes"):
        fetch("tiny", mirrors=[server.mirror("cut", cut_off_always)])
    assert len(list(family.home().rglob("*.part"))) == 1


def test_fetch_offline() -> None:
    """With nobody there, the sentence asks whether this machine is online."""
    with pytest.raises(DownloadError, match="refused the connection; check that this machine is"):
        fetch("tiny", mirrors=[f"http://127.0.0.1:{free_port()}/"])


def test_fetch_without_names() -> None:
    """A host that no name server knows is said to be that."""
    with pytest.raises(DownloadError, match=r"nowhere.invalid could not be found by its name"):
        fetch("tiny", mirrors=["http://nowhere.invalid/"])


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY"])
def test_fetch_through_a_dead_proxy(
    server: Server, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A proxy that is down is named, without its password, as the thing to check."""
    port = free_port()
    monkeypatch.setenv(variable, f"http://me:secret@127.0.0.1:{port}")
    sentence = rf"refused the connection; check the proxy 127\.0\.0\.1:{port}, which HTTP_PROXY"
    with pytest.raises(DownloadError, match=sentence) as caught:
        fetch("tiny")
    assert "secret" not in str(caught.value)
    assert server.log == []


def test_fetch_through_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy that the environment names is the one that is asked."""
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.server_port}")
    assert_fetched(fetch("tiny", mirrors=["http://mnist.example.org/good"]), server)
    assert server.log[0][0].startswith("http://mnist.example.org/good/")


def test_fetch_past_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY is honoured."""
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert_fetched(fetch("tiny"), server)


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [("socks5://127.0.0.1:1", "only HTTP proxies can be used"), ("http://", "can't be used")],
)
def test_fetch_through_an_impossible_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: str, reason: str
) -> None:
    """A proxy setting that makes no sense gives a sentence too."""
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(DownloadError, match=reason):
        fetch("tiny")


@pytest.mark.slow
def test_fetch_through_a_proxy_that_refuses_tunnels(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that will not pass https on is quoted with its status."""
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_port}")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(DownloadError, match="the proxy answered 501; check the proxy 127"):
            fetch("tiny", mirrors=["https://mnist.example.org/"])
        gc.collect()
    assert [str(one.message) for one in seen] == []  # no connection is left open


def test_fetch_over_broken_tls(server: Server) -> None:
    """A server that does not speak TLS where it should gives the TLS cure."""
    mirror = server.mirror().replace("http:", "https:")
    with pytest.raises(DownloadError, match=r"failed to set up TLS .*; check this machine's clock"):
        fetch("tiny", mirrors=[mirror])


@pytest.mark.parametrize("mirror", ["file:///etc/", "ftp://x/", "nonsense", "http://", "http://["])
def test_fetch_refuses_other_mirrors(mirror: str) -> None:
    """Only http and https are mirrors."""
    with pytest.raises(InputError, match="`mirrors` must be addresses that start with http://"):
        fetch("tiny", mirrors=[mirror])


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_fetch_refuses_other_timeouts(timeout: float) -> None:
    """A timeout is a number of seconds that ends."""
    with pytest.raises(InputError, match="`timeout` must be seconds, more than 0"):
        fetch("tiny", timeout=timeout)


def test_fetch_unknown_name() -> None:
    """A name that is no member's is refused before anything else happens."""
    with pytest.raises(DataError, match="did you mean `fashion`"):
        fetch("fashion-mnist")


def test_fetch_asks_no_mirror_for_a_folder_that_cannot_be(server: Server, tmp_path: Path) -> None:
    """A folder that can't be written is refused before a mirror is asked."""
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file' \(File exists\)"):
        fetch("tiny", tmp_path / "file")
    assert server.log == []


# EMNIST's archive


def archive_of(server: Server, *splits: str) -> tuple[Member, ...]:
    """Members that share a zip, made as EMNIST's is."""
    body = io.BytesIO()
    found = []
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for split in splits:
            member = member_of(server, f"emnist-{split}")
            files = {}
            for key, file in member.files.items():
                files[key] = File(f"emnist-{split}-{file.name}")
                archive.writestr(f"gzip/{files[key].name}", server.files[file.name])
            found.append(dataclasses.replace(member, files=files))
        archive.writestr("gzip/../../evil.txt", b"never unpacked")
    server.files["gzip.zip"] = data = body.getvalue()
    zipped = File("gzip.zip", len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())
    return tuple(dataclasses.replace(member, archive=zipped) for member in found)


@pytest.fixture
def pair(server: Server, monkeypatch: pytest.MonkeyPatch) -> tuple[Member, ...]:
    found = archive_of(server, "one", "two")
    for member in found:
        monkeypatch.setitem(family.FAMILY, member.name, member)
    return found


def files_under(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.usefixtures("pair")
def test_fetch_unpacks_its_own_files_alone(server: Server) -> None:
    """Of the archive, the member's four files come out; the archive and the rest do not stay."""
    paths = fetch("emnist-one")
    assert files_under(family.home()) == sorted(f"emnist-one/{p.name}" for p in paths.values())
    assert read_idx(paths["train_images"]).shape == (40, 28, 28)
    server.log.clear()
    assert fetch("emnist-one") == paths
    assert server.log == []


@pytest.mark.usefixtures("pair")
def test_fetch_keeps_the_archive_if_asked(server: Server) -> None:
    """A kept archive serves the siblings without the network."""
    fetch("emnist-one", keep_archive=True)
    assert (family.home() / "emnist" / "gzip.zip").is_file()
    server.log.clear()
    fetch("emnist-two")
    assert server.log == []
    assert (family.home() / "emnist" / "gzip.zip").is_file()  # it was there before


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.usefixtures("pair")
def test_fetch_all_fetches_an_archive_once(server: Server, tmp_path: Path, named: bool) -> None:
    """Siblings fetched together share one download, which then goes."""
    folder = tmp_path / "data" if named else None
    paths = fetch_all(["emnist-one", "emnist-two"], folder)
    assert len(server.log) == 1
    assert list(paths) == ["emnist-one", "emnist-two"]
    assert not list(tmp_path.rglob("gzip.zip*"))
    assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.usefixtures("pair")
def test_fetch_resumes_an_archive(server: Server) -> None:
    """The large archive, of all files, is resumed."""
    fetch("emnist-one", mirrors=[server.mirror("flaky", cut_off_once(9000))])
    assert [asked for _, asked in server.log] == [None, "bytes=9000-"]


@pytest.mark.parametrize("fault", ["missing", "bomb", "no zip", "damaged"])
def test_fetch_from_a_bad_archive(
    server: Server, pair: tuple[Member, ...], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """An archive that does not hold the files whole is refused; no file is half unpacked."""
    name = pair[0].files["train_images"].name
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        if fault != "missing":
            archive.writestr(f"gzip/{name}", bytes(50_000_000 if fault == "bomb" else 20_000))
    data = body.getvalue()
    if fault == "no zip":
        data = b"no zip"
    if fault == "damaged":
        data = data[:60] + b"\xff\xff\xff\xff" + data[64:]
    server.files["gzip.zip"] = data
    zipped = File("gzip.zip", len(data), sha256=hashlib.sha256(data).hexdigest())
    member = dataclasses.replace(pair[0], archive=zipped)
    monkeypatch.setitem(family.FAMILY, "emnist-one", member)
    with pytest.raises(DataError, match=rf"does not hold {name} whole .*; delete it, then run"):
        fetch("emnist-one")
    assert files_under(family.home()) == ["emnist/gzip.zip"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limited: Callable[[], AbstractContextManager[None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No home, a home that is a file, or one of another user's: the message says how to choose."""
    (tmp_path / "file").touch()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o755)
    for home in (tmp_path / "file" / "home", closed / "home"):
        monkeypatch.setenv("MNISTRY_HOME", str(home))
        with limited(), pytest.raises(InputError) as caught:
            fetch("fashion", mirrors=["http://127.0.0.1:9/"])
        sentence_text = str(caught.value)
        assert sentence_text.startswith(f"Data sets can't be kept in {str(home / 'fashion')!r} (")
        assert sentence_text.endswith(
            "); set the environment variable MNISTRY_HOME to a folder that can be written, or give "
            "one as `folder`."
        )
    for folder in (tmp_path / "file", closed):
        with limited(), pytest.raises(InputError, match=r"\); give one as `folder`\.$"):
            fetch("fashion", folder, mirrors=["http://127.0.0.1:9/"])
    monkeypatch.setenv("MNISTRY_HOME", str(tmp_path / "file" / "home"))
    assert main(["data", "fetch", "fashion"]) == 2
    assert capsys.readouterr().err.endswith("that can be written, or give one as `--to`.\n")
