"""The CSV file of readings, and the page on which a person checks the doubtful ones."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from mnistry.cli import review as module
from mnistry.cli.review import COLUMNS, Review
from mnistry.data.dataset import DataSets
from mnistry.reader import Reader
from mnistry.reading import Reading


@pytest.fixture(scope="module")
def readings(mnist: DataSets) -> list[Reading]:
    """Readings of two digits and of an empty image; all but the second are accepted or blank."""
    images = [255 - cv2.resize(image, (84, 84)) for image in mnist.test.images[:2]]
    sure, _, blank = Reader(risk=0.5).read_batch([*images, np.full((60, 60), 255, np.uint8)])
    assert sure.accepted
    assert blank.accepted is False
    return [sure, Reader(risk=1e-9).read(images[1]), blank]


def data_of(path: Path) -> dict[str, object]:
    """Return the data in a page's script element."""
    page = path.read_text("utf-8")
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_csv_has_a_row_for_each_image(readings: list[Reading], tmp_path: Path) -> None:
    """Names with commas, quotes and line breaks, and errors, are kept."""
    review = Review()
    names = ['a,"b".png', "two\nlines.png", "blank.png"]
    for name, reading in zip(names, readings, strict=True):
        review.add(name, reading)
    review.add_error("none.png", "It is no picture.")
    review.write_csv(tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert reader.fieldnames == list(COLUMNS)
    assert [row["picture"] for row in rows] == [*names, "none.png"]
    assert [row["text"] for row in rows] == [readings[0].text, readings[1].text, "", ""]
    assert [row["accepted"] for row in rows] == ["true", "false", "false", ""]
    assert rows[3]["error"] == "It is no picture."
    assert float(rows[0]["probability"]) == round(readings[0].probability, 6)


def test_page_holds_what_is_doubtful(readings: list[Reading], tmp_path: Path) -> None:
    """No name ends the script element; what is accepted has no image on the page."""
    review = Review()
    for name, reading in zip(["one", "</script><!--", "three"], readings, strict=True):
        review.add(name, reading)
    review.write_page(tmp_path / "page.html")
    data = data_of(tmp_path / "page.html")
    rows, doubtful = data["rows"], data["doubtful"]
    assert isinstance(rows, list)
    assert isinstance(doubtful, list)
    assert [row["picture"] for row in rows] == ["one", "</script><!--", "three"]
    assert [one["row"] for one in doubtful] == [1, 2]
    assert doubtful[0]["image"].startswith("data:image/png;base64,")
    assert doubtful[0]["alternatives"][0]["text"] == readings[1].text
    assert data["summary"] == "2 of 3 readings to check"


def test_page_is_bounded(
    readings: list[Reading], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound, readings are in the CSV file alone, and the page says so."""
    monkeypatch.setattr(module, "_MOST_IMAGES", 1)
    review = Review()
    for i in range(3):
        review.add(f"{i}.png", readings[1])
    assert review.summary() == "3 of 3 readings to check; the page shows the first 1"
    review.write_page(tmp_path / "page.html")
    data = data_of(tmp_path / "page.html")
    assert isinstance(data["rows"], list)
    assert len(data["rows"]) == 3


def test_without_a_risk_what_is_not_sure_is_doubtful(tmp_path: Path) -> None:
    """A blank image has no text to accept."""
    review = Review()
    review.add("blank", Reader().read(np.full((60, 60), 255, np.uint8)))
    assert review.summary() == "1 of 1 readings to check"
    review.write_page(tmp_path / "page.html")
    rows = data_of(tmp_path / "page.html")["rows"]
    assert isinstance(rows, list)
    assert rows[0]["accepted"] == ""


def test_names_are_no_formulas(readings: list[Reading], tmp_path: Path) -> None:
    """A spreadsheet would run what begins with a sign; images that can't be read are counted."""
    review = Review(images=False)
    review.add("=cmd|'/c calc'!A0.png", readings[0])
    review.add_error("@sum.png", "-1 is no image.")
    review.write_csv(tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["'=cmd|'/c calc'!A0.png", "'@sum.png"]
    assert rows[1]["error"] == "'-1 is no image."
    assert review.summary() == "0 of 2 readings to check; 1 could not be read"
