"""What is of mnistry's own over HTTP: readings, evidence, data, training, corrections, metrics."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import contextlib
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistry.data import corrections
from mnistry.data.corrections import Corrections
from mnistry.data.dataset import DataSets
from mnistry.data.folder import read_folder
from mnistry.data.parquet import read_parquet
from mnistry.data.sources import load_data
from mnistry.errors import DataError, InputError
from mnistry.evidence.contrast import contrast
from mnistry.models.file import load_model, save_model, shipped_model, shipped_path
from mnistry.models.softmax import SoftmaxRegression
from mnistry.reader import Reader
from mnistry.serving import live, pictures, store, uploads
from mnistry.serving.app import make_app
from mnistry.serving.errors import Refused
from mnistry.serving.live import Training, Trainings
from mnistry.serving.metrics import are_framed
from mnistry.serving.openapi import document
from mnistry.serving.store import ModelStore


def png(image: NDArray[np.uint8], side: int = 100) -> bytes:
    out = io.BytesIO()
    Image.fromarray(255 - image).resize((side, side)).save(out, "PNG")
    return out.getvalue()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it in a thread of its own, since the browser's tests leave an event loop in this one."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work)).result()


def test_read_says_what_the_reader_says(client: httpx.Client, mnist: DataSets) -> None:
    """A picture's bytes, alone or in a form, are read as `Reader` reads them."""
    sources = [png(image) for image in mnist.test.images[:5]]
    truth = [Reader().read(source).to_dict() for source in sources]
    for source, own in zip(sources, truth, strict=True):
        response = client.post("/read", content=source, headers={"content-type": "image/png"})
        assert response.json() == {"readings": [{"picture": "picture", **own}]}
    files = [("any", (f"{i}.png", source)) for i, source in enumerate(sources)]
    readings = client.post("/read?images=true", files=files).json()["readings"]
    assert [one["picture"] for one in readings] == [f"{i}.png" for i in range(5)]
    assert [one["text"] for one in readings] == [own["text"] for own in truth]
    image = np.array(readings[0]["digits"][0]["image"], np.uint8).reshape(1, 28, 28)
    assert are_framed(image).all()


def test_what_is_known_of_a_field_is_used(client: httpx.Client, mnist: DataSets) -> None:
    """A pattern, a range, allowed values and a check digit are query parameters of /read."""
    seven = png(mnist.test.images[0])
    for query, fits in (
        ("pattern=[67]", True), ("range=5-9", True), ("allowed=1,7", True), ("pattern=..", False),
        ("check=luhn", False),
    ):  # fmt: skip
        [reading] = client.post(f"/read?{query}", content=seven).json()["readings"]
        assert (reading["text"], reading["fits"]) == ("7", fits)
        assert reading["alternatives"][0]["text"] == "7"
        assert "accepted" not in reading
    for risk, accepted in ((0.5, True), (1e-9, False)):
        [reading] = client.post(f"/read?risk={risk}", content=seven).json()["readings"]
        assert (reading["text"], reading["accepted"]) == ("7", accepted)
    for bad in ("0", "2", "nan", "x"):
        assert client.post(f"/read?risk={bad}", content=seven).status_code == 422


def test_pages_are_read_and_one_bad_file_stops_no_other(
    client: httpx.Client, mnist: DataSets
) -> None:
    """Each page of a TIFF has a reading; PDF and a damaged file have an error."""
    pages = [Image.open(io.BytesIO(png(image))) for image in mnist.test.images[:3]]
    document, printed = io.BytesIO(), io.BytesIO()
    pages[0].save(document, "TIFF", save_all=True, append_images=pages[1:])
    pages[0].save(printed, "PDF")
    bad = io.BytesIO()
    pages[0].convert("P").save(bad, "PNG", transparency=bytes(256))
    longer = re.sub(rb"\x00\x00\x01\x00tRNS.{260}", _longer, bad.getvalue(), flags=re.DOTALL)
    bodies = {"a.tif": document.getvalue(), "b.pdf": printed.getvalue(), "c.png": longer}
    files = [("any", pair) for pair in [*bodies.items(), ("d.png", png(mnist.test.images[3]))]]
    response = client.post("/read", files=files)
    assert response.status_code == 200
    found = {
        one["picture"]: one.get("text", one.get("error")) for one in response.json()["readings"]
    }
    assert list(found) == ["a.tif#1", "a.tif#2", "a.tif#3", "b.pdf", "c.png", "d.png"]
    assert [found[name] for name in ("a.tif#1", "a.tif#2", "a.tif#3", "d.png")] == list("7210")
    assert found["b.pdf"] == "b.pdf is a PDF; send its pages as images."
    assert "c.png is a damaged picture (palette index out of range)" in found["c.png"]
    many = io.BytesIO()
    pages[0].save(many, "TIFF", save_all=True, append_images=[pages[0]] * 100)
    response = client.post("/read", content=many.getvalue(), headers={"content-type": "image/tiff"})
    assert response.status_code == 422
    assert "is more than the 100 images, pages counted" in response.json()["error"]


