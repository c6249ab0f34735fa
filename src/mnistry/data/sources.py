"""Any ``--data`` argument -> DataSets: a name of the family, a folder, a file, an archive.

Each form has one reader; the two tables below say how it is recognised, in a folder and as a file.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from mnistry.data.corrections import load_corrections
from mnistry.data.dataset import (
    DataSet,
    DataSets,
    Splits,
    split_by_class,
    split_by_writer,
    split_first,
)
from mnistry.data.embedded import load_embedded_mnist
from mnistry.data.family import FAMILY, locate
from mnistry.data.folder import find_idx, read_files, read_folder
from mnistry.data.idx import read_idx
from mnistry.data.mapped import in_parts, pile
from mnistry.errors import DataError, DataWarning, InputError, did_you_mean_path
from mnistry.pictures.grey import have_light_borders

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARE = 1 / 6  # largest share of a data set that is held out; MNIST's own share of test images
_SAMPLE = 1000  # images whose borders are checked
_MAX_DEPTH = 4  # folders below the given one that are searched
_MAX_FOLDERS = 2000
_START = 512  # bytes of a file by which its form is recognised


def load_data(
    source: str | os.PathLike[str] = "mnist",
    *,
    validation: int | Literal["writer"] | None = None,
    seed: int = 0,
    invert: bool = False,
) -> DataSets:
    """Load a data set, whatever its form, as training, validation and test images.

    If a data set has no test images, a sixth of each class is drawn by `seed` for testing. A
    name of the family is taken as such; for a folder of that name, write `./mnist`.

    Parameters
    ----------
    source : a name of the family (`mnist` is in the package; others are fetched first by
        `mnistry data fetch`); `corrections`, MNIST with what was corrected on the page of
        `mnistry serve`; or a folder, a file, a ZIP or a tar of IDX files, image files by class or
        with a list of labels, CSV or ARFF with a column for each pixel, NumPy or MATLAB arrays, or
        Hugging Face's Parquet or Arrow. Sub-folders are searched where the folder itself
        holds no data.
    validation : number of images, at most a sixth of them: the first of the training file, or
        drawn by `seed` within each class where the first lack a class. "writer": a sixth, or 5,000
        if that is less, drawn by writer, so that no writer is in both splits. None: the source's
        own validation images where it has them, else "writer" where writers are known, else 5,000
        images.
    seed : decides every draw.
    invert : invert every image, for data with dark ink on light paper (255 = paper).

    Warns
    -----
    DataWarning : most images have light borders, so that paper may be 255; or a part of the
        source is left out.

    Raises
    ------
    InputError : the writers are not known, or `validation` or `seed` is negative.
    DataError : there is no such set, or a file of it is missing or broken.
    MissingExtra : a package that reads this form is not installed.
    """
    if validation not in ("writer", None) and (isinstance(validation, str) or validation < 0):
        raise InputError(
            f"`validation` must be a number of pictures or 'writer'; got {validation!r}."
        )
    if seed < 0:
        raise InputError(f"`seed` must be 0 or more; got {seed}.")
    name, splits = _read(os.fspath(source))
    if invert:
        splits = _inverted_splits(splits)
    if os.fspath(source) not in (*FAMILY, "corrections"):  # whose polarity is known
        _check_borders(splits.train.images, invert, name)
    train, held_out, test = splits
    is_test_drawn = test is None
    if test is None:
        train, test = split_by_class(train, _SHARE, seed)
        if not len(test):
            raise DataError(
                f"{name!r} has {len(train)} images, too few to keep some of them for testing; "
                "give two or more of each class."
            )
    if held_out is None or validation is not None:
        if held_out is not None:
            train = _joined(train, held_out)
        train, held_out = _hold_out(train, validation, seed)
    return DataSets(train, held_out, test, name, is_test_drawn)


def all_images(data: DataSets) -> DataSet:
    """Return all splits as one, for example to score a model that was trained on other data."""
    return _joined(_joined(data.train, data.validation), data.test)


def load_images(source: str | os.PathLike[str], *, invert: bool = False) -> NDArray[np.uint8]:
    """Load images without labels from a file of arrays, to be answered by a model.

    Parameters
    ----------
    source : a CSV or ARFF file with a column for each pixel, such as Kaggle's `test.csv`; an
        `.npz`, `.npy` or `.mat`; an IDX file of images; or Parquet. Labels in it are passed over.
        Of a file with several splits, the test images are loaded.
    invert : invert every image, for data with dark ink on light paper.

    Returns
    -------
    images : uint8 (n, h, w), 0 = paper, 255 = ink.

    Warns
    -----
    DataWarning : most images have light borders, so that paper may be 255.

    Raises
    ------
    DataError : there is no such file, or it is broken or of another form.
    """
    path = Path(source)
    if not os.path.isfile(path):
        raise DataError(f"{str(path)!r} is no file; give a file of images, such as test.csv.")
    form = _form_of(path)
    if form.read_images is None:
        raise DataError(
            f"{str(path)!r} is {form.name}, not a table or an array of images; {form.cure}"
        )
    images = form.read_images(path)
    if invert:
        images = _inverted(images)
    _check_borders(images, invert, path.name)
    return images


def read_source(folder: str | os.PathLike[str]) -> Splits:
    """Read the splits that a folder comes with, in any form, at most a few folders below it.

    Raises
    ------
    DataError : it holds no data set or several; the message lists what it holds.
    OSError : a file or folder is unreadable.
    """
    return _read_folder(Path(folder))


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


def _joined(train: DataSet, validation: DataSet) -> DataSet:
    """Concatenate two splits, the second one first."""
    writers = None
    if train.writers is not None and validation.writers is not None:
        writers = np.concatenate([validation.writers, train.writers])
    parts = (part for data in (validation, train) for part in in_parts(data.images))
    return DataSet(
        pile(parts, train.images.shape[1:]),
        np.concatenate([validation.labels, train.labels]),
        train.classes,
        writers,
    )


def _inverted_splits(splits: Splits) -> Splits:
    train, *others = (
        None if data is None else replace(data, images=_inverted(data.images)) for data in splits
    )
    assert train is not None  # noqa: S101 - every source has training images
    return Splits(train, *others)


def _inverted(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pile((255 - part for part in in_parts(images)), images.shape[1:])


def _check_borders(images: NDArray[np.uint8], invert: bool, name: str) -> None:
    """Warn where the borders of most images are light."""
    step = max(1, len(images) // _SAMPLE)
    if not len(images) or have_light_borders(np.asarray(images[::step])).mean() <= 0.5:
        return
    if invert:
        cure = "after they were inverted; leave out `invert`, since 0 must be paper and 255 ink."
    else:
        cure = "but 0 must be paper and 255 ink; set `invert` if they are dark ink on light paper."
    warnings.warn(f"Most images of {name!r} have light borders, {cure}", DataWarning, stacklevel=4)


def _read(source: str) -> tuple[str, Splits]:
    """Read what `source` names: the set's name and its splits."""
    if source == "mnist":
        train, test = load_embedded_mnist()
        return source, Splits(train, None, test)
    if source == "corrections":
        train, test = load_corrections()
        return source, Splits(train, None, test)
    if source in FAMILY:
        return source, read_files(locate(source), FAMILY[source])
    path = Path(source)
    if os.path.isdir(source):  # Path.is_dir() raises where a name is too long
        return path.resolve().name, _read_folder(path)
    if os.path.isfile(source):
        form = _form_of(path)
        if form.read is None:
            raise DataError(f"{str(path)!r} is {form.name}; {form.cure}")
        return Path(path.name.removesuffix(".gz")).stem, form.read(path)
    names = [*FAMILY, "corrections"]
    cure = did_you_mean_path(source, names) or f"choose one of {', '.join(names)}."
    raise DataError(
        f"`source` must be a folder, a file or the name of a data set; got {source!r:.200}: {cure}"
    )


