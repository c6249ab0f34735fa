"""Corrections over HTTP: added, listed, deleted and exported as files."""

from __future__ import annotations

import io
import logging
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data.corrections import Corrections, CorrectionsError
from mnistry.data.idx import write_idx
from mnistry.data.parquet import parquet_bytes
from mnistry.errors import InputError, printable
from mnistry.serving.errors import Refused
from mnistry.serving.pictures import image_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 500  # that are listed
_log = logging.getLogger("mnistry.serving")


@contextmanager
def _open_corrections() -> Iterator[Corrections]:
    """Open the corrections, and answer 503 if they can't be used.

    Raises
    ------
    Refused : 503. Only the log names the file.
    """
    try:
        yield Corrections()
    except CorrectionsError as error:
        _log.error("%s", error)
        raise Refused(
            503, "The corrections can't be read or written now; the server's log says why."
        ) from None


def add(correction: Mapping[str, Any]) -> dict[str, int]:
    """Keep a correction.

    Raises
    ------
    InputError : it is no picture, or a label is no digit.
    """
    model = correction.get("model")
    if not (model is None or isinstance(model, str)):
        raise InputError("`model` must be a model's name or null.")
    label: Any = correction.get("label")
    image = image_of(correction.get("image"), (28, 28))
    with _open_corrections() as corrections:
        return {"id": corrections.add(image, label, correction.get("answer"), model)}


def remove(number: str) -> None:
    """Forget a correction.

    Raises
    ------
    Refused : 404, there is none of that number.
    """
    known = number.isascii() and number.isdigit() and len(number) < 19
    with _open_corrections() as corrections:
        known = known and corrections.remove(int(number))
    if not known:
        raise Refused(404, f"There is no correction {number[:20]!r}.")


def listed() -> dict[str, Any]:
    """Return the newest corrections and how many there are."""
    with _open_corrections() as corrections:
        latest, count = corrections.latest(_MOST), len(corrections)
    return {
        "corrections": [
            {
                "id": one.id, "label": one.label, "answer": one.answer,
                "model": None if one.model is None else printable(one.model),
                "at": printable(one.at), "image": one.image.ravel().tolist(),
            }
            for one in latest
        ],
        "count": count,
    }  # fmt: skip


def as_parquet() -> bytes:
    """Give all corrections as a Parquet file in Hugging Face's form."""
    with _open_corrections() as corrections:
        return parquet_bytes(corrections.data())


def as_idx() -> bytes:
    """Give all corrections as a training set in IDX files, zipped."""
    with _open_corrections() as corrections:
        data = corrections.data()
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(out, "w") as archive:
        for name, array in (
            ("train-images-idx3-ubyte", data.images),
            ("train-labels-idx1-ubyte", data.labels.astype(np.uint8)),
        ):
            write_idx(Path(folder, name), array)
            archive.write(Path(folder, name), name, zipfile.ZIP_DEFLATED)
    return out.getvalue()
