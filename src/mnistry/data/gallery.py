"""A folder with one sub-folder of pictures a class, and pictures of any kind as a data set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnistry.data.dataset import DataSet
from mnistry.data.mapped import let_go, pile
from mnistry.errors import DataError
from mnistry.pictures.decode import SUFFIXES, decode
from mnistry.pictures.frame import SIDE, frame_many
from mnistry.pictures.grey import have_light_borders, to_grey
from mnistry.pictures.ink import to_ink
from mnistry.pictures.item import natural

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_AT_ONCE = 1000  # pictures


def read_gallery(folder: str | os.PathLike[str]) -> tuple[DataSet, DataSet | None]:
    """Read a folder with one sub-folder of pictures a class: (train, test).

    The classes are the sub-folders' names, numbers in them by their value (2 before 10).
    Where the folder holds `train` and, maybe, `test`, the sub-folders are theirs. Hidden
    files and files that are not named as pictures are left out.

    Raises
    ------
    DataError : there are no sub-folders or no pictures in one, a picture is damaged, or
        `test` has a class that `train` has not.
    OSError : a folder or file is unreadable.
    """
    top = Path(folder)
    train, test = top, None
    if (top / "train").is_dir() and _folders(top / "train"):
        train, test = top / "train", top / "test"
    classes = tuple(path.name for path in _folders(train))
    if not classes:
        raise DataError(
            f"{str(folder)!r} has no sub-folders; put each class's pictures in a sub-folder "
            "with the class's name."
        )
    if test is None or not test.is_dir():
        return _read_split(train, classes), None
    extra = {path.name for path in _folders(test)} - set(classes)
    if extra:
        raise DataError(
            f"{str(test)!r} has the class {min(extra)!r}, which {str(train)!r} has not; "
            "give both the same sub-folders."
        )
    return _read_split(train, classes), _read_split(test, classes, partly=True)


def to_images(pictures: Iterable[Image]) -> NDArray[np.uint8]:
    """Bring pictures to MNIST's form: (n, 28, 28), 0 = paper, 255 = ink; very many mapped.

    A picture of 28x28 stays as it is, but for its polarity: where most of these have a light
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
    """Give a picture at 28x28, and whether it was so already."""
    if picture.size == (SIDE, SIDE):
        return _greys(picture), True
    return frame_many([to_ink(picture)])[0], False


def _greys(picture: Image) -> NDArray[np.uint8]:
    if picture.format == "PNG" and picture.mode == "L" and "exif" not in picture.info:
        return np.asarray(picture)  # most sets are of these, and large
    return np.rint(255 * to_grey(picture)).astype(np.uint8)


def _read_split(folder: Path, classes: tuple[str, ...], *, partly: bool = False) -> DataSet:
    """Read the classes' sub-folders of `folder`; with `partly`, some may be missing or empty."""
    labels: list[int] = []

    def pictures() -> Iterator[Image]:
        for label, name in enumerate(classes):
            place = folder / name
            paths = _listing(place) if place.is_dir() else []
            paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
            if not paths and not partly:
                raise DataError(
                    f"{str(place)!r} holds no pictures; put the class's pictures there, or "
                    "take the sub-folder away."
                )
            for path in paths:
                labels.append(label)
                yield decode(path)

    images = to_images(pictures())
    if not len(images):
        raise DataError(f"{str(folder)!r} holds no pictures in the classes' sub-folders.")
    return DataSet(images, np.array(labels, np.int64), classes)


def _folders(folder: Path) -> list[Path]:
    return [path for path in _listing(folder) if path.is_dir() and path.name != "__MACOSX"]


def _listing(folder: Path) -> list[Path]:
    """What is in a folder and not hidden, numbers in names by their value."""
    names = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return sorted(names, key=lambda path: (natural(path.name), path.name))