# Folders: each form's finder returns what reads it, or None where the folder does not hold it.

_Reader = Callable[[], Splits]


def _find_idx(folder: Path) -> _Reader | None:
    return (lambda: read_folder(folder)) if find_idx(folder)[1] else None


def _find_parquet(folder: Path) -> _Reader | None:
    # Most folders hold none, and then pyarrow need not be imported.
    from mnistry.data.parquet import find_arrow, find_parquet, read_parquet

    if paths := find_arrow(folder) or find_parquet(folder):
        return lambda: read_parquet(**paths)
    return None


def _find_tables(folder: Path) -> _Reader | None:
    from mnistry.data.pixel_tables import find_tables, read_tables

    tables = find_tables(folder)
    return (lambda: read_tables(tables)) if tables else None


def _find_numpy(folder: Path) -> _Reader | None:
    from mnistry.data.npz import find_numpy, read_numpy

    files = find_numpy(folder)
    return (lambda: read_numpy(files)) if files else None


def _find_mat(folder: Path) -> _Reader | None:
    from mnistry.data.matlab import read_mat

    files = [path for path in sorted(folder.glob("*.mat")) if path.is_file()]
    if len(files) > 1:
        raise _several(folder, [path.name for path in files])
    return (lambda: read_mat(files[0])) if files else None


