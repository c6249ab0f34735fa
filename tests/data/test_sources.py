"""Any source gives the same DataSets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistry.data.dataset import DataSet, DataSets
from mnistry.data.family import FAMILY, KEYS
from mnistry.data.idx import write_idx
from mnistry.data.sources import load_data
from mnistry.errors import DataError, InputError


@pytest.fixture(scope="module")
def few(mnist: DataSets) -> tuple[DataSet, DataSet]:
    """120 training and 20 test pictures that hold every class."""
    return mnist.train.take(slice(120)), mnist.test.take(slice(20))


def save_idx(folder: Path, train: DataSet, test: DataSet | None) -> Path:
    folder.mkdir()
    for name, data in (("train", train), ("t10k", test)):
        if data is not None:
            write_idx(folder / f"{name}-images-idx3-ubyte.gz", data.images)
            write_idx(folder / f"{name}-labels-idx1-ubyte", data.labels.astype(np.uint8))
    return folder


def save_npz(folder: Path, train: DataSet, test: DataSet) -> Path:
    folder.mkdir()
    np.savez(
        folder / "mnist.npz",
        x_train=train.images,
        y_train=train.labels,
        x_test=test.images,
        y_test=test.labels,
    )
    return folder / "mnist.npz"


def save_parquet(folder: Path, train: DataSet, test: DataSet) -> Path:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    (folder / "data").mkdir(parents=True)
    for name, data in (("train", train), ("test", test)):
        rows = []
        for image in data.images:
            Image.fromarray(image).save(stream := io.BytesIO(), "PNG")
            rows.append({"bytes": stream.getvalue(), "path": None})
        table = pa.table({"image": rows, "label": data.labels})
        pq.write_table(table, folder / "data" / f"{name}-00000-of-00001.parquet")
    return folder


def save_gallery(folder: Path, train: DataSet, test: DataSet) -> Path:
    for name, data in (("train", train), ("test", test)):
        for i, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
            place = folder / name / data.classes[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{i}.png")
    return folder


def pictures(*splits: DataSet) -> list[tuple[int, bytes]]:
    """The labelled pictures of splits, without their order."""
    return sorted(
        (int(label), image.tobytes())
        for data in splits
        for image, label in zip(data.images, data.labels, strict=True)
    )


@pytest.mark.parametrize("save", [save_idx, save_npz, save_parquet, save_gallery])
def test_sources_of_every_form_give_the_same_sets(
    save: object, tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """IDX, npz, Parquet and folders of pictures hold the same pictures, labels and classes."""
    train, test = few
    path = save(tmp_path / "mine", train, test)  # type: ignore[operator]
    for source in (path, str(path)):
        sets = load_data(source)
        assert sets.name in ("mine", "mnist")
        assert sets.classes == tuple("0123456789")
        assert pictures(sets.train, sets.validation) == pictures(train)
        assert pictures(sets.test) == pictures(test)
        assert len(sets.validation) == 20
        assert set(sets.train.labels) == set(range(10))


def test_sources_mnist_is_split_as_the_tutorial_does(mnist: DataSets) -> None:
    """55,000, 5,000 and 10,000 pictures, validation first in the file."""
    assert [len(split) for split in (mnist.train, mnist.validation, mnist.test)] == [
        55_000,
        5_000,
        10_000,
    ]
    assert mnist.validation.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.name == "mnist"
    assert load_data().train.fingerprint == mnist.train.fingerprint


def test_sources_validation_is_as_large_as_asked(tmp_path: Path, mnist: DataSets) -> None:
    """The first so many are held out, but never more than a sixth; none if none are asked."""
    path = save_idx(tmp_path / "a", mnist.train.take(slice(1200)), mnist.test.take(slice(9)))
    for asked, given in ((0, 0), (120, 120), (5000, 200)):
        sets = load_data(path, validation=asked)
        assert len(sets.validation) == given
        assert len(sets.train) == 1200 - given
        assert np.array_equal(sets.validation.images, mnist.train.images[:given])


def test_sources_sorted_by_class_are_held_out_by_class(tmp_path: Path, mnist: DataSets) -> None:
    """Where the first pictures are all of one class, some of each are held out, by the seed."""
    train = mnist.train.take(slice(1200))
    train = train.take(np.argsort(train.labels, kind="stable"))
    path = save_idx(tmp_path / "a", train, mnist.test.take(slice(9)))
    first, again, other = (load_data(path, seed=seed) for seed in (0, 0, 1))
    assert len(first.validation) == 200
    shares = np.bincount(first.validation.labels) / np.bincount(train.labels)
    assert np.abs(shares - 1 / 6).max() < 0.02
    assert first.validation.fingerprint == again.validation.fingerprint
    assert first.validation.fingerprint != other.validation.fingerprint


def test_sources_without_test_give_up_a_sixth(tmp_path: Path, mnist: DataSets) -> None:
    """A set without test pictures is tested on a sixth of each class, by the seed."""
    train = mnist.train.take(slice(1200))
    path = save_idx(tmp_path / "a", train, None)
    first, again, other = (load_data(path, seed=seed) for seed in (0, 0, 1))
    assert (len(first.train), len(first.validation), len(first.test)) == (834, 166, 200)
    assert pictures(first.train, first.validation, first.test) == pictures(train)
    assert first.test.fingerprint == again.test.fingerprint
    assert first.test.fingerprint != other.test.fingerprint


def test_sources_too_small_to_test_are_refused(tmp_path: Path, mnist: DataSets) -> None:
    """One picture of each class leaves none to test on."""
    path = save_idx(tmp_path / "a", mnist.train.take([0, 1, 2]), None)
    with pytest.raises(DataError, match=r"'a' has 3 pictures, too few .* give two or more of each"):
        load_data(path)


def test_sources_by_writer_share_none(tmp_path: Path, mnist: DataSets) -> None:
    """Whole writers are held out where QMNIST's columns tell them, asked for or not."""
    path = save_idx(tmp_path / "a", mnist.train.take(slice(300)), mnist.test.take(slice(9)))
    (path / "train-labels-idx1-ubyte").unlink()
    columns = np.zeros((300, 8), np.int32)
    columns[:, 0] = mnist.train.labels[:300]
    columns[:, 2] = np.arange(300) // 7
    write_idx(path / "train-labels-idx2-int", columns)
    sets = load_data(path, validation="writer")
    assert load_data(path).validation.fingerprint == sets.validation.fingerprint  # the default
    assert sets.train.writers is not None
    assert sets.validation.writers is not None
    assert 50 <= len(sets.validation) < 57
    assert not set(sets.train.writers) & set(sets.validation.writers)


