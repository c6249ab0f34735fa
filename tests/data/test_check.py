"""What a check says of each kind of file that people have in their folders."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistry.data.check import Finding, check_folder
from mnistry.data.family import FAMILY, File, home, locate
from mnistry.data.idx import encode_idx, write_idx
from mnistry.errors import DataError

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNISTRY_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "some data"
    place.mkdir()
    return place


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def only(folder: Path, name: str | None = None) -> Finding:
    findings = [f for f in check_folder(folder) if name is None or f.name == name]
    assert len(findings) == 1
    return findings[0]


def look_at(folder: Path, name: str, body: bytes) -> Finding:
    (folder / name).write_bytes(body)
    return only(folder / name)


@pytest.mark.slow
def test_check_knows_mnist_however_it_is_packed(folder: Path) -> None:
    """Gzipped anew, raw, renamed: the raw bytes' checksum tells which file it is."""
    for key, path in locate("mnist").items():
        raw = gzip.decompress(path.read_bytes())
        if key.endswith("labels"):
            (folder / key).write_bytes(raw)
        else:
            shutil.copy(path, folder / f"{key}.bin")
    findings = {finding.name: finding for finding in check_folder(folder)}
    assert findings["train_images.bin"] == Finding(
        "train_images.bin",
        "whole",
        "MNIST's 60,000 training images, gzip",
        member="mnist",
        key="train_images",
    )
    assert findings["test_labels"].what == "MNIST's 10,000 test labels, raw"
    assert all(finding.state == "whole" for finding in findings.values())