def _find_gallery(folder: Path) -> _Reader | None:
    # Without folders or lists there are no classes, and then Pillow need not be imported.
    lists = (".csv", ".tsv", ".jsonl")
    if not any(path.suffix.lower() in lists or path.is_dir() for path in folder.iterdir()):
        return None
    from mnistry.data.gallery import find_gallery, read_gallery

    gallery = find_gallery(folder)
    return None if gallery is None else lambda: read_gallery(gallery)


_FINDERS: dict[str, Callable[[Path], _Reader | None]] = {
    "IDX files": _find_idx,
    "Parquet or Arrow files": _find_parquet,
    "tables of pixels": _find_tables,
    ".npz or .npy files": _find_numpy,
    ".mat files": _find_mat,
    "images by class": _find_gallery,
}


def _read_folder(folder: Path) -> Splits:
    """Read the data in a folder, or in the only one below it that holds any."""
    level = [folder]
    visited = 0
    for _ in range(_MAX_DEPTH + 1):
        readers: dict[Path, tuple[str, _Reader]] = {}
        for place in level:
            visited += 1
            for name, find in _FINDERS.items():
                if (reader := find(place)) is not None:
                    readers[place] = name, reader
                    break
        if len(readers) == 1:
            ((place, (name, reader)),) = readers.items()
            _warn_of_others(place, name)
            return reader()
        if readers:
            raise _several(folder, [str(place.relative_to(folder)) for place in readers])
        level = [inner for place in level for inner in _sub_folders(place)]
        if visited + len(level) > _MAX_FOLDERS:
            break
    raise _no_data(folder)


def _warn_of_others(folder: Path, used: str) -> None:
    """Warn where a folder holds data in another format too, which is not used."""
    others = []
    for name, find in _FINDERS.items():
        if name != used:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)
                try:
                    if find(folder) is not None:
                        others.append(name)
                except DataError:
                    others.append(name)  # there are such files, though they are no data set
                except OSError:
                    pass  # folders that can't be read don't matter, since other data was found
    if others:
        warnings.warn(
            f"{str(folder)!r} holds {used}, which are used, and {' and '.join(others)}, which "
            "are not.",
            DataWarning,
            stacklevel=5,
        )


def _sub_folders(folder: Path) -> list[Path]:
    with suppress(PermissionError):
        return [
            path
            for path in sorted(folder.iterdir())
            if path.name[0] != "." and path.name != "__MACOSX" and path.is_dir()
        ]
    return []


def _several(folder: Path, names: list[str]) -> DataError:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return DataError(
        f"{str(folder)!r} holds {len(names)} data sets: {', '.join(names[:5])}{more}; "
        "name one of them as the data."
    )


