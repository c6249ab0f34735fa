"""Tables of pixels, one image a row: CSV as Kaggle has it, and OpenML's ARFF.

Rows are parsed by NumPy's own reader, a block at a time, so that a table may be larger than memory.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import math
import os
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnistry.data.arrays import full_scale, scale_floats, to_splits
from mnistry.data.mapped import pile
from mnistry.data.roles import Split, role_of
from mnistry.errors import DataError, DataWarning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.data.dataset import Splits

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".arff", ".arff.gz")
LABEL_COLUMNS = frozenset(
    {"label", "labels", "class", "classes", "class_name", "target", "targets", "digit", "y"}
    | {"category", "character"}
)
_ID_COLUMNS = frozenset({"", "id", "index", "imageid", "image_id", "unnamed: 0"})
_LEAST_PIXELS = 16
_ROWS = 1000  # rows parsed at a time; the first block decides the full scale of pixels
_MAX_LINE = 2**22  # characters
_MAX_BYTES = 64 * 2**30  # of a gzipped table's text
# Decompressors by the first bytes of a file, and the exceptions that they raise for damaged files.
# bz2 raises an OSError without an error number instead.
_COMPRESSED: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open
}  # fmt: skip
_DAMAGED = EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError


class Columns(NamedTuple):
    """What the columns of a table are.

    `names` are the header's, empty where there is none. `label` is the index of the label's
    column, None where there is none, and -1 where a table without a header has it first or last.
    `pixels` are the indices of the pixels' columns, `shape` is the height and width of an image.
    """

    names: tuple[str, ...]
    label: int | None
    pixels: tuple[int, ...]
    shape: tuple[int, int]


class Table(NamedTuple):
    """Images (n, h, w) and their labels as they are written, (n,); None where there are none."""

    images: NDArray[np.uint8]
    labels: NDArray[Any] | None


def peek_table(path: str | os.PathLike[str]) -> Columns | None:
    """Return what the columns of a table are, from its first line; None if it holds no pixels.

    Raises
    ------
    OSError : the file is missing or unreadable.
    """
    try:
        with _open_text(path) as file:
            return _layout(file, repr(os.fspath(path)))[0]
    except (DataError, UnicodeError, *_DAMAGED):
        return None


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read the images of a CSV or ARFF file and, where it has them, their labels.

    The label is the column called `label`, `class`, `target`, `digit` or `y`; without a header it
    is the first column or, where that never changes, the last. The other columns are the pixels,
    row by row, but for one called `id` or the like. Pixels are from 0 to 255 or from 0 to 1.

    Raises
    ------
    DataError : the table has other columns, or a row that can't be read.
    OSError : the file is missing or unreadable.
    """
    name = repr(os.fspath(path))
    labels: list[NDArray[Any]] = []
    try:
        with _open_text(path) as file:
            columns, delimiter, lines = _layout(file, name)
            if columns is None:
                first = next(lines, "").strip()
                raise DataError(
                    f"{name} is no table of pixels: it starts with {first[:60]!r}. Give each "
                    "image a row, its label first and then its pixels, as Kaggle's train.csv does."
                )
            blocks = _blocks(columns, delimiter, lines, name, labels)
            images = pile(blocks, columns.shape)
    except _DAMAGED as error:
        raise DataError(f"{name} is damaged ({error}); get it again.") from None
    if not len(images):
        raise DataError(f"{name} has a header, but no rows.")
    return Table(images, _concatenate(labels) if labels else None)


