"""Convert a `.mat` file to `.npz`, as a program: ``mat_child.py MAT NPZ MAX_BYTES``.

`matlab.py` runs it in a process of its own, because SciPy's reader is not memory-safe: one damaged
byte can end the process that calls it. It imports nothing of mnistry, so that it starts quickly and
wherever mnistry was imported from. It prints what is wrong to standard error and exits with 1.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import io


def leaves(name: str, value: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    """Iterate over the numeric arrays in a value; those of a struct are named `struct.field`."""
    if not isinstance(value, np.ndarray):
        return
    if value.dtype.names and value.size == 1:
        for field in value.dtype.names:
            yield from leaves(f"{name}.{field}", value.reshape(-1)[0][field])
    elif value.dtype.kind in "biuf":
        yield name, value


def main(path: str, out: str, max_bytes: str) -> None:
    """Write all numeric arrays of a file, unless they claim to be larger than `max_bytes`."""
    warnings.simplefilter("ignore")  # SciPy warns of variables that it can't represent
    claim = sum(8 * math.prod(shape) for _, shape, _ in io.whosmat(path))
    if claim > int(max_bytes):
        sys.exit(f"it claims {claim:,} bytes, too many")
    loaded = io.loadmat(path, squeeze_me=False, struct_as_record=True)
    named = (
        leaf for key, value in loaded.items() if key[:2] != "__" for leaf in leaves(key, value)
    )
    arrays: dict[str, Any] = dict(named)
    np.savez(out, **arrays)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - damaged files make SciPy raise anything
        sys.exit(str(error) or type(error).__name__)
