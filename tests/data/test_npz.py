"""Keras' mnist.npz, and zips that are not."""

from __future__ import annotations

import io
import tempfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.data.npz import read_npz, read_numpy_images
from mnistry.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TMP = tempfile.TemporaryDirectory()
RNG = np.random.default_rng(0)
KERAS: dict[str, Any] = {
    "x_train": RNG.integers(0, 256, (20, 6, 5), np.uint8),
    "y_train": (np.arange(20) % 4).astype(np.uint8),
    "x_test": RNG.integers(0, 256, (7, 6, 5), np.uint8),
    "y_test": (np.arange(7) % 3).astype(np.int64),
}


def npy(header: str, body: bytes = b"", version: bytes = b"\1\0") -> bytes:
    text = header.encode()
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + body


def packed(tmp_path: Path, **members: bytes) -> Path:
    """The npz with `members` in place of Keras' own."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **KERAS)
    with zipfile.ZipFile(path) as old:
        kept = {i.filename: old.read(i) for i in old.infolist() if i.filename[:-4] not in members}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in {**kept, **{f"{k}.npy": v for k, v in members.items()}}.items():
            new.writestr(name, data)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_of_keras_is_read(save: Any, tmp_path: Path) -> None:
    """The four arrays come as they are, stored or deflated, whatever else is there."""
    save(tmp_path / "mnist.npz", **KERAS, more=np.array(["text"]))
    train, _, test = read_npz(tmp_path / "mnist.npz")
    assert test is not None
    for part, name in ((train, "train"), (test, "test")):
        assert np.array_equal(part.images, KERAS[f"x_{name}"])
        assert np.array_equal(part.labels, KERAS[f"y_{name}"])
        assert part.classes == ("0", "1", "2", "3")


def test_npz_of_any_order_and_last_axis_is_read(tmp_path: Path) -> None:
    """Fortran order, big-endian labels and a last axis of 1 make no difference."""
    np.savez(
        tmp_path / "a.npz",
        x_train=np.asfortranarray(KERAS["x_train"][..., None]),
        y_train=KERAS["y_train"].astype(">i4")[:, None],
    )
    train, _, test = read_npz(tmp_path / "a.npz")
    assert test is None
    assert np.array_equal(train.images, KERAS["x_train"])
    assert np.array_equal(train.labels, KERAS["y_train"])


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        (
            "x_train",
            r"lacks the train images; it holds `y_train` uint8 \(20,\), .* Name the arrays",
        ),
        ("y_test", r"lacks the test labels; it holds `x_train` uint8 \(20, 6, 5\)"),
    ],
)
def test_npz_without_an_array_is_refused(gone: str, sentence: str, tmp_path: Path) -> None:
    """The sentence says what is missing and what is there."""
    np.savez(tmp_path / "a.npz", **{k: v for k, v in KERAS.items() if k != gone})
    with pytest.raises(DataError, match=sentence):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("key", "array", "sentence"),
    [
        ("x_train", KERAS["x_train"] / -255, r"float64 from -1 to -?0; pixels must be from 0 to 1"),
        ("x_train", KERAS["x_train"] + 0j, r"holds complex128 of shape .* only numbers and texts"),
        ("x_train", KERAS["x_train"].astype(object), r"holds Python objects as `x_train`, .*code;"),
        ("y_train", KERAS["y_train"][1:], r"a.npz' has 20 train images, but 19 labels; they do"),
        ("y_test", np.ones((7, 4), int), r"shape \(7, 4\), but its rows are not one-hot"),
        ("y_train", np.array(["a"] * 20), r"numbers as labels in one split and names in another"),
        ("y_train", np.int64(3), r"\(train labels\) has shape \(\); labels must have the shape"),
        ("y_train", KERAS["y_train"] * np.nan, r"holds numbers that are not whole; labels must be"),
        ("y_test", KERAS["y_test"] + np.inf, r"holds numbers that are not whole; labels must be"),
    ],
)
def test_npz_of_other_arrays_is_refused(
    key: str, array: NDArray[Any], sentence: str, tmp_path: Path
) -> None:
    """What can't be images or labels is named."""
    np.savez(tmp_path / "a.npz", **{**KERAS, key: array})
    with pytest.raises(DataError, match=sentence):
        read_npz(tmp_path / "a.npz")


