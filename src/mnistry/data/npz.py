"""Keras' ``mnist.npz``: four arrays in a zip, read without pickle and without trust."""

from __future__ import annotations

import io
import math
import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data.dataset import DataSet, name_classes
from mnistry.data.gunzip import MAX_RATIO
from mnistry.errors import DataError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAMES = ("x_train", "y_train", "x_test", "y_test")
_MAX_BYTES = 8 * 2**30
_MAX_HEADER = 1000  # characters; NumPy writes about 120
_CHUNK = 1 << 20


def read_npz(path: str | os.PathLike[str]) -> tuple[DataSet, DataSet | None]:
    """Read a file such as Keras' `mnist.npz`: (train, test).

    It holds `x_train` (n, h, w) or (n, h, w, 1) uint8, `y_train` (n,) or (n, 1) ints, and,
    maybe, `x_test` and `y_test`. The classes are the numbers from 0 to the largest label.

    Raises
    ------
    DataError : the file is damaged, lacks an array, or holds what can't be images or labels.
    OSError : the file is missing or unreadable.
    """
    name = repr(os.fspath(path))
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                found = [member.removesuffix(".npy") for member in archive.namelist()]
                arrays = {key: _read(archive, key, name) for key in _NAMES if key in found}
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001 - a damaged zip makes zipfile raise anything
            raise DataError(f"{name} is a damaged .npz ({error}); get it again.") from None
    wanted = _NAMES if "x_test" in arrays or "y_test" in arrays else _NAMES[:2]
    missing = [key for key in wanted if key not in arrays]
    if missing:
        raise DataError(
            f"{name} lacks `{missing[0]}`; it holds {', '.join(found) or 'nothing':.200}. "
            "Keras' form is `x_train`, `y_train`, `x_test`, `y_test`."
        )
    images = [_without_ones(arrays[key], 3) for key in wanted[::2]]
    labels = [_without_ones(arrays[key], 1) for key in wanted[1::2]]
    try:
        classes = name_classes(*labels)
        sets = [DataSet(x, y, classes) for x, y in zip(images, labels, strict=True)]
    except InputError as error:
        raise DataError(f"{name} can't be a data set: {error}") from None
    return sets[0], sets[1] if len(sets) > 1 else None


def _read(archive: zipfile.ZipFile, key: str, name: str) -> NDArray[Any]:
    """Read one array once its header, the zip's directory and the file agree on its size."""
    info = archive.getinfo(f"{key}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{name} packs `{key}` in a way that NumPy does not; save it again.")
    with archive.open(info) as file:
        shape, fortran, dtype = _header(file, key, name)
        claim = math.prod(shape) * dtype.itemsize
        size = os.fstat(archive.fp.fileno()).st_size  # type: ignore[union-attr]
        if claim != info.file_size - file.tell() or claim > MAX_RATIO * size:
            raise DataError(
                f"{name} says that `{key}` is {dtype} of shape {shape}, {claim:,} bytes, which "
                "it can't hold; get it again."
            )
        if claim > _MAX_BYTES:
            raise DataError(
                f"{name} holds `{key}` of {claim:,} bytes; at most {_MAX_BYTES:,} are read."
            )
        body = bytearray()
        while len(body) < claim and (piece := file.read(min(_CHUNK, claim - len(body)))):
            body += piece
    flat = np.frombuffer(body, dtype)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _header(file: Any, key: str, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    start = file.read(10)
    if start[:7] != b"\x93NUMPY\x01":  # later versions are for names of fields
        raise DataError(f"{name} holds no plain array as `{key}`; save it with `np.savez`.")
    length = int.from_bytes(start[8:10], "little")
    if length > _MAX_HEADER:
        raise DataError(f"{name} holds a header of {length} bytes for `{key}`; get it again.")
    text = io.BytesIO(start[8:] + file.read(length))
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(text)
    if dtype.kind not in "iuf" or min(shape, default=0) < 0:
        raise DataError(f"{name} holds {dtype} of shape {shape} as `{key}`; only numbers are read.")
    return shape, fortran, dtype


def _without_ones(array: NDArray[Any], rank: int) -> NDArray[Any]:
    """Drop a last axis of length 1, which Keras users add."""
    return array[..., 0] if array.ndim == rank + 1 and array.shape[-1] == 1 else array
