"""Many pictures read by several processes: real ones, which are kept, killed and left."""

from __future__ import annotations

import gc
import io
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any

import cv2
import pytest
from PIL import Image

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError, MissingExtra
from mnistry.pictures.item import Item
from mnistry.reader import Reader, many
from mnistry.reader.many import Workers
from mnistry.reading import Reading

FILES = 150  # more than two chunks


@pytest.fixture(scope="module")
def folder(mnist: DataSets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PNG files of digits, one of them damaged."""
    out = tmp_path_factory.mktemp("pictures")
    for i, image in enumerate(mnist.test.images[:FILES]):
        file = io.BytesIO()
        Image.fromarray(255 - image).save(file, "PNG")
        (out / f"{i:03}.png").write_bytes(file.getvalue())
    (out / "070.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    return out


@pytest.fixture(scope="module")
def reader() -> Reader:
    """The reader that ships, its processes kept from test to test."""
    return Reader()


def texts_of(found: Any) -> list[tuple[str, str]]:
    return [(Path(n).name, one.text if isinstance(one, Reading) else str(one)) for n, one in found]


def children() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid}


def test_several_processes_read_as_one_does(folder: Path, reader: Reader) -> None:
    """The same names and texts in the same order, errors in their places."""
    one = texts_of(reader.read_many([folder]))
    assert texts_of(reader.read_many([folder], workers=2)) == one
    assert len(one) == FILES
    assert "070.png" in one[70][1]


@pytest.mark.slow
def test_processes_are_kept_and_end_with_the_reader(folder: Path) -> None:
    """A second stream is read by the processes of the first; they end with their reader."""
    before, threads = children(), set(threading.enumerate())
    reader = Reader()
    list(reader.read_many([folder], workers=2))
    first = children() - before
    list(reader.read_many([folder], workers=2))
    assert children() - before == first
    assert len(first) == 2
    del reader
    gc.collect()
    assert not children() & first
    assert set(threading.enumerate()) <= threads


@pytest.mark.slow
def test_a_changed_reader_reads_as_it_is_now(folder: Path) -> None:
    """What is changed in a reader counts for its processes too."""
    reader = Reader()
    list(reader.read_many([folder], workers=2))
    reader.count = 2
    texts = [text for _, text in texts_of(reader.read_many([folder], workers=2))]
    assert sum(len(text) == 2 for text in texts) > FILES / 2


@pytest.mark.slow
def test_a_killed_process_loses_no_picture(folder: Path, reader: Reader) -> None:
    """Processes are killed while they read, and between two streams: everything is read."""
    expected = texts_of(reader.read_many([folder]))
    before = children()
    own = Reader()
    readings = own.read_many([folder], workers=2)
    found = [next(readings)]
    for victim in children() - before:
        os.kill(victim, signal.SIGKILL)
    assert texts_of([*found, *readings]) == expected
    for victim in children() - before:
        os.kill(victim, signal.SIGKILL)
    assert texts_of(own.read_many([folder], workers=2)) == expected


@pytest.mark.slow
def test_a_process_that_nobody_ends_is_not_waited_for(
    folder: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is killed, and another isn't told: as one that was being started at that moment."""
    expected = texts_of(reader.read_many([folder]))
    before = children()
    own = Reader()
    readings = own.read_many([folder], workers=2)
    found = [next(readings)]
    monkeypatch.setattr("multiprocessing.process.BaseProcess.terminate", lambda _: None)
    first, second = children() - before
    os.kill(first, signal.SIGKILL)
    assert texts_of([*found, *readings]) == expected
    del own, readings
    gc.collect()
    assert second not in children()


BROKEN = [BrokenExecutor(), OSError("handle is closed")]


def broken(error: Exception) -> Future[Any]:
    """Work over which its process was killed."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


@pytest.mark.parametrize("error", BROKEN)
def test_what_kills_its_process_is_one_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture over which three processes died by itself is an error that names it."""
    sent = []

    def send(_: Workers, chunk: list[Item]) -> Future[Any]:
        sent.append(chunk)
        if chunk:
            return broken(error)
        future: Future[Any] = Future()
        future.set_result([])
        return future

    monkeypatch.setattr(Workers, "_send", send)
    item = Item("large.png", b"", "")
    [(name, found)] = Workers(1, None, {})._result([item], broken(error))
    assert (name, sent) == ("large.png", [[item], [item], [item], []])
    assert isinstance(found, InputError)
    assert "process that read 'large.png' was killed" in str(found)


@pytest.mark.parametrize("error", BROKEN)
def test_what_was_beside_a_killed_process_is_read(
    error: Exception, folder: Path, reader: Reader
) -> None:
    """A chunk of one picture whose process died with another's is read after all."""
    list(reader.read_many([folder], workers=2))
    workers = reader._workers or pytest.fail("no processes were asked for")
    item = Item("000.png", str(folder / "000.png"))
    assert texts_of(workers._result([item], broken(error))) == [("000.png", "7")]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "'2.png' is too large for the memory; make it smaller."),
        (
            cv2.error("no\nluck"),
            "'2.png' made mnistry fail (error: no luck); please tell its makers.",
        ),
    ],
)
def test_a_picture_over_which_reading_fails_stops_no_other(
    error: Exception, sentence: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails where pictures are read together is that picture's error; the others are read."""
    own, answer = Reader(), Reader.answer

    def fail(reader: Reader, seen: Any) -> list[Reading]:
        if any(inked.size == (28, 27) for inked, _ in seen):
            raise error
        return answer(reader, seen)

    monkeypatch.setattr(Reader, "answer", fail)
    data = io.BytesIO()
    Image.new("L", (27, 28)).save(data, "PNG")
    items = [Item(f"{i}.png", str(folder / f"{i:03}.png")) for i in range(4)]
    items[2] = Item("2.png", data.getvalue())
    found = list(many.read_chunk(own, items))
    assert texts_of(found) == [("0.png", "7"), ("1.png", "2"), ("2.png", sentence), ("3.png", "0")]


def test_a_stream_may_be_left(folder: Path, reader: Reader) -> None:
    """A stream of readings can be closed before its end; the reader then reads other images."""
    readings = reader.read_many([folder] * 20, workers=2)
    next(readings)
    readings.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(texts_of(reader.read_many([folder], workers=2))) == FILES


def test_processes_read_images_in_memory_and_pages(mnist: DataSets, reader: Reader) -> None:
    """Images in memory and pages of documents come in order, the same as from one process."""
    document = io.BytesIO()
    first, *others = (Image.fromarray(255 - image) for image in mnist.test.images[:5])
    first.save(document, "TIFF", save_all=True, append_images=others)

    def sources() -> Any:
        for i, image in enumerate(255 - mnist.test.images[:FILES]):
            file = io.BytesIO()
            Image.fromarray(image).save(file, "PNG")
            file.seek(0)
            kinds = [image, Image.fromarray(image), file, file.getvalue(), Image.open(file)]
            yield kinds[i % 5]
        yield document.getvalue()
        yield io.StringIO("no image")

    one = texts_of(reader.read_many(sources()))
    assert texts_of(reader.read_many(sources(), workers=2)) == one
    assert [name for name, _ in one] == [
        *(f"image {i + 1}" for i in range(FILES)),
        *(f"image {FILES + 1}#{i + 1}" for i in range(5)),
        f"image {FILES + 2}",
    ]
    assert [text for _, text in one[FILES : FILES + 5]] == [text for _, text in one[:5]]


def test_a_missing_extra_comes_out_of_a_process_whole() -> None:
    """The error of a missing extra can be sent from one process to another."""
    error = pickle.loads(pickle.dumps(MissingExtra("Reading PDF", "pypdfium2", "pdf")))  # noqa: S301
    assert isinstance(error, MissingExtra)
    assert str(error) == str(MissingExtra("Reading PDF", "pypdfium2", "pdf"))


def test_chunks_are_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that wait in memory are few where they are large; none is lost, order is kept."""
    monkeypatch.setattr(many, "_CHUNK_BYTES", 1000)
    items = [Item(f"{i}", bytes(400) if i < 10 else "a path") for i in range(300)]
    chunks = list(many.chunked(iter(items)))
    assert [item for chunk in chunks for item in chunk] == items
    assert [len(chunk) for chunk in chunks] == [3, 3, 3, 96, 96, 96, 3]
    assert list(many.chunked(iter([]))) == []


@pytest.mark.slow
def test_a_program_that_starts_itself_over_and_over_is_told(folder: Path) -> None:
    """Without a guard each process begins the program anew and dies; no picture is blamed."""
    program = folder.parent / "unguarded.py"
    program.write_text(
        "from mnistry.reader import Reader\n"
        f"list(Reader().read_many([{str(folder)!r}] * 20, workers=2))\n",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "MachineError: No process that reads can be started; in a program of your own" in last


@pytest.mark.slow
def test_processes_end_with_one_that_is_killed(folder: Path) -> None:
    """A program that reads by several processes is killed: they end too."""
    code = (
        "import os, signal\n"
        "from mnistry.reader import Reader\n"
        "from multiprocessing import active_children\n"
        "if __name__ == '__main__':\n"
        "    reader = Reader()\n"
        f"    next(reader.read_many([{str(folder)!r}] * 20, workers=2))\n"
        "    print(*(child.pid for child in active_children()), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    program = folder.parent / "killed.py"
    program.write_text(code, "utf-8")
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2
    until = time.monotonic() + 120
    while left := [pid for pid in pids if _is_alive(pid)]:
        assert time.monotonic() < until, f"{left} are left"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    texts_of = subprocess.run(["ps", "-o", "stat=", "-p", f"{pid}"], capture_output=True, text=True)
    return texts_of.stdout.strip()[:1] not in ("", "Z")
