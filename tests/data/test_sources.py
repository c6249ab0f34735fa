"""Any source gives the same DataSets."""

from __future__ import annotations

import gzip
import io
import pickle
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistry.data.dataset import DataSet, DataSets
from mnistry.data.family import FAMILY, KEYS
from mnistry.data.idx import write_idx
from mnistry.data.sources import load_data, load_images
from mnistry.errors import DataError, DataWarning, InputError


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
    with pytest.raises(DataError, match=r"'a' has 3 images, too few .* give two or more of each"):
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


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (b"", r"a' is empty, which is no form of data that is read: IDX, CSV, .*ZIP or tar"),
        (b"\xff\xfe\0\0", r"a' starts with ff fe 00 00, which is no form of data"),
        (
            b"\x89PNG\r\n",
            r"a' is an image; give the folder of images, or read it by `mnistry read`",
        ),
        (b"\0\0\x08\x03", r"a' is IDX; give the folder that it is in, with its labels"),
        (gzip.compress(b"\0\0\x08\x03", mtime=0), r"a' is IDX; give the folder that it is in"),
        (b"\x89HDF\r\n", r"a' is HDF5; save its arrays as \.npz, named `x_train`"),
        (b"\x80\x04\x95", r"a' is a pickle; opening a pickle can run any code, so none is read"),
        (b"PK\3\4", r"a' is a damaged archive \(File is not a zip file\); get it again"),
    ],
)
def test_sources_of_another_form_are_refused(start: bytes, sentence: str, tmp_path: Path) -> None:
    """The error for a file that is no data set says what it is, and the cure."""
    (tmp_path / "a").write_bytes(start)
    with pytest.raises(DataError, match=sentence):
        load_data(tmp_path / "a")


def test_sources_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder of nothing is told what could be in it."""
    with pytest.raises(
        DataError, match=r"holds no data set; it holds no files\. Give a folder of IDX"
    ):
        load_data(tmp_path)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ["a.txt", "b/c/d.txt", "b/e.docx"],
            r"it holds 2 files \.txt, 1 files \.docx, as 'b/e\.docx'",
        ),
        (
            ["1.png", "2.png"],
            r"2 files \.png\. Nothing says which class .*labels\.csv with the columns",
        ),
        (["0/w1/1.png", "1/w1/1.png"], r"holds 2 data sets: 0, 1; name one of them"),
        (["mnist.pkl.gz"], r"holds mnist\.pkl\.gz; opening a pickle can run any code"),
    ],
)
def test_sources_say_what_a_folder_holds_instead(
    names: list[str], sentence: str, tmp_path: Path
) -> None:
    """Without a data set, the message lists the files of the folder and its sub-folders."""
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=sentence):
        load_data(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["MNIST/raw", "a", "snapshots/0f1e/mnist", "x/y/z/data"])
@pytest.mark.parametrize("save", [save_idx, save_npz, save_parquet, save_gallery])
def test_sources_are_found_below_the_folder(
    save: object, place: str, tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """torchvision's `MNIST/raw`, a clone of the hub and an unpacked archive are searched."""
    train, test = few
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    save(tmp_path / place, train, test)  # type: ignore[operator]
    (tmp_path / "README.md").write_text("about")
    (tmp_path / ".git").mkdir()
    sets = load_data(tmp_path)
    assert pictures(sets.train, sets.validation) == pictures(train)
    assert pictures(sets.test) == pictures(test)