LIE = "{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000, 28, 28)}"


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (npy(LIE, bytes(9)), r"says that `x_train` is uint8 of shape \(4000000000, 28, 28\), 3,1"),
        (npy(LIE.replace("4000000000", "-1")), r"holds uint8 of shape \(-1, 28, 28\)"),
        (npy(LIE.replace("|u1", "|O")), r"holds Python objects as `x_train`, which are pickled"),
        (npy(LIE, version=b"\2\0"), r"holds no plain array as `x_train`; save it with `np.savez`"),
        (npy("x" * 60_000), r"holds a header of 60000 bytes for `x_train`"),
        (npy("-" * 999 + "1"), r"is a damaged \.npz"),
        (npy("{"), r"is a damaged \.npz"),
        (npy(LIE)[:40], r"is a damaged \.npz"),
        (b"", r"holds no plain array as `x_train`"),
        (b"\x80\x04pickle", r"holds no plain array as `x_train`"),
    ],
)
def test_npz_header_that_lies_is_refused(member: bytes, sentence: str, tmp_path: Path) -> None:
    """A header is weighed before memory is taken, and nothing is unpickled."""
    path = packed(tmp_path, x_train=member)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=sentence):
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_npz_bomb_that_says_so_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An honest header larger than we read is refused by its size."""
    monkeypatch.setattr("mnistry.data.npz._MAX_BYTES", 100)
    np.savez_compressed(tmp_path / "a.npz", **KERAS)
    with pytest.raises(DataError, match=r"holds `x_train` of 600 bytes; at most 100 are read"):
        read_npz(tmp_path / "a.npz")


def test_npz_packed_otherwise_is_refused(tmp_path: Path) -> None:
    """Bzip2 and LZMA, whose ratio has no bound, are not read."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x_train.npy", b"x")
    with pytest.raises(DataError, match=r"packs `x_train` in a way that NumPy does not"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.slow
@given(st.data())
def test_npz_damage_gives_a_sentence_or_a_set(data: st.DataObject) -> None:
    """Whatever bytes change, the answer is a DataError or a data set."""
    stream = io.BytesIO()
    np.savez(stream, **KERAS)
    bad = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 5))):
        near = data.draw(st.sampled_from([len(bad) - 1, 200, len(bad) - 200]))
        at = data.draw(st.integers(max(0, near - 200), near))
        bad[at] = data.draw(st.integers(0, 255))
    bad = bad[: data.draw(st.sampled_from([len(bad), len(bad) - 30, 300]))]
    path = Path(TMP.name) / "a.npz"
    path.write_bytes(bad)
    try:
        train, *_ = read_npz(path)
    except DataError:
        return
    assert len(train.images) == len(train.labels)


def test_npz_missing_file_is_the_systems_word(tmp_path: Path) -> None:
    """A missing file is what Python says it is."""
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz")


def test_npz_of_kmnist_is_read_from_its_four_files(tmp_path: Path) -> None:
    """KMNIST has one array per file, with its role in the name; any of the files loads all."""
    parts = {"imgs": "x", "labels": "y"}
    for split in ("train", "test"):
        for word, letter in parts.items():
            np.savez(tmp_path / f"kmnist-{split}-{word}.npz", KERAS[f"{letter}_{split}"])
    np.savez(tmp_path / "k49-train-imgs.npz", KERAS["x_test"])
    for name in ("kmnist-train-imgs.npz", "kmnist-test-labels.npz"):
        train, validation, test = read_npz(tmp_path / name)
        assert test is not None
        assert validation is None
        assert np.array_equal(train.images, KERAS["x_train"])
        assert np.array_equal(test.labels, KERAS["y_test"])


def test_npz_of_medmnist_has_a_validation_split(tmp_path: Path) -> None:
    """MedMNIST's names hold three splits, and labels of shape (n, 1)."""
    arrays = {}
    for split, like in (("train", "train"), ("val", "test"), ("test", "test")):
        arrays[f"{split}_images"] = KERAS[f"x_{like}"]
        arrays[f"{split}_labels"] = KERAS[f"y_{like}"][:, None]
    np.savez(tmp_path / "mine.npz", **arrays)
    train, validation, test = read_npz(tmp_path / "mine.npz")
    assert validation is not None
    assert test is not None
    assert [len(split) for split in (train, validation, test)] == [20, 7, 7]
    assert np.array_equal(validation.labels, KERAS["y_test"])


def test_npz_of_other_names_says_which(tmp_path: Path) -> None:
    """The error lists arrays with unknown names, and the names that are expected."""
    np.savez(tmp_path / "a.npz", foo=KERAS["x_train"], bar=KERAS["y_train"])
    with pytest.raises(DataError, match=r"no arrays that are named as .* it holds foo, bar\. Name"):
        read_npz(tmp_path / "a.npz")


def test_npy_pairs_go_by_their_files_names(tmp_path: Path) -> None:
    """`X_train.npy` and its companions are one data set; one of them names them all."""
    for key, array in KERAS.items():
        np.save(tmp_path / f"{key.replace('x_', 'X_')}.npy", array)
    train, _, test = read_npz(tmp_path / "X_train.npy")
    assert test is not None
    assert np.array_equal(train.images, KERAS["x_train"])
    assert np.array_equal(test.labels, KERAS["y_test"])
    (tmp_path / "y_train.npy").unlink()
    with pytest.raises(DataError, match=r"lacks the train labels; it holds `X_test` uint8"):
        read_npz(tmp_path / "X_train.npy")


def test_npz_images_without_labels(tmp_path: Path) -> None:
    """For prediction, labels are not needed; where there are splits, the test images are meant."""
    np.savez(tmp_path / "a.npz", **KERAS)
    np.save(tmp_path / "some.npy", KERAS["x_train"].reshape(20, 30)[:, :25] / 255)
    assert np.array_equal(read_numpy_images(tmp_path / "a.npz"), KERAS["x_test"])
    assert read_numpy_images(tmp_path / "some.npy").shape == (20, 5, 5)
    np.savez(tmp_path / "b.npz", y_train=KERAS["y_train"])
    with pytest.raises(DataError, match=r"b\.npz' holds no images; it holds `y_train` uint8"):
        read_numpy_images(tmp_path / "b.npz")
