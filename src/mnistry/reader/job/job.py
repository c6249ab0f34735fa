"""A job: many pictures read into a folder of Parquet files, each exactly once, however often it
is stopped.

The folder holds the plan, the job's own description, a file for each part that is read, and
`_SUCCESS` when all are. A part's file appears whole or not at all, so whatever is there is done,
and the same command reads the rest. The description is created exclusively and names its plan, so
that of several jobs begun at once in one folder one goes on and the others are refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Protocol

import mnistry
from mnistry.cores import cores
from mnistry.errors import InputError
from mnistry.models.file import shipped_path
from mnistry.models.graph import build
from mnistry.ocr import recognizer
from mnistry.pictures.item import several
from mnistry.pictures.remote import ahead, is_url
from mnistry.reader.job.cluster import Cluster, load_ray
from mnistry.reader.job.hand import Refusal, Tally, Task, counted
from mnistry.reader.job.here import Here
from mnistry.reader.job.plan import Part, plan, read_plan, write_plan
from mnistry.reader.job.store import Store

if TYPE_CHECKING:
    from mnistry.models.base import Model
    from mnistry.reader.reader import Reader

PER_FILE = 2000  # pictures of a part, unless told otherwise
MOST_PER_FILE = 1_000_000
_JOB, _DONE = "_job.json", "_SUCCESS"  # readers of Parquet pass over `_`
_PLAN = "_plan"  # prefix of plans' names; the job's description names its own
_FORMAT = 1
_CAREFUL, _MOST_KILLED = 2, 20  # processes killed over a part before each picture gets its own
_MOST_UNDONE = 20  # parts that can't be read now, until a job ends before it has tried the others


@dataclass(frozen=True)
class Summary:
    """The result of a job.

    Parameters
    ----------
    pictures : rows in all. errors : rows of images that could not be read.
    before : rows that were there when this run began. parts : output files.
    killed : processes that were killed in this run; others read their parts.
    seconds : duration of this run, including the search for images.
    skipped : PDF files of this run that were not read, since pypdfium2 is not installed; each is
        a row with an error.
    """

    pictures: int
    errors: int
    before: int
    parts: int
    killed: int
    seconds: float
    skipped: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Give it as the command line's contract says."""
        read = self.pictures - self.before
        rate = round(read / self.seconds, 1) if self.seconds else 0.0
        return {**asdict(self), "seconds": round(self.seconds, 3), "pictures_per_second": rate}


class Crew(Protocol):
    """Hands that read parts side by side: `Here` or `Cluster`."""

    @property
    def busy(self) -> int:
        """How many parts are being read."""

    @property
    def most(self) -> int:
        """How many can be."""

    def send(self, part: Part, *, careful: bool) -> None:
        """Let a part be read."""

    def next(self) -> tuple[Part, Tally | Refusal | None]:
        """Wait for a part; None if what read it was killed."""

    def close(self) -> None:
        """End all of it."""


