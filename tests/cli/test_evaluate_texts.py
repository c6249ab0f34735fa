"""``mnistry evaluate --images``: reading scored on labelled images of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mnistry.cli import main
from mnistry.data.dataset import DataSets


@pytest.fixture
def fields(mnist: DataSets, tmp_path: Path) -> Path:
    """Images of ten test digits, the first of which is labelled wrongly, and a document."""
    rows = ["file,text"]
    data = mnist.test.take(slice(10, 20))
    for i, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
        Image.fromarray(255 - cv2.resize(image, (56, 56))).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{label if i else 3}")
    pages = [Image.open(tmp_path / "1.png"), Image.open(tmp_path / "2.png")]
    pages[0].save(tmp_path / "document.tif", save_all=True, append_images=pages[1:])
    rows.append(f"document.tif,no. {data.labels[1]}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    return tmp_path


def test_exact_match_and_straight_through_are_reported(
    fields: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten of eleven are right; the surest mistake is named; JSON has the same numbers."""
    assert main(["evaluate", "--images", str(fields)]) == 0
    out = capsys.readouterr().out
    assert "11 labelled images" in out
    assert "exact match  90.91%" in out
    assert "0.png  3      0" in out
    assert all(len(line) <= 80 for line in out.splitlines()[1:])
    assert main(["evaluate", "--images", str(fields), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["count"], printed["right"]) == (11, 10)
    assert [one["risk"] for one in printed["accepted"]] == [0.001, 0.005, 0.01, 0.02]
    [mistake] = printed["mistakes"]
    assert (mistake["image"], mistake["label"], mistake["text"]) == ("0.png", "3", "0")


def test_labels_may_lie_elsewhere(
    fields: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """--labels names the file; an image that can't be read counts as wrong, with exit code 2."""
    labels = tmp_path_factory.mktemp("labels") / "some.csv"
    (fields / "5.png").write_bytes(b"no image")
    labels.write_text("file,text\n4.png,1\n5.png,5\n")
    assert main(["evaluate", "--images", str(fields), "--labels", str(labels), "--json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["right"] == 1
    assert "5.png" in said.err


def test_what_is_missing_gets_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is none, images without labels, a list of others, --labels by itself."""
    np.savetxt(tmp_path / "a.txt", [1])
    for arguments, sentence in (
        (["--images", str(tmp_path / "none")], "is not a folder of images"),
        (["--images", str(tmp_path)], "lists no images below"),
        (["--labels", "a.csv"], "`--labels` goes with `--images FOLDER`"),
    ):
        assert main(["evaluate", *arguments]) == 2
        assert sentence in capsys.readouterr().err
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "l.csv").write_text("file,text\na.png,1\nb.png,2\n")
    assert main(["evaluate", "--images", str(tmp_path)]) == 2
    assert "lists 'b.png' in row 2" in capsys.readouterr().err
