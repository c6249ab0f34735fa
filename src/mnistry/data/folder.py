"""A folder of IDX files: which of its files hold which split, and what they hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnistry.data import mapped
from mnistry.data.dataset import DataSet, Splits, name_classes
from mnistry.data.family import FAMILY, Member
from mnistry.data.idx import peek_idx, read_idx
from mnistry.data.roles import SPLITS, role_of
from mnistry.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAME = re.compile(
    r"(?P<set>.*?)[-_.]?(?P<part>train|t10k|test|val|valid|validation)"
    r"[-_.](?P<what>images|labels)[-_.]idx\d[-_.](ubyte|int)(\.gz)?",
    re.IGNORECASE,
)
# Files with these endings are never IDX, so they need not be opened to find that out.
_OTHERS = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".csv", ".tsv"),
    *(".npz", ".npy", ".parquet", ".arrow", ".mat", ".arff", ".txt", ".md", ".json", ".py", ".zip"),
)


def find_idx(folder: str | os.PathLike[str]) -> tuple[str, dict[str, Path]]:
    """Find the IDX files in a folder by their names, or else by their bytes.

    `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, either with `.gz` (whatever they
    hold), `test` for `t10k`, and a set's name before it (`emnist-letters-train-…`). Only regular
    files count. Some programs unpack each file into a folder of its own name: such folders are
    looked into. A file precedes such a folder, and a raw file a gzipped one. Files under any other
    name are recognized by their bytes: images are paired with as many labels, and the split is a
    word in the name.

    Returns
    -------
    prefix, paths : the set's name before the files' names, if any, and the path of each of
        `train_images`, `train_labels`, and the same of `validation` and `test`, that is there.

    Raises
    ------
    DataError : the folder holds the files of more than one set, or files whose split is unclear.
    OSError : the folder is missing or unreadable.
    """
    sets: dict[str, dict[str, Path]] = {}
    others = []
    for name, path in _files(Path(folder)):
        if match := _NAME.fullmatch(name):
            key = f"{role_of(match['part']).split}_{match['what'].lower()}"
            sets.setdefault(match["set"].lower(), {}).setdefault(key, path)
        elif not name.lower().endswith(_OTHERS):
            others.append(path)
    if len(sets) > 1:
        found = ", ".join(repr(name) for name in sorted(sets))
        raise DataError(
            f"{str(folder)!r} holds the files of {len(sets)} data sets, whose names start with "
            f"{found}; put those of one in a folder of its own."
        )
    prefix, paths = next(iter(sets.items()), ("", {}))
    if _missing(paths):
        paths = _with_unnamed(paths, others, str(folder))
    return prefix, paths


def read_folder(folder: str | os.PathLike[str]) -> Splits:
    """Read a folder of IDX files; a split is None where neither of its files is there.

    Files with the names of a known data set, such as EMNIST's, are read as that data set's.

    Raises
    ------
    DataError : a file is missing, broken, or does not go with the others.
    OSError : a file is unreadable.
    """
    prefix, paths = find_idx(folder)
    if missing := _missing(paths):
        found = ", ".join(sorted(path.name for path in paths.values())) or "no IDX file"
        raise DataError(
            f"{str(folder)!r} lacks the {' and the '.join(missing)}; it holds {found}. "
            "Put `train-images-idx3-ubyte` and its three companions there."
        )
    return read_files(paths, FAMILY.get(prefix))


def _missing(paths: Mapping[str, Path]) -> list[str]:
    """Return what is missing of the training split, and of any split that is there in part."""
    wanted = [s for s in SPLITS if s == "train" or any(key.startswith(s) for key in paths)]
    keys = [f"{split}_{kind}" for split in wanted for kind in ("images", "labels")]
    return [key.replace("_", " ") for key in keys if key not in paths]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Iterate over (name, path) of the regular files that may be IDX, the preferred ones first."""
    entries = sorted(folder.iterdir(), key=lambda path: (path.suffix.lower() == ".gz", path.name))
    entries = [path for path in entries if not path.name.startswith(".")]
    yield from ((path.name, path) for path in entries if path.is_file())
    for path in entries:
        if _NAME.fullmatch(path.name) and path.is_dir():
            inner = [p for p in sorted(path.iterdir()) if p.is_file() and p.name[0] != "."]
            for file in inner:
                own_name = len(inner) > 1 or _NAME.fullmatch(file.name)
                yield file.name if own_name else path.name, file


class _Unnamed(NamedTuple):
    """An IDX file whose name does not follow the convention."""

    path: Path
    kind: str
    length: int


def _with_unnamed(known: Mapping[str, Path], files: list[Path], folder: str) -> dict[str, Path]:
    """Add IDX files with other names; a word in the name or the number of items gives the split."""
    paths = dict(known)
    unnamed: list[_Unnamed] = []
    names = {path.name for path in files}
    for path in files:
        if path.name.endswith(".gz") and path.name.removesuffix(".gz") in names:
            continue  # the raw file beside it is read
        header = peek_idx(path)
        if header is None or len(header.shape) not in (1, 2, 3):
            continue
        kind = "images" if len(header.shape) == 3 else "labels"
        split = role_of(path.name).split
        if split is None:
            unnamed.append(_Unnamed(path, kind, header.shape[0]))
        elif paths.setdefault(f"{split}_{kind}", path) != path and f"{split}_{kind}" not in known:
            raise _unclear(folder, [paths[f"{split}_{kind}"], path])
    counts = {key: header.shape[0] for key, p in paths.items() if (header := peek_idx(p))}
    for file in list(unnamed):
        other = "labels" if file.kind == "images" else "images"
        fits = [
            split
            for split in SPLITS
            if counts.get(f"{split}_{other}") == file.length and f"{split}_{file.kind}" not in paths
        ]
        if len(fits) == 1:
            paths[f"{fits[0]}_{file.kind}"] = file.path
            unnamed.remove(file)
    images, labels = ([f for f in unnamed if f.kind == kind] for kind in ("images", "labels"))
    pairs = [(a.path, b.path) for a in images for b in labels if a.length == b.length]
    free = [s for s in ("train", "test") if not any(key.startswith(s) for key in paths)]
    if len(pairs) == 1 and free:
        paths[f"{free[0]}_images"], paths[f"{free[0]}_labels"] = pairs[0]
    elif pairs and "train_images" not in paths:
        raise _unclear(folder, sorted({path for pair in pairs for path in pair}))
    return paths


def _unclear(folder: str, paths: list[Path]) -> DataError:
    listed = ", ".join(path.name for path in paths)
    return DataError(
        f"{folder!r} holds IDX files whose names do not tell training from test images: {listed}. "
        "Rename them to `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, "
        "`t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`."
    )


