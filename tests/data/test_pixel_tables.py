"""Tables of pixels: CSV in its usual variants, and OpenML's ARFF."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.data import pixel_tables
from mnistry.data.pixel_tables import find_tables, peek_table, read_table, read_tables
from mnistry.errors import DataError, DataWarning

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (8, 4, 4), np.uint8)
IMAGES[:, 0, 0] = IMAGES[:, 3, 3] = 0  # a corner is paper
LABELS = np.array([3, 1, 4, 1, 5, 9, 2, 6])
PIXELS = [f"pixel{i}" for i in range(16)]


def rows(first: Any = None, last: Any = None, images: Any = IMAGES) -> str:
    """CSV rows of the images, with a column before and behind the pixels."""
    lines = []
    for i, image in enumerate(images.reshape(len(images), -1).tolist()):
        cells = [*([] if first is None else [first[i]]), *image]
        lines.append(",".join(map(str, [*cells, *([] if last is None else [last[i]])])))
    return "\n".join(lines) + "\n"


def header(*names: str) -> str:
    return ",".join(names) + "\n"


GRID = [f"{i}x{j}" for i in range(1, 5) for j in range(1, 5)]
ARFF = "% about\n@RELATION mnist\n\n" + "".join(f"@ATTRIBUTE '{p}' real\n" for p in PIXELS)
TABLES = {
    "kaggle": header("label", *PIXELS) + rows(LABELS),
    "label last": header(*PIXELS, "class") + rows(None, LABELS),
    "headerless": rows(LABELS),
    "headerless, label last": rows(None, LABELS),
    "named by row and column": header("label", *GRID) + rows(LABELS),
    "pandas": header("", "label", *map(str, range(16)))
    + rows([f"{i},{label}" for i, label in enumerate(LABELS)]),
    "counted": header(*map(str, range(17))) + rows(LABELS),
    "id": header("id", "digit", *PIXELS) + rows([f"{i},{y}" for i, y in enumerate(LABELS)]),
    "quoted": header('"label"', *PIXELS) + rows([f'"{label}"' for label in LABELS]),
    "semicolons": (header("label", *PIXELS) + rows(LABELS)).replace(",", ";"),
    "tabs": rows(LABELS).replace(",", "\t"),
    "spaces": rows(LABELS).replace(",", " "),
    "crlf and BOM": "\ufeff" + (header("label", *PIXELS) + rows(LABELS)).replace("\n", "\r\n"),
    "empty lines": header("label", *PIXELS) + rows(LABELS).replace("\n", "\n\n"),
    "no end": (header("label", *PIXELS) + rows(LABELS)).rstrip(),
    "floats": header("label", *PIXELS) + rows(LABELS * 1.0, images=IMAGES * 1.0),
    "floats to 1": header("label", *PIXELS) + rows(LABELS, images=IMAGES / 255),
    "arff": ARFF + "@ATTRIBUTE class {0,1,2}\n@DATA\n% rows\n" + rows(None, LABELS),
}


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("name", TABLES)
def test_table_of_every_form_is_read(
    name: str, compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """Header, place of the label, separator and compression don't change the images."""
    path = tmp_path / "a.csv"
    path.write_bytes(compress(TABLES[name].encode()))
    found = read_table(path)
    assert np.array_equal(found.images, IMAGES)
    assert found.labels is not None
    assert found.labels.astype(int).tolist() == LABELS.tolist()


def test_table_without_labels_is_read(tmp_path: Path) -> None:
    """Kaggle's test.csv holds pixels alone, with an id or not."""
    for text in (
        header(*PIXELS) + rows(),
        rows(),
        header("id", *PIXELS) + rows(range(8)),
    ):
        (tmp_path / "test.csv").write_text(text)
        found = read_table(tmp_path / "test.csv")
        assert np.array_equal(found.images, IMAGES)
        assert found.labels is None
        with pytest.raises(DataError, match=r"test\.csv' holds 8 images without labels; add a col"):
            read_tables({"train": tmp_path / "test.csv"})


