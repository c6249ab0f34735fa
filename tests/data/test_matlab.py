"""MATLAB's files: mnist-original, EMNIST's struct, and arrays under the usual names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistry.data.matlab import read_mat, read_mat_images
from mnistry.errors import DataError, MissingExtra

io = pytest.importorskip("scipy.io")

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 28, 28), np.uint8)
LABELS = np.arange(30) % 10


def test_mat_of_mnist_original_is_read(tmp_path: Path) -> None:
    """`data` is (784, n) and `label` (1, n) floats."""
    made = {"data": IMAGES.reshape(30, 784).T, "label": LABELS[None] * 1.0}
    io.savemat(tmp_path / "mnist-original.mat", made, do_compression=True)
    train, validation, test = read_mat(tmp_path / "mnist-original.mat")
    assert np.array_equal(train.images, IMAGES)
    assert np.array_equal(train.labels, LABELS)
    assert validation is test is None
    assert np.array_equal(read_mat_images(tmp_path / "mnist-original.mat"), IMAGES)


def emnist(labels: Any) -> dict[str, Any]:
    columns = IMAGES.transpose(0, 2, 1).reshape(30, 784)  # each image column by column
    part = {"images": columns, "labels": labels[:, None].astype(np.uint8), "writers": labels}
    return {"dataset": {"train": part, "test": part, "mapping": np.arange(10)}}


def test_mat_of_emnist_is_read_upright(tmp_path: Path) -> None:
    """EMNIST's struct has both splits, its images column by column."""
    io.savemat(tmp_path / "emnist-digits.mat", emnist(LABELS))
    train, _, test = read_mat(tmp_path / "emnist-digits.mat")
    assert test is not None
    for part in (train, test):
        assert np.array_equal(part.images, IMAGES)
        assert np.array_equal(part.labels, LABELS)


def test_mat_of_emnist_letters_has_letters(tmp_path: Path) -> None:
    """Labels from 1 to 26 are letters, so that no class is without images."""
    io.savemat(tmp_path / "emnist-letters.mat", emnist(np.arange(30) % 26 + 1))
    train, *_ = read_mat(tmp_path / "emnist-letters.mat")
    assert train.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert train.labels[:3].tolist() == [0, 1, 2]


def test_mat_of_images_along_the_last_axis_is_read(tmp_path: Path) -> None:
    """MATLAB's own order is (h, w, n)."""
    made = {"X_train": np.moveaxis(IMAGES, 0, 2), "y_train": LABELS, "note": "text"}
    io.savemat(tmp_path / "a.mat", made)
    train, *_ = read_mat(tmp_path / "a.mat")
    assert np.array_equal(train.images, IMAGES)


def test_mat_that_can_not_be_is_refused(tmp_path: Path) -> None:
    """Errors name other structs, other names, HDF5 and damage."""
    path = tmp_path / "a.mat"
    io.savemat(path, {"dataset": {"train": 3}})
    with pytest.raises(DataError, match=r"holds a struct `dataset` that is not EMNIST's"):
        read_mat(path)
    io.savemat(path, {"foo": IMAGES})
    with pytest.raises(DataError, match=r"a\.mat' lacks the train images; it holds nothing"):
        read_mat(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(DataError, match=r"is HDF5, as MATLAB 7\.3 writes it, .*'-v7'"):
        read_mat(path)
    path.write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(DataError, match=r"a\.mat' is a damaged \.mat"):
        read_mat(path)


def test_mat_without_scipy_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SciPy the message says what to install."""
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0")
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtra, match=r"Reading \.mat needs scipy, which is not installed"):
        read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize("byte", [145, 176, 177])
def test_mat_that_crashes_scipy_gives_a_sentence(tmp_path: Path, byte: int) -> None:
    """Bytes with which SciPy 1.17 ends its process end no other."""
    path = tmp_path / "damaged.mat"
    io.savemat(path, {"data": IMAGES[:3].reshape(3, 784).T, "label": LABELS[None, :3]})
    bad = bytearray(path.read_bytes())
    bad[byte] = 255
    path.write_bytes(bad)
    with pytest.raises(DataError, match=r"damaged\.mat' is a damaged \.mat"):
        read_mat(path)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=25)  # each starts a process
def test_mat_damage_gives_a_sentence_or_a_set(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever bytes of the header change, the result is a DataError or a data set."""
    path = tmp_path_factory.getbasetemp() / "damaged.mat"
    io.savemat(path, {"data": IMAGES[:3].reshape(3, 784).T, "label": LABELS[None, :3]})
    bad = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        bad[data.draw(st.integers(0, 300))] = data.draw(st.integers(0, 255))
    path.write_bytes(bad)
    try:
        train, *_ = read_mat(path)
    except DataError:
        return
    assert len(train.images) == len(train.labels)
