"""Many pictures: streams of them read a few at a time, by one process or several."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import chain
from signal import SIG_IGN, SIGINT, signal
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

import numpy as np
from PIL.Image import Image

from mnistry.cores import be_one_of_many, processes
from mnistry.errors import InputError, MachineError, machine_error, printable
from mnistry.pictures.decode import MAX_BYTES, decode
from mnistry.pictures.ink import find_ink
from mnistry.pictures.item import Item, unreadable
from mnistry.pictures.pages import MAX_PAGES, Page, count_pages
from mnistry.pictures.pale import pieces_of
from mnistry.reading import Reading
from mnistry.runtime import load_cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.models.base import Model
    from mnistry.pictures.find import Found
    from mnistry.pictures.ink import Inked
    from mnistry.reader.reader import Reader

Named = tuple[str, Reading | InputError]
Thing = TypeVar("Thing")
Made = TypeVar("Made")
_CHUNK, _CHUNK_PIXELS = 96, 4_000_000  # pictures read together, and their pixels
_CHUNK_BYTES = 64 * 2**20  # of pictures that are no files, which wait to be read
# What work that was handed out raises where a process was killed: the second where a pipe to it was
# closed just then. What can't be read is told otherwise.
_BROKEN = BrokenExecutor, OSError
_TRIES = 3  # processes that may be killed over one picture


def read_stream(reader: Reader, items: Iterator[Item], workers: Workers | None) -> Iterator[Named]:
    """Read items in order, by processes or without; see `Reader.read_many`."""
    chunks = chunked(items)
    first = next(chunks, [])
    if workers is not None and _is_full(first):  # fewer are read before a process has started
        yield from workers.read(chain([first], chunks))
        return
    for chunk in chain([first], chunks):
        yield from read_chunk(reader, chunk)


def chunked(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Give items as many at a time as are read together."""
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if _is_full(chunk):
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _is_full(chunk: Sequence[Item]) -> bool:
    return len(chunk) == _CHUNK or sum(map(_memory_of, chunk)) > _CHUNK_BYTES


def _memory_of(item: Item) -> int:
    """Return how many bytes of memory an item's data take, roughly."""
    data = item.data
    if isinstance(data, Image):
        return data.width * data.height * len(data.getbands())
    if isinstance(data, np.ndarray):
        return int(data.nbytes)
    return len(data) if isinstance(data, bytes) else 0


def read_chunk(reader: Reader, items: Iterable[Item]) -> Iterator[Named]:
    """Read items in order, all pages of documents; what can't be read is an error among them."""
    together: list[Item] = []
    for item in items:
        pages = count_pages(item.data) if isinstance(item.data, str | bytes) else 1
        if pages == 1:
            together.append(item)
            continue
        yield from _read_together(reader, together)
        together = []
        yield from _read_together(reader, _pages(item, pages))
    yield from _read_together(reader, together)


