"""Many pictures: streams of them read a few at a time, by one process or several."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import chain, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from mnistry.cores import be_one_of_many
from mnistry.errors import InputError
from mnistry.reading import Reading

if TYPE_CHECKING:
    from mnistry.pictures.find import Found
    from mnistry.pictures.ink import Inked
    from mnistry.pictures.item import Item
    from mnistry.reader.reader import Reader

Named = tuple[str, Reading | InputError]
_CHUNK, _CHUNK_PIXELS = 64, 4_000_000  # pictures read together, and their pixels


def read_stream(reader: Reader, items: Iterator[Item], workers: int) -> Iterator[Named]:
    """Read items in order; see `Reader.read_many`."""
    chunks = iter(lambda: list(islice(items, _CHUNK)), [])
    first = next(chunks, [])
    if workers > 1 and len(first) == _CHUNK:  # fewer are read before a process has started
        yield from _by_many(reader, chain([first], chunks), workers)
        return
    for chunk in chain([first], chunks):
        rest: Sequence[Item] = chunk
        while rest:
            found, rest = _read_items(reader, rest)
            yield from found


def _read_items(reader: Reader, items: Sequence[Item]) -> tuple[list[Named], Sequence[Item]]:
    """Read as many items as memory is allowed for; give those that are left as well."""
    found: list[Named] = []
    seen: list[tuple[int, tuple[Inked, Found]]] = []
    pixels = 0
    for item in items:
        error = InputError(item.error)
        try:
            if item.data is not None:
                looked = reader.look(item.data, repr(item.name))
                pixels += looked[0].ink.size
                seen.append((len(found), looked))
        except InputError as refused:
            error = refused
        except OSError as refused:
            error = InputError(f"{item.name}: {refused.strerror or refused}.")
        except MemoryError:
            error = InputError(f"{item.name!r} is too large for the memory; make it smaller.")
        found.append((item.name, error))
        if pixels > _CHUNK_PIXELS:
            break
    readings = reader.answer([one for _, one in seen])
    for (i, _), reading in zip(seen, readings, strict=True):
        found[i] = (found[i][0], reading)
    return found, items[len(found) :]


def _by_many(reader: Reader, chunks: Iterator[list[Item]], workers: int) -> Iterator[Named]:
    pool = ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_start_worker, initargs=reader.made_by
    )
    try:
        waiting: deque[Future[list[Named]]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(_work, chunk))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_reader: Reader  # of a worker process


def _start_worker(model: Any, options: dict[str, Any]) -> None:
    import cv2

    from mnistry.reader.reader import Reader

    global _reader
    be_one_of_many()
    cv2.setNumThreads(1)
    _reader = Reader(model, **options)


def _work(items: Sequence[Item]) -> list[Named]:
    done: list[Named] = []
    while items:
        found, items = _read_items(_reader, items)
        for name, one in found:
            light = replace(one, inked=None, found=None) if isinstance(one, Reading) else one
            done.append((name, light))
    return done
