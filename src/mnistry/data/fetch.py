"""Fetching: members of the family come to this machine over the network, when the user asks."""

from __future__ import annotations

import errno
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from mnistry.atomic import replacing
from mnistry.data.download import download
from mnistry.data.family import File, Member, find, home, locate
from mnistry.errors import DataError, InputError

Progress = Callable[[str, int, int | None], object]
"""Called with the file's name, the bytes received and, if known, the total."""

_CHUNK = 1 << 20
_LONGEST = 24 * 3600.0
_LARGEST_ARCHIVE = 1 << 32


def fetch(
    name: str,
    folder: str | os.PathLike[str] | None = None,
    mirrors: Sequence[str] | None = None,
    progress: Progress | None = None,
    *,
    timeout: float = 30.0,
    keep_archive: bool = False,
) -> dict[str, Path]:
    """Download the four files of a data set that are missing, and verify their checksums.

    A file that is there already is not fetched again, and an interrupted download is resumed. From
    EMNIST's archive only this data set's files are unpacked.

    Parameters
    ----------
    folder : where the files go, created if necessary; None: `home()` / name.
    mirrors : base URLs to use instead of the data set's own, in order.
    timeout : seconds without data, or with less than 1 KiB a second, after which a mirror is
        given up.
    keep_archive : keep an archive that had to be fetched; EMNIST's other data sets are in it, too.

    Returns
    -------
    paths : one of each of `mnistry.data.family.KEYS`.

    Raises
    ------
    DownloadError : no mirror sent a complete file with the right checksum; what has arrived is
        kept.
    DataError : there is no such data set, or another file is where one must go.
    InputError : a mirror or the timeout is invalid, or the folder can't be written.
    OSError : the disk is full.
    """
    return fetch_all([name], folder, mirrors, progress, timeout=timeout, keep_archive=keep_archive)[
        name
    ]


def fetch_all(
    names: Sequence[str],
    folder: str | os.PathLike[str] | None = None,
    mirrors: Sequence[str] | None = None,
    progress: Progress | None = None,
    *,
    timeout: float = 30.0,
    keep_archive: bool = False,
) -> dict[str, dict[str, Path]]:
    """Fetch several members, as `fetch` does; an archive that they share is fetched once.

    Returns
    -------
    paths : for each name, what `fetch` returns.

    Raises
    ------
    as `fetch`; the members before the one that failed are there.
    """
    members = [find(name) for name in names]
    if mirrors is not None:
        _check_mirrors(mirrors)
    if not 0 < timeout <= _LONGEST:
        raise InputError(f"`timeout` must be seconds, more than 0, at most a day; got {timeout}.")
    paths, archives = {}, set()
    for member in members:
        place = Path(folder) if folder is not None else home() / member.name
        store = home() / "emnist" if member.archive and folder is None else place
        source = _Source(member, list(mirrors or member.mirrors), timeout, progress)
        for needed in (place, store):
            _make(needed, is_default=folder is None)
        with _alone(store):
            if member.archive is None:
                for key, file in member.files.items():
                    source.get(file, place / file.name, _bound(member, key), folder is None)
            elif not all((place / file.name).is_file() for file in member.files.values()):
                archive = store / member.archive.name
                if source.get(member.archive, archive, _LARGEST_ARCHIVE, folder is None):
                    archives.add(archive)
                _unpack(archive, member, place)
        paths[member.name] = locate(member.name, place)
    if not keep_archive:
        for archive in archives:
            archive.unlink(missing_ok=True)
    return paths


@dataclass
class _Source:
    """Where a member comes from, and how patiently."""

    member: Member
    mirrors: list[str]
    timeout: float
    progress: Progress | None

    def get(self, file: File, path: Path, limit: int, replace: bool) -> bool:
        """Make `path` hold `file`; say whether it had to be fetched."""
        what = f"{self.member.title}'s {file.name}"
        if path.exists():
            if file.is_at(path):
                return False
            if not replace:
                raise DataError(
                    f"{str(path)!r} is not {what} as published "
                    "(its checksum differs); move it away or choose another folder."
                )
        progress = self.progress and partial(self.progress, f"{self.member.name}/{file.name}")
        served = download(
            file,
            path,
            self.mirrors,
            what=what,
            limit=limit,
            timeout=self.timeout,
            progress=progress,
        )
        self.mirrors.sort(key=lambda mirror: mirror != served)  # it is asked first from now on
        return True


def _make(folder: Path, *, is_default: bool) -> None:
    """Create a folder and check that it can be written.

    Raises
    ------
    InputError : it can't be created or written; the message says how to choose another.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        effective = os.access in os.supports_effective_ids
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        other = "set the environment variable MNISTRY_HOME to a folder that can be written, or "
        raise InputError(
            f"Data sets can't be kept in {str(folder)!r} ({error.strerror}); "
            f"{other if is_default else ''}give one as `folder`."
        ) from None


def _check_mirrors(mirrors: Sequence[str]) -> None:
    for mirror in mirrors:
        try:
            scheme, host, *_ = urlsplit(mirror)
        except ValueError:
            scheme = host = ""
        if scheme not in ("http", "https") or not host:
            raise InputError(
                f"`mirrors` must be addresses that start with http:// or https://; got {mirror!r}."
            )


def _bound(member: Member, key: str) -> int:
    """The most bytes that gzip can make of a file: a little more than it has."""
    raw = member.raw_size(key)
    return raw + raw // 1000 + 1024


def _unpack(archive: Path, member: Member, place: Path) -> None:
    """Take a member's files that are not there out of the archive, and nothing else."""
    for key, file in member.files.items():
        path = place / file.name
        if path.is_file():
            continue
        left = _bound(member, key)
        try:
            with (
                zipfile.ZipFile(archive) as opened,
                opened.open(f"gzip/{file.name}") as source,
                replacing(path) as out,
            ):
                while piece := source.read(_CHUNK):
                    left -= len(piece)
                    if left < 0:
                        raise zipfile.BadZipFile("longer than it can be")
                    out.write(piece)
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
            raise DataError(
                f"{str(archive)!r} does not hold {file.name} whole ({error}); "
                f"delete it, then run: mnistry data fetch {member.name}"
            ) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time fetch into `folder`; the others wait their turn.

    Where there are no such locks (Windows, some network drives) the checksums alone guard.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    lock = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