def test_check_knows_published_files_by_their_checksum(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A published gzip file is known without being unpacked, under any name."""
    body = gzip.compress(encode_idx(noise(50)), mtime=0)
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    fashion = FAMILY["fashion"]
    files = dict(fashion.files, train_labels=File("x.gz", len(body), md5))
    monkeypatch.setitem(FAMILY, "fashion", replace(fashion, files=files))
    found = look_at(folder, "download (1)", body)
    assert (found.state, found.key) == ("whole", "train_labels")


def test_check_describes_other_idx(folder: Path) -> None:
    """IDX that nobody published is whole, with its type and shape."""
    write_idx(folder / "a", np.arange(6, dtype=np.float32).reshape(2, 3))
    write_idx(folder / "b.gz", noise(7, 28, 28))
    assert [f.what for f in check_folder(folder)] == [
        "IDX of float32, 2 × 3, raw",
        "IDX of uint8, 7 × 28 × 28, gzip",
    ]
    assert {f.state for f in check_folder(folder)} == {"whole"}


RAW = encode_idx(noise(5, 28, 28))
BROKEN = {
    "empty": (b"", "empty"),
    "page": (b"\n <!DOCTYPE html><p>Log in", "a web page under a data file's name"),
    "page too": (b"<HTML><body>403", "a web page under a data file's name"),
    "cut": (RAW[:1000], "says it holds uint8 of shape (5, 28, 28), 3,920 bytes, but after its"),
    "longer": (RAW + b"x", "but goes on after them"),
    "header": (RAW[:9], "ends within its header, after 9 bytes"),
    "cut gzip": (gzip.compress(RAW)[:-1000], "is gzip that was cut short"),
    "damaged": (gzip.compress(RAW)[:-8] + bytes(8), "is damaged gzip"),
    "gzip cut": (gzip.compress(RAW[:1000]), "but holds 984"),
    "gzip page": (gzip.compress(b"<html>"), "is not an IDX file: it starts with 3c 68 74 6d"),
    "text": (b"404: Not Found", "named as IDX, but its bytes (34 30 34 3a …) are not"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_check_finds_what_is_broken(folder: Path, case: str) -> None:
    """A file that is named as IDX and is not, or not all of it, is broken, with what to do."""
    body, what = BROKEN[case]
    found = look_at(folder, f"{IMAGES}.gz", body)
    assert found.state == "broken"
    assert what in found.what
    assert str(folder) not in found.what
    assert found.todo == "delete it and get it again"


PICKLE = "a pickle, which is never read, since opening it can run any code"
TABLE = b"label" + b",p" * 16 + b"\n3" + b",0" * 16 + b"\n"
OTHERS = {
    "a.txt": (b"hello", "unknown", "nothing that mnistry reads"),
    "a.ico": (b"\0\0\1\0 icon", "unknown", "nothing that mnistry reads"),
    "a.tar.gz": (gzip.compress(b"tar"), "unknown", "nothing that mnistry reads"),
    "a.npy": (b"\x93NUMPY\1\0", "unknown", "a NumPy array"),
    "a.mat": (b"MATLAB 5.0 MAT-file", "unknown", "a MATLAB file"),
    "a.h5": (b"\x89HDF\r\n", "unknown", "HDF5, which is not read; save its arrays as .npz"),
    "a.pkl.gz": (gzip.compress(b"\x80\x04\x95"), "unknown", PICKLE),
    "a.pickle": (b"(lp0", "unknown", PICKLE),
    "a.arrow": (b"\xff\xff\xff\xff", "unknown", "Arrow, as `save_to_disk` writes it"),
    "train.csv": (TABLE, "unknown", "a table of 4 × 4 pixels, with labels"),
    "train.csv.gz": (gzip.compress(TABLE), "unknown", "a table of 4 × 4 pixels, with labels"),
    "test.csv": (
        b"1,0,0,0," * 3 + b"0,0,0,0\n",
        "unknown",
        "a table of 4 × 4 pixels, without labels",
    ),
    "labels.csv": (
        b"filename,label\n1.png,1\n",
        "unknown",
        "a table without pixels; it is read if it lists images with their labels",
    ),
    "a.png": (b"\x89PNG\r\n\x1a\n", "unknown", "a picture"),
    "a.parquet": (b"PAR1....PAR1", "whole", "Parquet"),
    "b.parquet": (b"PAR1....", "broken", "Parquet, cut short"),
    "a.zip": (b"PK\3\4 cut", "broken", "a damaged zip (File is not a zip file)"),
    f"{IMAGES}.gz.part": (b"12345", "broken", "unfinished, 5 bytes so far"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_check_knows_other_files(folder: Path, name: str) -> None:
    """What else lies about is told from its bytes."""
    body, state, what = OTHERS[name]
    found = look_at(folder, name, body)
    assert (found.state, found.what) == (state, what)


def test_check_knows_arrays_in_keras_form(folder: Path) -> None:
    """An .npz is looked into: whole in Keras' form, unknown otherwise, broken if damaged."""
    path = folder / "mnist.npz"
    np.savez(path, x_train=noise(3, 28, 28), y_train=noise(3))
    assert only(path) == Finding("mnist.npz", "whole", "NumPy arrays in Keras' form")
    body = bytearray(path.read_bytes())
    body[1000] ^= 255
    path.write_bytes(body)
    assert only(path).what == "a damaged zip (its 'x_train.npy' is)"
    np.savez(path, foo=noise(3))
    assert only(path).what == "NumPy arrays, not named x_train, y_train, x_test, y_test"
    np.savez(path, train_images=noise(3), train_labels=noise(3))
    assert only(path) == Finding("mnist.npz", "whole", "NumPy arrays named as images or labels")
    np.savez(folder / "kmnist-train-imgs.npz", noise(3))
    assert only(folder / "kmnist-train-imgs.npz").state == "whole"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")
    assert only(path).what == "an archive; it is read as the folder that it unpacks to"


def test_check_does_not_unpack_bombs(folder: Path) -> None:
    """What would unpack to more than a gigabyte is left packed, and that is said."""
    header = bytes([0, 0, 8, 3]) + np.array([2_000_000, 28, 28], ">u4").tobytes()
    deflated = gzip.compress(header + bytes(10**7))
    members = 200 * deflated  # as long as such a bomb would be; refused by its header
    found = look_at(folder, IMAGES, members)
    assert found.what == "IDX, too large to be unpacked for a check"
    assert found.state == "unknown"
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", b"")
        archive.getinfo("x_train.npy").file_size = 2**31
    assert only(folder / "bomb.npz").what == "a zip, too large to be unpacked for a check"


def test_check_counts_images_against_labels(folder: Path) -> None:
    """Images and labels of different lengths are a finding of their own."""
    write_idx(folder / IMAGES, noise(7, 28, 28))
    write_idx(folder / f"{LABELS}.gz", noise(6))
    last = check_folder(folder)[-1]
    assert last.state == "broken"
    assert last.name == f"{IMAGES} + {LABELS}.gz"
    assert last.what == "7 images, but 6 labels"
    assert last.todo == "delete the wrong one and get it again"


def test_check_sees_images_without_labels(folder: Path) -> None:
    """Images alone are no data set; their line says so, but they are not broken."""
    write_idx(folder / IMAGES, noise(7, 28, 28))
    assert (only(folder).state, only(folder).todo) == ("whole", "its labels are not here")
    assert only(folder / IMAGES).todo == ""  # asked of this file alone
    (folder / f"{LABELS}.gz").touch()  # broken, but here
    assert only(folder, IMAGES).todo == ""


def test_check_sees_files_of_two_sets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of one member beside labels of another go together in number alone."""
    paths = locate("mnist")
    shutil.copy(paths["test_images"], folder / "t10k-images-idx3-ubyte.gz")
    body = gzip.compress(encode_idx(noise(10_000)), mtime=0)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(body)
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    kmnist = FAMILY["kmnist"]
    files = dict(kmnist.files, test_labels=File("t10k-labels-idx1-ubyte.gz", len(body), md5))
    monkeypatch.setitem(FAMILY, "kmnist", replace(kmnist, files=files))
    last = check_folder(folder)[-1]
    assert last.state == "broken"
    assert last.what == "images of mnist, but labels of kmnist"


def test_check_names_the_command_that_mends(folder: Path) -> None:
    """Where it is plain which member a broken file is of, the command is given."""
    found = look_at(folder, "emnist-letters-train-labels-idx1-ubyte.gz", b"")
    assert found.todo == f"delete it, then: mnistry data fetch emnist-letters --to '{folder}'"
    shutil.copy(locate("mnist")["test_labels"], folder / "t10k-labels-idx1-ubyte.gz")
    (folder / IMAGES).touch()
    found = only(folder, IMAGES)
    assert found.todo == f"delete it, then: mnistry data fetch mnist --to '{folder}'"
    own = home() / "fashion"
    own.mkdir(parents=True)
    assert look_at(own, IMAGES, b"").todo == "mnistry data fetch fashion"


def test_check_of_a_damaged_package(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A damaged embedded file is mended by installing the package again."""
    monkeypatch.setattr("mnistry.data.check.shelf", lambda _: folder)
    assert look_at(folder, IMAGES, b"").todo.startswith("install mnistry again from where it came")


def test_check_counts_pictures_and_folders(folder: Path) -> None:
    """A thousand pictures, or ten folders, are one line; hidden files are none."""
    for i in range(10):
        (folder / f"{i}").mkdir()
        (folder / f"{i}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / ".DS_Store").touch()
    (folder / ".train.gz.1f2e.part").write_bytes(b"x")
    found = {(f.name, f.what, f.todo) for f in check_folder(folder)}
    assert found == {
        ("0.png … 9.png", "10 pictures", ""),
        ("0/ … 9/", "10 folders", ""),
        (".train.gz.1f2e.part", "unfinished, 1 bytes so far", "delete it"),
    }


@pytest.mark.skipif(os.name == "nt", reason="POSIX alone has these")
def test_check_is_not_caught_by_odd_files(folder: Path) -> None:
    """A pipe is not waited for, a dangling link is told, and odd names are made printable."""
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("nowhere")
    (folder / "bad\x1b[31m\n").write_bytes(b"?")
    found = {finding.name: finding for finding in check_folder(folder)}
    assert found["pipe"].what == "not a regular file"
    assert found["link"].what == "unreadable (No such file or directory)"
    assert found["bad\\x1b[31m\\n"].state == "unknown"


def test_check_names_folders_that_are_called_as_files(folder: Path) -> None:
    """A folder with a data file's name is described differently from other folders."""
    (folder / IMAGES).mkdir()
    (folder / "0").mkdir()
    found = {finding.name: finding.what for finding in check_folder(folder)}
    assert found["0/"] == "a folder"
    assert found[f"{IMAGES}/"].startswith("a folder named like a data file; its content is read if")


def test_check_of_nothing(folder: Path) -> None:
    """An empty folder has no findings; a missing one is the user's mistake."""
    assert check_folder(folder) == []
    with pytest.raises(DataError, match="nowhere' does not exist; name a folder of data files"):
        check_folder(folder / "nowhere")
