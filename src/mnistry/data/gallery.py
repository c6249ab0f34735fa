"""Folders of image files: a sub-folder for each class, or a list of files with labels."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mnistry.data.arrays import encode_labels
from mnistry.data.dataset import DataSet, Splits
from mnistry.data.label_files import Listed, find_label_files, is_label_file
from mnistry.data.mapped import let_go, pile
from mnistry.data.roles import SPLITS, Split, split_of_folder
from mnistry.errors import DataError, DataWarning
from mnistry.pictures.decode import SUFFIXES, decode
from mnistry.pictures.frame import SIDE, frame_many
from mnistry.pictures.grey import have_light_borders, to_grey
from mnistry.pictures.ink import to_ink
from mnistry.pictures.item import natural
from mnistry.pictures.pages import Page, count_pages

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_AT_ONCE = 1000  # images
_SUFFIXES = SUFFIXES | {".pdf"}


class Gallery(NamedTuple):
    """The image files of each split and each one's class, and the names of the classes.

    `classes` are the sub-folders' names, or None where a label file has the labels.
    """

    files: dict[Split, list[Listed]]
    classes: tuple[str, ...] | None


def find_gallery(folder: str | os.PathLike[str]) -> Gallery | None:
    """Find image files and their classes in a folder; None where it does not hold them.

    The classes are the names of the sub-folders that hold images, numbers in them by their value
    (2 before 10). Without such sub-folders, they are listed in a CSV file with a column of file
    names and one of labels. Where the folder holds `train` or `training`, in any case, that is the
    training split, and `val`, `valid` or `validation` and `test` or `testing` are the others.
    Hidden files and files that are not named as images are left out.

    Warns
    -----
    DataWarning : images are left out, since nothing says what their classes are.

    Raises
    ------
    DataError : a class has no images; a split other than `train` has a class that `train` has not;
        a file that should list the labels lists other files, or can't be understood.
    OSError : a folder is unreadable.
    """
    top = Path(folder)
    splits: dict[Split, Path] = {}
    for path in _folders(top):
        if split := split_of_folder(path.name):
            if split in splits:
                raise DataError(
                    f"{str(folder)!r} holds both {splits[split].name!r} and {path.name!r}; keep "
                    "one of them."
                )
            splits[split] = path
    if "train" not in splits:
        return _unsplit(top)
    if listed := find_label_files(top):
        return Gallery(listed, None)
    _warn_of_others(top, list(splits.values()))
    if listed := find_label_files(splits["train"]):
        files: dict[Split, list[Listed]] = {"train": listed.get("train", [])}
        for split in SPLITS[1:]:
            if split in splits and (listed := find_label_files(splits[split])):
                files[split] = [pair for pairs in listed.values() for pair in pairs]
        return Gallery(files, None)
    classes = _classes(splits["train"])
    if not classes:
        return None
    gallery = Gallery({"train": _by_class(splits["train"], classes)}, classes)
    for split in SPLITS[1:]:
        if split in splits:
            others = _other_split(splits[split], splits["train"], classes)
            if others:
                gallery.files[split] = others
    return gallery


def read_gallery(gallery: Gallery) -> Splits:
    """Read the image files that `find_gallery` found.

    Raises
    ------
    DataError : an image is damaged.
    MissingExtra : there is a PDF, and pypdfium2 is not installed.
    OSError : a file is unreadable.
    """
    files = {split: _pages(listed) for split, listed in gallery.files.items()}
    images = {split: to_images(decode(source) for source, _ in own) for split, own in files.items()}
    names = {split: np.array([name for _, name in own]) for split, own in files.items()}
    first = str(gallery.files["train"][0][0].parent)
    if gallery.classes is None:
        labels, classes = encode_labels(names, repr(first))
    else:
        classes = gallery.classes
        index = {name: i for i, name in enumerate(classes)}
        labels = {s: np.array([index[str(n)] for n in some]) for s, some in names.items()}
    sets = {split: DataSet(images[split], labels[split], classes) for split in images}
    return Splits(*(sets.get(split) for split in SPLITS))  # type: ignore[arg-type]


def _pages(files: Iterable[Listed]) -> list[tuple[Path | Page, str]]:
    """Replace each document by its pages, all with the document's label."""
    pages: list[tuple[Path | Page, str]] = []
    for path, name in files:
        count = count_pages(str(path))
        if count == 1:
            pages.append((path, name))
        else:
            pages += [(Page(str(path), number), name) for number in range(1, count + 1)]
    return pages


def _warn_of_others(top: Path, splits: list[Path]) -> None:
    """Warn of folders of images beside those of the splits."""
    others = [
        path.name
        for path in _folders(top)
        if path not in splits and next(_images_below(path), None) is not None
    ]
    if others:
        warnings.warn(
            f"{str(top)!r} holds images in {', '.join(map(repr, others[:5]))}, which are not used, "
            "since no split is called so (train, validation, test).",
            DataWarning,
            stacklevel=3,
        )


