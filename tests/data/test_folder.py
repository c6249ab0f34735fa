"""A folder of IDX files, in any of the spellings that people have."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mnistry.data.family import FAMILY, KEYS
from mnistry.data.folder import find_idx, read_files, read_folder
from mnistry.data.idx import encode_idx, write_idx
from mnistry.errors import DataError

if TYPE_CHECKING:
    from mnistry.data.dataset import DataSet

RNG = np.random.default_rng(0)
ARRAYS = {
    "train_images": RNG.integers(0, 256, (30, 5, 4), np.uint8),
    "train_labels": (np.arange(30) % 4).astype(np.uint8),
    "test_images": RNG.integers(0, 256, (9, 5, 4), np.uint8),
    "test_labels": (np.arange(9) % 3).astype(np.uint8),
}
LECUN = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


def fill(folder: Path, *keys: str) -> dict[str, Path]:
    for key in keys or KEYS:
        write_idx(folder / LECUN[key], ARRAYS[key])
    return {key: folder / LECUN[key] for key in keys or KEYS}


def check(train: DataSet, validation: DataSet | None, test: DataSet | None) -> None:
    assert validation is None
    assert test is not None
    for key, array in ARRAYS.items():
        part = train if key.startswith("train") else test
        assert np.array_equal(getattr(part, key[key.index("_") + 1 :]), array)
    assert train.classes == test.classes == ("0", "1", "2", "3")


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("prefix", ["", "mine-"])
def test_folder_of_any_spelling_is_read(
    dotted: bool, ending: str, zipped: bool, prefix: str, tmp_path: Path
) -> None:
    """`-idx3` or `.idx3`, .gz or not, whatever the bytes are, with a name before or without."""
    for key, name in LECUN.items():
        name = prefix + (name.replace("-idx", ".idx") if dotted else name) + ending
        raw = encode_idx(ARRAYS[key])
        (tmp_path / name).write_bytes(gzip.compress(raw) if zipped else raw)
    (tmp_path / "README.txt").write_text("not a data file")
    check(*read_folder(tmp_path))


def test_folder_prefers_the_raw_file(tmp_path: Path) -> None:
    """Where a file is there gzipped and raw, the raw one is read, the other not opened."""
    fill(tmp_path)
    for name in LECUN.values():
        (tmp_path / f"{name}.gz").write_bytes(b"not gzip")
    check(*read_folder(tmp_path))


def test_folder_without_test_files_has_no_test(tmp_path: Path) -> None:
    """Two training files are a set without a test split."""
    fill(tmp_path, "train_images", "train_labels")
    train, _, test = read_folder(tmp_path)
    assert len(train) == 30
    assert test is None


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        (KEYS[:1], r"lacks the train labels; it holds train-images-idx3-ubyte\. Put `train-im"),
        (KEYS[:3], r"lacks the test labels; it holds t10k-images-idx3-ubyte, train-images"),
        (KEYS[2:], r"lacks the train images and the train labels; it holds t10k-images"),
    ],
)
def test_folder_with_files_missing_is_refused(
    there: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    """The sentence says which file is missing and which are there."""
    fill(tmp_path, *there)
    with pytest.raises(DataError, match=sentence):
        read_folder(tmp_path)


def test_folder_without_idx_is_refused(tmp_path: Path) -> None:
    """An empty folder holds no IDX file."""
    assert find_idx(tmp_path) == ("", {})
    with pytest.raises(DataError, match=r"lacks the train images .* it holds no IDX file"):
        read_folder(tmp_path)


def test_folder_of_two_sets_is_refused(tmp_path: Path) -> None:
    """Whose files are meant is not guessed."""
    fill(tmp_path)
    write_idx(tmp_path / "emnist-letters-train-images-idx3-ubyte.gz", ARRAYS["train_images"])
    with pytest.raises(DataError, match=r"2 data sets, .* start with '', 'emnist-letters'; put"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("key", "array", "sentence"),
    [
        ("train_labels", ARRAYS["train_labels"][:-1], r"holds 30 images, but .* 29 labels; they"),
        (
            "test_images",
            ARRAYS["test_images"][0],
            r"hold images, .* uint8 of shape \(5, 4\)",
        ),
        ("test_images", ARRAYS["test_images"] / 255.0, r"should hold images, .* holds float64"),
        ("train_labels", np.ones((30, 2), np.int32), r"should hold labels, .* shape \(30, 2\)"),
        ("train_labels", np.ones(30, np.float32), r"should hold labels, ints .* float32"),
        ("train_labels", np.full(30, -3, np.int8), r"holds labels from -3 to -3; expected 0 to"),
        ("train_labels", np.full(30, 70_000, np.int32), r"to 70000; expected 0 to 65535"),
    ],
)
def test_folder_of_files_that_do_not_fit_is_refused(
    key: str, array: np.ndarray, sentence: str, tmp_path: Path
) -> None:
    """Lengths, shapes, types and labels that can't be are named with their file."""
    write_idx(fill(tmp_path)[key], array)
    with pytest.raises(DataError, match=sentence):
        read_folder(tmp_path)