def _longer(_: re.Match[bytes]) -> bytes:
    """A tRNS chunk of 257 bytes."""
    body = b"tRNS" + bytes(257)
    return (257).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def test_a_drawing_is_read(client: httpx.Client) -> None:
    """Strokes with a pen: two upright ones are two ones; a dot of ink is drawn as well."""
    drawing = {
        "strokes": [[[90, 40], [95, 240]], [[190, 40], [195, 240]], [[5, 5]], []],
        "width": 280, "height": 280, "pen": 18,
    }  # fmt: skip
    [reading] = client.post("/read", json=drawing).json()["readings"]
    assert reading["text"] == "11"
    empty = client.post("/read", json={**drawing, "strokes": []}).json()["readings"][0]
    assert (empty["outcome"], empty["digits"]) == ("blank", [])


def test_a_drawing_is_drawn_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take seconds, in which others are answered: threads do it, as they do the reading."""
    threads = []

    def drawn(output: Any) -> NDArray[np.uint8]:
        threads.append(threading.current_thread().name)
        return real(output)

    real = pictures.drawn
    monkeypatch.setattr(uploads, "drawn", drawn)
    app, _ = make_app(ModelStore())

    async def ask() -> httpx.Response:
        through = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=through, base_url="http://localhost") as client:
            drawing = {"strokes": [], "width": 28, "height": 28, "pen": 2}
            return await client.post("/read", json=drawing)

    assert run(ask()).status_code == 200
    assert [name.partition("_")[0] for name in threads] == ["desk"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "sent", "status", "sentence"),
    [
        ("?alpha=2", {}, 422, "`alpha` must be between 0 and 1; got 2"),
        ("?alpha=x", {}, 422, "`alpha` must be a number; got 'x'"),
        ("?digits=-1", {}, 422, "`digits` must be a whole number"),
        ("?digits=51", {}, 422, "`digits` must be from 1 to 50; got 51"),
        ("?pattern=[a]", {}, 422, "The pattern '[a]' is refused"),
        ("?range=7", {}, 422, "`range` must be LOW-HIGH, such as 100-250; got '7'"),
        ("?check=crc", {}, 422, "`check` must be one of luhn"),
        ("?allowed=1,x", {}, 422, "An allowed value must consist of digits; got 'x'"),
        ("?pattern=" + "1" * 201, {}, 422, "have at most 200 characters"),
        ("?keep=perhaps", {}, 422, "`keep` must be true or false"),
        ("?model=none", {}, 404, "no model 'none'"),
        ("", {"content": b"no", "headers": {"content-type": "image/png"}}, 422, "not a picture"),
        ("", {"content": b"", "headers": {"content-type": "image/png"}}, 422, "is empty"),
        ("", {"content": b"x", "headers": {"content-type": "text/html"}}, 415, "got 'text/html'"),
        ("", {"data": {"a": "b"}, "files": None}, 415, "though its `Content-Type` is a form's"),
        ("", {"json": {"strokes": 5}}, 422, "`width`, `height` and `pen` must be numbers"),
        (
            "",
            {"json": {"strokes": [[[1]]], "width": 9, "height": 9, "pen": 1}},
            422,
            "points must be pairs",
        ),
    ],
)
def test_what_can_not_be_read_gets_a_sentence(
    client: httpx.Client, query: str, sent: dict[str, Any], status: int, sentence: str
) -> None:
    """Each fault has its status, and says what is wrong."""
    sent = sent or {"content": png(np.zeros((28, 28), np.uint8))}
    response = client.post(f"/read{query}", **sent)
    assert response.status_code == status
    assert sentence in response.text


def test_one_bad_picture_spoils_no_other(client: httpx.Client, mnist: DataSets) -> None:
    """In a form, it is an error in its place."""
    files = [("f", ("a.png", b"no")), ("f", ("b.png", png(mnist.test.images[0])))]
    response = client.post("/read", files=files)
    bad, good = response.json()["readings"]
    assert response.status_code == 200
    assert bad.keys() == {"picture", "error"}
    assert good["text"] == "7"


@pytest.mark.parametrize(
    ("charset", "status"), [("utf-8", 200), ("unicode_escape", 200), ("undefined", 400)]
)
def test_a_name_may_be_anything(client: httpx.Client, charset: str, status: int) -> None:
    """Half a character in a file's name, or a form whose names nobody can read, is no failure."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="\\\\ud800.png"\r\n\r\n'
        + png(np.zeros((28, 28), np.uint8))
        + b"\r\n--x--\r\n"
    )
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    response = client.post("/read", content=body, headers={"content-type": kind})
    assert response.status_code == status
    if charset == "unicode_escape":
        assert response.json()["readings"][0]["picture"] == r"\ud800.png"