def _unsplit(top: Path) -> Gallery | None:
    """Find the images of a folder without splits."""
    classes = _classes(top)
    if listed := find_label_files(top) if len(classes) < 2 else _other_labels(top, classes):
        if "train" not in listed:
            listed = {"train": [pair for pairs in listed.values() for pair in pairs]}
        return Gallery(listed, None)
    if not classes:
        return None
    beside = [path.name for path in _listing(top) if is_label_file(path)]
    if len(classes) == 1 and beside:
        raise DataError(
            f"{str(top)!r} holds its images in one folder, {classes[0]!r}, and {beside[0]!r} "
            "beside it does not list them; give that file the columns `filename` and `label`, "
            "with a row for each image."
        )
    return Gallery({"train": _by_class(top, classes)}, classes)


def _other_labels(top: Path, classes: tuple[str, ...]) -> dict[Split, list[Listed]]:
    """Read label files whose labels are not the folders' names, as beside `train_images/`.

    Where they list no images, or the same classes as the folders, the result is empty.
    """
    listed: dict[Split, list[Listed]] = {}
    with warnings.catch_warnings(), suppress(DataError):
        warnings.simplefilter("ignore")  # they are repeated below if the lists are used
        listed = find_label_files(top)
    others = {label for own in listed.values() for _, label in own} - set(classes)
    return find_label_files(top) if others else {}


def _classes(place: Path) -> tuple[str, ...]:
    """Return the classes: the names of the sub-folders, if any of these holds images itself."""
    folders = [path for path in _folders(place) if split_of_folder(path.name) is None]
    direct = any(_is_image(path) for folder in folders for path in _listing(folder))
    return tuple(path.name for path in folders) if direct else ()


def _other_split(place: Path, train: Path, classes: tuple[str, ...]) -> list[Listed]:
    """Find the images of a split beside `train`, which may lack some of its classes."""
    extra = {path.name for path in _folders(place)} - set(classes)
    if extra:
        raise DataError(
            f"{str(place)!r} has the class {min(extra)!r}, which {str(train)!r} has not; "
            "give both the same sub-folders."
        )
    files = _by_class(place, classes, partly=True)
    if not files:
        loose = sum(_is_image(path) for path in _listing(place))
        if not loose:
            raise DataError(f"{str(place)!r} holds no images in the classes' sub-folders.")
    return files


def _by_class(place: Path, classes: tuple[str, ...], *, partly: bool = False) -> list[Listed]:
    """List the images of the classes' sub-folders; with `partly`, some may be missing or empty."""
    files = []
    for name in classes:
        paths = list(_images_below(place / name)) if (place / name).is_dir() else []
        if not paths and not partly:
            raise DataError(
                f"{str(place / name)!r} holds no images; put the class's images there, or "
                "take the sub-folder away."
            )
        files += [(path, name) for path in paths]
    loose = sum(_is_image(path) for path in _listing(place))
    if loose:
        warnings.warn(
            f"{str(place)!r} holds {loose:,} images that are in no class's sub-folder, so they are "
            "not used.",
            DataWarning,
            stacklevel=4,
        )
    return files


def _images_below(folder: Path) -> Iterator[Path]:
    """Iterate over the images of a folder, and then over those of its sub-folders."""
    inner = _listing(folder)
    yield from (path for path in inner if _is_image(path))
    for path in inner:
        if path.is_dir() and path.name != "__MACOSX":
            yield from _images_below(path)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and path.is_file()


def to_images(pictures: Iterable[Image]) -> NDArray[np.uint8]:
    """Convert images to MNIST's form: (n, 28, 28), 0 = paper, 255 = ink; very many mapped.

    An image of 28x28 stays as it is, but for its polarity: where most of these have a light
    border, all of them are inverted. Any other is framed as MNIST's were.
    """
    kept: list[NDArray[np.bool_]] = []  # which stay as they are, by part
    light = 0  # of these

    def parts() -> Iterator[NDArray[np.uint8]]:
        nonlocal light
        some = iter(pictures)
        while part := [_small(picture) for picture in islice(some, _AT_ONCE)]:
            images = np.stack([image for image, _ in part])
            kept.append(np.array([stays for _, stays in part]))
            light += int(have_light_borders(images[kept[-1]]).sum())
            yield images

    images = pile(parts(), (SIDE, SIDE))
    if 2 * light <= sum(int(part.sum()) for part in kept):
        return images

    def flipped() -> Iterator[NDArray[np.uint8]]:
        for i, stays in enumerate(kept):
            part = images[i * _AT_ONCE :][:_AT_ONCE]
            yield np.where(stays[:, None, None], 255 - part, part)
            let_go(images)

    return pile(flipped(), (SIDE, SIDE))


def _small(picture: Image) -> tuple[NDArray[np.uint8], bool]:
    """Return an image at 28x28, and whether it had that size."""
    if picture.size == (SIDE, SIDE):
        return _greys(picture), True
    return frame_many([to_ink(picture)])[0], False


def _greys(picture: Image) -> NDArray[np.uint8]:
    if picture.format == "PNG" and picture.mode == "L" and "exif" not in picture.info:
        return np.asarray(picture)  # most sets are of these, and large
    return np.rint(255 * to_grey(picture)).astype(np.uint8)


def _folders(folder: Path) -> list[Path]:
    return [path for path in _listing(folder) if path.is_dir() and path.name != "__MACOSX"]


def _listing(folder: Path) -> list[Path]:
    """Return the folder's visible entries in natural order (2 before 10)."""
    names = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return sorted(names, key=lambda path: (natural(path.name), path.name))
