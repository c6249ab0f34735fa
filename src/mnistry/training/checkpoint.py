"""A checkpoint: all that a run needs to go on, in one file that is whole or not there.

The file is NumPy's own ``.npz``: plain arrays with a checksum each, no pickle; what is not an
array stands in it as JSON.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.atomic import replacing
from mnistry.errors import TrainingError

_FORMAT = 1
_FACTS = "facts"
_LARGEST = 2**31  # bytes


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
    path: str | os.PathLike[str], data: bytes
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Give what stands in a checkpoint's bytes, (facts, arrays); `path` is for the errors.

    Raises
    ------
    TrainingError : it is damaged, or another version wrote it.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        facts = json.loads(bytes(arrays.pop(_FACTS)))
        version = facts["format"]
    except (
        OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, RuntimeError,
        AttributeError, zipfile.BadZipFile, zlib.error, MemoryError,
    ) as error:  # fmt: skip
        raise _damaged(path, error) from error
    if version != _FORMAT:
        raise TrainingError(
            f"The checkpoint {path} has format {version!r}, which this version can't go on from; "
            "train again."
        )
    return facts, arrays


def _damaged(path: str | os.PathLike[str], error: Exception) -> TrainingError:
    return TrainingError(
        f"The checkpoint {path} is damaged or not one of mnistry's ({error}); delete it and "
        "train again."
    )