def read_into(
    out: str,
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    reader: Reader,
    *,
    ray: str | None = None,
    workers: int | None = None,
    per_file: int = PER_FILE,
    tell: Callable[[int], object] = int,
) -> Summary:
    """Read pictures into a folder of Parquet files, or go on with that; see `schema`.

    Parameters
    ----------
    out : the folder, a path or a URL. sources : one or several, as `plan` takes them.
    ray : the address of a Ray whose machines read, "" for one of our own; None: processes here.
    workers : how many processes, without Ray; None: as many as there are cores.
    per_file : pictures of a part, and so of a file; archives aside.
    tell : gets the number of rows that are there, from time to time.

    Raises
    ------
    InputError : a source holds nothing, the folder holds something else, or what is asked is not
        what was begun there; the message says which. A picture that can't be read is a row.
    OSError : the folder can't be written to.
    """
    start = time.monotonic()
    if type(per_file) is not int or not 1 <= per_file <= MOST_PER_FILE:
        raise InputError(
            f"`per_file` must be a whole number from 1 to {MOST_PER_FILE:,}; got {per_file}."
        )
    if workers is not None and (type(workers) is not int or workers < 1):
        raise InputError(
            f"`workers` must be a whole number from 1, or None for all cores; got {workers}."
        )
    names = []
    for source in several(sources):
        if not isinstance(source, str | bytes | os.PathLike):
            raise InputError(
                "`sources` of a job must be names of files, folders, patterns or URLs, since it "
                f"reads them again when it goes on; got {type(source).__name__}."
            )
        names.append(os.fsdecode(source))
    store = Store(out)
    if ray is not None:
        load_ray(ray)  # if that can't be, it is said before pictures are looked for
    asked = _description(names, reader, per_file)
    kept = _begun(store, store.names(), asked) or begin(store, names, per_file, asked)
    there = store.names()
    if _DONE in there:
        done = _loaded(store, _DONE)
        return Summary(done["pictures"], done["errors"], done["pictures"], kept["parts"], 0, 0.0)

    files = sorted(name for name in there if name.startswith("part-"))
    counts = list(ahead(lambda name: counted(store, name), files))
    before = pictures = sum(count for count, _ in counts)
    errors = sum(wrong for _, wrong in counts)
    killed = skipped = 0
    task = Task(*reader.made_by, store.place, kept["folder"])
    if len(files) < kept["parts"]:
        crew = _crew(task, ray, min(workers or cores(), kept["parts"] - len(files)))
        try:
            with store.open(kept["plan"]) as file:
                rest = (part for part in read_plan(file) if part.file not in there)
                for tally in _carried_out(rest, crew):
                    if tally is None:
                        killed += 1
                        continue
                    pictures, errors = pictures + tally.pictures, errors + tally.errors
                    skipped += tally.skipped
                    tell(pictures)
        finally:
            crew.close()
    there = store.names()
    missing = kept["parts"] - sum(name.startswith("part-") for name in there)
    if missing < 0:
        raise InputError(
            f"{out!r} holds {-missing:,} more files of rows than the job has parts; take them "
            "away, and run the same command again."
        )
    if missing:
        raise InputError(
            f"{out!r} lacks {missing:,} of its {kept['parts']:,} parts, though they were written; "
            "is someone else at work there? Run the same command again."
        )
    store.tidy()
    for name in there:
        if name.startswith(_PLAN) and name != kept["plan"]:
            store.delete(name)  # left by a job that was killed or refused before it began
    _put(store, _DONE, {"pictures": pictures, "errors": errors})
    seconds = time.monotonic() - start
    return Summary(pictures, errors, before, kept["parts"], killed, seconds, skipped)


def _description(sources: Sequence[str], reader: Reader, per_file: int) -> dict[str, Any]:
    """Say what is asked for, as far as rows depend on it."""
    model, options = reader.made_by
    if options["allowed"] is not None:  # there may be a million
        options["allowed"] = hashlib.sha256("\n".join(options["allowed"]).encode()).hexdigest()
    if callable(options["check"]):
        options["check"] = f"{options['check'].__module__}.{options['check'].__qualname__}"
    return {
        "format": _FORMAT,
        "mnistry": mnistry.__version__,
        "sources": [name if is_url(name) else os.path.abspath(name) for name in sources],
        "model": _fingerprint(model),
        **{"digits" if key == "count" else key: value for key, value in options.items()},
        "per_file": per_file,
    }


def _fingerprint(model: Model | None) -> str:
    """Give a SHA-256 by which a model is known, or the models in the package."""
    if model is None:
        shipped = (shipped_path(kind) for kind in ("convnet", "segments", "line"))
        paths = (*shipped, recognizer.PATH)
        content = b"".join(path.read_bytes() for path in paths)
    else:
        content = build(model).SerializeToString(deterministic=True)
    return hashlib.sha256(content).hexdigest()


