"""What a user names -> files, one after the other, none of them opened: folders, patterns.

Only the names of one folder are held at a time, and of a huge one just some of them.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from itertools import islice

from mnistry.errors import DataError
from mnistry.pictures.item import (
    Item,
    holds_none,
    is_archive,
    is_hidden,
    is_picture,
    natural,
    passes,
    unreadable,
)

_SORTED = 1_000_000  # names of a folder that are sorted together, in 0.8 GB of memory


def located(name: str) -> Iterator[Item]:
    """Give the files that a path or a pattern names: pictures and archives, in natural order.

    Parameters
    ----------
    name : a file; a folder, for all files below it that are named as pictures; a pattern with
        `*`, `?`, `[]` or `**`, where no file has that very name.

    Yields
    ------
    items : their `data` are the files' paths; what can't be listed is an error in its place. A
        folder of more than a million names comes in pieces of that many, each sorted.

    Raises
    ------
    DataError : nothing has that name, or it is a pipe, a socket or a device.
    OSError : it can't be looked at.
    """
    try:
        mode = os.stat(name).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        yield from _pattern(name)
        return
    if stat.S_ISDIR(mode):
        yield from _folder(name)
    elif not stat.S_ISREG(mode):
        raise DataError(f"{name!r} is a pipe, a socket or a device; for a pipe, give `-`.")
    else:
        yield Item(name, name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _listing(folder: str) -> Iterator[os.DirEntry[str]]:
    """Give a folder's entries in natural order; a huge folder's in pieces, each in that order."""
    with os.scandir(folder or ".") as entries:
        more = True
        while more:
            piece = list(islice(entries, _SORTED))
            more = len(piece) == _SORTED
            if not more:
                entries.close()  # folders lie in folders, and few files may be open
            yield from sorted(piece, key=lambda entry: (natural(entry.name), entry.name))


def _shown(folder: str) -> Iterator[str]:
    """Give the paths of a folder's pictures and folders."""
    for entry in _listing(folder):
        if not is_hidden(entry.name) and (is_picture(entry.name) or _is_folder(entry)):
            yield os.path.join(folder, entry.name)


def _folder(top: str) -> Iterator[Item]:
    """Give the pictures below a folder, each folder once, however links lead to it."""
    seen = set()
    within = [(top, iter([top]))]  # the folders that we are in
    while within:
        path, paths = within[-1]
        try:
            below = next(paths, None)
            if below is None:
                within.pop()
                continue
            path = below
            about = os.stat(path)
            if stat.S_ISREG(about.st_mode):
                yield Item(path, path)
            elif not stat.S_ISDIR(about.st_mode):
                yield Item(path, error=f"{path!r} is not a regular file.")
            elif (place := (about.st_dev, about.st_ino)) not in seen:
                seen.add(place)
                within.append((path, _shown(path)))
        except OSError as error:
            yield Item(path, error=unreadable(path, error), passing=passes(error))


def _pattern(name: str) -> Iterator[Item]:
    """Give the pictures of all that a pattern matches, as if each had been named."""
    drive, tail = os.path.splitdrive(name)
    tail = tail.replace(os.altsep or os.sep, os.sep)
    if not re.search(r"[*?[]", tail):
        raise DataError(f"{name!r:.300} does not exist; give a file, a folder or a pattern.")
    parts = [part for part in tail.split(os.sep) if part]
    parts = [p for i, p in enumerate(parts) if p != "**" or parts[i + 1 : i + 2] != [p]]
    found = False
    paths = _matches(drive + os.sep * tail.startswith(os.sep), parts)
    if parts.count("**") > 1:  # else nothing matches twice, and need not be remembered
        paths = iter(dict.fromkeys(paths))
    for path in paths:
        if os.path.isdir(path):
            wanted = "**" not in parts[:-1]  # else what is in it matches by itself
        else:
            wanted = "." in parts[-1] or is_picture(path) or is_archive(path)
        if not wanted:
            continue
        found = True
        yield from _matched(path)
    if not found:
        raise DataError(f"{name!r:.300} matches no file.")


def _matched(path: str) -> Iterator[Item]:
    """Give the files of what a pattern matches, as if it had been named."""
    empty = True
    try:
        for item in located(path):
            empty = False
            yield item
    except DataError as error:
        yield Item(path, error=str(error))
    except OSError as error:
        yield Item(path, error=unreadable(path, error), passing=passes(error))
    else:
        if empty:
            yield Item(path, error=holds_none(path))


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
    if part == "**" and os.path.isdir(top or "."):
        yield from _matches(top, rest)
    for entry in _opened(top):
        path = os.path.join(top, entry.name)
        if is_hidden(entry.name) and not part.startswith("."):
            continue
        if part == "**":
            if rest and not entry.is_symlink() and _is_folder(entry):
                yield from _matches(path, parts)
        elif fnmatch.fnmatch(entry.name, part) and (not rest or _is_folder(entry)):
            yield from _matches(path, rest)


def _opened(folder: str) -> Iterator[os.DirEntry[str]]:
    """Give a folder's entries; of no folder, or of none of ours, none.

    Raises
    ------
    OSError : it may well be one, which the system can't list now.
    """
    try:
        yield from _listing(folder)
    except OSError as error:
        if passes(error):
            raise