def test_sources_without_writers_are_not_split_by_them() -> None:
    """MNIST's own files do not say who wrote what."""
    with pytest.raises(InputError, match=r"writers are not known.*QMNIST has them"):
        load_data("mnist", validation="writer")


@pytest.mark.parametrize("validation", [-1, "class"])
def test_sources_validation_must_be_one(validation: object) -> None:
    """Other words and negative numbers are refused."""
    with pytest.raises(InputError, match=r"`validation` must be a number .* 'writer'; got"):
        load_data("mnist", validation=validation)  # type: ignore[arg-type]


def test_sources_of_the_family_come_from_where_they_were_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist: DataSets
) -> None:
    """A member that was fetched is read with its own classes; one that was not says how."""
    monkeypatch.setenv("MNISTRY_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"mnistry data fetch fashion"):
        load_data("fashion")
    (tmp_path / "fashion").mkdir()
    some = mnist.train.take(slice(120))
    for key in KEYS:
        array = some.images if "images" in key else some.labels.astype(np.uint8)
        write_idx(tmp_path / "fashion" / FAMILY["fashion"].files[key].name, array)
    sets = load_data("fashion")
    assert sets.name == "fashion"
    assert sets.classes == FAMILY["fashion"].classes
    assert len(sets.classes) == 10


@pytest.mark.parametrize("source", ["mnits", "no/such/folder", "a\0b", "x" * 9000, ""])
def test_sources_that_are_not_there_are_refused(source: str, tmp_path: Path) -> None:
    """A source that is no name, folder or file is refused."""
    with pytest.raises(DataError, match=r"`source` must be a folder, a file or the name of a data"):
        load_data(tmp_path / source if source == "no/such/folder" else source)


@pytest.mark.parametrize("start", [b"", b"\x89PNG\r\n", b"\0\0\x08\x03"])
def test_sources_of_another_form_are_refused(start: bytes, tmp_path: Path) -> None:
    """A single picture or IDX file is no data set."""
    (tmp_path / "a").write_bytes(start)
    with pytest.raises(DataError, match=r"a' is neither \.npz nor Parquet; for IDX files and for"):
        load_data(tmp_path / "a")


def test_sources_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder of nothing is told what could be in it."""
    with pytest.raises(DataError, match=r"has no sub-folders; put each class's pictures"):
        load_data(tmp_path)


def test_seed_must_not_be_negative() -> None:
    """A negative seed is refused before anything is read."""
    with pytest.raises(InputError, match=r"`seed` must be 0 or more; got -1"):
        load_data("nowhere", seed=-1)
