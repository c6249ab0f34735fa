"""Hugging Face's formats: Parquet files, and the folders of Arrow files that `save_to_disk` writes.

A row holds an encoded image and its label; tables with a column for each pixel are read too.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnistry.data.arrays import encode_labels, full_scale, scale_floats
from mnistry.data.dataset import DataSet, Splits
from mnistry.data.mapped import pile
from mnistry.data.pixel_tables import LABEL_COLUMNS, Columns, columns_of
from mnistry.data.roles import SPLITS, Split, role_of, split_of_folder
from mnistry.errors import DataError, InputError, MissingExtra

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_MAX_BYTES = 2 * 2**30  # of a row group
_AT_ONCE = 256  # rows decoded at a time
_IMAGE_COLUMNS = ("image", "img", "images", "picture")

Paths = Mapping[Split, Sequence[Path]]


def find_parquet(folder: str | os.PathLike[str]) -> dict[Split, list[Path]]:
    """Find the Parquet files of each split, in a folder or in its folder `data`.

    The split is a word in the file's name (`train-00000-of-00001.parquet`), or the name of the
    folder that the file is in (`train/0000.parquet`), as Hugging Face converts them.

    Returns
    -------
    paths : the files of each split, in the order of their names; empty where there is no Parquet.

    Raises
    ------
    DataError : there is Parquet, but none of it is for training.
    OSError : the folder is missing or unreadable.
    """
    for place in (Path(folder), Path(folder) / "data"):
        files = [path for path in sorted(place.glob("*.parquet")) if path.is_file()]
        paths: dict[Split, list[Path]] = {}
        for path in files:
            if split := role_of(path.stem).split:
                paths.setdefault(split, []).append(path)
        if not files and place.is_dir():
            for inner in sorted(place.iterdir()):
                if (split := split_of_folder(inner.name)) and inner.is_dir():
                    inside = [path for path in sorted(inner.glob("*.parquet")) if path.is_file()]
                    files += inside
                    if inside:
                        paths.setdefault(split, []).extend(inside)
        if "train" in paths:
            return paths
        if files:
            raise DataError(
                f"{str(place)!r} holds {files[0].name}, but no file called `train….parquet`; "
                "give that name to the training images, or give one file as the data."
            )
    return {}


def find_arrow(folder: str | os.PathLike[str]) -> dict[Split, list[Path]]:
    """Find the Arrow files of each split in a folder that Hugging Face's `save_to_disk` wrote.

    A folder of one split is for training; where it holds several, each is a folder of its own.

    Raises
    ------
    DataError : none of the splits is for training.
    OSError : the folder is missing or unreadable.
    """
    top = Path(folder)
    if (top / "state.json").is_file():
        return {"train": sorted(top.glob("*.arrow"))} if any(top.glob("*.arrow")) else {}
    if not (top / "dataset_dict.json").is_file():
        return {}
    paths: dict[Split, list[Path]] = {}
    for inner in sorted(top.iterdir()):
        if (split := split_of_folder(inner.name)) and (inside := sorted(inner.glob("*.arrow"))):
            paths[split] = inside
    if "train" not in paths:
        raise DataError(
            f"{str(folder)!r} was written by `save_to_disk`, but holds no split `train`; give the "
            "folder of the one to train on."
        )
    return paths


def read_parquet(
    train: Sequence[str | os.PathLike[str]],
    validation: Sequence[str | os.PathLike[str]] = (),
    test: Sequence[str | os.PathLike[str]] = (),
) -> Splits:
    """Read Parquet or Arrow files, those of each split in order.

    The image is a column called `image` or `img`, or the only one that holds bytes or structs
    with `bytes`; without one, the pixels are columns of numbers. The label is a column called
    `label`, `class`, `target` or the like, or the only other one: numbers, strings or dictionary.
    The classes' names are those that Hugging Face's metadata gives the labels, or else the labels.

    Raises
    ------
    DataError : a file is damaged, lacks a column, or an image can't be read.
    MissingExtra : pyarrow is not installed.
    OSError : a file is missing or unreadable.
    """
    names: list[str] = []
    images: dict[Split, NDArray[np.uint8]] = {}
    labels: dict[Split, NDArray[Any]] = {}
    for split, paths in zip(SPLITS, (train, validation, test), strict=True):
        if paths:
            images[split], labels[split] = _read_split(paths, names)
    name = repr(os.fspath(train[0]))
    try:
        numbers, classes = encode_labels(labels, name)
        sets = {s: DataSet(images[s], numbers[s], tuple(names) or classes) for s in images}
    except DataError:
        raise
    except InputError as error:
        raise DataError(f"{name} can't be a data set: {error}") from None
    return Splits(sets["train"], sets.get("validation"), sets.get("test"))


def parquet_bytes(data: DataSet) -> bytes:
    """Return a data set as one Parquet file with the columns `image` (PNG) and `label`.

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


