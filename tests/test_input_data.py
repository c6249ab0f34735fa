"""The tutorial's import works as in TensorFlow 1.4."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mnistry import input_data
from mnistry.data.dataset import DataSets
from mnistry.data.idx import encode_idx, write_idx
from mnistry.errors import DataError, InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, mnist: DataSets) -> Path:
    """A folder with the four files of a small MNIST."""
    folder = tmp_path_factory.mktemp("MNIST_data")
    for part, data in (("train", mnist.train), ("t10k", mnist.test)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", data.images[:60])
        labels = data.labels[:60].astype(np.uint8)
        write_idx(folder / f"{part}-labels.idx1-ubyte", labels)
    return folder


def small(n: int, **asked: Any) -> input_data.DataSet:
    """A split whose picture i is of the one pixel i and of class i % 10."""
    pixels = np.arange(n, dtype=np.uint8).reshape(n, 1, 1)
    return input_data.DataSet(pixels, (np.arange(n) % 10).astype(np.uint8), **asked)


def ids(images: NDArray[Any]) -> list[int]:
    found: list[int] = np.rint(images.ravel() * (255 if images.dtype == np.float32 else 1)).tolist()
    return found


@pytest.mark.slow
def test_input_data_is_the_tutorials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tutorial's line gives its arrays, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    mnist = input_data.read_data_sets("MNIST_data/", one_hot=True)
    assert os.listdir(tmp_path) == []
    for part, n in zip(mnist, (55_000, 5_000, 10_000), strict=True):
        assert part.num_examples == n
        assert part.images.shape == (n, 784)
        assert part.images.dtype == np.float32
        assert (part.images.min(), part.images.max()) == (0, 1)
        assert part.labels.shape == (n, 10)
        assert part.labels.dtype == np.float64
        assert np.array_equal(part.labels.sum(axis=1), np.ones(n))
    assert mnist.validation.labels[:5].argmax(1).tolist() == [5, 0, 4, 1, 9]
    assert mnist.train.images is mnist.train.images
    assert mnist._fields == ("train", "validation", "test")
    images, labels = mnist.train.next_batch(100)
    assert (images.shape, labels.shape) == ((100, 784), (100, 10))
    assert images.dtype == np.float32
    assert labels.dtype == np.float64


def test_input_data_floats_are_pixels_over_255(folder: Path, mnist: DataSets) -> None:
    """A float is its pixel / 255, at once and by the batch."""
    train = input_data.read_data_sets(folder, validation_size=0).train
    expected = (mnist.train.images[:60].reshape(60, 784) / 255).astype(np.float32)
    assert np.array_equal(train.images, expected)
    assert np.array_equal(train.next_batch(60, shuffle=False)[0], expected)


def test_input_data_reads_the_folders_files(folder: Path, mnist: DataSets) -> None:
    """Where the folder holds the files, they are read, whatever their spelling."""
    sets = input_data.read_data_sets(str(folder), dtype=np.uint8, validation_size=10)
    assert [part.num_examples for part in sets] == [50, 10, 60]
    assert np.array_equal(sets.validation.images, mnist.train.images[:10].reshape(10, 784))
    assert np.array_equal(sets.train.images, mnist.train.images[10:60].reshape(50, 784))
    assert np.array_equal(sets.test.labels, mnist.test.labels[:60])
    assert sets.train.labels.dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.uint8, "uint8", np.dtype("u1")])
def test_input_data_dtype_uint8_is_raw(dtype: Any, folder: Path) -> None:
    """dtype=uint8 leaves pixels from 0 to 255."""
    train = input_data.read_data_sets(folder, dtype=dtype, validation_size=0).train
    assert train.images.dtype == np.uint8
    assert train.images.max() == 255
    assert train.next_batch(3)[0].dtype == np.uint8


def test_input_data_dtype_of_tensorflow_is_understood(folder: Path) -> None:
    """TensorFlow's own types say what they are to NumPy."""

    class Float32:
        as_numpy_dtype = np.float32

    sets = input_data.read_data_sets(folder, dtype=Float32(), validation_size=0)  # type: ignore[arg-type]
    assert sets.train.images.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float64, "int32", float, "nonsense", object()])
def test_input_data_dtype_is_one_of_two(dtype: Any, folder: Path) -> None:
    """Any other type is refused."""
    with pytest.raises(TypeError, match=r"`dtype` must be float32 or uint8; got"):
        input_data.read_data_sets(folder, dtype=dtype)


def test_input_data_reshape_false_keeps_rows_and_columns(folder: Path) -> None:
    """reshape=False gives [n, 28, 28, 1], at once and by the batch."""
    flat = input_data.read_data_sets(folder, validation_size=0).train
    deep = input_data.read_data_sets(folder, validation_size=0, reshape=False).train
    assert deep.images.shape == (60, 28, 28, 1)
    assert deep.next_batch(7)[0].shape == (7, 28, 28, 1)
    assert np.array_equal(deep.images.reshape(60, 784), flat.images)