def test_sources_of_two_sets_are_not_chosen_between(
    tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """Two data sets below a folder are an error that names both."""
    for name in ("MNIST", "FashionMNIST"):
        (tmp_path / name).mkdir()
        save_idx(tmp_path / name / "raw", *few)
    with pytest.raises(
        DataError, match=r"holds 2 data sets: FashionMNIST/raw, MNIST/raw; name one"
    ):
        load_data(tmp_path)


def test_sources_of_two_formats_say_which_is_used(
    tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """Of two formats in one folder, one is used, and a warning names the other."""
    train, test = few
    save_idx(tmp_path / "mine", train, test)
    np.savez(tmp_path / "mine" / "other.npz", x_train=test.images, y_train=test.labels)
    sentence = r"mine' holds IDX files, which are used, and \.npz or \.npy files, which are not"
    with pytest.warns(DataWarning, match=sentence):
        sets = load_data(tmp_path / "mine")
    assert pictures(sets.train, sets.validation) == pictures(train)


@pytest.mark.slow
def test_sources_of_arrays_load_no_image_libraries(
    tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """IDX, CSV and .npz are read by NumPy and the standard library alone."""
    idx, npz = save_idx(tmp_path / "idx", *few), save_npz(tmp_path / "npz", *few)
    flat = np.concatenate([few[0].labels[:, None], few[0].images.reshape(120, -1)], axis=1)
    np.savetxt(tmp_path / "train.csv", flat, "%d", ",")
    code = "import sys, mnistry\nfor path in sys.argv[1:]: mnistry.load_data(path)\n"
    code += (
        "print([m for m in ('PIL', 'cv2', 'onnxruntime', 'pyarrow', 'scipy') if m in sys.modules])"
    )
    asked = [sys.executable, "-c", code, str(idx), str(npz), str(tmp_path / "train.csv")]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def archived(kind: str, folder: Path, to: Path) -> Path:
    return Path(shutil.make_archive(str(to), kind, folder.parent, folder.name))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "bztar", "xztar"])
@pytest.mark.parametrize("save", [save_idx, save_parquet, save_gallery])
def test_sources_may_be_archives(
    kind: str, save: object, tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """A ZIP or tar of any form is read as its folder would be, and leaves nothing behind."""
    train, test = few
    save(tmp_path / "mine", train, test)  # type: ignore[operator]
    path = archived(kind, tmp_path / "mine", tmp_path / "packed")
    sets = load_data(path)
    assert pictures(sets.train, sets.validation) == pictures(train)
    assert pictures(sets.test) == pictures(test)
    assert sets.name.startswith("packed")


def test_sources_in_archives_are_told_by_the_archives_name(tmp_path: Path) -> None:
    """Messages name the archive, not the temporary folder."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("no data")
    path = archived("zip", tmp_path / "mine", tmp_path / "packed")
    with pytest.raises(DataError, match=r"packed\.zip' holds no data set; it holds 1 files \.txt"):
        load_data(path)


def test_sources_in_archives_warn_by_the_archives_name(
    tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """So do warnings."""
    save_idx(tmp_path / "mine", *few)
    np.savez(tmp_path / "mine" / "other.npz", x_train=few[1].images, y_train=few[1].labels)
    path = archived("zip", tmp_path / "mine", tmp_path / "packed")
    with pytest.warns(
        DataWarning, match=r"^'\S*/packed\.zip/mine' holds IDX files, which are used"
    ):
        load_data(path)


def test_sources_beside_a_folder_that_can_not_be_read_are_used(
    tmp_path: Path, few: tuple[DataSet, DataSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `lost+found` is, at the top of a disk."""
    train, test = few
    save_idx(tmp_path / "mine", train, test)
    (tmp_path / "mine" / "lost+found").mkdir()
    real = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    sets = load_data(tmp_path / "mine")
    assert pictures(sets.train, sets.validation) == pictures(train)


def test_sources_own_validation_images_are_used(
    tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """They are the validation split, or training images if `validation` is a number."""
    train, test = few
    save_gallery(tmp_path / "mine", train, test)
    for i in range(20):
        place = tmp_path / "mine" / "valid" / train.classes[test.labels[i]]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(test.images[i]).save(place / f"{i}.png")
    sets = load_data(tmp_path / "mine")
    assert [len(s) for s in (sets.train, sets.validation, sets.test)] == [120, 20, 20]
    assert pictures(sets.validation) == pictures(test)
    sets = load_data(tmp_path / "mine", validation=10)
    assert [len(s) for s in (sets.train, sets.validation, sets.test)] == [130, 10, 20]


def test_sources_with_light_borders_are_told_and_inverted(
    tmp_path: Path, few: tuple[DataSet, DataSet]
) -> None:
    """Paper as 255 gives a warning with the cure, and so does `invert` where it is wrong."""
    train, test = few
    light = [replace(part, images=255 - part.images) for part in few]
    path = save_npz(tmp_path / "mine", *light)
    with pytest.warns(
        DataWarning,
        match=r"Most images of 'mnist' have light borders, but 0 must be paper .* set `invert`",
    ):
        found = load_data(path)
    assert pictures(found.test) == pictures(light[1])
    sets = load_data(path, invert=True)
    assert pictures(sets.train, sets.validation) == pictures(train)
    assert pictures(sets.test) == pictures(test)
    with pytest.warns(DataWarning, match=r"borders, after they were inverted; leave out `invert`"):
        load_data(save_npz(tmp_path / "dark", *few), invert=True)


def test_images_are_loaded_without_labels(tmp_path: Path, few: tuple[DataSet, DataSet]) -> None:
    """CSV, npy, npz and IDX files give their images alone, inverted if asked."""
    train, test = few
    rows = "\n".join(",".join(map(str, image.ravel())) for image in test.images)
    (tmp_path / "test.csv").write_text(",".join(f"pixel{i}" for i in range(784)) + "\n" + rows)
    np.save(tmp_path / "some.npy", test.images)
    write_idx(tmp_path / "a.gz", test.images)
    for path in (tmp_path / "test.csv", tmp_path / "some.npy", tmp_path / "a.gz"):
        assert np.array_equal(load_images(path), test.images)
    assert np.array_equal(load_images(save_npz(tmp_path / "n", train, test)), test.images)
    np.save(tmp_path / "light.npy", 255 - test.images)
    assert np.array_equal(load_images(tmp_path / "light.npy", invert=True), test.images)
    with pytest.warns(DataWarning, match="light borders"):
        load_images(tmp_path / "light.npy")
    with pytest.raises(DataError, match=r"no file; give a file of images, such as test\.csv"):
        load_images(tmp_path)
    Image.fromarray(test.images[0]).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"is an image, not a table .*; give the folder of images"):
        load_images(tmp_path / "a.png")


def test_pickles_cure_is_a_command_that_works(
    tmp_path: Path, few: tuple[DataSet, DataSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence about mnist.pkl.gz ends in a command that makes an .npz which is read."""
    train, test = few
    parts = [(part.X, part.labels) for part in (train, test, test)]
    with gzip.open(tmp_path / "mnist.pkl.gz", "wb") as file:
        pickle.dump(tuple(parts), file)
    with pytest.raises(DataError, match="opening a pickle can run any code") as caught:
        load_data(tmp_path / "mnist.pkl.gz")
    command = shlex.split(str(caught.value).partition("convert it once: ")[2])
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, *command[1:]], check=True)
    sets = load_data(tmp_path / "mnist.npz")
    assert [len(s) for s in (sets.train, sets.validation, sets.test)] == [120, 20, 20]
    assert pictures(sets.train) == pictures(train)


def test_pickles_name_can_not_run_a_command(tmp_path: Path) -> None:
    """A file's name with characters that a shell expands is quoted in the command."""
    name = "$(touch x).pkl"
    (tmp_path / name).write_bytes(b"\x80\x04")
    with pytest.raises(DataError) as caught:
        load_data(tmp_path / name)
    command = shlex.split(str(caught.value).partition("convert it once: ")[2])
    assert len(command) == 3
    assert str(caught.value).count("python -c '") == 1


def test_seed_must_not_be_negative() -> None:
    """A negative seed is refused before anything is read."""
    with pytest.raises(InputError, match=r"`seed` must be 0 or more; got -1"):
        load_data("nowhere", seed=-1)
