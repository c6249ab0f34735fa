"""The tutorial's own import, kept working: ``read_data_sets`` as in TensorFlow 1.4.

>>> from mnistry import input_data
>>> mnist = input_data.read_data_sets("MNIST_data/", one_hot=True)
>>> mnist.train.images.shape, mnist.train.labels.shape
((55000, 784), (55000, 10))
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnistry.data.classes import with_classes
from mnistry.data.embedded import load_embedded_mnist
from mnistry.data.idx import read_idx
from mnistry.data.sources import read_source
from mnistry.errors import DataError, InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from mnistry.data.dataset import DataSet as _Data

DEFAULT_SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_CLASSES = 10
_DIGITS = tuple("0123456789")


class DataSet:
    """A split of the tutorial: all its pictures at once, or the next batch of them.

    Made by `read_data_sets`. Pictures are kept as bytes and turned into floats by the batch.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        *,
        one_hot: bool = False,
        dtype: DTypeLike = np.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        n, rows, columns = images.shape
        self._pixels = images.reshape((n, rows * columns) if reshape else (n, rows, columns, 1))
        self._digits = labels
        self._one_hot = one_hot
        self._dtype = _dtype(dtype)
        self._rng = np.random.default_rng(seed)
        self._order = np.arange(len(images))
        self._index_in_epoch = 0
        self._epochs_completed = 0
        self._images: NDArray[Any] | None = None
        self._labels: NDArray[Any] | None = None

    @property
    def images(self) -> NDArray[Any]:
        """All pictures in the file's order: float32 in [0, 1], or uint8 as `dtype` says."""
        if self._images is None:
            self._images = self._as_asked(self._pixels)
        return self._images

    @property
    def labels(self) -> NDArray[Any]:
        """All labels in the file's order: uint8 (n,), or float64 (n, 10) where `one_hot`."""
        if self._labels is None:
            self._labels = self._encoded(self._digits)
        return self._labels

    @property
    def num_examples(self) -> int:
        """How many pictures there are."""
        return len(self._pixels)

    @property
    def epochs_completed(self) -> int:
        """How often `next_batch` has gone through all the pictures."""
        return self._epochs_completed

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give the next pictures and their labels; every picture comes once an epoch.

        A batch that runs over an epoch's end takes what is left and starts the next one.

        Parameters
        ----------
        batch_size : how many, 1 or more; it may span several epochs.
        fake_data : give white pictures of class 0 instead, and stay where we are.
        shuffle : draw a new order at the start of each epoch; else go on in the last one,
            which is the file's until a first shuffle.

        Raises
        ------
        InputError : `batch_size` is less than 1, or there are no pictures.
        """
        if batch_size < 1:
            raise InputError(f"`batch_size` must be 1 or more; got {batch_size}.")
        if fake_data:
            shape = (batch_size, *self._pixels.shape[1:])
            pixels = np.full(shape, 255, np.uint8)
            return self._as_asked(pixels), self._encoded(np.zeros(batch_size, np.uint8))
        if not self.num_examples:
            raise InputError("There are no pictures to take a batch from: this split is empty.")
        if self._epochs_completed == 0 and self._index_in_epoch == 0 and shuffle:
            self._rng.shuffle(self._order)
        parts = []
        wanted = batch_size
        while self._index_in_epoch + wanted > self.num_examples:
            parts.append(self._order[self._index_in_epoch :].copy())
            wanted -= len(parts[-1])
            self._epochs_completed += 1
            self._index_in_epoch = 0
            if shuffle:
                self._rng.shuffle(self._order)
        end = self._index_in_epoch + wanted
        parts.append(self._order[self._index_in_epoch : end])
        self._index_in_epoch = end
        at = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return self._as_asked(self._pixels[at]), self._encoded(self._digits[at])

    def _as_asked(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        if self._dtype == np.uint8:
            return pixels
        return np.divide(pixels, np.float32(255), dtype=np.float32)

    def _encoded(self, digits: NDArray[np.uint8]) -> NDArray[Any]:
        return dense_to_one_hot(digits, _CLASSES) if self._one_hot else digits


class Datasets(NamedTuple):
    """The tutorial's three splits."""

    train: DataSet
    validation: DataSet
    test: DataSet