@pytest.mark.parametrize("size", [-1, 61])
def test_input_data_validation_size_is_within_the_file(size: int, folder: Path) -> None:
    """Validation can't be more than there is."""
    with pytest.raises(InputError, match=rf"`validation_size` must be from 0 to 60,.*; got {size}"):
        input_data.read_data_sets(folder, validation_size=size)


def test_input_data_whole_file_may_be_validation(folder: Path) -> None:
    """An empty training split is a split, but has no batches."""
    train = input_data.read_data_sets(folder, validation_size=60).train
    assert train.images.shape == (0, 784)
    with pytest.raises(InputError, match=r"no pictures to take a batch from: this split is empty"):
        train.next_batch(1)


def test_input_data_some_files_are_not_enough(folder: Path, tmp_path: Path) -> None:
    """A folder with some of the files is not silently replaced by the embedded MNIST."""
    names = sorted(os.listdir(folder))
    assert names[0].startswith("t10k-images")
    for gone, sentence in [
        (names[:2], r"lacks the test images and the test labels; put `t10k-images-idx3-ubyte`"),
        (names[3:], r"lacks the train labels; it holds t10k-images"),
    ]:
        place = tmp_path / gone[0]
        shutil.copytree(folder, place)
        for name in gone:
            (place / name).unlink()
        with pytest.raises(DataError, match=sentence):
            input_data.read_data_sets(place)


def test_input_data_reads_what_the_folder_holds(tmp_path: Path, mnist: DataSets) -> None:
    """Other forms are read as `load_data` reads them, and folders of digits keep their digits."""
    for split, data in (("training", mnist.train), ("testing", mnist.test)):
        for i, (image, label) in enumerate(zip(data.images[:60], data.labels[:60], strict=True)):
            if label != 8:
                place = tmp_path / split / str(label)
                place.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(place / f"{i}.png")
    found = input_data.read_data_sets(tmp_path, validation_size=0)
    assert sorted(set(found.train.labels.tolist())) == [0, 1, 2, 3, 4, 5, 6, 7, 9]
    assert found.test.num_examples == (mnist.test.labels[:60] != 8).sum()


@pytest.mark.slow
def test_input_data_falls_back_for_a_missing_or_empty_folder_alone(tmp_path: Path) -> None:
    """Nothing gives the embedded MNIST; a file, or a folder of something else, is refused."""
    (tmp_path / ".DS_Store").touch()
    for place in (tmp_path, tmp_path / "missing"):
        assert input_data.read_data_sets(place).train.num_examples == 55_000
    (tmp_path / "notes.txt").write_text("my own data will come here")
    with pytest.raises(DataError, match=r"holds no data set; it holds 1 files \.txt"):
        input_data.read_data_sets(tmp_path)
    with pytest.raises(DataError, match=r"notes\.txt' is no folder; give the folder"):
        input_data.read_data_sets(tmp_path / "notes.txt")


def test_input_data_broken_files_are_refused(folder: Path, tmp_path: Path) -> None:
    """A folder whose files are broken is not silently replaced by the embedded MNIST."""
    place = Path(shutil.copytree(folder, tmp_path / "a"))
    path = place / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz' is gzip that was cut short"):
        input_data.read_data_sets(place)


def test_input_data_of_more_classes_is_refused(folder: Path, tmp_path: Path) -> None:
    """The tutorial's labels have ten columns; other sets have another way in."""
    place = Path(shutil.copytree(folder, tmp_path / "a"))
    write_idx(place / "t10k-labels.idx1-ubyte", np.full(60, 46, np.uint8))
    with pytest.raises(DataError, match=r"should hold .* 10 classes; .*47 classes.*load_data"):
        input_data.read_data_sets(place)


def test_input_data_source_url_is_not_followed(folder: Path) -> None:
    """Nothing is downloaded; the default, and none, are no request to."""
    with pytest.raises(InputError, match=r"`source_url` is not downloaded .*`mnistry data fetch`"):
        input_data.read_data_sets(folder, source_url="http://yann.lecun.com/exdb/mnist/")
    for url in (input_data.DEFAULT_SOURCE_URL, ""):
        input_data.read_data_sets(folder, source_url=url, validation_size=0)


def test_input_data_fake_data_is_white(tmp_path: Path) -> None:
    """fake_data=True gives 10,000 white pictures of class 0 in each split."""
    for part in input_data.read_data_sets(tmp_path, fake_data=True, one_hot=True):
        assert part.num_examples == 10_000
        images, labels = part.next_batch(3)
        assert np.array_equal(images, np.ones((3, 784)))
        assert np.array_equal(labels, [[1] + [0] * 9] * 3)


def test_input_data_fake_batches_leave_the_place() -> None:
    """next_batch(fake_data=True) is white, and the next real batch is what it would have been."""
    part = small(10)
    images, labels = part.next_batch(4, fake_data=True)
    assert ids(images) == [255] * 4
    assert labels.tolist() == [0] * 4
    assert part.epochs_completed == 0
    assert ids(part.next_batch(4, shuffle=False)[0]) == [0, 1, 2, 3]


