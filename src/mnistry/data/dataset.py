"""DataSet: images, their labels and what they are called; and how a set is split.

Whatever the source, what comes out is a ``DataSet``, and it is checked here once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import numpy as np

from mnistry.data.mapped import gather, in_parts
from mnistry.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MOST_CLASSES = 65_536  # more are no classes, and `one_hot` would fill the memory


@dataclass(frozen=True, eq=False, repr=False)
class DataSet:
    """Images with labels; checked when made, read-only afterwards.

    Parameters
    ----------
    images : (n, h, w) uint8, 0 = paper, 255 = ink; mapped where memory is too small for them.
    labels : (n,) ints, indices into `classes`; held as int64.
    classes : the classes' names, all different.
    writers : (n,) ints, who wrote each picture, where that is known; held as int64.

    Raises
    ------
    InputError : a type or shape is another, the lengths differ, or a label has no class.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    writers: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        images = np.asarray(self.images)
        if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape[1:]:
            raise InputError(
                f"`images` must be uint8 of shape (n, h, w); got {images.dtype} of shape "
                f"{images.shape}.{_cure(images)}"
            )
        classes = tuple(str(name) for name in self.classes)
        if not classes or len(set(classes)) < len(classes):
            raise InputError(
                f"`classes` must be one or more different names; got {classes!r:.200}."
            )
        labels = _ints("labels", self.labels, len(images))
        if labels.size and not 0 <= labels.min() <= labels.max() < len(classes):
            raise InputError(
                f"`labels` must be from 0 to {len(classes) - 1}, one for each of the "
                f"{len(classes)} `classes`; got {labels.min()} to {labels.max()}."
            )
        writers = None if self.writers is None else _ints("writers", self.writers, len(images))
        for name, value in [
            ("images", _frozen(images)),
            ("labels", _frozen(labels)),
            ("classes", classes),
            ("writers", None if writers is None else _frozen(writers)),
        ]:
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        n, height, width = self.images.shape
        return f"DataSet({n:,} images of {height}x{width}, {len(self.classes)} classes)"

    def _repr_html_(self) -> str:
        """Return HTML for notebooks: the first image of each class, with its name."""
        import mnistry.notebook as notebook

        labels, first = np.unique(self.labels, return_index=True)
        shown = [
            (escape(self.classes[label]), notebook.image(255 - self.images[i], self.classes[label]))
            for label, i in zip(labels, first, strict=True)
        ][: notebook.MAX_IMAGES]
        return notebook.box(repr(self), notebook.table(zip(*shown, strict=True) if shown else []))

    @property
    def X(self) -> NDArray[np.float32]:  # noqa: N802 - the field's name for it
        """The tutorial's form: float32 (n, h * w) in [0, 1], pixel / 255; made anew each time."""
        n, height, width = self.images.shape
        flat = self.images.reshape(n, height * width)
        return np.divide(flat, np.float32(255), dtype=np.float32)

    @property
    def one_hot(self) -> NDArray[np.float32]:
        """float32 (n, k): 1 in the column of the label, 0 elsewhere; made anew each time."""
        hot = np.zeros((len(self), len(self.classes)), np.float32)
        hot[np.arange(len(self)), self.labels] = 1
        return hot

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images' shape, the images and the labels: which data this is."""
        digest = hashlib.sha256(f"images {self.images.shape}\n".encode())
        for part in in_parts(self.images):
            digest.update(np.ascontiguousarray(part).data)
        digest.update(np.ascontiguousarray(self.labels, "<i8").data)
        return digest.hexdigest()

    def take(self, indices: slice | ArrayLike) -> DataSet:
        """Give the set of the pictures at `indices` (a slice, indices or a mask), in that order."""
        at: Any = indices if isinstance(indices, slice) else np.asarray(indices)
        if not isinstance(at, slice) and at.size == 0:
            at = at.astype(np.intp)  # an empty list would be floats
        writers = None if self.writers is None else self.writers[at]
        images = self.images[at] if isinstance(at, slice) else gather(self.images, at)
        return DataSet(images, self.labels[at], self.classes, writers)

    def batches(self, size: int, seed: int = 0) -> Iterator[DataSet]:
        """Give every picture once, `size` at a time, in an order that `seed` decides.

        The last batch holds what is left.

        Raises
        ------
        InputError : `size` is less than 1.
        """
        if size < 1:
            raise InputError(f"`size` must be 1 or more; got {size}.")
        order = np.random.default_rng(seed).permutation(len(self))
        return (self.take(order[i : i + size]) for i in range(0, len(self), size))


