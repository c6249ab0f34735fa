"""The embedded MNIST: the original bytes, or a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mnistry.data import embedded
from mnistry.data.family import KEYS, locate
from mnistry.data.idx import read_idx, write_idx
from mnistry.errors import DataError


def test_embedded_mnist_is_the_original() -> None:
    """60,000 and 10,000 pictures of 28x28, the first labels those that everyone knows."""
    train, test = embedded.load_embedded_mnist()
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert train.classes == test.classes == tuple("0123456789")


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("damage", ["one pixel", "cut"])
def test_embedded_damage_is_noticed(
    key: str, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with one other pixel, sound as gzip goes, and one cut short are both refused."""
    paths = locate("mnist")
    paths[key] = Path(shutil.copy(paths[key], tmp_path))
    if damage == "cut":
        paths[key].write_bytes(paths[key].read_bytes()[:-20])
    else:
        array = read_idx(paths[key])
        array.flat[-1] ^= 1
        write_idx(paths[key], array, compress=False)
    monkeypatch.setattr(embedded, "locate", lambda _: paths)
    with pytest.raises(DataError, match=r"embedded MNIST is damaged: .*Install mnistry again from"):
        embedded.load_embedded_mnist()


def test_embedded_loading_lets_the_systems_word_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the operating system says in the second thread is raised in the first."""
    paths = {**locate("mnist"), "test_labels": tmp_path / "none"}
    monkeypatch.setattr(embedded, "locate", lambda _: paths)
    with pytest.raises(FileNotFoundError):
        embedded.load_embedded_mnist()


def test_embedded_test_pictures_are_not_train_pictures() -> None:
    """The two files were not swapped: no test picture is among the first training pictures."""
    train, test = embedded.load_embedded_mnist()
    some = {image.tobytes() for image in train.images[:20_000]}
    assert not any(image.tobytes() in some for image in test.images)
    assert np.bincount(test.labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
