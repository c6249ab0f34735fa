"""A folder of IDX files: which of its files are the four, and what they hold."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data import mapped
from mnistry.data.dataset import DataSet, name_classes
from mnistry.data.family import FAMILY, KEYS, Member
from mnistry.data.idx import read_idx
from mnistry.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAME = re.compile(
    r"(?P<set>.*?)[-_.]?(?P<part>train|t10k|test)[-_.](?P<what>images|labels)"
    r"[-_.]idx\d[-_.](ubyte|int)(\.gz)?",
    re.IGNORECASE,
)


def find_idx(folder: str | os.PathLike[str]) -> tuple[str, dict[str, Path]]:
    """Find the IDX files in a folder by their names, in any of the spellings in use.

    `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, either with `.gz` (whatever they
    hold), `test` for `t10k`, and a set's name before it (`emnist-letters-train-…`). Where a
    file is there gzipped and raw, the raw one is taken.

    Returns
    -------
    prefix, paths : the set's name before the files' names, if any, and the path of each of
        `mnistry.data.family.KEYS` that is there.

    Raises
    ------
    DataError : the folder holds the files of more than one set.
    OSError : the folder is missing or unreadable.
    """
    sets: dict[str, dict[str, Path]] = {}
    for path in sorted(Path(folder).iterdir(), reverse=True):  # a.gz before a: the raw one wins
        if match := _NAME.fullmatch(path.name):
            part = "train" if match["part"].lower() == "train" else "test"
            sets.setdefault(match["set"].lower(), {})[f"{part}_{match['what'].lower()}"] = path
    if len(sets) > 1:
        found = ", ".join(repr(name) for name in sorted(sets))
        raise DataError(
            f"{str(folder)!r} holds the files of {len(sets)} data sets, whose names start with "
            f"{found}; put those of one in a folder of its own."
        )
    return next(iter(sets.items()), ("", {}))


def read_folder(folder: str | os.PathLike[str]) -> tuple[DataSet, DataSet | None]:
    """Read a folder of IDX files: (train, test); no test where neither test file is there.

    Files that are named as a member of the family is are read as that member's.

    Raises
    ------
    DataError : a file is missing, broken, or does not go with the others.
    OSError : a file is unreadable.
    """
    prefix, paths = find_idx(folder)
    wanted = [key for key in KEYS if key.startswith("train") or any("test" in k for k in paths)]
    missing = [key.replace("_", " ") for key in wanted if key not in paths]
    if missing:
        found = ", ".join(sorted(path.name for path in paths.values())) or "no IDX file"
        raise DataError(
            f"{str(folder)!r} lacks the {' and the '.join(missing)}; it holds {found}. "
            "Put `train-images-idx3-ubyte` and its three companions there."
        )
    return read_files(paths, FAMILY.get(prefix))


def read_files(
    paths: Mapping[str, Path], member: Member | None = None
) -> tuple[DataSet, DataSet | None]:
    """Read the files of `paths`, keyed as `mnistry.data.family.KEYS`: (train, test).

    Labels may have columns, QMNIST's: the first is the label, the third the writer. Without
    `member`, the classes are the numbers from 0 to the largest label.

    Raises
    ------
    DataError : a file is broken or does not go with the others.
    """
    parts = []
    for part in ("train", "test"):
        if f"{part}_images" in paths:
            images_path, labels_path = paths[f"{part}_images"], paths[f"{part}_labels"]
            images, (labels, writers) = _images(images_path), _labels(labels_path)
            if len(images) != len(labels):
                raise DataError(
                    f"{str(images_path)!r} holds {len(images):,} images, but "
                    f"{str(labels_path)!r} {len(labels):,} labels; they do not belong together."
                )
            parts.append((images, labels, writers))
    offset = 0 if member is None else member.label_offset
    classes = (
        name_classes(*(labels for _, labels, _ in parts)) if member is None else (member.classes)
    )
    sets = []
    for (images, labels, writers), part in zip(parts, ("train", "test"), strict=False):
        labels = labels.astype(np.int64) - offset
        if not 0 <= labels.min() <= labels.max() < len(classes):
            raise DataError(
                f"{str(paths[part + '_labels'])!r} holds labels from {labels.min() + offset} to "
                f"{labels.max() + offset}; expected {offset} to {offset + len(classes) - 1}."
            )
        if member is not None and member.transposed:
            images = np.ascontiguousarray(images.transpose(0, 2, 1))
        sets.append(DataSet(images, labels, classes, writers))
    return sets[0], sets[1] if len(sets) > 1 else None


def _images(path: Path) -> NDArray[np.uint8]:
    images = read_idx(path, mmap=os.stat(path).st_size > mapped.IN_MEMORY)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(
            f"{str(path)!r} should hold images, uint8 of shape (n, h, w); it holds "
            f"{images.dtype} of shape {images.shape}."
        )
    return images


def _labels(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Read labels and, where they come in QMNIST's columns, writers."""
    labels = read_idx(path)
    if labels.dtype.kind in "iu":
        if labels.ndim == 1:
            return labels, None
        if labels.ndim == 2 and labels.shape[1] >= 3:
            return labels[:, 0], labels[:, 2]
    raise DataError(
        f"{str(path)!r} should hold labels, ints of shape (n,) or QMNIST's columns; it holds "
        f"{labels.dtype} of shape {labels.shape}."
    )