def find_tables(folder: str | os.PathLike[str]) -> dict[Split, Path]:
    """Find the tables of pixels with labels in a folder, by split; a lone one is for training.

    Warns
    -----
    DataWarning : a table of pixels is left out, since it has no labels or its name says no split.

    Raises
    ------
    DataError : two tables are of one split, or none is for training.
    """
    found: dict[Split | None, list[Path]] = {}
    unlabelled = []
    for path in sorted(Path(folder).iterdir()):
        if not path.name.lower().endswith(SUFFIXES) or path.name[0] == "." or not path.is_file():
            continue
        columns = peek_table(path)
        if columns is not None and columns.label is None:
            unlabelled.append(path)
        elif columns is not None:
            found.setdefault(role_of(path.name.partition(".")[0]).split, []).append(path)
    if not found:
        if unlabelled:
            raise DataError(
                f"{str(unlabelled[0])!r} holds pixels without labels; add a column `label` to "
                "train on it, or answer it by `mnistry predict`."
            )
        return {}
    unsplit = found.pop(None, [])
    if "train" not in found and len(unsplit) == 1:
        found["train"] = [unsplit.pop()]
    for paths in found.values():
        if len(paths) > 1:
            raise DataError(
                f"{str(folder)!r} holds {paths[0].name} and {paths[1].name} for the same split; "
                "give one of them as the data."
            )
    if "train" not in found:
        listed = ", ".join(path.name for path in chain(unsplit, *found.values()))
        raise DataError(
            f"{str(folder)!r} holds the tables {listed}, but none called `train….csv`; give that "
            "name to the training images, or give one file as the data."
        )
    for path in unlabelled:
        warnings.warn(
            f"{str(path)!r} has no labels, so it is not used; `mnistry predict` answers it.",
            DataWarning,
            stacklevel=2,
        )
    for path in unsplit:
        warnings.warn(
            f"{str(path)!r} is not used, since its name says no split (train, validation, test).",
            DataWarning,
            stacklevel=2,
        )
    return {split: paths[0] for split, paths in found.items() if split}


def read_tables(paths: Mapping[Split, str | os.PathLike[str]]) -> Splits:
    """Read the splits of a data set, one table each.

    Raises
    ------
    DataError : see `read_table`, or a table has no labels.
    """
    tables = {split: read_table(path) for split, path in paths.items()}
    for split, table in tables.items():
        if table.labels is None:
            raise DataError(
                f"{os.fspath(paths[split])!r} holds {len(table.images):,} images without labels; "
                "add a column `label` to train or to be scored on it, or answer it by "
                "`mnistry predict`."
            )
    return to_splits(
        {split: table.images for split, table in tables.items()},
        {split: table.labels for split, table in tables.items() if table.labels is not None},
        repr(os.fspath(paths["train"])),
    )


def columns_of(names: Sequence[str]) -> Columns | None:
    """Return what the columns of a table are by their names; None if they hold no pixels."""
    plain = [name.strip().lower() for name in names]
    labels = [i for i, name in enumerate(plain) if name in LABEL_COLUMNS]
    pixels = tuple(i for i, name in enumerate(plain) if i not in labels and name not in _ID_COLUMNS)
    shape = _shape_of(plain[pixels[-1]], len(pixels)) if pixels else None
    if shape is None or len(labels) > 1:
        return None
    return Columns(tuple(names), labels[0] if labels else None, pixels, shape)


@contextmanager
def _open_text(path: str | os.PathLike[str]) -> Iterator[io.TextIOWrapper]:
    with open(path, "rb") as raw:
        start = raw.read(2)
        raw.seek(0)
        opener = _COMPRESSED.get(start)
        binary: Any = raw if opener is None else opener(raw, "rb")
        with io.TextIOWrapper(binary, "utf-8-sig", "replace") as file:
            try:
                yield file
            except OSError as error:
                if error.errno is None:
                    raise EOFError(str(error)) from None
                raise


def _lines(file: io.TextIOWrapper, name: str) -> Iterator[str]:
    """Iterate over lines, none of which takes much memory; empty ones are left out."""
    read = 0
    while line := file.readline(_MAX_LINE):
        read += len(line)
        if len(line) == _MAX_LINE or read > _MAX_BYTES:
            raise DataError(
                f"{name} has a line of more than {_MAX_LINE:,} characters, or is too large; it is "
                "no table that can be read."
            )
        if line.strip():
            yield line