def test_table_of_names_as_labels(tmp_path: Path) -> None:
    """Labels that are names become classes, in natural order, with a header or without."""
    names = list("cabacbca")
    for text in (header("label", *PIXELS) + rows(names), rows(names), rows(None, names)):
        (tmp_path / "a.csv").write_text(text)
        train, *_ = read_tables({"train": tmp_path / "a.csv"})
        assert train.classes == ("a", "b", "c")
        assert [train.classes[i] for i in train.labels] == names


def test_table_of_oblong_images(tmp_path: Path) -> None:
    """Names such as `2x8` give the height and width of images that are not square."""
    grid = [f"{i}x{j}" for i in range(1, 3) for j in range(1, 9)]
    (tmp_path / "a.csv").write_text(header("label", *grid) + rows(LABELS))
    assert read_table(tmp_path / "a.csv").images.shape == (8, 2, 8)
    columns = peek_table(tmp_path / "a.csv")
    assert columns is not None
    assert (columns.label, columns.shape) == (0, (2, 8))


def test_table_of_many_blocks_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read block by block; labels that become names later are names from the start."""
    monkeypatch.setattr(pixel_tables, "_ROWS", 3)
    (tmp_path / "a.csv").write_text(rows(["1", "2", "3", "4", "5", "6", "7", "x"]))
    found = read_table(tmp_path / "a.csv")
    assert np.array_equal(found.images, IMAGES)
    assert found.labels is not None
    assert found.labels.tolist() == list("1234567x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"is no table of pixels: it starts with ''\. Give each image a row"),
        ("hello world\n", r"is no table of pixels: it starts with 'hello world'"),
        (header("label", *PIXELS[:13]) + rows(LABELS), r"is no table of pixels"),
        (header("label", *PIXELS), r"has a header, but no rows"),
        (
            header("label", *PIXELS) + rows(LABELS) + "1,2,3\n",
            r"can't be read in rows? .*Every row must hold the same number of columns",
        ),
        (
            header(*PIXELS, "label") + rows(None, LABELS).rpartition(",")[0],
            r"has no label that can be read in row 8\. Every row",
        ),
        ("a" * 200_000 + ",b\n1,2\n", r"is no table of pixels"),
        (
            header("label", *PIXELS) + rows(LABELS).replace(",0\n", ",\n"),
            r"can't be read in row 1: could not convert string '' to float32",
        ),
        (header("label", *PIXELS) + rows(LABELS, images=IMAGES * 2.0), r"\(rows 1 to 8\) holds"),
        (header("label", *PIXELS) + rows(LABELS, images=IMAGES - 9.0), r"from -9 to .*: undo th"),
        (ARFF + "@ATTRIBUTE class {0}\n@DATA\n{1 5}\n", r"is sparse ARFF; save it as dense ARFF"),
    ],
)
def test_table_that_can_not_be_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    """The message says what was found, and in which row."""
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_table(tmp_path / "a.csv")


def test_table_of_an_endless_line_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line without an end is refused, also where gzip makes it short."""
    monkeypatch.setattr(pixel_tables, "_MAX_LINE", 1000)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"0," * 10_000))
    with pytest.raises(DataError, match=r"has a line of more than 1,000 characters"):
        read_table(tmp_path / "a.csv.gz")
    assert peek_table(tmp_path / "a.csv.gz") is None


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_damaged_compression_is_refused(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """A file that ends early, or whose middle is damaged, is an error that says so."""
    packed = compress(TABLES["kaggle"].encode())
    middle = len(packed) // 2
    for bad in (packed[:-9], packed[:middle] + bytes(20) + packed[middle + 20 :]):
        (tmp_path / "a.csv").write_bytes(bad)
        with pytest.raises(DataError, match=r"a\.csv' is damaged"):
            read_table(tmp_path / "a.csv")


def test_table_of_damaged_gzip_is_refused(tmp_path: Path) -> None:
    """Truncated or damaged gzip is an error that says so."""
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TABLES["kaggle"].encode())[:-9])
    with pytest.raises(DataError, match=r"a\.csv\.gz' is damaged"):
        read_table(tmp_path / "a.csv.gz")
    packed = bytearray(gzip.compress(TABLES["kaggle"].encode()))
    packed[10] = 7  # a block of a kind that there is not
    (tmp_path / "a.csv.gz").write_bytes(packed)
    with pytest.raises(DataError, match=r"a\.csv\.gz' is damaged"):
        read_table(tmp_path / "a.csv.gz")
    assert peek_table(tmp_path / "a.csv.gz") is None


