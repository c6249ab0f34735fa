"""Readings as rows of Parquet: what `mnistry read --json` prints, typed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mnistry.errors import InputError
from mnistry.reader.many import Named


def schema() -> Any:
    """Give the schema of a job's output.

    `picture` is the name. `text`, `probability`, `outcome`, `fits`, `accepted`, `alternatives` and
    `digits` are as `Reading.to_dict` has them, null where the image could not be read; `error` says
    why, and is null where it could.
    """
    import pyarrow as pa

    mark = pa.struct(
        [
            ("digit", pa.int8()),
            ("probabilities", pa.list_(pa.float64(), 10)),
            ("set", pa.list_(pa.int8())),
            ("outcome", pa.string()),
            ("typicality", pa.float64()),
            ("box", pa.list_(pa.int32(), 4)),
        ]
    )
    alternative = pa.struct([("text", pa.string()), ("probability", pa.float64())])
    return pa.schema(
        [
            pa.field("picture", pa.string(), nullable=False),
            ("text", pa.string()),
            ("probability", pa.float64()),
            ("outcome", pa.string()),
            ("fits", pa.bool_()),
            ("accepted", pa.bool_()),
            ("alternatives", pa.list_(alternative)),
            ("digits", pa.list_(mark)),
            ("error", pa.string()),
        ]
    )


def rows(found: Iterable[Named]) -> Any:
    """Give readings and errors as a PyArrow table of that schema."""
    import pyarrow as pa

    told = [
        {"picture": _text(name), "error": _text(str(one))}
        if isinstance(one, InputError)
        else {"picture": _text(name), **one.to_dict()}
        for name, one in found
    ]
    return pa.Table.from_pylist(told, schema())


def _text(name: str) -> str:
    """Give a name as UTF-8 can have it: a file system's may be any bytes."""
    return name.encode("utf-8", "backslashreplace").decode()
