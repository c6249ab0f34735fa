"""CSV and JSON Lines files that list image files with their labels."""

from __future__ import annotations

import csv
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from mnistry.data.pixel_tables import LABEL_COLUMNS
from mnistry.data.roles import Split, role_of
from mnistry.errors import DataError, DataWarning
from mnistry.pictures.decode import SUFFIXES
from mnistry.pictures.item import natural

Listed = tuple[Path, str]  # an image file, and its label as it is written

_ENDINGS = (".csv", ".tsv", ".jsonl")
_FILE_COLUMNS = frozenset(
    {"file", "filename", "file_name", "filepath", "file_path", "path", "image", "image_name"}
    | {"image_path", "img", "img_name", "img_path", "name", "id", "image_id", "imageid"}
)
_SPLIT_COLUMNS = frozenset({"split", "subset", "set", "fold", "usage"})
_TEXT_COLUMNS = LABEL_COLUMNS | {"text", "number", "value", "transcription"}
_MAX_BYTES = 2**28
_MAX_COLUMNS = 60  # more are pixels, whose values could be taken for file names


def is_label_file(path: Path) -> bool:
    """Return whether a file's ending is that of a label file."""
    return path.name.lower().endswith(_ENDINGS) and path.name[0] != "."


def find_label_files(folder: Path) -> dict[Split, list[Listed]]:
    """Read the files in a folder that list images below it with their labels.

    A list has a column of file names (`filename`, `image`, `path`, `id`, …), which may leave out
    folders and endings, and one of labels (`label`, `class`, …), or just these two. The split is a
    word in the list's name or a column `split`; without one, it is for training.

    Returns
    -------
    listed : for each split, the images in the order of the lists; empty where there are none.

    Warns
    -----
    DataWarning : there are images that no list names.

    Raises
    ------
    DataError : a list names an image that is not there, or that could be several.
    """
    lists = [path for path in sorted(folder.iterdir()) if is_label_file(path) and path.is_file()]
    if not lists:
        return {}
    images = _Images(folder)
    if not images.paths:
        return {}
    listed: dict[Split, list[Listed]] = {}
    used: set[Path] = set()
    read = []
    for path in lists:
        of_name = role_of(path.stem).split or "train"
        for row, (file, label, split) in enumerate(_rows(path, images), 1):
            image = images.find(file)
            if image is None:
                raise DataError(
                    f"{str(path)!r} lists {file!r:.100} in row {row}, which is not the name of one "
                    f"image below {str(folder)!r}."
                )
            listed.setdefault(role_of(split).split or of_name, []).append((image, label))
            used.add(image)
        read.append(path.name)
    left_out = len(images.paths) - len(used)
    if listed and left_out:
        warnings.warn(
            f"{str(folder)!r} holds {left_out:,} images that {' and '.join(read)} does not list, "
            "so they are not used.",
            DataWarning,
            stacklevel=3,
        )
    return listed


def read_texts(folder: str | os.PathLike[str], labels: str | None = None) -> list[Listed]:
    """Read the images below a folder and the texts that they show.

    Parameters
    ----------
    labels : a CSV, TSV or JSON Lines file with a column of file names and one of texts, called
        `text`, `label` or the like; None: the files of that kind in the folder.

    Raises
    ------
    DataError : there is no such file, or it names an image that is not there.
    OSError : a file is missing or unreadable.
    """
    place = Path(folder)
    if not place.is_dir():
        raise DataError(f"{str(folder)!r} is not a folder of images.")
    images = _Images(place)
    files = [Path(labels)] if labels else [p for p in sorted(place.iterdir()) if is_label_file(p)]
    listed: list[Listed] = []
    for path in files:
        for row, (file, text, _) in enumerate(_rows(path, images, _TEXT_COLUMNS), 1):
            image = images.find(file)
            if image is None:
                raise DataError(
                    f"{str(path)!r} lists {file!r:.100} in row {row}, which is not the name of one "
                    f"image below {str(folder)!r}."
                )
            listed.append((image, text))
    if not listed:
        where = repr(labels) if labels else f"No CSV file in {str(folder)!r}"
        raise DataError(
            f"{where} lists no images below {str(folder)!r} with their texts; give a CSV file with "
            "the columns `file` and `text`."
        )
    return listed