@pytest.mark.parametrize("kind", ["softmax", "convnet"])
def test_explain_adds_up(client: httpx.Client, mnist: DataSets, kind: str) -> None:
    """Why 7 and not 2 is what `contrast` says, and its parts are the whole."""
    image = mnist.test.images[0]
    asked = {"model": kind, "image": image.ravel().tolist(), "why": 7, "not": 2}
    found = client.post("/explain", json=asked).json()
    own = contrast(shipped_model(kind), image, 7, 2)
    np.testing.assert_allclose(found["map"], own.map.ravel(), atol=1e-5)
    assert found["baseline"] + found["sum"] + found["residual"] == pytest.approx(own.difference)
    for wrong in ({"why": 11}, {"why": "7"}, {"image": [0] * 9}, {"image": [300] * 784}):
        response = client.post("/explain", json={**asked, **wrong})
        assert response.status_code == 422
        assert response.json().keys() == {"error"}


def test_weights_and_pictures_give_the_evidence(client: httpx.Client, mnist: DataSets) -> None:
    """What the page adds up is what the model says."""
    output = client.get("/weights/softmax").json()
    raw = client.get("/data/test/images?from=3&count=4").content
    images = np.frombuffer(raw, np.uint8).reshape(4, 28, 28)
    np.testing.assert_array_equal(images, mnist.test.images[3:7])
    raw = client.get("/data/train/images?indices=5,7").content
    np.testing.assert_array_equal(
        np.frombuffer(raw, np.uint8).reshape(2, 28, 28), mnist.train.images[[5, 7]]
    )
    logits = images.reshape(4, 784) / 255 @ np.array(output["weights"]).T + output["biases"]
    np.testing.assert_allclose(logits, shipped_model("softmax").logits(images), atol=1e-5)
    assert client.get("/data/test/labels").json()["labels"] == mnist.test.labels.tolist()
    for path in ("/data/test/images?from=x", "/data/test/images?indices=10000",
                 "/data/test/images?count=1001"):  # fmt: skip
        assert client.get(path).status_code == 422
    assert client.get("/data/other/labels").status_code == 404


def test_answers_are_the_models(client: httpx.Client, mnist: DataSets) -> None:
    """The answers and the score of the test split are those of `evaluate`."""
    output = client.get("/models/convnet/answers").json()
    right = np.array(output["answers"]) == mnist.test.labels
    assert output["sheet"]["accuracy"] == pytest.approx(right.mean())
    assert len(output["sheet"]["reliability"]["accuracy"]) == 15


def events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    kind = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            yield kind, json.loads(line[6:])


