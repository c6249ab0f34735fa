"""The distortions are pictures, seeded, and no recipe of ours knows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistry.data.dataset import DataSets
from robustness import KINDS, distorted

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "robustness.py"


@pytest.mark.parametrize("kind", KINDS)
def test_distortions_are_pictures(kind: str, mnist: DataSets) -> None:
    """Each gives uint8 pictures, the same for the same seed, others than it got."""
    images = mnist.validation.images[:50]
    once = distorted(images, kind)
    assert once.dtype == np.uint8
    assert once.shape == images.shape
    np.testing.assert_array_equal(once, distorted(images, kind))
    assert (once == images).all() == (kind == "as it is")
    assert once.any(axis=(1, 2)).all()


@pytest.mark.slow
def test_smoke_run_prints_each_kind() -> None:
    """A line a kind, nothing written."""
    done = subprocess.run(
        [sys.executable, SCRIPT, "--smoke"], capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == len(KINDS)
    assert "convnet" in done.stdout
