"""A checkpoint: all that a run needs to go on, in one file that is whole or not there.

The file is NumPy's own ``.npz``, not compressed: plain arrays with a checksum each, no pickle.
Other values are stored as JSON. So no file unpacks to more than its own size.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.atomic import replacing
from mnistry.errors import TrainingError

_FORMAT = 1
_FACTS = "facts"
_LARGEST = 2**31  # bytes
_LONGEST_FACTS = 2**26  # bytes of JSON, which takes several times as much memory
_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def write_checkpoint(
    path: str | os.PathLike[str], facts: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> None:
    """Write a checkpoint in the place of the one before, which stays until this one is whole.

    Raises
    ------
    OSError : it can't be written, because the disk is full, say; the one before is still there.
    """
    told = np.frombuffer(json.dumps({"format": _FORMAT, **facts}).encode(), np.uint8)
    with replacing(path) as file:
        np.savez(file, **{_FACTS: told}, **arrays)  # type: ignore[arg-type]


def read_checkpoint(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a checkpoint, (facts, arrays).

    Raises
    ------
    TrainingError : there is none, it is damaged, or another version wrote it.
    """
    return parse_checkpoint(path, checkpoint_bytes(path))


def checkpoint_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a checkpoint's bytes, for `parse_checkpoint`.

    Raises
    ------
    TrainingError : there is none, or it can't be read.
    """
    if not Path(path).is_file():
        raise TrainingError(
            f"There is no checkpoint {path} to go on from; start without `--resume`, or give the "
            "`--out` of the run that was interrupted."
        )
    try:
        if os.stat(path).st_size > _LARGEST:
            raise ValueError("too large")
        return Path(path).read_bytes()
    except (OSError, ValueError, MemoryError) as error:
        raise _damaged(path, error) from error


def parse_checkpoint(
    path: str | os.PathLike[str],
    data: bytes,
    check: Callable[[dict[str, Any]], object] = dict,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Parse a checkpoint's bytes into (facts, arrays).

    Sizes are checked before memory is taken for any array.

    Parameters
    ----------
    path : what errors call it.
    check : called with the facts before any array is read; raises to reject them.

    Raises
    ------
    TrainingError : it is damaged, or another version wrote it.
    """
    try:
        _check_sizes(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            facts = json.loads(bytes(archive[_FACTS]))
            version = facts["format"]
            if version != _FORMAT:
                raise TrainingError(
                    f"The checkpoint {path} has format {version!r}, which this version can't go "
                    "on from; train again."
                )
            check(facts)
            return facts, {key: archive[key] for key in archive.files if key != _FACTS}
    except TrainingError:
        raise
    except (
        OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, RuntimeError,
        AttributeError, zipfile.BadZipFile, zlib.error, MemoryError,
    ) as error:  # fmt: skip
        raise _damaged(path, error) from error


def _check_sizes(data: bytes) -> None:
    """Refuse arrays that would take more memory than they have bytes in the file.

    Raises
    ------
    ValueError : an array is compressed, as `write_checkpoint` leaves none, shares its bytes with
        another, or has a header that does not fit its size; or the facts are too long.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
            raise ValueError("it is compressed")
        if sum(info.file_size for info in infos) > len(data):
            raise ValueError("it unpacks to more than its own size")
        for info in infos:
            if info.filename == f"{_FACTS}.npy" and info.file_size > _LONGEST_FACTS:
                raise ValueError(f"its `{_FACTS}` have {info.file_size:,} bytes")
            with archive.open(info) as file:
                version = np.lib.format.read_magic(file)
                if version not in _NPY_HEADERS:
                    raise ValueError(f"it has arrays of the format {version}")
                shape, _, dtype = _NPY_HEADERS[version](file)
                if file.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
                    raise ValueError(f"the header of {info.filename!r} does not fit its size")


def _damaged(path: str | os.PathLike[str], error: Exception) -> TrainingError:
    return TrainingError(
        f"The checkpoint {path} is damaged or not one of mnistry's ({error}); delete it and "
        "train again."
    )