def _no_data(folder: Path) -> DataError:
    """Return the error of a folder without data: what it holds, and what it should hold."""
    kinds: Counter[str] = Counter()
    pickles = []
    deeper = ""
    for number, path in enumerate(_walk(folder)):
        if number == 10_000:
            break
        kinds[path.suffix.lower() or "without an ending"] += 1
        if path.suffix.lower() in _PICKLES or path.name.endswith(".pkl.gz"):
            pickles.append(path)
        if not deeper and path.parent != folder:
            deeper = f", as {path.relative_to(folder).as_posix()!r:.80}"
    if pickles:
        return DataError(f"{str(folder)!r} holds {pickles[0].name}; {_pickle_cure(pickles[0])}")
    listed = ", ".join(f"{count:,} files {kind}" for kind, count in kinds.most_common(4))
    from mnistry.pictures.decode import SUFFIXES

    if sum(kinds[suffix] for suffix in SUFFIXES):
        cure = (
            "Nothing says which class each image is: put the images of each class directly into a "
            "sub-folder with its name, or list them in a labels.csv with the columns `filename` "
            "and `label`."
        )
    else:
        cure = (
            "Give a folder of IDX files, of a sub-folder of images for each class, or of .csv, "
            ".npz, .mat or Parquet files; the documentation lists every layout."
        )
    return DataError(
        f"{str(folder)!r} holds no data set; it holds {listed or 'no files'}{deeper}. {cure}"
    )


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f[0] != "." and f != "__MACOSX")
        yield from (Path(place, file) for file in sorted(files) if file[0] != ".")


# Files: each form is recognised by its first bytes, unpacked if it is compressed.


class _Start(NamedTuple):
    """The beginning of a file, unpacked; `packed` says that it was compressed."""

    path: Path
    bytes: bytes
    packed: bool


class _Form(NamedTuple):
    """A form of file: how to recognise and to read it, or what to do instead."""

    name: str
    matches: Callable[[_Start], bool]
    read: Callable[[Path], Splits] | None = None
    read_images: Callable[[Path], NDArray[np.uint8]] | None = None
    cure: str = ""
    packed: bool = False  # whether it may be compressed as a whole


_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib")


def _pickle_cure(path: Path) -> str:
    """Return why pickles are not read, and a command that converts the usual ones."""
    import shlex

    name = str(path)
    if path.suffix.lower() in (".pt", ".pth"):
        code = (
            f"import torch, numpy as np; x, y = torch.load({name!r}, weights_only=True)[:2]; "
            "np.savez_compressed('mnist.npz', x_train=x.numpy(), y_train=y.numpy())"
        )
    else:
        opened = f"gzip.open({name!r})" if name.endswith(".gz") else f"open({name!r}, 'rb')"
        code = (
            "import gzip, pickle, numpy as np; (a, b), (c, d), (e, f) = "
            f"pickle.load({opened}, encoding='latin1'); np.savez_compressed('mnist.npz', "
            "x_train=a, y_train=b, x_val=c, y_val=d, x_test=e, y_test=f)"
        )
    # Double quotes are easier to read, but a shell expands some characters within them.
    quoted = shlex.quote(code) if set(code) & set('"$`\\!') else f'"{code}"'
    return (
        "opening a pickle can run any code, so none is read. If you trust it, convert it once: "
        f"python -c {quoted}"
    )


def _is_pickle(start: _Start) -> bool:
    name = start.path.name.lower().removesuffix(".gz")
    if start.bytes[:1] == b"\x80" and start.bytes[1:2] <= b"\x05":
        return True
    # The oldest protocol is text without a mark, and PyTorch's files are ZIPs around a pickle.
    return name.endswith(_PICKLES)


def _read_npz(path: Path) -> Splits:
    from mnistry.data.npz import read_npz

    return read_npz(path)


def _read_npz_images(path: Path) -> NDArray[np.uint8]:
    from mnistry.data.npz import read_numpy_images

    return read_numpy_images(path)


def _read_parquet(path: Path) -> Splits:
    from mnistry.data.parquet import read_parquet

    return read_parquet([path])


def _read_mat(path: Path) -> Splits:
    from mnistry.data.matlab import read_mat

    return read_mat(path)


def _read_mat_images(path: Path) -> NDArray[np.uint8]:
    from mnistry.data.matlab import read_mat_images

    return read_mat_images(path)


def _read_table(path: Path) -> Splits:
    from mnistry.data.pixel_tables import read_tables

    return read_tables({"train": path})


def _read_table_images(path: Path) -> NDArray[np.uint8]:
    from mnistry.data.pixel_tables import read_table

    return read_table(path).images


def _read_idx_images(path: Path) -> NDArray[np.uint8]:
    from mnistry.data.arrays import normalize_images

    return normalize_images(read_idx(path), repr(str(path)))


