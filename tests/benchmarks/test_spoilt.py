"""Spoilt pictures are pictures, seeded, and what is said of them is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spoilt import KINDS, spoilt

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "spoilt.py"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
def test_spoilt_pictures_are_pictures(kind: str, shape: tuple[int, ...]) -> None:
    """Each gives uint8 of as many colours, the same for the same seed, other than it got."""
    picture = np.full(shape, 200, np.uint8)
    picture[10:30, 28:32] = 40
    once = spoilt(picture, kind)
    assert once.dtype == np.uint8
    assert once.shape[2:] == shape[2:]
    np.testing.assert_array_equal(once, spoilt(picture, kind))
    assert np.array_equal(once, picture) == (kind == "as they are")
    assert np.ptp(once) > 30  # something is left to read


@pytest.mark.slow
def test_smoke_run_tells_each_kind(tmp_path: Path) -> None:
    """A line a kind; the shares stand in the file, and nothing else is written."""
    out = tmp_path / "spoilt.json"
    kinds = ["as they are", "half as large"]
    done = subprocess.run(
        [sys.executable, SCRIPT, "--smoke", "--out", out, "--kinds", *kinds],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == kinds
    found = json.loads(out.read_text("utf-8"))
    assert found["smoke"]
    # MNIST's own digits as pictures: what isn't spoilt is read.
    assert found["kinds"]["as they are"]["own"]["accuracy"] >= 0.75


@pytest.mark.slow
def test_without_pictures_it_says_what_to_give() -> None:
    """One sentence, exit code 2."""
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--pictures DIR" in done.stderr
