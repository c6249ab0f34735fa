"""Parquet in Hugging Face's form: a column `image` of encoded pictures, a column `label`."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data.dataset import DataSet, name_classes
from mnistry.data.gallery import to_images
from mnistry.errors import DataError, InputError, MissingExtra
from mnistry.pictures.decode import decode

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_BYTES = 2 * 2**30  # of a row group
_AT_ONCE = 256  # rows decoded from Parquet at a time


def find_parquet(folder: str | os.PathLike[str]) -> dict[str, list[Path]]:
    """Find the files `train*.parquet` and `test*.parquet` in a folder or its folder `data`.

    Returns
    -------
    paths : the files of `train` and of `test`, in the order of their names; empty where the
        folder holds no Parquet.

    Raises
    ------
    DataError : there is Parquet, but none of it is called `train…`.
    OSError : the folder is missing or unreadable.
    """
    for place in (Path(folder), Path(folder) / "data"):
        files = sorted(place.glob("*.parquet"))
        paths = {
            part: [path for path in files if path.name.startswith(part)]
            for part in ("train", "test")
        }
        if paths["train"]:
            return paths
        if files:
            raise DataError(
                f"{str(place)!r} holds {files[0].name}, but no file called `train….parquet`; "
                "give that name to the training pictures, or give one file as the data."
            )
    return {}


def read_parquet(
    train: Sequence[str | os.PathLike[str]], test: Sequence[str | os.PathLike[str]] = ()
) -> tuple[DataSet, DataSet | None]:
    """Read Parquet files in Hugging Face's form: (train, test), the files in order.

    The classes' names are those that Hugging Face's metadata gives the labels, or else the
    numbers from 0 to the largest label.

    Raises
    ------
    DataError : a file is damaged, lacks a column, or a picture can't be read.
    MissingExtra : pyarrow is not installed.
    OSError : a file is missing or unreadable.
    """
    names: list[str] = []
    parts = []
    for paths in (train, test):
        labels: list[int] = []
        images = to_images(p for path in paths for p in _pictures(path, labels, names))
        parts.append((images, labels))
    try:
        numbers = [np.array(labels, np.int64) for _, labels in parts]
        classes = tuple(names) or name_classes(*numbers)
        sets = [
            DataSet(images, labels, classes)
            for (images, _), labels in zip(parts, numbers, strict=True)
        ]
    except (InputError, OverflowError) as error:
        raise DataError(f"{os.fspath(train[0])!r} can't be a data set: {error}") from None
    return sets[0], sets[1] if test else None


def parquet_bytes(data: DataSet) -> bytes:
    """Give a data set as one Parquet file in that form, its pictures as PNG.

    Raises
    ------
    MissingExtra : pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("Writing Parquet", "pyarrow", "parquet") from None
    from PIL import Image

    rows = []
    for picture in data.images:
        png = io.BytesIO()
        Image.fromarray(255 - picture).save(png, "PNG")  # on paper, as anyone would look at it
        rows.append({"bytes": png.getvalue(), "path": None})
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features = {
        "image": {"_type": "Image"},
        "label": {"_type": "ClassLabel", "names": list(data.classes)},
    }
    table = pa.table(
        {"image": pa.array(rows, kind), "label": pa.array(data.labels.tolist(), pa.int64())}
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _pictures(path: str | os.PathLike[str], labels: list[int], names: list[str]) -> Iterator[Image]:
    """Decode the pictures of a file, noting each one's label and the classes' names."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("Reading Parquet", "pyarrow", "parquet") from None

    name = repr(os.fspath(path))
    with open(path, "rb") as stream:
        try:
            file = pq.ParquetFile(stream)
            groups = range(file.num_row_groups)
            claim = max((file.metadata.row_group(i).total_byte_size for i in groups), default=0)
            if claim > _MAX_BYTES:
                raise DataError(
                    f"{name} has a row group of {claim:,} bytes; at most {_MAX_BYTES:,} are read. "
                    "Write it with smaller ones."
                )
            schema = file.schema_arrow
            _check(schema, name)
            names[:] = names or _class_names(schema.metadata)
            for batch in file.iter_batches(_AT_ONCE, columns=["image.bytes", "label"]):
                rows = zip(batch["image"].to_pylist(), batch["label"].to_pylist(), strict=True)
                for image, label in rows:
                    row = len(labels)
                    data = (image or {}).get("bytes")
                    if data is None or label is None:
                        raise DataError(f"{name} lacks the picture or the label of row {row}.")
                    labels.append(label)
                    yield decode(data, f"The picture of row {row} of {name}")
        except (pa.ArrowException, OSError, UnicodeError) as error:  # the last of names
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(f"{name} is damaged Parquet ({reason:.200}); get it again.") from None


def _check(schema: Any, name: str) -> None:
    """Check that the columns `image` and `label` are there and what they are."""
    import pyarrow as pa

    columns = {field.name: field.type for field in schema}
    image, label = columns.get("image"), columns.get("label")
    if image is not None and label is not None and pa.types.is_integer(label):
        inner = {field.name: field.type for field in image} if pa.types.is_struct(image) else {}
        data = inner.get("bytes")
        if data is not None and (pa.types.is_binary(data) or pa.types.is_large_binary(data)):
            return
    found = ", ".join(f"{key}: {kind}" for key, kind in columns.items()) or "no columns"
    raise DataError(
        f"{name} should have the columns `image`, a struct with binary `bytes`, and `label`, an "
        f"integer; it has {found:.200}."
    )


def _class_names(metadata: dict[bytes, bytes] | None) -> list[str]:
    """Give the label's names in Hugging Face's metadata; none where there are none."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        names = features["label"]["names"]
    except (KeyError, TypeError, ValueError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