@dataclass(frozen=True, eq=False)
class DataSets:
    """A data set's three splits, which agree on the classes and the images' size.

    Train on `train`, choose and calibrate on `validation`, report on `test` alone. `is_test_drawn`
    says that the source has no test images of its own, so that some were held out for it.

    Raises
    ------
    InputError : the splits differ in classes or in the images' size.
    """

    train: DataSet
    validation: DataSet
    test: DataSet
    name: str
    is_test_drawn: bool = False

    def __post_init__(self) -> None:
        for split in (self.validation, self.test):
            ours, theirs = self.train.images.shape[1:], split.images.shape[1:]
            if ours != theirs:
                raise InputError(
                    f"`train` has images of shape {ours}, and another split of {theirs}; "
                    "bring them to one size."
                )
            if split.classes != self.train.classes:
                raise InputError(
                    f"`train` has the classes {self.train.classes!r:.200}, and another split "
                    f"{split.classes!r:.200}; give all splits the same."
                )

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{len(data):,} {split}"
            for split, data in (
                ("train", self.train),
                ("validation", self.validation),
                ("test", self.test),
            )
        )
        height, width = self.shape
        return f"DataSets({self.name!r}: {counts}; {height}x{width}, {len(self.classes)} classes)"

    def _repr_html_(self) -> str:
        """Return HTML for notebooks: the counts, and the first training image of each class."""
        import mnistry.notebook as notebook

        return notebook.box(repr(self), self.train._repr_html_())

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names."""
        return self.train.classes

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the images."""
        _, h, w = self.train.images.shape
        return h, w


class Splits(NamedTuple):
    """The splits that a source comes with; None for one that it lacks.

    `load_data` fills in what is missing by holding out training images.
    """

    train: DataSet
    validation: DataSet | None = None
    test: DataSet | None = None


def name_classes(*labels: NDArray[Any]) -> tuple[str, ...]:
    """Name classes that have no names: the numbers from 0 to the largest label.

    Raises
    ------
    InputError : labels are no whole numbers.
    """
    for some in labels:
        if some.dtype.kind not in "iu" and some.size:
            raise InputError(f"`labels` must be whole numbers; got {some.dtype}.")
    largest = max((int(some.max()) for some in labels if some.size), default=0)
    return tuple(str(i) for i in range(max(1, min(largest + 1, MOST_CLASSES))))


def check_trainable(labels: NDArray[Any], classes: Sequence[str]) -> None:
    """Check that the labels are of two classes or more.

    Raises
    ------
    InputError : all `labels`, indices into `classes`, are the same.
    """
    if labels.size and labels.min() == labels.max():
        raise InputError(
            f"Training needs images of two classes or more; all {labels.size:,} are of the class "
            f"{str(classes[int(labels[0])])!r}. Put each class's images in a folder of its own, or "
            "list them with their labels in a CSV file."
        )


def split_first(data: DataSet, count: int) -> tuple[DataSet, DataSet]:
    """Split off the first `count` pictures, as the tutorial does: (the rest, the first).

    On MNIST with 5,000 these share 251 of their 274 writers with the rest, which flatters
    what is chosen on them; see `split_by_writer`.

    Raises
    ------
    InputError : `count` is negative or more than there are.
    """
    if not 0 <= count <= len(data):
        raise InputError(f"`count` must be from 0 to {len(data)}; got {count}.")
    return data.take(slice(count, None)), data.take(slice(count))


def split_by_class(data: DataSet, share: float, seed: int = 0) -> tuple[DataSet, DataSet]:
    """Split off `share` of the pictures, and of each class: (the rest, the drawn).

    `seed` decides what is drawn; both sides keep the order. The rest has every class; the
    drawn lack those of which `share` is less than a picture, but hold one where they can.

    Raises
    ------
    InputError : `share` is not between 0 and 1.
    """
    _between(share)
    rng = np.random.default_rng(seed)
    counts = np.bincount(data.labels, minlength=len(data.classes))
    quotas = share * counts
    takes = np.floor(quotas).astype(int)
    # The pictures that rounding left over go to the largest fractions, ties by lot.
    lots = rng.permutation(len(counts))
    takers = lots[np.argsort((takes - quotas)[lots], kind="stable")]
    takers = takers[takes[takers] < counts[takers] - 1]
    takes[takers[: max(1, round(share * len(data))) - takes.sum()]] += 1
    drawn = np.zeros(len(data), bool)
    for label, take in enumerate(takes):
        drawn[rng.permutation(np.flatnonzero(data.labels == label))[:take]] = True
    return data.take(~drawn), data.take(drawn)