def test_folder_of_qmnists_columns_knows_the_writers(tmp_path: Path) -> None:
    """Of labels in columns the first is the label and the third the writer."""
    paths = fill(tmp_path, "train_images")
    columns = RNG.integers(0, 9, (30, 8)).astype(np.int32)
    write_idx(tmp_path / "train-labels-idx2-int.gz", columns)
    train, *_ = read_folder(tmp_path)
    assert np.array_equal(train.labels, columns[:, 0])
    assert train.writers is not None
    assert np.array_equal(train.writers, columns[:, 2])
    assert read_files({**paths, "train_labels": tmp_path / "train-labels-idx2-int.gz"})[2] is None


@pytest.mark.parametrize("named", [False, True])
def test_folder_of_emnist_letters_is_turned_and_counted_from_0(named: bool, tmp_path: Path) -> None:
    """EMNIST's pictures are transposed and its letters count from 1; both are put right."""
    member = FAMILY["emnist-letters"]
    labels = {"train_labels": np.arange(1, 27), "test_labels": np.array([26])}
    paths = {}
    for key in KEYS:
        array = labels.get(key, ARRAYS["train_images"][: 26 if "train" in key else 1])
        paths[key] = tmp_path / member.files[key].name
        write_idx(paths[key], array.astype(np.uint8))
    train, _, test = read_folder(tmp_path) if named else read_files(paths, member)
    assert test is not None
    assert np.array_equal(train.images, ARRAYS["train_images"][:26].transpose(0, 2, 1))
    assert train.labels.tolist() == list(range(26))
    assert test.labels.tolist() == [25]
    assert train.classes == member.classes
    assert len(train.classes) == 26
    write_idx(paths["test_labels"], np.zeros(1, np.uint8))
    with pytest.raises(DataError, match=r"holds labels from 0 to 0; expected 1 to 26"):
        read_files(paths, member)


def test_folder_of_validation_files_has_a_validation_split(tmp_path: Path) -> None:
    """Files named `val-…` are the validation split, and need both parts."""
    fill(tmp_path)
    write_idx(tmp_path / "val-images-idx3-ubyte", ARRAYS["test_images"])
    with pytest.raises(DataError, match="lacks the validation labels; it holds"):
        read_folder(tmp_path)
    write_idx(tmp_path / "val-labels-idx1-ubyte.gz", ARRAYS["test_labels"])
    validation = read_folder(tmp_path).validation
    assert validation is not None
    assert np.array_equal(validation.images, ARRAYS["test_images"])


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("inner", [None, "data", "train-images-idx3-ubyte.gz"])
def test_folder_looks_into_folders_named_as_files(
    ending: str, inner: str | None, tmp_path: Path
) -> None:
    """Some programs unpack each file into a folder of its name: what is in it counts."""
    for key, name in LECUN.items():
        place = tmp_path / f"{name}{ending}"
        place.mkdir()
        write_idx(
            place / (name if inner is None or "train_images" not in key else inner), ARRAYS[key]
        )
        (place / ".DS_Store").touch()
    check(*read_folder(tmp_path))


def test_folder_prefers_files_to_folders_of_their_name(tmp_path: Path) -> None:
    """Files beside folders of their name are read, and dangling links and other things are not."""
    for key, name in LECUN.items():
        write_idx(tmp_path / name.replace("-idx", ".idx"), ARRAYS[key])
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(b"not IDX")
        (tmp_path / f"{name}.gz").symlink_to("nowhere")
    check(*read_folder(tmp_path))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    "names",
    [
        ("train-images.bin", "train-labels.bin", "test-images.bin", "test-labels.bin"),
        ("train-images", "train-labels", "t10k-images", "t10k-labels"),
        ("X_train.idx", "y_train.idx", "X_test.idx", "y_test.idx"),
        ("train.images", "download (1)", "test.images", "download (2)"),
        ("train-images-idx3-ubyte", "labels", "t10k-images-idx3-ubyte", "labels (1)"),
        ("training set a", "training set b", "download (1)", "download (2)"),
    ],
)
def test_folder_of_other_names_is_told_by_its_bytes(
    names: tuple[str, ...], zipped: bool, tmp_path: Path
) -> None:
    """Under any name, images and labels are recognized by their shapes and paired by number."""
    for key, name in zip(KEYS, names, strict=True):
        raw = encode_idx(ARRAYS[key])
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(raw))
        if not zipped:
            (tmp_path / name).write_bytes(raw)
    (tmp_path / "notes.txt").write_text("no IDX")
    (tmp_path / "icon.ico").write_bytes(b"\0\0\1\0 icon")
    check(*read_folder(tmp_path))


def test_folder_of_names_that_tell_nothing_is_refused(tmp_path: Path) -> None:
    """Two pairs without a split in their names are an error, whatever their sizes."""
    for i, key in enumerate(KEYS):
        write_idx(tmp_path / f"file{i}", ARRAYS[key])
    with pytest.raises(
        DataError, match=r"names do not tell training from test images: file0, file1"
    ):
        read_folder(tmp_path)
    (tmp_path / "file2").unlink()
    assert len(read_folder(tmp_path).train) == 30  # one pair is for training