class _Images:
    """An index of the image files below a folder, by path, name and stem."""

    def __init__(self, folder: Path) -> None:
        self.paths: list[Path] = []
        self._by_name: dict[str, Path | None] = {}
        for place, folders, files in os.walk(folder):
            folders[:] = sorted(f for f in folders if f[0] != "." and f != "__MACOSX")
            for file in sorted(files, key=natural):
                path = Path(place, file)
                if path.suffix.lower() in SUFFIXES and file[0] != ".":
                    self.paths.append(path)
                    relative = path.relative_to(folder)
                    names = {str(relative.as_posix()), str(relative.with_suffix("").as_posix())}
                    for name in names | {path.name, path.stem}:
                        # A name that several files share identifies none of them.
                        self._by_name[name] = None if name in self._by_name else path

    def find(self, name: str) -> Path | None:
        """Return the image of that name; folders that do not exist may precede it."""
        parts = [
            part for part in name.strip().replace("\\", "/").split("/") if part not in ("", ".")
        ]
        for start in range(len(parts)):
            if path := self._by_name.get("/".join(parts[start:])):
                return path
        return None


def _rows(
    path: Path, images: _Images, labels: frozenset[str] = LABEL_COLUMNS
) -> Iterator[tuple[str, str, str]]:
    """Iterate over (file, label, split) of a list; over nothing if the file is no such list."""
    rows = _json_rows(path) if path.suffix.lower() == ".jsonl" else _csv_rows(path)
    first = next(rows, [])
    plain = [cell.strip().lower() for cell in first]
    second = next(rows, None)
    if second is None or not 2 <= len(first) <= _MAX_COLUMNS or len(second) < len(first):
        return
    file = next((i for i, name in enumerate(plain) if name in _FILE_COLUMNS), None)
    label = next((i for i, name in enumerate(plain) if name in labels), None)
    split = next((i for i, name in enumerate(plain) if name in _SPLIT_COLUMNS), None)
    if file is None or images.find(second[file]) is None:
        # In a column of another name only cells with an ending are file names: numbers may be
        # anything.
        file = next((i for i, cell in enumerate(second) if _is_image_name(cell, images)), None)
    if label is None and len(first) == 2 and file is not None:
        label = 1 - file
    if file is None or label is None or file == label:
        return
    if _is_image_name(first[file], images):  # there is no header
        yield first[file], first[label].strip(), ""
    while second is not None:
        if len(second) > max(file, label):
            yield second[file], second[label].strip(), "" if split is None else second[split]
        second = next(rows, None)


def _is_image_name(cell: str, images: _Images) -> bool:
    return os.path.splitext(cell.strip())[1].lower() in SUFFIXES and images.find(cell) is not None


def _csv_rows(path: Path) -> Iterator[list[str]]:
    if path.stat().st_size > _MAX_BYTES:
        return
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        start = file.readline(4096)
        file.seek(0)
        delimiter = max(",;\t", key=start.count)
        try:
            yield from (row for row in csv.reader(file, delimiter=delimiter) if any(row))
        except csv.Error:
            return


def _json_rows(path: Path) -> Iterator[list[str]]:
    """Iterate over the values of JSON objects, one per line, after the keys of the first."""
    if path.stat().st_size > _MAX_BYTES:
        return
    keys: list[str] = []
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for line in filter(str.strip, file):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                return
            if not isinstance(value, dict):
                return
            if not keys:
                keys = [str(key) for key in value]
                yield keys
            yield [str(value.get(key, "")) for key in keys]