def _begun(store: Store, there: set[str], asked: dict[str, Any]) -> dict[str, Any] | None:
    """Give the description of the job that is there, if it is the one asked for; None: no job."""
    if _JOB not in there:
        others = {name for name in there if not name.startswith((_PLAN, "."))}
        if others:  # not a job's that was killed before it began
            raise InputError(
                f"`--out` {store.name!r} holds other files ({min(others)!r}); give a new or an "
                "empty folder."
            )
        return None
    kept = _loaded(store, _JOB)
    kept.setdefault("plan", f"{_PLAN}.parquet")
    for key, value in asked.items():
        if kept.get(key) != value:
            theirs, ours = (f"{json.dumps(one):.100}" for one in (kept.get(key), value))
            raise InputError(
                f"{store.name!r} holds a job with another `{key}` ({theirs}; now {ours}); give "
                "the same, or another `--out`."
            )
    return kept


def begin(
    store: Store, sources: Sequence[str], per_file: int, asked: dict[str, Any]
) -> dict[str, Any]:
    """List the files to read, write the plan, and create the description, which begins the job.

    Returns
    -------
    kept : the description: this one, or that of the same job begun elsewhere at the same time.

    Raises
    ------
    InputError : another job was begun there at the same time.
    """
    name = f"{_PLAN}-{secrets.token_hex(6)}.parquet"
    with TemporaryFile() as file:
        parts = write_plan(plan(sources, per_file), file)
        store.make()
        file.seek(0)
        store.put(name, file)
    kept = {**asked, "folder": os.getcwd(), "parts": parts, "plan": name}
    begun = False
    try:
        begun = store.put_new(_JOB, _as_file(kept))
    finally:
        if not begun:
            with suppress(OSError):
                store.delete(name)
    if begun:
        return kept
    theirs = _begun(store, store.names(), asked)
    if theirs is None:
        raise InputError(
            f"{store.name!r} held another job that is gone; run the same command again."
        )
    return theirs


def _loaded(store: Store, name: str) -> dict[str, Any]:
    with store.open(name) as file:
        text = file.read()
    try:
        kept = json.loads(text)
        if not isinstance(kept, dict):
            raise ValueError("it is no JSON object")
    except ValueError as error:
        raise InputError(
            f"{name!r} in {store.name!r} is damaged ({error}); give another `--out`."
        ) from None
    return kept


def _put(store: Store, name: str, value: dict[str, Any]) -> None:
    store.put(name, _as_file(value))


def _as_file(value: dict[str, Any]) -> io.BytesIO:
    return io.BytesIO(json.dumps(value, indent=2).encode() + b"\n")


def _crew(task: Task, ray: str | None, workers: int) -> Crew:
    if ray is None:
        return Here(task, workers)
    return Cluster(task, ray)


def _carried_out(parts: Iterable[Part], crew: Crew) -> Iterator[Tally | None]:
    """Have parts read; give what came of each, and None whenever a process was killed over one.

    Raises
    ------
    InputError : parts can't be read; where that may pass, others are read before it is told.
    """
    rest = iter(parts)
    again: deque[Part] = deque()
    killed: dict[int, int] = {}
    undone: list[Refusal] = []
    while True:
        while crew.busy < crew.most:
            part = again.popleft() if again else next(rest, None)
            if part is None:
                break
            crew.send(part, careful=killed.get(part.number, 0) >= _CAREFUL)
        if not crew.busy:
            if undone:
                raise InputError(undone[0].sentence)
            return
        part, answer = crew.next()
        if isinstance(answer, Tally):
            killed.pop(part.number, None)
            yield answer
            continue
        if answer is not None:
            undone.append(answer)
            if not answer.passing or len(undone) >= _MOST_UNDONE:
                raise InputError(answer.sentence)
            continue
        killed[part.number] = killed.get(part.number, 0) + 1
        if killed[part.number] >= _MOST_KILLED:
            raise InputError(
                f"{_MOST_KILLED} processes in a row were killed over {part.names[0]!r} and what is "
                "read with it; is there memory enough? The same command goes on."
            )
        again.append(part)
        yield None
