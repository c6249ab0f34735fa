"""Parquet in Hugging Face's form."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mnistry.data.dataset import DataSet, DataSets
from mnistry.data.parquet import find_arrow, find_parquet, read_parquet
from mnistry.errors import DataError, MissingExtra

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def png(image: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def table(data: DataSet, names: list[str] | None = None, **columns: Any) -> Any:
    rows = [{"bytes": png(image), "path": None} for image in data.images]
    made = pa.table({"image": rows, "label": data.labels, **columns})
    if names is None:
        return made
    info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    return made.replace_schema_metadata({"huggingface": json.dumps(info)})


def test_parquet_of_hugging_face_is_read(tmp_path: Path, mnist: DataSets) -> None:
    """Pictures, labels and class names come as they are, from several files in order."""
    data = mnist.test.take(slice(700))
    pq.write_table(table(data.take(slice(400)), NAMES), tmp_path / "train-00000-of-00002.parquet")
    pq.write_table(table(data.take(slice(400, 600)), NAMES), tmp_path / "train-00001.parquet")
    pq.write_table(table(data.take(slice(600, 700)), NAMES), tmp_path / "test-0.parquet")
    train, _, test = read_parquet(**find_parquet(tmp_path))
    assert test is not None
    assert np.array_equal(np.concatenate([train.images, test.images]), data.images)
    assert np.array_equal(np.concatenate([train.labels, test.labels]), data.labels)
    assert (len(train), len(test)) == (600, 100)
    assert train.classes == test.classes == tuple(NAMES)


@pytest.mark.parametrize("metadata", [None, {"huggingface": "{"}, {"huggingface": '{"info": 3}'}])
def test_parquet_without_names_is_numbered(
    metadata: dict[str, str] | None, tmp_path: Path, mnist: DataSets
) -> None:
    """Without class names, or with what is none, the classes are numbers; other columns go."""
    some = mnist.test.take(slice(20))
    made = table(some, writer=list("abcdefghijklmnopqrst")).replace_schema_metadata(metadata)
    pq.write_table(made, tmp_path / "a.parquet")
    train, _, test = read_parquet([tmp_path / "a.parquet"])
    assert test is None
    assert train.classes == tuple("0123456789")


@pytest.mark.parametrize(
    "names",
    [
        ("train-0", "train-1", "test-0", "validation-0"),
        ("data/train-0", "data/train-1", "data/test-0", "data/val-0"),
        ("train/0000", "train/0001", "test/0000", "validation/0000"),
        ("Training/a", "Training/b", "Testing/a", "Valid/a"),
    ],
)
def test_parquet_is_found_where_hugging_face_puts_it(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    """Files lie in the folder, in its `data`, or in a folder for each split."""
    assert find_parquet(tmp_path) == {}
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.parquet").touch()
    found = find_parquet(tmp_path)
    assert {split: len(paths) for split, paths in found.items()} == {
        "train": 2,
        "test": 1,
        "validation": 1,
    }
    assert found["train"] == [tmp_path / f"{name}.parquet" for name in names[:2]]


def test_parquet_without_train_is_not_guessed_at(tmp_path: Path) -> None:
    """Without a file for training, the message says what is there."""
    (tmp_path / "mine.parquet").touch()
    with pytest.raises(DataError, match=r"mine\.parquet, but no file called `train….parquet`"):
        find_parquet(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("image", ["image", "img", "picture", "scan"])
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("kind", ["int64", "string", "dictionary"])
def test_parquet_of_every_column_is_read(
    image: str, plain: bool, kind: str, tmp_path: Path, mnist: DataSets
) -> None:
    """Bytes or structs, under any name; labels as numbers, strings or a dictionary."""
    data = mnist.test.take(slice(30))
    rows = [png(one) if plain else {"bytes": png(one), "path": None} for one in data.images]
    labels = pa.array(data.labels if kind == "int64" else data.labels.astype(str))
    if kind == "dictionary":
        labels = labels.dictionary_encode()
    pq.write_table(pa.table({image: rows, "target": labels}), tmp_path / "a.parquet")
    train, *_ = read_parquet([tmp_path / "a.parquet"])
    assert np.array_equal(train.images, data.images)
    assert np.array_equal(train.labels, data.labels)
    assert train.classes == tuple("0123456789")


def test_parquet_of_names_as_labels(tmp_path: Path, mnist: DataSets) -> None:
    """Labels that are names become the classes; all splits agree on them."""
    data = mnist.test.take(slice(30))
    for split, start, stop in (("train", 0, 20), ("validation", 20, 25), ("test", 25, 30)):
        some = data.take(slice(start, stop))
        rows = [png(one) for one in some.images]
        names = [NAMES[i] for i in some.labels]
        pq.write_table(pa.table({"image": rows, "label": names}), tmp_path / f"{split}.parquet")
    train, validation, test = read_parquet(**find_parquet(tmp_path))
    assert validation is not None
    assert test is not None
    used = tuple(sorted({NAMES[i] for i in data.labels}))
    assert train.classes == validation.classes == test.classes == used
    assert [NAMES[i] for i in data.labels[25:]] == [test.classes[i] for i in test.labels]
    assert np.array_equal(validation.images, data.images[20:25])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
def test_parquet_of_pixel_columns_is_read(dtype: Any, tmp_path: Path, mnist: DataSets) -> None:
    """OpenML's form: a column for each pixel, and the class as a string."""
    data = mnist.test.take(slice(300))
    flat = data.images.reshape(300, -1).astype(dtype)
    columns = {f"pixel{i + 1}": flat[:, i] for i in range(784)}
    made = pa.table({**columns, "class": pa.array(data.labels.astype(str)).dictionary_encode()})
    pq.write_table(made, tmp_path / "a.parquet")
    train, *_ = read_parquet([tmp_path / "a.parquet"])
    assert np.array_equal(train.images, data.images)
    assert np.array_equal(train.labels, data.labels)