def _layout(file: io.TextIOWrapper, name: str) -> tuple[Columns | None, str, Iterator[str]]:
    """Return what the columns are, what separates them, and the lines that hold rows."""
    lines = _lines(file, name)
    first = next(lines, "")
    if re.match(r"\s*[%@]", first):
        return _arff_layout(chain([first], lines), name)
    delimiter = max(",;\t ", key=first.strip().count)
    try:
        cells = next(csv.reader([first.strip()], delimiter=delimiter), [])
    except csv.Error:  # a cell that is too long to be a name or a number
        return None, delimiter, chain([first], lines)
    columns = _of_header(cells)
    if columns is not None and columns.names:
        return columns, delimiter, lines
    return columns, delimiter, chain([first], lines)


def _arff_layout(lines: Iterator[str], name: str) -> tuple[Columns | None, str, Iterator[str]]:
    names = []
    for line in lines:
        if match := re.match(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)", line.strip(), re.IGNORECASE):
            names.append(match[1].strip("'\""))
        elif re.match(r"@data\b", line.strip(), re.IGNORECASE):
            break
    first = next(lines, "")
    if first.startswith("{"):
        raise DataError(f"{name} is sparse ARFF; save it as dense ARFF or as CSV.")
    return columns_of(names), ",", (row for row in chain([first], lines) if row[:1] not in "%")


def _of_header(cells: list[str]) -> Columns | None:
    """Return what the columns are, by a first line that may be a header or already a row."""
    words = [i for i, cell in enumerate(cells) if not _is_number(cell)]
    named = [i for i in words if cells[i].strip().lower() in LABEL_COLUMNS]
    counted = cells == [str(i) for i in range(len(cells))]
    if named or len(words) > 1 or counted:
        columns = columns_of(cells)
        # A header that names no label, but has one column too many, may still hold one.
        return columns or _without_names(cells, [], header=True)
    return _without_names(cells, words, header=False)


def _without_names(cells: list[str], words: list[int], *, header: bool) -> Columns | None:
    n = len(cells)
    names = tuple(cells) if header else ()
    if not words and (shape := _shape_of("", n)):
        return Columns(names, None, tuple(range(n)), shape)
    if (shape := _shape_of("", n - 1)) and words in ([], [0], [n - 1]):
        if not words:
            return Columns(names, -1, tuple(range(n)), shape)
        return Columns(names, words[0], tuple(i for i in range(n) if i != words[0]), shape)
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shape_of(last: str, count: int) -> tuple[int, int] | None:
    """Return the images' height and width, by the last column's name (`28x28`) or as a square."""
    if count < _LEAST_PIXELS:
        return None
    if match := re.fullmatch(r"\D*?(\d{1,4})[x_,](\d{1,4})\D*", last):
        for extra in (0, 1):  # names count from 1 or from 0
            h, w = int(match[1]) + extra, int(match[2]) + extra
            if h * w == count:
                return h, w
    side = math.isqrt(count)
    return (side, side) if side * side == count else None


def _blocks(
    columns: Columns,
    delimiter: str,
    lines: Iterator[str],
    name: str,
    labels: list[NDArray[Any]],
) -> Iterator[NDArray[np.uint8]]:
    """Iterate over images (m, h, w), noting their labels."""
    row = 0
    scale = None
    while block := list(islice(lines, _ROWS)):
        if columns.label == -1:
            columns = _with_label(columns, block, delimiter, name, row)
        numbers, texts = _parse(block, columns, delimiter, name, row)
        if texts is not None:
            labels.append(texts)
        if scale is None:
            scale = full_scale(numbers)
        if numbers.dtype != np.uint8 or scale == 1:
            numbers = scale_floats(numbers, scale, f"{name} (rows {row + 1} to {row + len(block)})")
        yield numbers.reshape(-1, *columns.shape)
        row += len(block)


