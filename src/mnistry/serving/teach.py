"""Corrections over HTTP: told, listed, forgotten, taken away as files."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data.corrections import Corrections
from mnistry.data.idx import write_idx
from mnistry.data.parquet import parquet_bytes
from mnistry.errors import InputError
from mnistry.serving.errors import Refused
from mnistry.serving.pictures import image_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 500  # that are listed


def add(told: Mapping[str, Any]) -> dict[str, int]:
    """Keep a correction.

    Raises
    ------
    InputError : it is no picture, or a label is no digit.
    """
    model = told.get("model")
    if not (model is None or isinstance(model, str)):
        raise InputError("`model` must be a model's name or null.")
    label: Any = told.get("label")
    image = image_of(told.get("image"), (28, 28))
    return {"id": Corrections().add(image, label, told.get("answer"), model)}


def remove(number: str) -> None:
    """Forget a correction.

    Raises
    ------
    Refused : 404, there is none of that number.
    """
    known = number.isascii() and number.isdigit() and len(number) < 19
    if not known or not Corrections().remove(int(number)):
        raise Refused(404, f"There is no correction {number[:20]!r}.")


def listed() -> dict[str, Any]:
    """Tell of the newest corrections."""
    kept = Corrections()
    return {
        "corrections": [
            {
                "id": one.id, "label": one.label, "answer": one.answer, "model": one.model,
                "at": one.at, "image": one.image.ravel().tolist(),
            }
            for one in kept.latest(_MOST)
        ],
        "count": len(kept),
    }  # fmt: skip


def as_parquet() -> bytes:
    """Give all corrections as a Parquet file in Hugging Face's form."""
    return parquet_bytes(Corrections().data())


def as_idx() -> bytes:
    """Give all corrections as a training set in IDX files, zipped."""
    data = Corrections().data()
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(out, "w") as archive:
        for name, array in (
            ("train-images-idx3-ubyte", data.images),
            ("train-labels-idx1-ubyte", data.labels.astype(np.uint8)),
        ):
            write_idx(Path(folder, name), array)
            archive.write(Path(folder, name), name, zipfile.ZIP_DEFLATED)
    return out.getvalue()
