"""Any ``--data`` argument -> DataSets: a name of the family, a folder, a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np

from mnistry.data.corrections import load_corrections
from mnistry.data.dataset import (
    DataSet,
    DataSets,
    split_by_class,
    split_by_writer,
    split_first,
)
from mnistry.data.embedded import load_embedded_mnist
from mnistry.data.family import FAMILY, locate
from mnistry.data.folder import find_idx, read_files, read_folder
from mnistry.errors import DataError, InputError, did_you_mean_path

_SHARE = 1 / 6  # of a set that is held out at most, MNIST's own share of test pictures


def load_data(
    source: str | os.PathLike[str] = "mnist",
    *,
    validation: int | Literal["writer"] | None = None,
    seed: int = 0,
) -> DataSets:
    """Load a data set, whatever its form, as training, validation and test pictures.

    A set without test pictures gives up a sixth of each class, drawn by `seed`, to be tested
    on. A name of the family is taken as such; for a folder of that name, write `./mnist`.

    Parameters
    ----------
    source : a name of the family (`mnist` is in the package; others are fetched first by
        `mnistry data fetch`); `corrections`, MNIST with what was corrected on the page of
        `mnistry serve`; a folder of IDX files, of Parquet files, or of one sub-folder
        of pictures a class; Keras' `mnist.npz`; a Parquet file in Hugging Face's form.
    validation : so many pictures, but no more than a sixth, the first of the training file;
        by class and drawn by `seed` where the first lack a class. "writer": a sixth, or 5,000
        if that is less, drawn by writer, so that nothing chosen or calibrated on them is
        flattered. None: "writer" where writers are known, else 5,000 pictures.
    seed : decides every draw.

    Raises
    ------
    InputError : the writers are not known, or `validation` or `seed` is negative.
    DataError : there is no such set, or a file of it is missing or broken.
    MissingExtra : reading Parquet without pyarrow.
    """
    if validation not in ("writer", None) and (isinstance(validation, str) or validation < 0):
        raise InputError(
            f"`validation` must be a number of pictures or 'writer'; got {validation!r}."
        )
    if seed < 0:
        raise InputError(f"`seed` must be 0 or more; got {seed}.")
    name, train, test = _read(os.fspath(source))
    if test is None:
        train, test = split_by_class(train, _SHARE, seed)
        if not len(test):
            raise DataError(
                f"{name!r} has {len(train)} pictures, too few to keep some of them for testing; "
                "give two or more of each class."
            )
    rest, held_out = _hold_out(train, validation, seed)
    return DataSets(rest, held_out, test, name)


def _hold_out(data: DataSet, validation: int | str | None, seed: int) -> tuple[DataSet, DataSet]:
    most = int(len(data) * _SHARE)
    if validation is None:
        several = data.writers is not None and len(np.unique(data.writers)) > 1
        validation = "writer" if several else 5000
    if isinstance(validation, str):
        return split_by_writer(data, max(min(5000, most), 1) / len(data), seed)
    count = min(validation, most)
    rest, first = split_first(data, count)
    seen = [len(np.unique(part.labels)) for part in (data, first, rest)]
    if count and min(seen) < seen[0]:
        return split_by_class(data, count / len(data), seed)
    return rest, first


def _read(source: str) -> tuple[str, DataSet, DataSet | None]:
    """Read what `source` names: the set's name, its training and its test pictures."""
    if source == "mnist":
        return (source, *load_embedded_mnist())
    if source == "corrections":
        return (source, *load_corrections())
    if source in FAMILY:
        return (source, *read_files(locate(source), FAMILY[source]))
    path = Path(source)
    if os.path.isdir(source):  # Path.is_dir() raises where a name is too long
        return (path.resolve().name, *_read_folder(path))
    if os.path.isfile(source):
        return (path.stem, *_read_file(path))
    names = [*FAMILY, "corrections"]
    cure = did_you_mean_path(source, names) or f"choose one of {', '.join(names)}."
    raise DataError(
        f"`source` must be a folder, a file or the name of a data set; got {source!r:.200}: {cure}"
    )


def _read_folder(path: Path) -> tuple[DataSet, DataSet | None]:
    if find_idx(path)[1]:
        return read_folder(path)
    from mnistry.data.parquet import find_parquet, read_parquet

    if found := find_parquet(path):
        return read_parquet(**found)
    from mnistry.data.gallery import read_gallery

    return read_gallery(path)


def _read_file(path: Path) -> tuple[DataSet, DataSet | None]:
    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        from mnistry.data.parquet import read_parquet

        return read_parquet([path])
    if start == b"PK\3\4":
        from mnistry.data.npz import read_npz

        return read_npz(path)
    raise DataError(
        f"{str(path)!r} is neither .npz nor Parquet; for IDX files and for pictures, give the "
        "folder that they are in."
    )
