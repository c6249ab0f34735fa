"""What a user names -> pictures, one after the other: files, folders, patterns, archives, Parquet.

Nothing is unpacked to disk and only one picture is held at a time. What can't be read is an item
too, so that one bad file doesn't end the reading of thousands.
"""

from __future__ import annotations

import fnmatch
import io
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from mnistry.errors import DataError, MissingExtra
from mnistry.pictures.archive import ARCHIVES, unpack, unzip
from mnistry.pictures.item import Item, damaged, gathered, is_hidden, is_picture, natural


def stream(
    sources: Iterable[str | os.PathLike[str]], stdin: BinaryIO | None = None
) -> Iterator[Item]:
    """Give the pictures of what a user names, in order; nothing raises for bad input.

    Parameters
    ----------
    sources : each is a file; a folder, for all files below it that are named as pictures; a
        pattern with `*`, `?`, `[]` or `**`, where no file has that very name; `-` for standard
        input, one picture or a ZIP; a `.zip`, `.tar`, `.tar.gz`, `.tar.bz2` or `.tar.xz`; a
        `.parquet` with a column of pictures. Hidden files are left out, and archives in others.
    stdin : what `-` reads; None: the process's standard input.

    Returns
    -------
    items : pictures, numbers in names by their value (2 before 10), and errors in their places.
    """
    for source in sources:
        name = os.fspath(source)
        if name == "-":
            yield from _careful(name, _standard_input(stdin))
        else:
            yield from _careful(name, _named(name))


def _careful(name: str, items: Iterator[Item]) -> Iterator[Item]:
    """Make of whatever ends the reading of a source an item, and of nothing found one."""
    empty = True
    try:
        for item in items:
            empty = False
            yield item
    except (DataError, MissingExtra) as error:
        yield Item(name, error=str(error))
    except Exception as error:  # noqa: BLE001 - damaged archives make their readers raise anything
        of_system = isinstance(error, OSError) and error.errno
        yield Item(name, error=(_unreadable if of_system else damaged)(name, error))
    else:
        if empty:
            yield Item(name, error=f"{name!r} holds no file that is named as a picture (.png, …).")


def _unreadable(name: str, error: Exception) -> str:
    return f"{name!r:.300} can't be read: {getattr(error, 'strerror', None) or error}."


def _named(name: str) -> Iterator[Item]:
    """Give the pictures of a file, a folder or a pattern."""
    try:
        mode = os.stat(name).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        yield from _pattern(name)
        return
    if stat.S_ISDIR(mode):
        yield from _folder(name)
    elif not stat.S_ISREG(mode):
        raise DataError(f"{name!r} is a pipe, a socket or a device; for a pipe, give `-`.")
    elif name.lower().endswith(ARCHIVES):
        with open(name, "rb") as file:
            yield from unpack(file, name)
    else:
        yield Item(name, name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _listing(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder or ".") as entries:
        return sorted(entries, key=lambda entry: (natural(entry.name), entry.name))


def _folder(top: str) -> Iterator[Item]:
    """Give the pictures below a folder, each folder once, however links lead to it."""
    seen = set()
    rest = [top]
    while rest:
        path = rest.pop()
        try:
            about = os.stat(path)
            if stat.S_ISREG(about.st_mode):
                yield Item(path, path)
            elif not stat.S_ISDIR(about.st_mode):
                yield Item(path, error=f"{path!r} is not a regular file.")
            elif (place := (about.st_dev, about.st_ino)) not in seen:
                seen.add(place)
                shown = [entry for entry in _listing(path) if not is_hidden(entry.name)]
                below = [e.name for e in shown if is_picture(e.name) or _is_folder(e)]
                rest += [os.path.join(path, name) for name in reversed(below)]
        except OSError as error:
            yield Item(path, error=_unreadable(path, error))


def _pattern(name: str) -> Iterator[Item]:
    """Give the pictures of all that a pattern matches, as if each had been named."""
    drive, tail = os.path.splitdrive(name)
    tail = tail.replace(os.altsep or os.sep, os.sep)
    if not re.search(r"[*?[]", tail):
        raise DataError(f"{name!r:.300} does not exist; give a file, a folder or a pattern.")
    parts = [part for part in tail.split(os.sep) if part]
    parts = [p for i, p in enumerate(parts) if p != "**" or parts[i + 1 : i + 2] != [p]]
    found = False
    for path in dict.fromkeys(_matches(drive + os.sep * tail.startswith(os.sep), parts)):
        if os.path.isdir(path):
            wanted = "**" not in parts[:-1]  # else what is in it matches by itself
        else:
            wanted = "." in parts[-1] or is_picture(path) or path.lower().endswith(ARCHIVES)
        if not wanted:
            continue
        found = True
        yield from _careful(path, _named(path))
    if not found:
        raise DataError(f"{name!r:.300} matches no file.")


def _matches(top: str, parts: list[str]) -> Iterator[str]:
    """Give the paths below `top` that match a pattern's parts; `**` follows no links."""
    if not parts:
        yield top or os.curdir
        return
    part, rest = parts[0], parts[1:]
    if not re.search(r"[*?[]", part):
        if os.path.lexists(path := os.path.join(top, part)):
            yield from _matches(path, rest)
        return
    try:
        entries = _listing(top)
    except OSError:
        return  # no folder, or none of ours
    if part == "**":
        yield from _matches(top, rest)
    for entry in entries:
        path = os.path.join(top, entry.name)
        if is_hidden(entry.name) and not part.startswith("."):
            continue
        if part == "**":
            if rest and not entry.is_symlink() and _is_folder(entry):
                yield from _matches(path, parts)
        elif fnmatch.fnmatch(entry.name, part) and (not rest or _is_folder(entry)):
            yield from _matches(path, rest)


def _standard_input(stdin: BinaryIO | None) -> Iterator[Item]:
    """Give the picture, or the pictures of the ZIP, that standard input is."""
    source = stdin if stdin is not None else getattr(sys.stdin, "buffer", None)
    if source is None or source.closed or source.isatty():
        raise DataError("`-` reads standard input, which is not there; pipe a picture into it.")
    data = gathered(source, "Standard input")
    if not data:
        raise DataError("Standard input is empty; pipe a picture into it.")
    if data[:4] in (b"PK\3\4", b"PK\5\6"):
        yield from unzip(io.BytesIO(data), "-")
    else:
        yield Item("-", data)
