"""The family: its facts, and where its files lie."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistry.data.family import FAMILY, KEYS, File, find, home, locate, shelf
from mnistry.data.idx import read_idx
from mnistry.errors import DataError, InputError


@pytest.fixture
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MNISTRY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_family_is_complete() -> None:
    """MNIST, its three relatives and EMNIST's six splits are there, under their own names."""
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    names = ["mnist", "fashion", "kmnist", *(f"emnist-{s}" for s in splits), "qmnist"]
    assert list(FAMILY) == names
    assert all(member.name == name for name, member in FAMILY.items())


@pytest.mark.parametrize("name", FAMILY)
def test_member_has_all_that_fetching_needs(name: str) -> None:
    """Four files with safe names, a checksum for all that is fetched, and http mirrors."""
    member = FAMILY[name]
    assert tuple(member.files) == KEYS
    fetched = [member.archive] if member.archive else list(member.files.values())
    for file in fetched:
        assert re.fullmatch("[0-9a-f]{32}", file.md5)
        assert re.fullmatch("([0-9a-f]{64})?", file.sha256)
    for file in member.files.values():
        assert re.fullmatch(r"[a-z0-9-]+\.gz", file.name)
    assert len({file.name for file in member.files.values()}) == 4
    assert all(re.match(r"https?://[^/]+/.*/?$", mirror) for mirror in member.mirrors)
    assert member.licence
    assert len(set(member.classes)) == len(member.classes)


def test_checksums_are_all_different() -> None:
    """No checksum was pasted twice (EMNIST's archive is one file for six members)."""
    files = [file for member in FAMILY.values() for file in member.files.values()]
    archives = {member.archive for member in FAMILY.values() if member.archive}
    assert len(archives) == 1
    sums = [s for f in [*files, *archives] for s in (f.md5, f.sha256, f.raw_sha256) if s]
    assert len(sums) == len(set(sums))


