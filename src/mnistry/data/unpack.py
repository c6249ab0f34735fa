"""A data set in a ZIP or tar, unpacked into a temporary folder for as long as it is read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnistry.errors import DataError
from mnistry.pictures.archive import archived_files

_CHUNK = 1 << 20
_MAX_FILES = 2_000_000


@contextmanager
def unpacked(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Unpack an archive into a temporary folder, which is gone at the end of the `with`.

    Only regular files are written, all of them inside the folder; their bytes are bounded by the
    archive's size. The folder lies where `TMPDIR` says.

    Raises
    ------
    DataError : the archive is damaged, encrypted or unpacks to too much.
    OSError : the archive is unreadable, or the disk is full.
    """
    name = os.fspath(path)
    # Mapped files can't be deleted on Windows; the system does that later.
    with tempfile.TemporaryDirectory(prefix="mnistry-", ignore_cleanup_errors=True) as place:
        top = Path(place, "data")
        top.mkdir()
        with open(path, "rb") as file:
            _write(file, name, top)
        yield top


def _write(file: object, name: str, top: Path) -> None:
    try:
        for number, (inside, stream) in enumerate(archived_files(file, name), 1):
            if number > _MAX_FILES:
                raise DataError(f"{name!r} holds more than {_MAX_FILES:,} files; give a folder.")
            target = top / inside
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                out = open(target, "xb")  # noqa: SIM115 - closed below
            except (FileExistsError, NotADirectoryError):
                raise DataError(
                    f"{name!r} holds {inside!r} twice; unpack it and give the folder."
                ) from None
            with out:
                while piece := stream.read(_CHUNK):
                    out.write(piece)
    except (DataError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:  # the system's own word, such as a full disk
            raise
        raise _damaged(name, error) from None
    except Exception as error:  # noqa: BLE001 - damaged archives make their readers raise anything
        raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> DataError:
    reason = " ".join(str(error).split()).strip(" .") or type(error).__name__
    return DataError(f"{name!r} is a damaged archive ({reason:.160}); get it again.")
