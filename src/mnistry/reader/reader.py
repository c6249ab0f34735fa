"""The whole way: a picture -> ink -> candidates -> 28x28 -> probabilities -> a reading."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mnistry.cores import be_one_of_many
from mnistry.errors import InputError
from mnistry.models.base import log_softmax, softmax
from mnistry.models.file import shipped_model
from mnistry.pictures import form
from mnistry.pictures.decode import decode
from mnistry.pictures.find import Box, Found, Group, find, groups
from mnistry.pictures.frame import SIDE, frame_many
from mnistry.pictures.ink import Inked, find_ink
from mnistry.pictures.item import Item
from mnistry.pictures.paths import Path, best_path
from mnistry.pictures.stream import stream
from mnistry.probability.measure import credible_sets
from mnistry.reading import Mark, Outcome, Reading, outcome_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL.Image import Image

    from mnistry.models.base import Model

    Source = str | os.PathLike[str] | bytes | Image | ArrayLike

Named = tuple[str, "Reading | InputError"]
ALPHA = 0.01
_STRANGE = 0.003  # typicality below which a mark is no digit, whatever it resembles most
_CLEAR, _CLEAR_NARROW = 0.9, 0.5  # typicality above which a mark need not be cut
_NARROW = 0.8  # of the digits' height, the width of marks that are seldom two
_DOUBT = 0.02  # how often the judge is wrong where it is sure
_SURE = 1e-6  # probability that no judgement goes below
_CHUNK, _CHUNK_PIXELS = 64, 4_000_000  # pictures read together, and their pixels
_MOST_COUNT = 50  # digits of a picture that may be asked for


@dataclass(frozen=True)
class _Candidates:
    """The rows of one picture and their candidates, which lie in the batch from `start` on."""

    inked: Inked
    found: Found
    groups: tuple[list[Group], ...]
    start: int


class Reader:
    """Reads pictures of handwritten digits.

    Parameters
    ----------
    model : knows the ten digits in 28×28. None: the convnet that ships, together with what the
        judge of candidates knows of digits; it has seen forms that MNIST's writers seldom wrote.
    alpha : how often the sets of digits may miss the truth.
    count : how many digits each picture has, where that is known.
    keep : keep points, commas and dashes in the text.

    Raises
    ------
    InputError : a number is out of range, or the model is for other pictures or classes.
    """

    def __init__(
        self,
        model: Model | None = None,
        *,
        alpha: float = ALPHA,
        count: int | None = None,
        keep: bool = False,
    ) -> None:
        self.model = shipped_model("convnet") if model is None else model
        if self.model.shape != (SIDE, SIDE) or self.model.classes != tuple("0123456789"):
            h, w = self.model.shape
            raise InputError(
                f"Reading needs a model of the ten digits in {SIDE}x{SIDE} pixels; this one has "
                f"{len(self.model.classes)} classes in {h}x{w}."
            )
        if not 0 < alpha < 1:
            raise InputError(f"`alpha` must be between 0 and 1; got {alpha}.")
        if count is not None and not 1 <= count <= _MOST_COUNT:
            raise InputError(f"`count` must be from 1 to {_MOST_COUNT}; got {count}.")
        self.alpha, self.count, self.keep = alpha, count, keep
        self._judge = shipped_model("segments")
        self._both = model is None

    def read(self, source: Source) -> Reading:
        """Read one picture.

        Parameters
        ----------
        source : a file's path, its bytes, a Pillow image, or an array as `to_ink` takes it.

        Raises
        ------
        InputError : it is no picture, or too large.
        OSError : the file is missing or unreadable.
        """
        return self.read_batch([source])[0]

    def read_batch(self, sources: Iterable[Source]) -> list[Reading]:
        """Read pictures together, which is quicker; they are all held in memory. See `read`."""
        return self.answer([self.look(source) for source in sources])

    def read_many(
        self,
        sources: Iterable[str | os.PathLike[str]],
        stdin: BinaryIO | None = None,
        *,
        workers: int = 1,
    ) -> Iterator[Named]:
        """Read whatever is named: files, folders, globs, archives, Parquet, "-"; see `stream`.

        Few pictures are in memory at a time.

        Parameters
        ----------
        workers : processes that read. With more than one, a program must keep what it does under
            ``if __name__ == "__main__"``, and the readings come without `inked` and `found`.

        Yields
        ------
        name, found : in order; what can't be read is an error here and stops nothing.
        """
        items = stream(sources, stdin)
        chunks = iter(lambda: list(islice(items, _CHUNK)), [])
        first = next(chunks, [])
        if workers > 1 and len(first) == _CHUNK:  # fewer are read before a process has started
            yield from self._read_by_many(chain([first], chunks), workers)
            return
        for chunk in chain([first], chunks):
            rest: Sequence[Item] = chunk
            while rest:
                found, rest = self._read_items(rest)
                yield from found

    def _read_by_many(self, chunks: Iterator[list[Item]], workers: int) -> Iterator[Named]:
        options = {"alpha": self.alpha, "count": self.count, "keep": self.keep}
        model = None if self._both else self.model
        pool = ProcessPoolExecutor(
            workers, get_context("spawn"), initializer=_start_worker, initargs=(model, options)
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

    def _read_items(self, items: Sequence[Item]) -> tuple[list[Named], Sequence[Item]]:
        """Read as many items as memory is allowed for; give those that are left as well."""
        found: list[Named] = []
        seen: list[tuple[int, tuple[Inked, Found]]] = []
        pixels = 0
        for item in items:
            error = InputError(item.error)
            try:
                if item.data is not None:
                    looked = self.look(item.data, repr(item.name))
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
        readings = self.answer([one for _, one in seen])
        for (i, _), reading in zip(seen, readings, strict=True):
            found[i] = (found[i][0], reading)
        return found, items[len(found) :]

    def look(self, source: Source, name: str | None = None) -> tuple[Inked, Found]:
        """Find the ink and the pieces of it: the part of reading that needs no model for digits.

        `name` is what messages call the source.
        """
        if isinstance(source, str | os.PathLike | bytes):
            inked = find_ink(decode(source, name))
        else:
            inked = find_ink(source)
        return inked, find(inked.ink)

    def answer(self, seen: Sequence[tuple[Inked, Found]]) -> list[Reading]:
        """Read what `look` has seen.

        Pieces are cut only where a picture can't be read well without.
        """
        readings = self._answer(seen)
        again = [
            i
            for i, reading in enumerate(readings)
            if not self._clear(reading, seen[i][1], seen[i][0].scale)
        ]
        if again:
            cut = [(seen[i][0], seen[i][1].cut()) for i in again]
            for i, reading in zip(again, self._answer(cut), strict=True):
                readings[i] = reading
        return readings

    def _clear(self, reading: Reading, found: Found, scale: float) -> bool:
        """Say whether every mark is a digit as it is, and there are as many as there must be."""
        tall = found.tall / scale
        return all(
            mark.typicality > (_CLEAR if mark.box.w > _NARROW * tall else _CLEAR_NARROW)
            and mark.box.w < tall
            for mark in reading.digits
        ) and self.count in (None, len(reading.digits))

    def _answer(self, seen: Sequence[tuple[Inked, Found]]) -> list[Reading]:
        crops: list[NDArray[Any]] = []
        pictures = []
        for inked, found in seen:
            start = len(crops)
            made = tuple(groups(row) for row in found.rows)
            for row, some in zip(found.rows, made, strict=True):
                crops += [found.crop(row, group) for group in some]
            pictures.append(_Candidates(inked, found, made, start))
        images = frame_many(crops)
        if len(images):
            judged = self._judge.predict_log_proba(images)
            whole = -np.expm1(np.asarray(judged[:, -1], np.float64))
            known = np.asarray(self.model.predict_log_proba(images), np.float64)
            if self._both:
                known = (known + log_softmax(judged[:, :-1])) / 2
            probabilities = softmax(known).astype(np.float64)
            sets = credible_sets(probabilities, self.alpha)
        else:
            probabilities, whole, sets = np.zeros((0, 10)), np.zeros(0), np.zeros((0, 10), bool)
        return [self._reading(p, images, probabilities, whole, sets) for p in pictures]

    def _reading(
        self,
        seen: _Candidates,
        images: NDArray[np.uint8],
        probabilities: NDArray[np.float64],
        whole: NDArray[np.float64],
        sets: NDArray[np.bool_],
    ) -> Reading:
        at = seen.start
        lines, marks, likely = [], [], 1.0
        paths = self._paths(seen, whole)
        for row, some, path in zip(seen.found.rows, seen.groups, paths, strict=True):
            line = ""
            likely *= path.probability
            for i, is_digit in zip(path.taken, path.digit, strict=True):
                k = at + i
                chosen = tuple(int(d) for d in np.flatnonzero(sets[k]))
                if not is_digit or (len(paths) == 1 == len(path.taken) and whole[k] < _STRANGE):
                    outcome, digit = Outcome.NOT_A_DIGIT, None
                else:
                    digit = int(probabilities[k].argmax())
                    likely *= float(probabilities[k, digit])
                    outcome = Outcome.DIGIT if len(chosen) == 1 else Outcome.AMBIGUOUS
                sign = "" if digit is not None else form.sign(some[i].box, row)
                line += str(digit) if digit is not None else sign if self.keep else ""
                box = _in_picture(some[i].box, seen.inked.scale)
                marks.append(
                    Mark(
                        digit,
                        probabilities[k],
                        chosen,
                        outcome,
                        float(whole[k]),
                        box,
                        sign,
                        images[k],
                    )
                )
            if line:
                lines.append(line)
            at += len(some)
        return Reading(
            "\n".join(lines), likely, tuple(marks), outcome_of(marks), seen.inked, seen.found
        )

    def _paths(self, seen: _Candidates, whole: NDArray[np.float64]) -> list[Path]:
        """Read each row, or all of them together where the number of digits is known."""
        spans, digit, other = [], [], []
        at = seen.start
        for row, some in zip(seen.found.rows, seen.groups, strict=True):
            p = _DOUBT + (1 - 2 * _DOUBT) * whole[at : at + len(some)]
            p = p * form.alone(row, some) * form.size(seen.found, row, some)
            seldom = form.seldom(seen.found, row, some)
            spans.append([(group.first, group.last) for group in some])
            digit.append(np.log(np.maximum(p * (1 - seldom), _SURE)))
            other.append(np.log(np.maximum((1 - p) * seldom, _SURE)))
            at += len(some)
        if self.count is None or len(spans) == 0:
            return [best_path(*parts) for parts in zip(spans, digit, other, strict=True)]
        starts = np.cumsum([0, *(len(row.pieces) for row in seen.found.rows)])
        together = [
            (first + start, last + start)
            for start, some in zip(starts, spans, strict=False)
            for first, last in some
        ]
        path = best_path(together, np.concatenate(digit), np.concatenate(other), self.count)
        return _apart(path, [len(some) for some in spans])


_reader: Reader  # of a worker process


def _start_worker(model: Model | None, options: dict[str, Any]) -> None:
    import cv2

    global _reader
    be_one_of_many()
    cv2.setNumThreads(1)
    _reader = Reader(model, **options)


def _work(items: Sequence[Item]) -> list[Named]:
    done: list[Named] = []
    while items:
        found, items = _reader._read_items(items)
        for name, one in found:
            light = replace(one, inked=None, found=None) if isinstance(one, Reading) else one
            done.append((name, light))
    return done


def _apart(path: Path, sizes: list[int]) -> list[Path]:
    """Split a path over all rows into one for each; the first carries the probability."""
    taken, digit = np.array(path.taken, int), np.array(path.digit, bool)
    out = []
    for i, (start, size) in enumerate(zip(np.cumsum([0, *sizes]), sizes, strict=False)):
        here = (taken >= start) & (taken < start + size)
        own = tuple(int(k) for k in taken[here] - start)
        out.append(Path(own, tuple(bool(d) for d in digit[here]), 1.0 if i else path.probability))
    return out


def _in_picture(box: Box, scale: float) -> Box:
    """Give a box in the picture's own pixels."""
    if scale == 1:
        return box
    x, y = int(box.x / scale), int(box.y / scale)
    return Box(
        x, y, max(round((box.x + box.w) / scale) - x, 1), max(round((box.y + box.h) / scale) - y, 1)
    )