@pytest.mark.parametrize(
    ("split", "classes"),
    [
        ("byclass", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
        ("bymerge", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
        ("balanced", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
        ("letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("digits", "0123456789"),
        ("mnist", "0123456789"),
    ],
)
def test_emnist_classes_are_its_mapping_files(split: str, classes: str) -> None:
    """Class i is the character that EMNIST's mapping file gives for label i (letters: i + 1)."""
    member = FAMILY[f"emnist-{split}"]
    assert "".join(member.classes) == classes
    assert member.label_offset == (1 if split == "letters" else 0)
    assert member.transposed
    assert member.archive is not None


def test_qmnist_names_its_columns() -> None:
    """QMNIST's labels have eight columns: the label first, the writer third."""
    columns = FAMILY["qmnist"].label_columns
    assert len(columns) == 8
    assert columns[0] == "label"
    assert columns[2] == "writer"


def test_raw_size_is_that_of_the_real_files() -> None:
    """For the files at hand, the size that follows from the counts is the true one."""
    for key, path in locate("mnist").items():
        assert len(gzip.decompress(path.read_bytes())) == FAMILY["mnist"].raw_size(key)
    # QMNIST's labels: 60,000 rows of 8 int32 after 12 bytes of header
    assert FAMILY["qmnist"].raw_size("test_labels") == 12 + 60_000 * 8 * 4


def test_download_size_is_a_sum_of_known_sizes() -> None:
    """All four files, or the archive; None as soon as one size is not known."""
    assert FAMILY["mnist"].download_size == 9_912_422 + 28_881 + 1_648_877 + 4_542
    assert FAMILY["emnist-letters"].download_size == 561_753_746
    assert FAMILY["qmnist"].download_size is None


def test_embedded_files_are_mnist() -> None:
    """`locate("mnist")` needs no home, and the raw bytes have the published SHA-256."""
    for key, path in locate("mnist").items():
        raw = gzip.decompress(path.read_bytes())
        assert hashlib.sha256(raw).hexdigest() == FAMILY["mnist"].files[key].raw_sha256
    assert read_idx(locate("mnist")["test_labels"])[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_file_is_at(tmp_path: Path, algorithm: str) -> None:
    """A file is recognised by its bytes: a changed byte or another length is another file."""
    body = np.random.default_rng(0).bytes(1000)
    path = tmp_path / "file"
    path.write_bytes(body)
    file = File("file", 1000, **{algorithm: hashlib.new(algorithm, body).hexdigest()})
    assert file.is_at(path)
    path.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    assert not file.is_at(path)
    path.write_bytes(body[:-1])
    assert not file.is_at(path)


def test_file_without_checksum_is_nowhere(tmp_path: Path) -> None:
    """Without a checksum nothing can be recognised, so nothing is."""
    (tmp_path / "file").write_bytes(b"x")
    assert not File("file", 1).is_at(tmp_path / "file")


def test_family_needs_no_network() -> None:
    """Knowing and finding data sets loads nothing that could reach the network."""
    script = (
        "import sys, mnistry.data.family as family; family.locate('mnist');"
        "print(*{'ssl', 'socket', 'http.client', 'urllib.request', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_find_suggests_what_was_meant() -> None:
    """A near miss names the member that was meant; anything else lists them all."""
    assert find("kmnist") is FAMILY["kmnist"]
    with pytest.raises(DataError, match="got 'EMNIST_letters': did you mean `emnist-letters`"):
        find("EMNIST_letters")
    with pytest.raises(DataError, match="got 'cifar': choose one of mnist, fashion, kmnist"):
        find("cifar")


def test_locate_finds_fetched_files_at_home(empty_home: Path) -> None:
    """The files of a member lie under `home()`, in a folder of its name."""
    folder = empty_home / "fashion"
    folder.mkdir(parents=True)
    for file in FAMILY["fashion"].files.values():
        (folder / file.name).touch()
    assert shelf("fashion") == folder
    assert locate("fashion")["test_labels"] == folder / "t10k-labels-idx1-ubyte.gz"


@pytest.mark.parametrize("spelling", ["{}-idx{}-ubyte", "{}.idx{}-ubyte", "{}.idx{}-ubyte.gz"])
def test_locate_knows_other_spellings(tmp_path: Path, spelling: str) -> None:
    """Browsers unpack files and systems rename them; they are found all the same."""
    for stem, rank in (
        ("train-images", 3),
        ("train-labels", 1),
        ("t10k-images", 3),
        ("t10k-labels", 1),
    ):
        (tmp_path / spelling.format(stem, rank)).touch()
    assert locate("mnist", tmp_path)["train_images"].name == spelling.format("train-images", 3)


def test_locate_says_how_to_fetch(empty_home: Path, tmp_path: Path) -> None:
    """What is not there is named together with the command that gets it; nothing is made."""
    cure = r"is not in '.*home/fashion'; fetch it with: mnistry data fetch fashion$"
    with pytest.raises(DataError, match=cure):
        locate("fashion")
    with pytest.raises(DataError, match=r"mnistry data fetch mnist --to '.*/a b'$"):
        locate("mnist", tmp_path / "a b")
    assert not empty_home.exists()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"MNISTRY_HOME": "/data"}, "/data"),
        ("linux", {"MNISTRY_HOME": "~/data"}, "/users/ann/data"),
        ("linux", {"MNISTRY_HOME": ""}, "/users/ann/.local/share/mnistry"),
        ("linux", {"XDG_DATA_HOME": "/xdg"}, "/xdg/mnistry"),
        ("linux", {"XDG_DATA_HOME": "relative"}, "/users/ann/.local/share/mnistry"),
        ("darwin", {"XDG_DATA_HOME": "/xdg"}, "/users/ann/Library/Application Support/mnistry"),
        ("win32", {"LOCALAPPDATA": "/users/ann/Local"}, "/users/ann/Local/mnistry"),
        ("win32", {}, "/users/ann/AppData/Local/mnistry"),
    ],
)
def test_home_is_the_platforms_data_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    """`$MNISTRY_HOME` first, then each platform's own custom."""
    for name in ("MNISTRY_HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", "/users/ann")
    monkeypatch.setattr(sys, "platform", platform)
    assert home().as_posix() == expected


@pytest.mark.skipif(os.name == "nt", reason="Windows always knows a home folder")
def test_home_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder is told which variable to set; MNIST needs none."""
    for name in ("MNISTRY_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(InputError, match="set the environment variable MNISTRY_HOME to a folder"):
        home()
    assert locate("mnist")