class _Schema(NamedTuple):
    """Which columns of a table hold what.

    `image` is the column of encoded images, `inner` whether it is a struct with `bytes`; else
    `pixels` says which columns are pixels. `label` is the label's column.
    """

    label: str
    image: str | None
    inner: bool
    pixels: Columns | None


def _read_split(
    paths: Sequence[str | os.PathLike[str]], names: list[str]
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Read the images and the labels, as they are written, of a split's files."""
    labels: list[Any] = []
    schema = _schema_of(paths[0])
    if schema.pixels is not None:
        images = _pixel_images(paths, schema.pixels, labels, names)
    else:
        from mnistry.data.gallery import to_images

        images = to_images(p for path in paths for p in _pictures(path, labels, names))
    if labels and all(isinstance(label, int) for label in labels):
        try:
            return images, np.array(labels, np.int64)
        except OverflowError:
            raise DataError(
                f"{os.fspath(paths[0])!r} holds labels up to {max(labels)}, which can't be classes."
            ) from None
    return images, np.array([str(label) for label in labels])


def _pictures(path: str | os.PathLike[str], labels: list[Any], names: list[str]) -> Iterator[Image]:
    """Decode the images of a file, noting each one's label and the classes' names."""
    from mnistry.pictures.decode import decode

    name = repr(os.fspath(path))
    for schema, batch in _batches(path, names):
        if schema.image is None:
            raise DataError(f"{name} has pixel columns, unlike the files before it.")
        column = batch[schema.image].to_pylist()
        for value, label in zip(column, batch[schema.label].to_pylist(), strict=True):
            row = len(labels)
            data = (value or {}).get("bytes") if schema.inner else value
            if data is None or label is None:
                raise DataError(f"{name} lacks the image or the label of row {row}.")
            labels.append(label)
            yield decode(data, f"The image of row {row} of {name}")


def _pixel_images(
    paths: Sequence[str | os.PathLike[str]],
    columns: Columns,
    labels: list[Any],
    names: list[str],
) -> NDArray[np.uint8]:
    """Read the images of tables with a column for each pixel, (n, h, w), noting their labels."""

    def blocks() -> Iterator[NDArray[np.uint8]]:
        scale = None
        for path in paths:
            name = repr(os.fspath(path))
            for schema, batch in _batches(path, names):
                if schema.pixels != columns:
                    raise DataError(f"{name} has other columns than the files before it.")
                pixels = [batch.column(columns.names[i]) for i in columns.pixels]
                values = batch.column(schema.label).to_pylist()
                if None in values or any(column.null_count for column in pixels):
                    raise DataError(f"{name} lacks a pixel or a label after row {len(labels)}.")
                labels.extend(values)
                numbers = np.stack([column.to_numpy(zero_copy_only=False) for column in pixels], 1)
                if scale is None:
                    scale = full_scale(numbers)
                yield scale_floats(numbers, scale, name).reshape(-1, *columns.shape)

    return pile(blocks(), columns.shape)


def _schema_of(path: str | os.PathLike[str]) -> _Schema:
    """Read a file's schema alone."""
    for schema, _ in _batches(path, [], rows=False):
        return schema
    raise DataError(f"{os.fspath(path)!r} holds no schema; get it again.")


def _batches(
    path: str | os.PathLike[str], names: list[str], *, rows: bool = True
) -> Iterator[tuple[_Schema, Any]]:
    """Iterate over a file's record batches, noting the classes' names.

    Parameters
    ----------
    rows : False to yield the schema once, without any rows.
    """
    try:
        import pyarrow as pa
        import pyarrow.ipc as ipc
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("Reading Parquet", "pyarrow", "parquet") from None

    name = repr(os.fspath(path))
    with open(path, "rb") as stream:
        try:
            parquet = os.fspath(path).endswith(".parquet") or stream.read(4) == b"PAR1"
            stream.seek(0)
            if parquet:
                file = pq.ParquetFile(stream)
                groups = range(file.num_row_groups)
                claim = max((file.metadata.row_group(i).total_byte_size for i in groups), default=0)
                if claim > _MAX_BYTES:
                    raise DataError(
                        f"{name} has a row group of {claim:,} bytes; at most {_MAX_BYTES:,} are "
                        "read. Write it with smaller ones."
                    )
                arrow = file.schema_arrow
            else:
                file = ipc.open_stream(stream)
                arrow = file.schema
            schema = _checked(arrow, name)
            names[:] = names or _class_names(arrow.metadata, schema.label)
            if not rows:
                yield schema, None
                return
            wanted = [schema.label]
            if schema.image is not None:
                wanted.append(f"{schema.image}.bytes" if schema.inner else schema.image)
            elif schema.pixels is not None:
                wanted += [schema.pixels.names[i] for i in schema.pixels.pixels]
            if parquet:
                for batch in file.iter_batches(_AT_ONCE, columns=wanted):
                    yield schema, batch
            else:
                for batch in file:
                    for start in range(0, batch.num_rows, _AT_ONCE):
                        yield schema, batch.slice(start, _AT_ONCE)
        except (pa.ArrowException, OSError, UnicodeError) as error:  # the last of names
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            kind = "Parquet" if parquet else "Arrow"
            raise DataError(f"{name} is damaged {kind} ({reason:.200}); get it again.") from None


def _checked(schema: Any, name: str) -> _Schema:
    """Find the columns that hold images and labels."""
    import pyarrow as pa

    def is_binary(kind: Any) -> bool:
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    columns = {field.name: field.type for field in schema}
    images: dict[str, bool] = {}
    for key, kind in columns.items():
        if pa.types.is_struct(kind):
            inner = kind.get_field_index("bytes")
            if inner >= 0 and is_binary(kind.field(inner).type):
                images[key] = True
        elif is_binary(kind):
            images[key] = False
    image = next((key for key in _IMAGE_COLUMNS if key in images), None)
    if image is None and len(images) == 1:
        image = next(iter(images))
    others = [key for key in columns if key != image and _can_be_label(columns[key])]
    label = next((key for key in others if key.lower() in LABEL_COLUMNS), None)
    if label is None and image is not None and len(others) == 1:
        label = others[0]
    if image is not None and label is not None:
        return _Schema(label, image, images[image], None)
    numbers = [
        key
        for key, kind in columns.items()
        if key == label or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    ]
    pixels = columns_of(numbers)
    if label is not None and pixels is not None and pixels.label is not None:
        return _Schema(label, None, False, pixels)
    listed = ", ".join(f"{key}: {kind}" for key, kind in columns.items()) or "no columns"
    raise DataError(
        f"{name} should have the columns `image`, a struct with binary `bytes` or binary, and "
        f"`label`, an integer or a string; or a column for each pixel and `label`; it has "
        f"{listed:.200}."
    )


def _can_be_label(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    )


def _class_names(metadata: dict[bytes, bytes] | None, label: str) -> list[str]:
    """Return the classes' names in Hugging Face's metadata; empty without them."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        names = features[label]["names"]
    except (KeyError, TypeError, ValueError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