def read_files(paths: Mapping[str, Path], member: Member | None = None) -> Splits:
    """Read the files of `paths`, keyed as `find_idx` keys them.

    Labels may have columns, QMNIST's: the first is the label, the third the writer. Without
    `member`, the classes are the numbers from 0 to the largest label.

    Raises
    ------
    DataError : a file is broken or does not go with the others.
    """
    parts = {}
    for split in SPLITS:
        if f"{split}_images" in paths:
            images_path, labels_path = paths[f"{split}_images"], paths[f"{split}_labels"]
            images, (labels, writers) = _images(images_path), _labels(labels_path)
            if len(images) != len(labels):
                raise DataError(
                    f"{str(images_path)!r} holds {len(images):,} images, but "
                    f"{str(labels_path)!r} {len(labels):,} labels; they do not belong together."
                )
            parts[split] = images, labels, writers
    offset = 0 if member is None else member.label_offset
    numbers = [labels for _, labels, _ in parts.values()]
    classes = name_classes(*numbers) if member is None else member.classes
    sets: dict[str, DataSet] = {}
    for split, (images, labels, writers) in parts.items():
        labels = labels.astype(np.int64) - offset
        if not 0 <= labels.min() <= labels.max() < len(classes):
            raise DataError(
                f"{str(paths[split + '_labels'])!r} holds labels from {labels.min() + offset} to "
                f"{labels.max() + offset}; expected {offset} to {offset + len(classes) - 1}."
            )
        if member is not None and member.transposed:
            images = np.ascontiguousarray(images.transpose(0, 2, 1))
        sets[split] = DataSet(images, labels, classes, writers)
    return Splits(sets["train"], sets.get("validation"), sets.get("test"))


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