@pytest.mark.slow
def test_training_is_real_and_can_be_steered(client: httpx.Client, url: str) -> None:
    """A run learns from chance level; it can be paused and stepped; a high rate diverges."""
    with client.stream("POST", "/training", json={"rate": 0.5, "seed": 1}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        output = events(response)
        kind, start = next(output)
        assert (kind, start["train"]) == ("start", 55_000)

        def steer(**how: Any) -> int:
            return httpx.post(f"{url}/training/{start['id']}", json=how).status_code

        assert steer(speed=1000) == 204
        first = next(look for kind, look in output if kind == "look")
        later = next(look for _, look in output if look["step"] >= 150)
        assert first["accuracy"] < later["accuracy"]
        assert later["accuracy"] > 0.8
        assert later["loss"] < first["loss"] < 3
        weights = np.frombuffer(base64.b64decode(later["weights"]), np.int8)
        assert weights.shape == (7840,)
        assert np.abs(weights).max() == 127
        assert steer(paused=True) == 204
        still = next(look for _, look in output if look["paused"])
        assert steer(steps=3) == 204
        moved = next(look for _, look in output if look["step"] == still["step"] + 3)
        assert moved["paused"]
        assert steer(rate=1000, paused=False, speed=3000) == 204
        assert any(not look["loss"] or look["loss"] > 5 for _, look in output)
        for wrong in ({"rate": -1}, {"speed": "fast"}, {"other": 1}, {"steps": 10**9}):
            assert httpx.post(f"{url}/training/{start['id']}", json=wrong).status_code == 422
    response = client.post("/training/nothing", json={"rate": 1})
    assert response.status_code == 404


def test_a_pause_during_a_step_owes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that are asked for in a pause are all taken, also if it began during a step."""
    run = Training(SoftmaxRegression(), 0)
    run.owed = 5.0
    learn = SoftmaxRegression.partial_fit

    def paused_meanwhile(*args: Any, **kwargs: Any) -> Any:
        run.set({"paused": True})
        return learn(*args, **kwargs)

    monkeypatch.setattr(SoftmaxRegression, "partial_fit", paused_meanwhile)
    live._turn(run, 60, looks=False)
    assert (run.step, run.owed) == (1, 0)
    run.set({"steps": 3})
    assert run.owed == 3


async def told_of(run: Training, trainings: Trainings, until: str) -> list[tuple[str, Any]]:
    """Watch a run until an event of a kind has come, and return all that came."""
    found: list[tuple[str, Any]] = []
    async with asyncio.timeout(60), contextlib.aclosing(trainings.events(run)) as output:
        async for data in output:
            if data.startswith(b"event: "):
                kind, _, rest = data.decode().removeprefix("event: ").partition("\n")
                found.append((kind, json.loads(rest.removeprefix("data: "))))
                if kind == until:
                    break
    return found


def test_more_runs_than_can_be_kept_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new run is refused until another has ended."""
    monkeypatch.setattr(live, "_MAX_RUNS", 3)
    trainings = Trainings()
    runs = [trainings.begin({}) for _ in range(3)]
    with pytest.raises(Refused, match="3 runs are watched already; try again in a minute"):
        trainings.begin({})
    trainings.end(runs[0])
    trainings.begin({})


def test_runs_wait_in_line_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiting run reports its place at once; a run that ends or pauses frees its own."""
    monkeypatch.setattr(live, "_MAX_LEARNING", 1)
    trainings = Trainings()

    async def scene() -> None:
        first, second, third = (trainings.begin({}) for _ in range(3))
        assert (await told_of(first, trainings, "look"))[-1][1]["step"] >= 1
        for run, ahead in ((second, 1), (third, 2)):
            events = await told_of(run, trainings, "wait")
            assert [kind for kind, _ in events] == ["start", "wait"]
            assert events[-1][1] == {"ahead": ahead}
        first.set({"paused": True})
        assert (await told_of(first, trainings, "look"))[-1][1]["paused"]  # and has left its place
        assert (await told_of(second, trainings, "look"))[-1][1]["step"] >= 1
        first.set({"paused": False})
        assert (await told_of(first, trainings, "wait"))[-1][1] == {"ahead": 2}
        trainings.end(second)
        assert (await told_of(third, trainings, "look"))[-1][1]["step"] >= 1
        assert (await told_of(first, trainings, "wait"))[-1][1] == {"ahead": 1}

    run(scene())


def test_a_run_that_is_paused_for_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream of a run that is paused for long ends."""
    monkeypatch.setattr(live, "_MAX_PAUSE", -1.0)
    trainings = Trainings()

    async def scene() -> None:
        paused = trainings.begin({})
        paused.set({"paused": True})
        paused.idle = 0.0
        assert (await told_of(paused, trainings, "end"))[-1][1]["reason"] == "idle"

    run(scene())


@pytest.mark.slow
def test_a_class_of_thirty_learns_at_once(serve: Any, tmp_path: Path) -> None:
    """Each of thirty runs takes 20 steps, while other requests are answered."""

    async def scene(url: str) -> None:
        everyone = asyncio.Barrier(30)

        async def learn(client: httpx.AsyncClient, seed: int) -> list[str]:
            kinds = []
            how = {"seed": seed}
            async with client.stream("POST", "/training", json=how) as response:
                assert response.status_code == 200
                kind = ""
                async for line in response.aiter_lines():
                    kind = line.removeprefix("event: ") if line.startswith("event: ") else kind
                    if not line.startswith("data: "):
                        continue
                    kinds.append(kind)
                    if json.loads(line.removeprefix("data: ")).get("step", 0) >= 20:
                        await everyone.wait()  # nobody leaves before all have come so far
                        break
            return kinds

        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
            runs = asyncio.gather(*(learn(client, seed) for seed in range(30)))
            assert (await client.get("/v2/health/live")).is_success
            for kinds in await runs:
                assert set(kinds) == {"start", "look"}

    with serve(tmp_path) as (url, _):
        run(scene(url))


def test_who_leaves_before_training_begins_leaves_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that disconnect before the first event leave no run behind."""
    monkeypatch.setattr(live, "_MAX_RUNS", 8)
    app, service = make_app(ModelStore())

    async def leave() -> None:
        output: list[dict[str, Any]] = [
            {"type": "http.request", "body": b"{}", "more_body": False},
            {"type": "http.disconnect"},
        ]
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "path": "/training", "raw_path": b"/training", "root_path": "",
            "query_string": b"", "headers": [], "client": None, "server": None,
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return output.pop(0)

        async def send(_: Any) -> None:
            await asyncio.sleep(5)  # it takes nothing

        await app(scope, receive, send)

    for _ in range(9):
        run(leave())
    service.trainings.begin({})


def test_the_tutorials_weights_are_those_of_its_recipe(
    client: httpx.Client, mnist: DataSets
) -> None:
    """They are those after 1,000 steps at rate 0.5, compressed, and cached by the client."""
    response = client.get("/tutorial/weights")
    assert response.headers["content-encoding"] == "gzip"
    output = response.json()
    model = SoftmaxRegression().fit(mnist.train.images, mnist.train.labels)
    np.testing.assert_allclose(np.array(output["weights"]), model.weights.T, atol=1e-3)
    np.testing.assert_allclose(output["biases"], model.biases, atol=1e-3)
    again = client.get("/tutorial/weights", headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.slow
def test_corrections_are_kept_and_learnt_from(
    client: httpx.Client, mnist: DataSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told, listed, taken away as files that read back, forgotten; as data, they join MNIST."""
    for one in client.get("/corrections").json()["corrections"]:
        client.delete(f"/corrections/{one['id']}")
    image = mnist.test.images[8]
    output = {"image": image.ravel().tolist(), "label": 5, "answer": 6, "model": "softmax"}
    response = client.post("/corrections", json=output)
    assert response.status_code == 201
    client.post("/corrections", json={**output, "label": 3, "answer": None})
    refused = client.post("/corrections", json={**output, "label": "3"})
    assert "`label` must be a digit from 0 to 9; got '3'." in refused.text
    listed = client.get("/corrections").json()
    assert listed["count"] == 2
    assert [one["label"] for one in listed["corrections"]] == [3, 5]
    assert listed["corrections"][1]["image"] == output["image"]
    (tmp_path / "train.parquet").write_bytes(client.get("/corrections.parquet").content)
    zipfile.ZipFile(io.BytesIO(client.get("/corrections.zip").content)).extractall(tmp_path / "idx")
    for data, *_ in (read_parquet([tmp_path / "train.parquet"]), read_folder(tmp_path / "idx")):
        np.testing.assert_array_equal(data.images, np.stack([image, image]))
        assert data.labels.tolist() == [5, 3]
    assert client.delete(f"/corrections/{response.json()['id']}").status_code == 204
    assert client.delete(f"/corrections/{response.json()['id']}").status_code == 404
    for wrong in ({"label": 10}, {"label": True}, {"image": [0]}, {"model": 5}, {"answer": "6"}):
        assert client.post("/corrections", json={**output, **wrong}).status_code == 422

    monkeypatch.setenv("MNISTRY_HOME", str(tmp_path / "home"))
    with pytest.raises(DataError, match="There are no corrections yet"):
        load_data("corrections")
    own = Corrections()
    assert own.latest() == []
    assert not own.remove(1)
    own.add(image, 5, 6, "softmax")
    sets = load_data("corrections")
    assert len(sets.train) == len(mnist.train) + 50
    np.testing.assert_array_equal(sets.train.images[-1], image)
    assert sets.train.labels[-50:].tolist() == [5] * 50
    np.testing.assert_array_equal(sets.validation.images, mnist.validation.images)
    with pytest.raises(InputError, match="`image` must be uint8"):
        own.add(image / 255, 5)
    own.path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match=r"can't be used: .*; if it is broken, move it away"):
        own.latest()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["broken", "foreign", "locked", "closed"])