def read_data_sets(
    train_dir: str | os.PathLike[str],
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: DTypeLike = np.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str = DEFAULT_SOURCE_URL,
) -> Datasets:
    """Read MNIST as TensorFlow 1.4's tutorials did; nothing is downloaded or written.

    Parameters
    ----------
    train_dir : a folder with the four IDX files, gzipped or not, in any usual spelling, or with
        another form that `mnistry.load_data` reads. Where the folder is missing or empty, the
        embedded MNIST is read.
    fake_data : return 10,000 white images of class 0 in each split, and read nothing.
    one_hot : labels are float64 (n, 10) instead of uint8 (n,).
    dtype : float32: pixels in [0, 1]; uint8: 0 to 255. 0 is paper.
    reshape : images are (n, 784); else (n, 28, 28, 1).
    validation_size : number of images, the first of the training file; the rest is `train`.
    seed : decides the batches' order; None: another one each time.
    source_url : only the default; elsewhere, `mnistry data fetch` downloads.

    Raises
    ------
    DataError : the folder holds something else, files are missing or broken, or there are more
        than ten classes.
    InputError : `validation_size` or `source_url` is invalid.
    TypeError : `dtype` is not supported.
    """
    asked: dict[str, Any] = {"one_hot": one_hot, "dtype": dtype, "reshape": reshape, "seed": seed}
    _dtype(dtype)
    if (source_url or DEFAULT_SOURCE_URL).rstrip("/") != DEFAULT_SOURCE_URL.rstrip("/"):
        raise InputError(
            f"`source_url` is not downloaded from here; got {source_url!r}. Run `mnistry data "
            "fetch` and give the folder as `train_dir`."
        )
    if fake_data:
        white = np.broadcast_to(np.uint8(255), (10_000, 28, 28))
        zeros = np.zeros(10_000, np.uint8)
        return Datasets(*(DataSet(white, zeros, **asked) for _ in range(3)))
    train, test = _read(train_dir)
    if not 0 <= validation_size <= len(train):
        raise InputError(
            f"`validation_size` must be from 0 to {len(train)}, the training file's pictures; "
            f"got {validation_size}."
        )
    digits = train.labels.astype(np.uint8)
    held, rest = slice(validation_size), slice(validation_size, None)
    return Datasets(
        DataSet(train.images[rest], digits[rest], **asked),
        DataSet(train.images[held], digits[held], **asked),
        DataSet(test.images, test.labels.astype(np.uint8), **asked),
    )


def extract_images(f: IO[bytes]) -> NDArray[np.uint8]:
    """Read an open IDX file of images, gzipped or not: uint8 (n, h, w, 1).

    Raises
    ------
    DataError : it is not such a file.
    """
    images = read_idx(f.read())
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(
            f"The file should hold images, uint8 of shape (n, h, w); it holds {images.dtype} of "
            f"shape {images.shape}."
        )
    return images[..., np.newaxis]


def extract_labels(
    f: IO[bytes], one_hot: bool = False, num_classes: int = _CLASSES
) -> NDArray[Any]:
    """Read an open IDX file of labels, gzipped or not: uint8 (n,), or float64 (n, classes).

    Raises
    ------
    DataError : it is not such a file.
    InputError : a label is `num_classes` or more.
    """
    labels = read_idx(f.read())
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise DataError(
            f"The file should hold labels, uint8 of shape (n,); it holds {labels.dtype} of shape "
            f"{labels.shape}."
        )
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


def dense_to_one_hot(labels_dense: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """Give labels as rows of zeros with a 1 in the label's column: float64 (n, num_classes).

    Raises
    ------
    InputError : a label is not from 0 to `num_classes` - 1.
    """
    labels = np.asarray(labels_dense)
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise InputError(
            f"`labels_dense` must be from 0 to {num_classes - 1}; got {labels.min()} to "
            f"{labels.max()}."
        )
    hot = np.zeros((len(labels), num_classes))
    hot[np.arange(len(labels)), labels] = 1
    return hot


def _read(folder: str | os.PathLike[str]) -> tuple[_Data, _Data]:
    if not os.path.lexists(folder):
        return load_embedded_mnist()
    if not os.path.isdir(folder):
        raise DataError(
            f"{os.fspath(folder)!r} is no folder; give the folder that holds the data, or load the "
            "file by `mnistry.load_data`."
        )
    if not any(name[0] != "." for name in os.listdir(folder)):
        return load_embedded_mnist()
    train, validation, test = read_source(folder)
    if test is None:
        raise DataError(
            f"{os.fspath(folder)!r} lacks the test images and the test labels; put "
            "`t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte` there, or take the others away."
        )
    if validation is not None:
        raise DataError(
            f"{os.fspath(folder)!r} holds validation images of its own, which the tutorial's form "
            "lacks; `mnistry.load_data` reads it."
        )
    if len(train.classes) > _CLASSES or train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"{os.fspath(folder)!r} should hold two splits of one size and {_CLASSES} classes; it "
            f"holds {train!r} and {test!r}. `mnistry.load_data` reads other sets."
        )
    with suppress(InputError):  # classes that are no digits are numbered
        return with_classes(train, _DIGITS), with_classes(test, _DIGITS)
    return train, test


def _dtype(dtype: Any) -> np.dtype[Any]:
    """Give NumPy's name for `dtype`; TensorFlow's types know theirs."""
    for known in (np.float32, np.uint8):
        with suppress(TypeError):  # NumPy's of what it doesn't know
            if np.dtype(getattr(dtype, "as_numpy_dtype", dtype)) == np.dtype(known):
                return np.dtype(known)
    raise TypeError(f"`dtype` must be float32 or uint8; got {dtype!r}.")
