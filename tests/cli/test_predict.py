"""``mnistry predict``: classification of images without labels."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mnistry.cli import main
from mnistry.data.dataset import DataSets
from mnistry.models.file import save_model, shipped_model
from mnistry.models.softmax import SoftmaxRegression

Output = pytest.CaptureFixture[str]


@pytest.fixture
def kaggle(tmp_path: Path, mnist: DataSets) -> Path:
    """A CSV file of 12 images without labels, as Kaggle's test.csv."""
    path = tmp_path / "test.csv"
    flat = mnist.test.images[:12].reshape(12, -1)
    header = ",".join(f"pixel{i}" for i in range(784))
    np.savetxt(path, flat, "%d", ",", header=header, comments="")
    return path


def test_predict_prints_an_answer_for_each_image(
    kaggle: Path, mnist: DataSets, capsys: Output
) -> None:
    """Each image has a row, numbered from 1, with the model's prediction and its probability."""
    assert main(["predict", str(kaggle)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    header, *rows = csv.reader(said.out.splitlines())
    assert header == ["ImageId", "Label", "Probability"]
    p = shipped_model("convnet").predict_proba(mnist.test.images[:12])
    assert [row[0] for row in rows] == [str(i) for i in range(1, 13)]
    assert [row[1] for row in rows] == [str(i) for i in p.argmax(axis=1)]
    assert np.allclose([float(row[2]) for row in rows], p.max(axis=1), atol=1e-6)


def test_predict_writes_a_submission(kaggle: Path, tmp_path: Path, capsys: Output) -> None:
    """The file for Kaggle has two columns, and a line on standard output names it."""
    out = tmp_path / "answers.csv"
    assert main(["predict", str(kaggle), "--submission", "--out", str(out)]) == 0
    assert "predictions of convnet (in the package) for 12 images" in capsys.readouterr().out
    lines = out.read_text().splitlines()
    assert lines[0] == "ImageId,Label"
    assert len(lines) == 13
    assert lines[1] == "1,7"


def test_predict_as_json(kaggle: Path, capsys: Output) -> None:
    """JSON has the same answers."""
    assert main(["predict", str(kaggle), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["images"] == len(result["answers"]) == 12
    assert result["answers"][0]["label"] == "7"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.csv"], "'nowhere.csv' is no file; give a file of images"),
        (["x", "--out", "a.txt"], "`--out` must end in .csv; got 'a.txt'."),
        (["x", "--out", "no/a.csv"], "The folder of `--out`, no, does not exist"),
    ],
)
def test_predict_refuses_with_a_sentence(
    arguments: list[str], sentence: str, capsys: Output
) -> None:
    """Exit code 2 and one sentence."""
    assert main(["predict", *arguments]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_predict_escapes_the_names_of_classes(tmp_path: Path, capsys: Output) -> None:
    """A model file may name its classes so that a terminal would obey."""
    images = np.repeat(np.array([[0], [255]], np.uint8), 16, axis=1).reshape(2, 4, 4)
    model = SoftmaxRegression(steps=5).fit(images, [0, 1], classes=["\x1b[2J", "\u202eb"])
    save_model(model, tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", images)
    assert main(["predict", str(tmp_path / "x.npy"), "--model", str(tmp_path / "m.onnx")]) == 0
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable()
    assert r"\x1b[2J" in out or r"\u202eb" in out