def test_corrections_that_can_not_be_used_are_the_servers_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """Status 503 and one sentence without a path, which the log has; nothing else is affected."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("MNISTRY_HOME", str(folder))
    monkeypatch.setattr(corrections, "_PATIENCE", 0.1)
    path = folder / "corrections.sqlite"
    with contextlib.ExitStack() as stack:
        if kind == "broken":
            path.write_bytes(b"no database at all" * 100)
        elif kind == "closed":
            folder.rmdir()
            folder.write_bytes(b"a file")  # so that nothing can be made in it, even by root
        else:
            base = stack.enter_context(contextlib.closing(sqlite3.connect(path)))
            columns = "id integer primary key, image, label, answer, model, at"
            base.execute(f"create table corrections ({columns})")
            base.execute("insert into corrections values (1, x'0102', 3, null, x'00', 'now')")
            base.commit()
            if kind == "locked":
                base.execute("begin exclusive")
        app, _ = make_app(ModelStore())

        async def ask() -> list[httpx.Response]:
            through = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=through, base_url="http://localhost") as client:
                output = {"image": [0] * 784, "label": 5, "answer": 6}
                asked = [
                    client.get("/corrections"),
                    client.get("/corrections.zip"),
                    client.get("/corrections.parquet"),
                ]
                if kind != "foreign":
                    asked += [
                        client.post("/corrections", json=output),
                        client.delete("/corrections/5"),
                    ]
                return [*await asyncio.gather(*asked), await client.get("/models")]

        *answers, models = run(ask())
    assert models.status_code == 200
    for answer in answers:
        assert answer.status_code == 503
        assert "can't be read or written now" in answer.json()["error"]
        assert str(tmp_path) not in answer.text
    assert str(path) in caplog.text


@pytest.mark.parametrize("name", ["\x1b[2J\x1b]0;owned\x07\n", "\u202e7", "\ud800", "x" * 90_000])
def test_an_odd_model_file_fails_for_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Names with control characters or surrogates, or very long ones; an accuracy of 400 digits."""
    odd = SoftmaxRegression(steps=1)
    odd.fit(np.zeros((2, 28, 28), np.uint8), [0, 1], classes=["A", "B"])
    save_model(odd, tmp_path / "odd.onnx")
    proto = onnx.load(tmp_path / "odd.onnx")
    [about] = proto.metadata_props
    output = {"classes": [name, "B"], "scores": {"accuracy": 10**400}}
    about.value = json.dumps({**json.loads(about.value), **output})
    onnx.save(proto, tmp_path / "odd.onnx")
    app, _ = make_app(ModelStore(tmp_path))

    async def ask() -> list[httpx.Response]:
        through = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=through, base_url="http://localhost") as client:
            paths = ["/models", "/v2/models/odd/config", "/models/odd/answers"]
            return [await client.get(path) for path in (*paths, "/v2/models/convnet")]

    models, config, answers, other = run(ask())
    [shown] = [one for one in models.json()["models"] if one["name"] == "odd"]
    assert shown["accuracy"] is None
    assert all(name.isprintable() for name in shown["classes"])
    assert (config.status_code, other.status_code) == (200, 200)
    assert answers.status_code == 422
    assert answers.json()["error"].isprintable()
    assert len(answers.content) < 2000
    assert caplog.text.replace("\n", "").isprintable()