def split_by_writer(data: DataSet, share: float, seed: int = 0) -> tuple[DataSet, DataSet]:
    """Split off at least `share` of the pictures by writer: (the rest, the drawn).

    No writer is on both sides; `seed` decides who is drawn. Both sides keep the order.

    Raises
    ------
    InputError : the writers are not known, there is only one, or `share` is not between
        0 and 1.
    """
    _between(share)
    if data.writers is None:
        raise InputError(
            "The pictures' writers are not known, so that they can't be split by writer; "
            "QMNIST has them: `mnistry data fetch qmnist`."
        )
    names, of, counts = np.unique(data.writers, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError(f"A split by writer needs two writers or more; got {len(names)}.")
    order = np.random.default_rng(seed).permutation(len(names))
    enough = np.searchsorted(np.cumsum(counts[order]), share * len(data)) + 1
    drawn = np.isin(of, order[: min(int(enough), len(names) - 1)])
    return data.take(~drawn), data.take(drawn)


def fold_numbers(data: DataSet, folds: int, seed: int = 0) -> NDArray[np.int64]:
    """Deal the pictures into folds of about one size: (n,) ints in 0..folds-1.

    By writer where these are known, so that no writer is in two folds; else by class, and the
    same picture, where it is there several times, into one. `seed` decides who comes where.

    Raises
    ------
    InputError : `folds` is less than two, or more than there are writers, or pictures.
    """
    known = data.writers is not None
    whose = _checksums(data.images) if data.writers is None else data.writers
    names, first, of, sizes = np.unique(
        whose, return_index=True, return_inverse=True, return_counts=True
    )
    if not 2 <= folds <= len(names):
        raise InputError(
            f"`folds` must be from 2 to {len(names):,}, as many as there are "
            f"{'writers' if known else 'different pictures'}; got {folds}."
        )
    order = np.random.default_rng(seed).permutation(len(names))
    dealt = np.empty(len(names), np.int64)
    if not known:
        by_class = order[np.argsort(data.labels[first[order]], kind="stable")]
        dealt[by_class] = np.arange(len(names)) % folds
        return np.asarray(dealt[of])
    filled = [0] * folds
    for writer in order:  # each to the fold that has least
        dealt[writer] = fold = filled.index(min(filled))
        filled[fold] += int(sizes[writer])
    return np.asarray(dealt[of])


def _checksums(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Give a number for each picture (n, h, w), the same for the same bytes."""
    sums = (crc32(one.tobytes()) for part in in_parts(images) for one in part)
    return np.fromiter(sums, np.int64, len(images))


def _cure(images: NDArray[Any]) -> str:
    """Return advice on converting an array to images, if its shape and type suggest any."""
    if images.ndim == 4 and 1 in (images.shape[1], images.shape[3]):
        return (
            f" Drop the axis of length 1 by `images.squeeze({1 if images.shape[1] == 1 else 3})`."
        )
    if images.ndim == 2:
        return " Reshape flattened images by `images.reshape(-1, 28, 28)`."
    if images.dtype.kind == "f" and images.ndim == 3:
        return " Floats in [0, 1] become uint8 by `(255 * images).round().astype('uint8')`."
    if images.dtype.kind in "iub" and images.ndim == 3:
        return " Whole numbers from 0 to 255 become uint8 by `images.astype('uint8')`."
    return ""


def _between(share: float) -> None:
    if not 0 < share < 1:
        raise InputError(f"`share` must be between 0 and 1; got {share}.")


def _ints(name: str, value: ArrayLike, count: int) -> NDArray[np.int64]:
    array = np.asarray(value)
    if array.shape != (count,):
        raise InputError(
            f"`{name}` must have one entry for each of the {count} `images`; got shape "
            f"{array.shape}."
        )
    if array.dtype.kind not in "iu" and array.size:
        raise InputError(f"`{name}` must be whole numbers; got {array.dtype}.")
    return array.astype(np.int64)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
