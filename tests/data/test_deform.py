"""An endless set of digits, made from few."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mnistry.cli import main
from mnistry.data.dataset import DataSet, DataSets
from mnistry.data.deform import CHUNK, deformed, write_deformed
from mnistry.data.idx import read_idx, write_images
from mnistry.data.sources import load_data
from mnistry.errors import DataError, InputError
from mnistry.models.file import shipped_model


def test_the_first_are_the_pictures_themselves(little: DataSet) -> None:
    """And each later one is made of its own, another way each time."""
    images = little.images[:300]
    made = np.concatenate(list(deformed(images, 1000, seed=0)))
    assert made.shape == (1000, 28, 28)
    np.testing.assert_array_equal(made[:300], images)
    first, second = made[300:600], made[600:900]
    for one in (first, second):
        away = np.abs(one[:, None].astype(int) - images[None, :60]).sum(axis=(2, 3))
        assert (away[:60].argmin(axis=1) == np.arange(60)).mean() > 0.5  # by chance: 0.02
        assert (one != images).any(axis=(1, 2)).mean() > 0.99
    assert (first != second).any(axis=(1, 2)).mean() > 0.99


def test_a_picture_follows_from_its_number_and_the_seed(little: DataSet) -> None:
    """Not from how many are made, nor from where the making begins."""
    images = little.images[:70]
    many = np.concatenate(list(deformed(images, 3 * CHUNK + 20, seed=3)))
    few = np.concatenate(list(deformed(images, CHUNK + 7, seed=3)))
    np.testing.assert_array_equal(few, many[: len(few)])
    late = np.concatenate(list(deformed(images, 100, seed=3, first=2 * CHUNK)))
    np.testing.assert_array_equal(late, many[2 * CHUNK :][:100])
    other = np.concatenate(list(deformed(images, CHUNK, seed=4)))
    assert (other[70:] != many[70:CHUNK]).any()


def test_digits_stay_digits(mnist: DataSets) -> None:
    """A model that has never seen such pictures reads nearly all of them."""
    some = mnist.test.take(slice(500))
    made = np.concatenate(list(deformed(some.images, 1500, seed=0)))
    right = shipped_model().predict(made) == np.tile(some.labels, 3)
    assert right[:500].mean() >= 0.99
    assert right[500:].mean() >= 0.96


def test_pictures_of_any_size_are_bent_each_within_its_own() -> None:
    """Blank ones stay blank beside full ones, whatever their height."""
    images = np.zeros((2, 150, 9), np.uint8)
    images[1] = 255
    made = np.concatenate(list(deformed(images, CHUNK, seed=0)))
    assert not made[::2].any()
    assert (made[1::2, 75, 4] == 255).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"images": np.zeros((0, 28, 28), np.uint8)}, "at least one picture to deform; got none"),
        ({"count": -1}, "got -1, 0 and 0"),
        ({"first": 7}, "`first` a multiple of 500; got 5, 0 and 7"),
    ],
)
def test_what_can_not_be_made_is_refused(change: dict[str, object], sentence: str) -> None:
    """With a sentence."""
    given = {"images": np.zeros((1, 28, 28), np.uint8), "count": 5, "seed": 0, **change}
    with pytest.raises(InputError, match=sentence):
        list(deformed(**given))  # type: ignore[arg-type]


def test_command_writes_a_set_whose_first_pictures_are_to_be_held_out(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is held out is the source's, and nothing that is learnt from is made of it."""
    place = tmp_path / "made"
    source = load_data(small, validation=5000)
    n = 3 * len(source.train.images)
    assert main(["data", "deform", str(place), "--data", str(small), "--count", str(n)]) == 0
    held_out = len(source.validation)
    assert f"--validation {held_out}\n" in capsys.readouterr().out
    found = load_data(place, validation=held_out)
    assert found.validation.fingerprint == source.validation.fingerprint
    assert found.test.fingerprint == source.test.fingerprint
    own = len(source.train)
    assert len(found.train) == n - held_out
    np.testing.assert_array_equal(found.train.images[:own], source.train.images)
    np.testing.assert_array_equal(found.train.labels, np.resize(source.train.labels, n - held_out))
    first = found.train.fingerprint
    again = ["data", "deform", str(place), "--data", str(small), "--count", str(n), "--json"]
    assert main(again) == 2  # what is there would be lost
    assert "holds a data set already (train-images-idx3-ubyte)" in capsys.readouterr().err
    again[2] = str(tmp_path / "again")
    assert main(again) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["train"], told["validation"]) == (n, held_out)
    assert load_data(tmp_path / "again", validation=held_out).train.fingerprint == first


def test_an_interrupted_set_is_none(small: Path, tmp_path: Path) -> None:
    """Ctrl-C while pictures are made leaves no file that would be taken for a set's."""

    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_deformed(tmp_path / "x", load_data(small, validation=500), 9000, 0, interrupt)
    assert list((tmp_path / "x").iterdir()) == []


def test_command_refuses(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Too few, and more than the disk holds; nothing is left behind."""
    for count, sentence in (("7", "must be at least"), (str(10**15), "has room for")):
        asked = ["data", "deform", str(tmp_path / "x"), "--data", str(small), "--count", count]
        assert main(asked) == 2
        assert sentence in capsys.readouterr().err
    assert not list((tmp_path / "x").glob("*"))


def test_parts_must_be_what_the_header_says(tmp_path: Path, mnist: DataSets) -> None:
    """Or no file appears."""
    images = mnist.test.images[:10]
    path = tmp_path / "a-idx3-ubyte"
    write_images(path, images.shape, [images[:3], images[3:]])
    np.testing.assert_array_equal(read_idx(path), images)
    with pytest.raises(DataError, match="they were 2,352 bytes"):
        write_images(tmp_path / "b", images.shape, [images[:3]])
    assert sorted(tmp_path.iterdir()) == [path]