def _with_label(columns: Columns, block: list[str], delimiter: str, name: str, row: int) -> Columns:
    """Decide which column holds the label without a header: the first, or else the last.

    A corner of an image is paper in nearly all data sets, so a column that never changes is
    a pixel.
    """
    n = len(columns.pixels)
    ends = _numbers(block, np.float64, delimiter, (0, n - 1), name, row)
    first, last = (len(np.unique(column)) > 1 for column in ends.T)
    whole = (ends == np.rint(ends)).all(axis=0)
    at = n - 1 if (last and not first and whole[1]) or not whole[0] else 0
    return columns._replace(label=at, pixels=tuple(i for i in range(n) if i != at))


def _parse(
    block: list[str], columns: Columns, delimiter: str, name: str, row: int
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Parse rows: pixels (m, d), and labels (m,) as whole numbers or texts."""
    label = columns.label
    if label is None or label in (0, len(columns.pixels)):
        try:
            # Nearly every table holds bytes alone, labels included, and this takes one pass.
            every = _numbers(block, np.uint8, delimiter, None, None, row)
            if every.shape[1] == len(columns.pixels) + (label is not None):
                if label is None:
                    return every, None
                return np.delete(every, label, axis=1), every[:, label].astype(np.int64)
        except (ValueError, DeprecationWarning):
            pass
    try:
        pixels = _numbers(block, np.uint8, delimiter, columns.pixels, None, row)
    except (ValueError, DeprecationWarning):
        pixels = _numbers(block, np.float32, delimiter, columns.pixels, name, row)
    if label is None:
        return pixels, None
    texts = _labels(block, label, delimiter, name, row)
    try:
        numbers = np.array(texts, np.float64)
    except ValueError:
        return pixels, np.array(texts)
    if np.isnan(numbers).any():  # some programs write NaN for a missing label
        return pixels, np.where(np.isnan(numbers), "", np.array(texts))
    whole = np.isfinite(numbers).all() and (numbers == np.rint(numbers)).all()
    return pixels, numbers.astype(np.int64) if whole else np.array(texts)


def _labels(block: list[str], label: int, delimiter: str, name: str, row: int) -> list[str]:
    """Return the labels of rows as they are written."""
    reader = csv.reader(block, delimiter=delimiter)
    try:
        return [cells[label].strip() for cells in reader]
    except (IndexError, csv.Error):
        raise DataError(
            f"{name} has no label that can be read in row {row + reader.line_num}. Every row must "
            "hold the same number of columns."
        ) from None


def _numbers(
    block: list[str],
    dtype: Any,
    delimiter: str,
    columns: tuple[int, ...] | None,
    name: str | None,
    row: int,
) -> NDArray[Any]:
    """Parse numbers; with `name`, raise a DataError that says where the damage is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # NumPy would read 7.5 as a byte
            return np.loadtxt(
                block, dtype, delimiter=None if delimiter == " " else delimiter,
                usecols=columns, ndmin=2, comments=None, quotechar='"',
            )  # fmt: skip
    except ValueError as error:
        if name is None:
            raise
        reason = str(error).partition(";")[0]
        at = re.search(r" at row (\d+)", reason)
        where = f"row {row + int(at[1]) + 1}" if at else f"rows {row + 1} to {row + len(block)}"
        reason = re.sub(r" at row \d+", "", reason).rstrip(".")
        raise DataError(
            f"{name} can't be read in {where}: {reason:.160}. Every row must hold the same number "
            "of columns, and every pixel a number."
        ) from None


def _concatenate(labels: list[NDArray[Any]]) -> NDArray[Any]:
    """Join the labels of all blocks, as texts if any of them are."""
    if len({part.dtype.kind for part in labels}) > 1:
        labels = [part.astype(np.str_) for part in labels]
    return np.concatenate(labels)