def test_input_data_batches_in_order() -> None:
    """shuffle=False goes through the file and starts again, as TensorFlow's does."""
    part = small(10)
    assert ids(part.next_batch(4, shuffle=False)[0]) == [0, 1, 2, 3]
    assert ids(part.next_batch(4, shuffle=False)[0]) == [4, 5, 6, 7]
    assert part.epochs_completed == 0
    assert ids(part.next_batch(4, shuffle=False)[0]) == [8, 9, 0, 1]
    assert part.epochs_completed == 1


def test_input_data_epoch_ends_with_the_next_batch() -> None:
    """As in TensorFlow, an epoch taken whole is complete only when the next batch begins."""
    part = small(10)
    assert sorted(ids(part.next_batch(10)[0])) == list(range(10))
    assert part.epochs_completed == 0
    part.next_batch(1)
    assert part.epochs_completed == 1


@pytest.mark.slow
@given(st.integers(1, 30), st.lists(st.integers(1, 70), min_size=1, max_size=20), st.booleans())
def test_input_data_every_picture_comes_once_an_epoch(
    n: int, sizes: list[int], one_hot: bool
) -> None:
    """Whatever the batches' sizes, each n pictures in a row are all of them; labels go along."""
    part = small(n, one_hot=one_hot, seed=1)
    seen: list[int] = []
    for size in sizes:
        images, labels = part.next_batch(size)
        assert len(images) == len(labels) == size
        digits = labels.argmax(1) if one_hot else labels
        assert digits.tolist() == [i % 10 for i in ids(images)]
        seen += ids(images)
        assert part.epochs_completed == (len(seen) - 1) // n
    for start in range(0, len(seen) - n + 1, n):
        assert sorted(seen[start : start + n]) == list(range(n))


def test_input_data_seed_decides_the_order() -> None:
    """The same seed gives the same batches, another seed and another epoch other ones."""
    a, b, c = (small(200, seed=seed) for seed in (7, 7, 8))
    first = ids(a.next_batch(200)[0])
    assert first == ids(b.next_batch(200)[0])
    assert first != ids(c.next_batch(200)[0])
    assert first != ids(a.next_batch(200)[0])
    assert first != list(range(200))


def test_input_data_without_seed_differs() -> None:
    """Without a seed, no two runs are the same."""
    assert ids(small(200).next_batch(200)[0]) != ids(small(200).next_batch(200)[0])


def test_input_data_batches_leave_the_arrays_in_order() -> None:
    """Shuffled batches do not shuffle `images` and `labels`."""
    part = small(50)
    part.next_batch(20)
    assert ids(part.images) == list(range(50))
    assert part.labels.tolist() == [i % 10 for i in range(50)]


@pytest.mark.parametrize("size", [0, -3])
def test_input_data_batch_of_none_is_refused(size: int) -> None:
    """A batch holds one picture or more."""
    with pytest.raises(InputError, match=rf"`batch_size` must be 1 or more; got {size}"):
        small(5).next_batch(size)


@pytest.mark.parametrize("zipped", [False, True])
def test_input_data_extracts_files(zipped: bool, tmp_path: Path) -> None:
    """extract_images and extract_labels read open files, as TensorFlow's did gzipped ones."""
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    labels = np.array([3, 1], np.uint8)
    for name, array in (("images", images), ("labels", labels)):
        raw = encode_idx(array)
        (tmp_path / name).write_bytes(gzip.compress(raw) if zipped else raw)
    with open(tmp_path / "images", "rb") as file:
        assert np.array_equal(input_data.extract_images(file), images[..., None])
    with open(tmp_path / "labels", "rb") as file:
        assert np.array_equal(input_data.extract_labels(file), labels)
    with open(tmp_path / "labels", "rb") as file:
        hot = input_data.extract_labels(file, one_hot=True, num_classes=4)
    assert hot.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]
    with (
        open(tmp_path / "labels", "rb") as file,
        pytest.raises(DataError, match=r"should hold images, .* it holds uint8 of shape \(2,\)"),
    ):
        input_data.extract_images(file)
    with (
        open(tmp_path / "images", "rb") as file,
        pytest.raises(DataError, match=r"should hold labels, .* it holds uint8 of shape \(2, 3"),
    ):
        input_data.extract_labels(file)


def test_input_data_one_hot_needs_a_column_for_each_label() -> None:
    """A label beyond the columns is refused, not written elsewhere."""
    assert input_data.dense_to_one_hot([1, 0], 2).tolist() == [[0, 1], [1, 0]]
    for labels in ([2, 0], [-1, 0]):
        with pytest.raises(InputError, match=r"`labels_dense` must be from 0 to 1; got"):
            input_data.dense_to_one_hot(labels, 2)
