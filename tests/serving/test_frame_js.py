"""The page frames pictures as the package does, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mnistry
from mnistry.data.dataset import DataSets
from mnistry.pictures.frame import frame_many

FRAME = Path(mnistry.__file__).parent / "serving" / "page" / "frame.js"
PROGRAM = """
import { readFileSync, writeFileSync } from "node:fs";
import { frame } from "FRAME";
const bytes = readFileSync("inks");
const numbers = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
const out = [];
for (let at = 0; at < numbers.length; ) {
  const [h, w] = [numbers[at], numbers[at + 1]];
  out.push(frame(numbers.slice(at + 2, at + 2 + h * w), h, w));
  at += 2 + h * w;
}
writeFileSync("images", Buffer.concat(out));
"""


def inks(mnist: DataSets) -> list[NDArray[np.float64]]:
    """Digits at any size and place, blots of any form, specks, a single pixel, and blank paper."""
    rng = np.random.default_rng(5)
    made = []
    for image in mnist.test.images[:300]:
        side = int(rng.integers(12, 300))
        large = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if side < 28 else 1)
        paper = np.zeros((side + rng.integers(0, 90), side + rng.integers(0, 90)))
        y, x = (rng.integers(0, d - side + 1) for d in paper.shape)
        paper[y : y + side, x : x + side] = large / 255
        made.append(paper)
    for _ in range(100):
        h, w = rng.integers(1, 60, 2)
        made.append(rng.random((h, w)) * (rng.random((h, w)) < rng.uniform(0.02, 1)))
    for place in ((0, 0), (40, 3), (59, 59)):
        dot = np.zeros((60, 60))
        dot[place] = 0.4
        made.append(dot)
    return [*made, np.zeros((5, 9))]


def test_javascript_frames_bit_for_bit(mnist: DataSets, tmp_path: Path) -> None:
    """Of 404 pictures, every byte of every 28×28 is the same in Node.js as in Python."""
    if shutil.which("node") is None:
        assert not os.environ.get("MNISTRY_REQUIRE_NODE"), "node is not installed"
        pytest.skip("node is not installed")
    sources = inks(mnist)
    parts = [np.concatenate([np.array(ink.shape, float), ink.ravel()]) for ink in sources]
    np.concatenate(parts).tofile(tmp_path / "inks")
    (tmp_path / "program.mjs").write_text(PROGRAM.replace("FRAME", FRAME.as_uri()), "utf-8")
    subprocess.run(["node", "program.mjs"], cwd=tmp_path, check=True, timeout=60)
    found = np.fromfile(tmp_path / "images", np.uint8).reshape(-1, 28, 28)
    np.testing.assert_array_equal(found, frame_many(sources))
