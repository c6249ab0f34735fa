"""MATLAB's `.mat` files: `mnist-original.mat`, EMNIST's, and arrays under the usual names."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistry.data.arrays import find_images, from_named
from mnistry.data.dataset import Splits
from mnistry.data.gunzip import MAX_RATIO
from mnistry.data.roles import SPLITS, role_of
from mnistry.errors import DataError, MissingExtra

_MAX_BYTES = 2**31


def read_mat(path: str | os.PathLike[str]) -> Splits:
    """Read the splits in a `.mat` file, which SciPy opens.

    Either `data` and `label`, as in `mnist-original.mat`; or EMNIST's struct `dataset`, whose
    images are stored column by column; or arrays named as in an `.npz`. Arrays with the images
    along the last axis, as is usual in MATLAB, are transposed.

    Raises
    ------
    DataError : the file is damaged, of MATLAB 7.3 (HDF5), or holds no images and labels.
    MissingExtra : SciPy is not installed.
    OSError : the file is missing or unreadable.
    """
    name = repr(os.fspath(path))
    return from_named(_images_first(_arrays(path, name)), name)


def read_mat_images(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read the images of a `.mat` file without labels, (n, h, w)."""
    name = repr(os.fspath(path))
    return find_images(_images_first(_arrays(path, name)), name)


def _arrays(path: str | os.PathLike[str], name: str) -> dict[str, NDArray[Any]]:
    """Load the file's arrays by name; those of EMNIST's struct as `train_images` and so on."""
    with open(path, "rb") as file:
        start = file.read(8)
        size = os.fstat(file.fileno()).st_size
    if start == b"\x89HDF\r\n\x1a\n":
        raise DataError(
            f"{name} is HDF5, as MATLAB 7.3 writes it, which is not read; save it in MATLAB by "
            "`save(..., '-v7')`, or in Python as .npz."
        )
    if find_spec("scipy") is None:
        raise MissingExtra("Reading .mat", "scipy", "sklearn")
    # Compressed variables can't grow further than this, whatever they claim.
    most = 8 * min(_MAX_BYTES, MAX_RATIO * size)
    with TemporaryDirectory(prefix="mnistry-") as folder:
        out = Path(folder, "arrays.npz")
        program = str(Path(__file__).with_name("mat_child.py"))
        # -P: modules of mnistry beside the program must not hide others of the same name.
        command = [sys.executable, "-P", program, os.path.abspath(os.fspath(path)), str(out)]
        done = subprocess.run(  # noqa: S603 - the program is this package's own
            [*command, str(most)], capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["it ends the reader"])[-1]
            raise DataError(f"{name} is a damaged .mat ({why:.200}); get it again.")
        with np.load(out, allow_pickle=False) as loaded:
            arrays = dict(loaded)
    if any(key.startswith("dataset.") for key in arrays):
        return _emnist(arrays, name)
    return {key: value for key, value in arrays.items() if any(role_of(key)[:2])}


def _emnist(found: dict[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of EMNIST's struct; its images are transposed, since MATLAB's are."""
    arrays: dict[str, NDArray[Any]] = {}
    for split in SPLITS:
        images = found.get(f"dataset.{split}.images")
        labels = found.get(f"dataset.{split}.labels")
        if images is None or labels is None:
            continue
        side = math.isqrt(images.shape[1])
        if side * side == images.shape[1]:
            turned = images.reshape(-1, side, side).transpose(0, 2, 1)
            arrays[f"{split}_images"] = np.ascontiguousarray(turned)
            arrays[f"{split}_labels"] = labels
    if not arrays:
        raise DataError(
            f"{name} holds a struct `dataset` that is not EMNIST's (`train` and `test`, each with "
            "`images` and `labels`); save its arrays as .npz."
        )
    # EMNIST's letters count from 1 to 26: without their names, class 0 would have no image.
    labels_of = {key: arrays[key] for key in arrays if key.endswith("labels")}
    if {1, 26} == {
        min(int(some.min(initial=99)) for some in labels_of.values()),
        max(int(some.max(initial=0)) for some in labels_of.values()),
    }:
        for key, numbers in labels_of.items():
            arrays[key] = np.array([chr(ord("A") + int(i) - 1) for i in numbers.reshape(-1)])
    return arrays


def _images_first(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Move the image axis to the front where it is the last, as the number of labels shows."""
    turned = dict(arrays)
    for key, array in arrays.items():
        split, kind, _ = role_of(key)
        if kind != "images" or array.ndim < 2:
            continue
        partners = [a for k, a in arrays.items() if role_of(k)[:2] == (split, "labels")]
        count = partners[0].size if partners else None
        if count is None and array.shape[0] == 784 != array.shape[-1]:
            count = array.shape[-1]
        if count == array.shape[-1] != array.shape[0]:
            turned[key] = np.moveaxis(array, -1, 0)
    return turned