def _pages(item: Item, count: int) -> list[Item]:
    """Return the pages of a document, named by number; those beyond the limit are one error."""
    data = item.data
    if isinstance(data, str):
        try:
            with open(data, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                data = file.read(min(size, MAX_BYTES) + 1)  # decoding refuses what is longer
        except OSError as error:
            return [Item(item.name, error=unreadable(item.name, error))]
    assert isinstance(data, bytes)  # noqa: S101 - only files and bytes have pages
    pages = [Item(f"{item.name}#{i}", Page(data, i)) for i in range(1, min(count, MAX_PAGES) + 1)]
    if count > MAX_PAGES:
        message = (
            f"{item.name!r} has more than {MAX_PAGES:,} pages, of which the first {MAX_PAGES:,} "
            "are read; split it."
        )
        pages.append(Item(f"{item.name}#{MAX_PAGES + 1}", error=message))
    return pages


def _read_together(reader: Reader, items: Sequence[Item]) -> Iterator[Named]:
    """Read items in order.

    If reading them together fails, they are read one by one, so that only bad ones fail.
    """
    while items:
        try:
            found, items = _read_items(reader, items)
        except Exception as error:  # noqa: BLE001 - one in a hundred million may do anything
            if (fault := machine_error(error)) is not None:
                raise fault from None  # no image is to blame, and the next would fail as well
            if len(items) > 1:
                break
            found, items = [(items[0].name, _failure(items[0].name, error))], []
        yield from found
    for item in items:
        yield from _read_together(reader, [item])


class Workers:
    """Processes that read: started when they are needed, kept as long as this is.

    Parameters
    ----------
    count : how many. model, options : see `Reader.made_by`.
    """

    def __init__(self, count: int, model: Model | None, options: dict[str, Any]) -> None:
        self.count, self.model, self.options = count, model, options
        self._pool: ProcessPoolExecutor | None = None
        self._end: Callable[[], Any]

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a copy, which starts its own processes."""
        return Workers, (self.count, self.model, self.options)

    def are(self, count: int, model: Model | None, options: dict[str, Any]) -> bool:
        """Say whether they were made for this."""
        return self.model is model and (self.count, self.options) == (count, options)

    def read(self, chunks: Iterator[list[Item]]) -> Iterator[Named]:
        """Read chunks side by side, and give the readings in order."""
        waiting: deque[tuple[list[Item], Future[list[Named]]]] = deque()
        try:
            for chunk in chunks:
                waiting.append((chunk, self._send(chunk)))
                if len(waiting) > 2 * self.count:
                    yield from self._result(*waiting.popleft())
            while waiting:
                yield from self._result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def _result(self, chunk: list[Item], future: Future[list[Named]]) -> list[Named]:
        """Wait for a chunk's readings. What a process is killed over is an error among them."""
        try:
            return future.result()
        except _BROKEN:
            return list(chain.from_iterable(map(self.alone, chunk)))

    def alone(self, item: Item) -> list[Named]:
        """Read one item, all its pages, again after the process that read it was killed.

        Raises
        ------
        MachineError : no process can be started, whatever the image.
        """
        for _ in range(_TRIES):
            try:
                return self._send([item]).result()
            except _BROKEN:
                continue
        try:
            self._send([]).result()
        except _BROKEN:
            raise MachineError(
                "No process that reads can be started; in a program of your own, read below "
                "`if __name__ == '__main__':`, or with `workers=1`; or allow more memory."
            ) from None
        return [(item.name, InputError(killed_over(item.name)))]

    def _send(self, chunk: list[Item]) -> Future[list[Named]]:
        try:
            return self._running().submit(_work, chunk)
        except BrokenExecutor:  # all of them end with one that is killed
            self._end()
            self._pool = None
            return self._running().submit(_work, chunk)

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool, end = processes(self.count, _start_worker, self.model, self.options)
            # Ended before this is gone: a pool that is collected while Python exits may write a
            # traceback (its thread closes what the exit writes to).
            self._end = finalize(self, end)
        return self._pool


def killed_over(name: str) -> str:
    """Say that a process did not survive a picture."""
    return f"The process that read {name!r} was killed; is the picture too large for memory?"


def _read_items(reader: Reader, items: Sequence[Item]) -> tuple[list[Named], Sequence[Item]]:
    """Read as many items as memory is allowed for; give those that are left as well.

    One step after the other, each for all of them, so that its code stays in the cache.
    """
    images: list[Image | NDArray[Any] | InputError] = []
    pixels = 0
    for item in items:
        what = InputError(item.error) if item.data is None else item.data
        if isinstance(what, Image | np.ndarray):
            images.append(what)
        else:
            images.append(_tried(item, decode, what, repr(item.name)))
        pixels += _pixels(images[-1])
        if pixels > _CHUNK_PIXELS:
            break
    done = items[: len(images)]
    inked = [_tried(item, find_ink, image) for item, image in zip(done, images, strict=True)]
    del images
    seen = [_tried(item, _with_pieces, one) for item, one in zip(done, inked, strict=True)]
    readings = iter(reader.answer([one for one in seen if not isinstance(one, InputError)]))
    found = [
        (item.name, one if isinstance(one, InputError) else next(readings))
        for item, one in zip(done, seen, strict=True)
    ]
    return found, items[len(done) :]


def _pixels(image: Image | NDArray[Any] | InputError) -> int:
    if isinstance(image, InputError):
        return 0
    return image.width * image.height if isinstance(image, Image) else image.size


def _with_pieces(inked: Inked) -> tuple[Inked, Found]:
    return inked, pieces_of(inked)


def _tried(
    item: Item, step: Callable[..., Made], thing: Thing | InputError, *more: Any
) -> Made | InputError:
    """Take a step of reading an item; what went wrong, now or before, is the answer."""
    if isinstance(thing, InputError):
        return thing
    try:
        return step(thing, *more)
    except MachineError:
        raise
    except InputError as refused:
        return refused
    except OSError as refused:
        return InputError(f"{item.name}: {refused.strerror or refused}.")
    except MemoryError as refused:
        return _failure(item.name, refused)


def _failure(name: str, error: Exception) -> InputError:
    """Give the error of a picture that is none of the user's making."""
    if isinstance(error, MemoryError):
        return InputError(f"{name!r} is too large for the memory; make it smaller.")
    reason = printable(" ".join(f"{type(error).__name__}: {error}".split()))
    return InputError(f"{name!r} made mnistry fail ({reason:.200}); please tell its makers.")


_reader: Reader  # of a worker process


def _start_worker(model: Any, options: dict[str, Any]) -> None:
    global _reader
    signal(SIGINT, SIG_IGN)  # the process that asks decides what an interruption means
    _reader = reader_of_many(model, options)


def reader_of_many(model: Model | None, options: dict[str, Any]) -> Reader:
    """Make a reader that uses one core, since others of its kind use the rest; see `made_by`."""
    from mnistry.reader.reader import Reader

    be_one_of_many()
    load_cv2().setNumThreads(1)
    return Reader(model, **options)


def _work(items: Sequence[Item]) -> list[Named]:
    return [
        (name, replace(one, inked=None, found=None) if isinstance(one, Reading) else one)
        for name, one in read_chunk(_reader, items)
    ]