@pytest.mark.parametrize("missing", ["", " ", "nan"])
def test_table_that_lacks_a_label_is_no_data_set(missing: str, tmp_path: Path) -> None:
    """No label is not a class of its own."""
    labels = [*map(str, LABELS[:-1]), missing]
    (tmp_path / "a.csv").write_text(header("label", *PIXELS) + rows(labels))
    with pytest.raises(DataError, match=r"a\.csv' has 1 train images without a label"):
        read_tables({"train": tmp_path / "a.csv"})


@given(st.text(",;\t\n\r .0123456789aé-\"'{}%@", max_size=200))
def test_table_of_any_text_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """Whatever the text, the answer is a table or a DataError."""
    path = tmp_path_factory.getbasetemp() / "a.csv"
    path.write_text(text, encoding="utf-8")
    try:
        found = read_table(path)
    except DataError:
        return
    assert found.images.dtype == np.uint8


def test_tables_in_a_folder_are_told_by_name(tmp_path: Path) -> None:
    """`…train.csv` and `…test.csv` are splits; tables without labels or split give a warning."""
    for name in ("mnist_train.csv", "mnist_test.csv"):
        (tmp_path / name).write_text(TABLES["headerless"])
    (tmp_path / "about.csv").write_text("a,b\n1,2\n")
    found = find_tables(tmp_path)
    assert {split: path.name for split, path in found.items()} == {
        "train": "mnist_train.csv",
        "test": "mnist_test.csv",
    }
    train, _, test = read_tables(found)
    assert test is not None
    assert len(train) == len(test) == 8
    (tmp_path / "mnist_test.csv").write_text(rows())
    with pytest.warns(DataWarning, match=r"mnist_test\.csv' has no labels, so it is not used"):
        assert list(find_tables(tmp_path)) == ["train"]
    (tmp_path / "mnist_test.csv").unlink()
    (tmp_path / "Dig-MNIST.csv").write_text(TABLES["headerless"])
    with pytest.warns(
        DataWarning, match=r"Dig-MNIST\.csv' is not used, since its name says no spl"
    ):
        assert list(find_tables(tmp_path)) == ["train"]


def test_tables_in_a_folder_that_are_not_clear_are_refused(tmp_path: Path) -> None:
    """No table for training, several of one split, or no labels at all are errors."""
    assert find_tables(tmp_path) == {}
    (tmp_path / "test.csv").write_text(rows())
    with pytest.raises(DataError, match=r"test\.csv' holds pixels without labels; add a column"):
        find_tables(tmp_path)
    (tmp_path / "mine.csv").write_text(TABLES["kaggle"])
    with pytest.warns(DataWarning):
        assert find_tables(tmp_path)["train"].name == "mine.csv"
    (tmp_path / "yours.csv").write_text(TABLES["kaggle"])
    with pytest.raises(DataError, match=r"tables mine\.csv, yours\.csv, but none called `train….c"):
        find_tables(tmp_path)
    (tmp_path / "mine.csv").rename(tmp_path / "train1.csv")
    (tmp_path / "yours.csv").rename(tmp_path / "train2.csv")
    with pytest.raises(DataError, match=r"train1\.csv and train2\.csv for the same split; give"):
        find_tables(tmp_path)
