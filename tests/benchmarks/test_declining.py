"""The benchmark of trust: strange pictures are pictures, and a smoke run answers every question."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistry.data.dataset import DataSets
from trust import strange

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "trust.py"


def test_strange_pictures_are_of_eight_kinds(mnist: DataSets) -> None:
    """uint8 pictures of a digit's size, as many of each kind, the same every time."""
    once, again = (strange(mnist.test.images, 12) for _ in range(2))
    assert len(once) == 8
    for name, images in once.items():
        assert images.shape == (12, 28, 28)
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, again[name])
        assert len({image.tobytes() for image in images}) == 12


@pytest.fixture
def pictures(mnist: DataSets, tmp_path: Path) -> Path:
    """A folder of handwriting as the benchmark takes it: six digits, and three other things."""
    folder = tmp_path / "pictures" / "own"
    folder.mkdir(parents=True)
    lines = ["file\ttext"]
    for i in range(6):
        Image.fromarray(255 - mnist.validation.images[i]).resize((112, 112)).save(
            folder / f"{i}.png"
        )
        lines.append(f"{i}.png\t{mnist.validation.labels[i]}")
    (folder / "labels.tsv").write_text("\n".join(lines))
    other = tmp_path / "pictures" / "not_digits"
    other.mkdir()
    for i, image in enumerate(strange(mnist.test.images, 3)["scribbles"]):
        Image.fromarray(255 - image).resize((112, 112)).save(other / f"{i}.png")
    return tmp_path / "pictures"


@pytest.mark.slow
def test_smoke_run_answers_every_question(pictures: Path) -> None:
    """Both models on MNIST, on other things and on corruptions; strangers' digits by the reader."""
    done = subprocess.run(
        [sys.executable, SCRIPT, "--smoke", "--pictures", pictures],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["smoke"]
    assert set(found["models"]) == {"convnet", "softmax"}
    for model in found["models"].values():
        assert set(model["mnist"]["coverage"]) == {"0.1", "0.05", "0.01", "0.005"}
        assert {"scribbles", "uniform noise", "other alphabets"} <= set(model["others"])
        assert all(0 <= row["auroc"] <= 1 for row in model["others"].values())
        assert len(model["corrupted"]) == 15
    assert found["strangers"]["own"]["pictures"] >= 4
    assert {"ece", "ece_floor", "coverage", "refused"} <= set(found["strangers"]["all"])
