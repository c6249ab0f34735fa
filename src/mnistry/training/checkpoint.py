"""A checkpoint: all that a run needs to go on, in one file that is whole or not there.

The file is NumPy's own ``.npz``: plain arrays with a checksum each, no pickle; what is not an
array stands in it as JSON.
"""

from __future__ import annotations

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
    name = str(path)
    if not Path(path).is_file():
        raise TrainingError(
            f"There is no checkpoint {name} to go on from; start without `--resume`, or give the "
            "`--out` of the run that was interrupted."
        )
    try:
        if os.stat(path).st_size > _LARGEST:
            raise ValueError("too large")
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        facts = json.loads(bytes(arrays.pop(_FACTS)))
        version = facts["format"]
    except (
        OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, RuntimeError,
        zipfile.BadZipFile, zlib.error, MemoryError,
    ) as error:  # fmt: skip
        raise TrainingError(
            f"The checkpoint {name} is damaged or not one of mnistry's ({error}); delete it and "
            "train again."
        ) from error
    if version != _FORMAT:
        raise TrainingError(
            f"The checkpoint {name} has format {version!r}, which this version can't go on from; "
            "train again."
        )
    return facts, arrays