@pytest.mark.parametrize("several", [False, True])
def test_arrow_of_save_to_disk_is_read(several: bool, tmp_path: Path, mnist: DataSets) -> None:
    """The folders of `Dataset.save_to_disk`, and of `DatasetDict`'s, which has one a split."""
    data = mnist.test.take(slice(300))
    splits = {"train": slice(250), "test": slice(250, 300)} if several else {"": slice(300)}
    for split, rows in splits.items():
        place = tmp_path / split
        place.mkdir(exist_ok=True)
        made = table(data.take(rows), NAMES)
        with (
            open(place / "data-00000-of-00001.arrow", "wb") as file,
            pa.ipc.new_stream(file, made.schema) as writer,
        ):
            writer.write_table(made)
        (place / "state.json").write_text("{}")
    if several:
        (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    train, _, test = read_parquet(**find_arrow(tmp_path))
    assert (test is not None) == several
    assert np.array_equal(train.images, data.images[: len(train)])
    assert train.classes == tuple(NAMES)
    if several:
        (tmp_path / "train").rename(tmp_path / "other")
        with pytest.raises(
            DataError, match="written by `save_to_disk`, but holds no split `train`"
        ):
            find_arrow(tmp_path)


def refused(made: Any, sentence: str, folder: Path) -> None:
    pq.write_table(made, folder / "a.parquet")
    with pytest.raises(DataError, match=sentence):
        read_parquet([folder / "a.parquet"])


def test_parquet_of_other_columns_is_refused(tmp_path: Path, mnist: DataSets) -> None:
    """The sentence says which columns are there."""
    rows = [png(mnist.test.images[0])]
    for columns, found in [
        ({"image": rows, "writer": [1], "age": [1]}, r"has image: binary, writer: int64, age: in"),
        (
            {"a": rows, "b": rows, "label": [1]},
            r"should have the columns `image`, a struct .*a: bin",
        ),
        ({"image": rows, "label": [1.5]}, r"image: binary, label: double"),
        ({"image": [{"bytes": "text"}], "label": [1]}, r"image: struct<bytes: string>, label"),
        ({"image": [{"path": rows[0]}], "label": [1]}, r"image: struct<path: binary>, label"),
    ]:
        refused(pa.table(columns), found, tmp_path)


def test_parquet_of_bad_rows_is_refused(tmp_path: Path, mnist: DataSets) -> None:
    """A row without picture or label, a damaged picture and a label of no class are named."""
    good = {"bytes": png(mnist.test.images[0])}
    for images, labels, sentence in [
        ([good, None], [1, 2], r"a\.parquet' lacks the image or the label of row 1"),
        ([good, {"bytes": None}], [1, 2], r"lacks the image or the label of row 1"),
        ([good, good], [1, None], r"lacks the image or the label of row 1"),
        ([good, {"bytes": b"no"}], [1, 2], r"image of row 1 of .*a\.parquet' is not a picture"),
        ([good, good], [1, -1], r"has train labels from -1 to 1; they must be from 0"),
        ([good, good], [1, 2**40], r"has train labels from 1 to 1099511627776; they must"),
        (
            [good, good],
            pa.array([1, 2**63], pa.uint64()),
            r"labels up to 9223372036854775808, which",
        ),
    ]:
        refused(pa.table({"image": images, "label": labels}), sentence, tmp_path)


def test_parquet_of_a_label_beyond_the_names_is_refused(tmp_path: Path, mnist: DataSets) -> None:
    """A label that the names do not reach is refused."""
    refused(table(mnist.test.take(slice(9)), NAMES[:3]), r"must be from 0 to 2", tmp_path)


def test_parquet_that_claims_too_much_is_refused(
    tmp_path: Path, mnist: DataSets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file larger than we read is refused by its own word."""
    monkeypatch.setattr("mnistry.data.parquet._MAX_BYTES", 1000)
    refused(
        table(mnist.test.take(slice(9))),
        r"has a row group of .* bytes; at most 1,000 are read",
        tmp_path,
    )


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pyarrow the sentence is the command that installs it."""
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"Reading Parquet needs pyarrow.*'pyarrow>="):
        read_parquet([tmp_path / "a.parquet"])


def test_parquet_missing_file_is_the_systems_word(tmp_path: Path) -> None:
    """A missing file is what Python says it is."""
    with pytest.raises(FileNotFoundError):
        read_parquet([tmp_path / "none.parquet"])


def test_parquet_with_names_that_are_no_text(tmp_path: Path) -> None:
    """Bytes of a column's name that are no UTF-8 give a DataError."""
    stream = io.BytesIO()
    grey = np.zeros((1, 28, 28), np.uint8)
    pq.write_table(table(DataSet(grey, np.zeros(1, int), ("a",)), NAMES), stream)
    path = tmp_path / "damaged.parquet"
    path.write_bytes(stream.getvalue().replace(b"label", b"\xf0abel"))
    with pytest.raises(DataError, match=r"damaged\.parquet' is damaged Parquet .*again\.$"):
        read_parquet([path])


@settings(max_examples=60)
@given(st.data())
def test_parquet_damage_gives_a_sentence_or_a_set(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A file cut short or with other bytes gives a DataError or a data set."""
    grey = np.zeros((28, 28), np.uint8)
    stream = io.BytesIO()
    pq.write_table(table(DataSet(grey[None], np.zeros(1, int), ("a",)), NAMES), stream)
    bad = bytearray(stream.getvalue())
    if data.draw(st.booleans()):
        bad = bad[: data.draw(st.integers(0, len(bad)))]
    else:
        bad[data.draw(st.integers(0, len(bad) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(bad)
    try:
        train, *_ = read_parquet([path])
    except DataError:
        return
    assert len(train.images) == len(train.labels)