def test_a_model_that_fails_in_an_unknown_way_keeps_no_other_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is listed as unavailable, and the log has the traceback."""
    for name in ("a", "b"):
        shutil.copy(shipped_path("softmax"), tmp_path / f"{name}.onnx")

    def load(path: Path) -> Any:
        if path.name == "a.onnx":
            raise RuntimeError("a bug")
        return load_model(path)

    monkeypatch.setattr(store, "load_model", load)
    made = ModelStore(tmp_path)
    assert [one.name for one in made.all()] == ["b", "convnet", "softmax"]
    assert made.broken == {("a", "1"): "a.onnx can't be served; the server's log says why."}


def test_metrics_count(client: httpx.Client, mnist: DataSets) -> None:
    """KServe's times, and ours for typicality, outcomes and pictures that were not framed."""
    raw = np.roll(mnist.test.images[:3], 5, axis=1)
    given = {"name": "images", "datatype": "UINT8", "shape": [3, 28, 28], "data": raw.tolist()}
    client.post("/v2/models/softmax/infer", json={"inputs": [given]})
    client.post("/read", content=png(mnist.test.images[0]))
    text = client.get("/metrics").text
    for name in (
        'request_predict_seconds_count{model_name="softmax"} ',
        'request_preprocess_seconds_bucket{le="0.001",model_name="softmax"} ',
        'mnistry_typicality_count{model_name="softmax"} ',
        'mnistry_unframed_images_total{model_name="softmax"} 3.0',
        'mnistry_outcomes_total{model_name="reader",outcome="digit"} ',
        "\nmnistry_requests_rejected_total ",
        "# TYPE mnistry_requests_abandoned_total counter",
        "# TYPE mnistry_requests_rejected_total counter",
        "# TYPE mnistry_batches_total counter",
        "# TYPE mnistry_images_total counter",
    ):
        assert name in text


