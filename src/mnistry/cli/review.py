"""Readings as a CSV file, and a page on which a person checks the doubtful ones."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.atomic import replacing
from mnistry.reading import Outcome

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from mnistry.reading import Reading

COLUMNS = ("picture", "text", "probability", "outcome", "accepted", "error")
_TEMPLATE = Path(__file__).with_name("review.html")
_MOST_IMAGES = 2000  # on a page, which a browser holds in memory
_WIDEST, _HIGHEST = 720, 480  # px of an image on the page
_MOST_ALTERNATIVES = 5  # one for each of the keys 1 to 5


class Review:
    """Collect readings, and write them for people and spreadsheets.

    Parameters
    ----------
    images : keep the images of readings to check, for `write_page`.
    """

    def __init__(self, *, images: bool = True) -> None:
        self._images = images
        self._rows: list[dict[str, Any]] = []
        self._doubtful: list[dict[str, Any]] = []
        self._to_check = self._unreadable = 0

    def add(self, name: str, reading: Reading) -> None:
        """Add a reading.

        It is to be checked unless it was accepted at the reader's risk. Without a risk, it is to be
        checked unless its outcome is *digit* and it fits the field.
        """
        sure = reading.outcome is Outcome.DIGIT and reading.fits is not False
        self._rows.append(
            {
                "picture": _harmless(name), "text": reading.text,
                "probability": round(reading.probability, 6), "outcome": str(reading.outcome),
                "accepted": "" if reading.accepted is None else str(reading.accepted).lower(),
                "error": "",
            }
        )  # fmt: skip
        if sure if reading.accepted is None else reading.accepted:
            return
        self._to_check += 1
        if not self._images or len(self._doubtful) == _MOST_IMAGES:
            return
        assert reading.inked is not None  # noqa: S101 - `--review` reads in this process
        self._doubtful.append(
            {
                "row": len(self._rows) - 1,
                "image": _data_url(reading.inked.grey),
                "alternatives": [
                    {"text": text, "probability": round(p, 4)}
                    for text, p in reading.alternatives[:_MOST_ALTERNATIVES]
                ],
            }
        )

    def add_error(self, name: str, error: str) -> None:
        """Add an image that could not be read."""
        self._unreadable += 1
        empty = dict.fromkeys(COLUMNS, "")
        self._rows.append(empty | {"picture": _harmless(name), "error": _harmless(error)})

    def summary(self) -> str:
        """Return how many readings are to be checked, in words."""
        parts = [f"{self._to_check:,} of {len(self._rows):,} readings to check"]
        if self._to_check > len(self._doubtful):
            parts.append(f"the page shows the first {len(self._doubtful):,}")
        if self._unreadable:
            parts.append(f"{self._unreadable:,} could not be read")
        return "; ".join(parts)

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a row for each image: picture, text, probability, outcome, accepted, error."""
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(self._rows)
        with replacing(path) as file:
            file.write(out.getvalue().encode("utf-8", "backslashreplace"))

    def write_page(self, path: str | os.PathLike[str]) -> None:
        """Write a self-contained HTML page of the doubtful readings."""
        data = {
            "columns": COLUMNS, "rows": self._rows, "doubtful": self._doubtful,
            "summary": self.summary(),
        }  # fmt: skip
        # Within a script element, "<" could end it or begin a comment.
        text = json.dumps(data).replace("<", "\\u003c")
        page = _TEMPLATE.read_text("utf-8").replace("/*DATA*/", text)
        with replacing(path) as file:
            file.write(page.encode("utf-8", "backslashreplace"))


def _harmless(text: str) -> str:
    """Return a text that spreadsheets do not take for a formula.

    Names in an archive may come from anyone.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _data_url(grey: NDArray[np.floating[Any]]) -> str:
    """Return a grey image in [0, 1] as a PNG data URL, no larger than a page shows it."""
    from PIL import Image

    image = Image.fromarray((255 * np.clip(grey, 0, 1)).round().astype(np.uint8))
    image.thumbnail((_WIDEST, _HIGHEST))
    out = io.BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