def _read_archive(path: Path) -> Splits:
    from mnistry.data.unpack import unpacked

    # The user does not know the temporary folder, only the archive.
    with unpacked(path) as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        try:
            splits = _read_folder(folder)
        except DataError as error:
            raise DataError(str(error).replace(str(folder), str(path))) from None
    for one in caught:
        sentence = str(one.message).replace(str(folder), str(path))
        warnings.warn(sentence, one.category, stacklevel=4)
    return splits


def _is_npz(start: _Start) -> bool:
    from mnistry.data.npz import array_names

    return start.bytes.startswith(b"PK") and not start.packed and bool(array_names(start.path))


def _is_archive(start: _Start) -> bool:
    return start.bytes.startswith(b"PK\3\4") or start.bytes[257:262] == b"ustar"


def _is_table(start: _Start) -> bool:
    from mnistry.data.pixel_tables import SUFFIXES

    if start.path.name.lower().endswith(SUFFIXES):
        return True
    text = start.bytes.removeprefix(b"\xef\xbb\xbf")
    return (
        bool(text)
        and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in text)
        and (text.count(b",") + text.count(b";") + text.count(b"\t") >= 16)
    )


def _is_image(start: _Start) -> bool:
    from mnistry.pictures.decode import SUFFIXES

    signs = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
    return start.bytes.startswith(signs) or start.path.suffix.lower() in SUFFIXES


_FORMS: tuple[_Form, ...] = (
    _Form("a NumPy archive", _is_npz, _read_npz, _read_npz_images),
    _Form("a NumPy array", lambda s: s.bytes.startswith(b"\x93NUMPY"), _read_npz, _read_npz_images),
    _Form(
        "Parquet", lambda s: s.bytes.startswith(b"PAR1"), _read_parquet,
        lambda path: _read_parquet(path).train.images,
    ),
    _Form(
        "a MATLAB file", lambda s: s.bytes.startswith((b"MATLAB 5", b"MATLAB 7"))
        or s.path.suffix.lower() == ".mat", _read_mat, _read_mat_images,
    ),
    _Form(
        "IDX", lambda s: s.bytes[:2] == b"\0\0" and s.bytes[2:3] in b"\x08\x09\x0b\x0c\x0d\x0e"
        and len(s.bytes) > 3, None, _read_idx_images,
        "give the folder that it is in, with its labels.",
        packed=True,
    ),
    _Form(
        "HDF5", lambda s: s.bytes.startswith(b"\x89HDF"),
        cure="save its arrays as .npz, named `x_train`, `y_train`, `x_test`, `y_test`.",
    ),
    _Form("a pickle", _is_pickle, packed=True),
    _Form("an archive", _is_archive, _read_archive, cure="give one file of it.", packed=True),
    _Form("an image", _is_image, cure="give the folder of images, or read it by `mnistry read`."),
    _Form("a table", _is_table, _read_table, _read_table_images, packed=True),
)  # fmt: skip


def _form_of(path: Path) -> _Form:
    """Recognise the form of a file.

    Raises
    ------
    DataError : the format is unknown.
    """
    start = _start_of(path)
    for form in _FORMS:
        if form.matches(start) and (form.packed or not start.packed):
            return form._replace(cure=_pickle_cure(path)) if form.name == "a pickle" else form
    problem = f"starts with {start.bytes[:4].hex(' ')}" if start.bytes else "is empty"
    raise DataError(
        f"{str(path)!r} {problem}, which is no form of data that is read: IDX, CSV, ARFF, .npz, "
        ".npy, .mat, Parquet, ZIP or tar. For IDX files and for images, give the folder that they "
        "are in."
    )


def _start_of(path: Path) -> _Start:
    """Read the first bytes of a file, unpacked where it is compressed by gzip, bzip2 or xz."""
    openers = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))
    with open(path, "rb") as file:
        start = file.read(_START)
    for magic, opener in openers:
        if start.startswith(magic):
            with suppress(OSError, EOFError, lzma.LZMAError, zlib.error), opener(path) as packed:
                return _Start(path, packed.read(_START), True)
    return _Start(path, start, False)
