"""NumPy's `.npz` and `.npy`, read without pickle, and checked before memory is taken."""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mnistry.data.arrays import find_images, from_named
from mnistry.data.gunzip import MAX_RATIO
from mnistry.data.roles import role_of
from mnistry.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.data.dataset import Splits

MAGIC = b"\x93NUMPY"
_MAX_BYTES = 8 * 2**30
_MAX_HEADER = 1000  # characters; NumPy writes about 120
_CHUNK = 1 << 20


def read_npz(path: str | os.PathLike[str]) -> Splits:
    """Read the splits in a file such as Keras' `mnist.npz`.

    It holds `x_train` and `y_train` and, maybe, the same of `test` and `val`, under any of the
    names and in any of the forms that `mnistry.data.arrays` knows. Where the archive holds one
    array only, as KMNIST's four do, its companions lie in the same folder.

    Raises
    ------
    DataError : the file is damaged, lacks an array, or holds what can't be images or labels.
    OSError : the file is missing or unreadable.
    """
    return read_numpy([path])


def read_numpy(paths: Sequence[str | os.PathLike[str]]) -> Splits:
    """Read the splits in the arrays of several `.npz` and `.npy` files together.

    Arrays of an `.npz` go by their own names; the array of an `.npy`, and the only array of an
    `.npz`, go by the file's name.

    Raises
    ------
    DataError, OSError : see `read_npz`.
    """
    files = [Path(path) for path in paths]
    if len(files) == 1:
        files = _companions(files[0])
    name = repr(os.fspath(paths[0] if len(paths) == 1 else files[0].parent))
    arrays: dict[str, NDArray[Any]] = {}
    for file in files:
        for key, array in _arrays(file, lambda key: any(role_of(key)[:2])).items():
            if key in arrays:
                raise DataError(f"{name} holds two arrays named {key!r}; name one file instead.")
            arrays[key] = array
    if not arrays:
        found = ", ".join(array_names(files[0])) or "nothing"
        raise DataError(
            f"{name} holds no arrays that are named as images and labels; it holds {found:.200}. "
            "Name them `x_train`, `y_train`, `x_test`, `y_test`."
        )
    return from_named(arrays, name)


def read_numpy_images(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read the images of an `.npz` or `.npy` without labels, (n, h, w): see `find_images`."""
    return find_images(_arrays(Path(path), lambda _: True), repr(os.fspath(path)))


def find_numpy(folder: str | os.PathLike[str]) -> list[Path]:
    """Find the `.npz` and `.npy` files in a folder that hold one data set together.

    Raises
    ------
    DataError : they hold several.
    """
    sets: dict[str, list[Path]] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in (".npz", ".npy") and path.name[0] != "." and path.is_file():
            role = role_of(path.stem)
            alone = role.kind is None and role.split is None
            sets.setdefault(path.name if alone else role.rest, []).append(path)
    # A single array whose name says neither split nor content is ignored.
    found = [
        paths for paths in sets.values()
        if len(paths) > 1 or any(any(role_of(key)[:2]) for key in array_names(paths[0]))
    ]  # fmt: skip
    if len(found) > 1:
        listed = ", ".join(paths[0].name for paths in found[:5])
        raise DataError(
            f"{os.fspath(folder)!r} holds {len(found)} data sets: {listed}; name one of them as "
            "the data."
        )
    return found[0] if found else []


def array_names(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the arrays in an `.npz`; none where it holds other files too."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # noqa: BLE001 - a damaged zip makes zipfile raise anything
        return []
    plain = bool(names) and all(name.endswith(".npy") for name in names)
    return [name.removesuffix(".npy") for name in names] if plain else []


def _companions(file: Path) -> list[Path]:
    """Return the files that hold one data set together with this one, itself among them.

    A file that is named as images or as labels alone (`kmnist-train-imgs.npz`, `y_test.npy`) has
    companions of the same kind whose names differ in split and content only.
    """
    role = role_of(file.stem)
    if role.kind is None or (file.suffix == ".npz" and len(array_names(file)) > 1):
        return [file]
    return [
        other
        for other in sorted(file.parent.glob(f"*{file.suffix}"))
        if (other_role := role_of(other.stem)).rest == role.rest and other_role.kind is not None
    ] or [file]


def _arrays(path: Path, wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    """Read the arrays of one file whose names are wanted; others may hold anything."""
    name = repr(os.fspath(path))
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            if file.read(len(MAGIC)) == MAGIC:
                file.seek(0)
                return {path.stem: _read_array(file, size, size, path.stem, name)}
            with zipfile.ZipFile(file) as archive:
                keys = [key for key in archive.namelist() if key.endswith(".npy")]
                if len(keys) == 1 and role_of(path.stem).kind:
                    return {path.stem: _read(archive, keys[0], name)}
                names = {key: key.removesuffix(".npy") for key in keys}
                return {n: _read(archive, key, name) for key, n in names.items() if wanted(n)}
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001 - a damaged zip makes zipfile raise anything
            raise DataError(f"{name} is a damaged .npz ({error}); get it again.") from None


def _read(archive: zipfile.ZipFile, member: str, name: str) -> NDArray[Any]:
    """Read one array once its header, the zip's directory and the file agree on its size."""
    info = archive.getinfo(member)
    key = member.removesuffix(".npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{name} packs `{key}` in a way that NumPy does not; save it again.")
    size = os.fstat(archive.fp.fileno()).st_size  # type: ignore[union-attr]
    with archive.open(info) as file:
        return _read_array(file, info.file_size, size, key, name)


def _read_array(file: IO[bytes], size: int, packed: int, key: str, name: str) -> NDArray[Any]:
    """Read an array of a stream.

    Parameters
    ----------
    size : bytes that the stream should hold. packed : bytes of the file that it comes from.
    """
    shape, fortran, dtype = _header(file, key, name)
    claim = math.prod(shape) * dtype.itemsize
    if claim != size - file.tell() or claim > MAX_RATIO * packed:
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
    if start[:7] != MAGIC + b"\x01":  # later versions are for names of fields
        raise DataError(f"{name} holds no plain array as `{key}`; save it with `np.savez`.")
    length = int.from_bytes(start[8:10], "little")
    if length > _MAX_HEADER:
        raise DataError(f"{name} holds a header of {length} bytes for `{key}`; get it again.")
    text = io.BytesIO(start[8:] + file.read(length))
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(text)
    if dtype.kind == "O":
        raise DataError(
            f"{name} holds Python objects as `{key}`, which are pickled, and unpickling runs code; "
            "save a plain array, as by `np.stack(images)`."
        )
    if dtype.kind not in "biufUS" or min(shape, default=0) < 0 or not dtype.itemsize:
        raise DataError(
            f"{name} holds {dtype} of shape {shape} as `{key}`; only numbers and texts are read."
        )
    return shape, fortran, dtype