def test_framed_pictures_are_told(mnist: DataSets) -> None:
    """Nearly all of MNIST is framed as it is; moved by three pixels, none is."""
    assert are_framed(mnist.test.images).mean() > 0.999
    assert not are_framed(np.roll(mnist.test.images[:200], 3, axis=1)).any()
    assert not are_framed(np.zeros((1, 28, 28), np.uint8)).any()


def test_document_tells_every_address(client: httpx.Client) -> None:
    """Each address in the document answers, and each that answers is in it."""
    from mnistry.serving.app import make_router
    from mnistry.serving.infer import Infer
    from mnistry.serving.metrics import Metrics
    from mnistry.serving.service import Service

    store = ModelStore()
    metrics = Metrics(store)
    router = make_router(Service(store, metrics), Infer(store, metrics))

    output = client.get("/openapi.json").json()
    assert output == json.loads(json.dumps(document()))
    routes = {getattr(r, "path", "") for r in router.routes}
    pages = {"/", "/docs", "/openapi.json", *(r for r in routes if r.startswith("/page"))}
    assert set(output["paths"]) == routes - pages


@pytest.mark.slow
def test_models_of_other_classes_have_no_corrections(serve: Any, tmp_path: Path) -> None:
    """And two versions of a model are told apart by what is measured of them."""
    letters = SoftmaxRegression(steps=1)
    letters.fit(np.zeros((2, 28, 28), np.uint8), [0, 1], classes=["A", "B"])
    for version in ("1", "2"):
        (tmp_path / "models" / "letters").mkdir(parents=True, exist_ok=True)
        save_model(letters, tmp_path / "models" / "letters" / f"{version}.onnx")
    with serve(tmp_path, "--models", str(tmp_path / "models")) as (url, _):
        output = {"image": [0] * 784, "label": 1, "answer": 0, "model": "letters"}
        response = httpx.post(f"{url}/corrections", json=output)
        assert response.status_code == 422
        assert "'letters' has other classes" in response.json()["error"]
        assert httpx.get(f"{url}/corrections").json()["count"] == 0
        samples = [line for line in httpx.get(f"{url}/metrics").text.splitlines() if line[0] != "#"]
        names = [line.rpartition(" ")[0] for line in samples]
        assert len(set(names)) == len(names)
        assert 'mnistry_batches_total{model_name="letters",model_version="2"}' in names


@pytest.mark.slow
def test_server_fuzzer_finds_nothing() -> None:
    """Each of 200 fuzzed requests gets an answer or an error."""
    fuzzer = Path(__file__).parents[1] / "fuzz" / "fuzz_serving.py"
    run = subprocess.run(
        [sys.executable, fuzzer, "--cases", "200", "--seed", "1"],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert re.search(r"no finding in \d+ cases", run.stdout)


@pytest.mark.slow
def test_a_mixed_attack_finds_nothing() -> None:
    """Some seconds of ordinary, large and hostile requests keep a real server within its memory."""
    fuzzer = Path(__file__).parents[1] / "fuzz" / "fuzz_server_mix.py"
    run = subprocess.run(
        [sys.executable, fuzzer, "--seconds", "5", "--seed", "1"],
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert "no finding" in run.stdout
