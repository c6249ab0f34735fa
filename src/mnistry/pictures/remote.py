"""Pictures in other file systems, named by URL: `s3://bucket/folder`, `gs://…`, `hdfs://…`.

PyArrow's own file systems come first, since they are compiled and need no further package; what
it does not know goes through fsspec, where that is installed. Keys come from the environment, as
those systems' own tools take them.
"""

from __future__ import annotations

import io
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import chain
from typing import IO, Any, TypeVar
from urllib.parse import quote

from mnistry.errors import DataError, MissingExtra, printable
from mnistry.pictures import listing
from mnistry.pictures.item import (
    Item,
    gathered,
    holds_none,
    is_archive,
    is_hidden,
    is_picture,
    natural,
    passes,
    unreadable,
)

Thing = TypeVar("Thing")
Made = TypeVar("Made")
_AHEAD = 16  # pictures fetched at a time, since the way is long
_BUFFER = 2**22  # bytes asked for at a time
PAUSES = (0.5, 2.0)  # seconds before asking again


def is_url(name: str) -> bool:
    """Say whether a name has a scheme, so that it is none of this machine's paths."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name) is not None


@lru_cache(64)
def system(url: str) -> tuple[Any, str, str]:
    """Find the file system of a URL.

    Returns
    -------
    system : PyArrow's. path : in it. prefix : what makes of its paths URLs again.

    Raises
    ------
    DataError : there is no such system, it can't be reached, or the URL holds a password.
    MissingExtra : pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.fs import FileSystem
    except ImportError:
        raise MissingExtra("Reading from a URL", "pyarrow", "parquet") from None
    scheme, _, rest = url.partition("://")
    if re.match(r"[^/?]*:[^/?]*@", rest):
        raise DataError(
            f"`{scheme}://…` holds a password, which would be written down with the job; leave it "
            "out, and give keys by the environment."
        )
    try:
        try:
            found, path = FileSystem.from_uri(quote(url, safe="%/:=&?~#+!$,;'@()*[]"))
        except ArrowException:
            found, path = _by_fsspec(url, scheme)
    except (ArrowException, OSError, ValueError, ImportError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(unreadable(url, error)) from None
    bare = url.partition("?")[0].rstrip("/")
    inside = bool(path) and bare.endswith(path.rstrip("/"))
    return found, path, bare.removesuffix(path.rstrip("/")) if inside else f"{scheme}://"


def _by_fsspec(url: str, scheme: str) -> tuple[Any, str]:
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise DataError(
            f"{url!r:.300} is in a file system that PyArrow does not know; install fsspec, and "
            f"its package for {scheme}://."
        ) from None
    found, path = url_to_fs(url)
    return PyFileSystem(FSSpecHandler(found)), path


def located(url: str) -> Iterator[Item]:
    """Give the files that a URL names: pictures and archives, in natural order.

    Parameters
    ----------
    url : a file's; a folder's, for all files below it that are named as pictures; or either with
        `*`, `[]` or `**` in it (`?` begins options). One folder's names are held at a time.

    Yields
    ------
    items : their `data` are the files' URLs; a folder that can't be listed is an error.

    Raises
    ------
    DataError : nothing has that name, or its system can't be reached.
    """
    from pyarrow.fs import FileType

    top, parts = _fixed(url)
    files, path, prefix = system(top)
    about = files.get_file_info(path)
    if about.type == FileType.File and not parts:
        yield Item(prefix + about.path, prefix + about.path)
        return
    if about.type == FileType.NotFound:
        raise DataError(f"{url!r:.300} does not exist; give a file, a folder or a pattern.")
    empty, top = True, path.rstrip("/")
    here = files.type_name == "local"
    found = _walked_here(top, prefix, parts) if here else _walked(files, top, prefix, parts)
    for item in found:
        empty = False
        yield item
    if empty:
        raise DataError(f"{url!r:.300} matches no file." if parts else holds_none(url))


def _fixed(url: str) -> tuple[str, list[str]]:
    """Part a URL into the part without a pattern, its options kept, and the pattern's parts."""
    name, mark, options = url.partition("?")
    scheme, _, rest = name.partition("://")
    parts = rest.split("/")
    first = next((i for i, part in enumerate(parts) if re.search(r"[*[]", part)), len(parts))
    return f"{scheme}://{'/'.join(parts[:first])}{mark}{options}", parts[first:]


def _walked_here(top: str, prefix: str, parts: list[str]) -> Iterator[Item]:
    """Do the same on this machine, whose own listing knows links that lead in circles."""
    try:
        for item in listing.located("/".join([top, *parts]) or "/"):
            name = prefix + item.name
            yield replace(item, name=name, data=item.data and name)
    except DataError:
        if not parts:
            raise  # else nothing matches, which is told of the URL


def _walked(files: Any, top: str, prefix: str, parts: list[str]) -> Iterator[Item]:
    """Give what is below a folder: all pictures, or what matches a pattern's parts."""
    from pyarrow.fs import FileSelector, FileType

    within: list[Iterator[Any]] = []
    below: str | None = top
    while below is not None or within:
        if below is not None:
            try:
                found = files.get_file_info(FileSelector(below))
                found.sort(key=lambda one: (natural(one.base_name), one.base_name))
                within.append(iter(found))
            except OSError as error:
                name = prefix + below
                yield Item(name, error=unreadable(name, error), passing=passes(error))
            below = None
            continue
        about = next(within[-1], None)
        if about is None:
            within.pop()
            continue
        steps = about.path[len(top) :].strip("/").split("/")
        if is_hidden(about.base_name) or not _leads_on(steps, parts):
            continue
        if about.type == FileType.Directory:
            below = about.path
        elif about.type == FileType.File and _is_wanted(steps, parts):
            yield Item(prefix + about.path, prefix + about.path)


def _leads_on(steps: list[str], parts: list[str]) -> bool:
    """Say whether what lies at or below a path may match."""
    for step, part in zip(steps, parts, strict=False):
        if part == "**":
            return True
        if not fnmatchcase(step, part):
            return False
    return True


def _is_wanted(steps: list[str], parts: list[str]) -> bool:
    """Say whether a file is one of a pattern's, or a picture in a folder of its."""
    if not parts:
        return is_picture(steps[-1])
    if _matches(steps, parts):
        return "." in parts[-1] or is_picture(steps[-1]) or is_archive(steps[-1])
    within = any(_matches(steps[:i], parts) for i in range(1, len(steps)))
    return within and is_picture(steps[-1])


def _matches(steps: list[str], parts: list[str]) -> bool:
    if not parts:
        return not steps
    if parts[0] == "**":
        return any(_matches(steps[i:], parts[1:]) for i in range(len(steps) + 1))
    return bool(steps) and fnmatchcase(steps[0], parts[0]) and _matches(steps[1:], parts[1:])


def opened(source: str, name: str) -> IO[bytes]:
    """Open a file that `located` gave of a source: seekable, in pieces of 4 MB.

    Raises
    ------
    DataError, OSError : it can't be opened.
    """
    files, _, prefix = system(_fixed(source)[0])
    file: Any = files.open_input_file(name.removeprefix(prefix))
    return io.BufferedReader(file, _BUFFER)


def fetched(source: str, name: str) -> Item:
    """Fetch a picture that `located` gave of a source; one that can't be had is an error."""
    files, _, prefix = system(_fixed(source)[0])
    path = name.removeprefix(prefix)
    for pause in (*PAUSES, None):
        try:
            with files.open_input_stream(path, buffer_size=_BUFFER) as file:
                return Item(name, gathered(file, repr(name)))
        except (DataError, FileNotFoundError, PermissionError) as error:
            told = str(error) if isinstance(error, DataError) else unreadable(name, error)
            return Item(name, error=told)
        except Exception as error:  # noqa: BLE001 - each system has errors of its own
            if pause is None:
                return Item(name, error=printable(unreadable(name, error)))
            time.sleep(pause)
    raise AssertionError


def ahead(function: Callable[[Thing], Made], things: Iterable[Thing]) -> Iterator[Made]:
    """Apply a function that waits for others to each thing, a few at a time; in order."""
    rest = iter(things)
    first = next(rest, None)
    if first is None:
        return
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for thing in chain([first], rest):
                waiting.append(pool.submit(function, thing))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
