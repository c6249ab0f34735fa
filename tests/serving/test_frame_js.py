"""The page frames pictures as the package does, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mnistry
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


@pytest.mark.slow
def test_javascript_frames_bit_for_bit(inks: list[NDArray[np.float64]], tmp_path: Path) -> None:
    """Of 404 pictures, every byte of every 28×28 is the same in Node.js as in Python."""
    if shutil.which("node") is None:
        assert not os.environ.get("MNISTRY_REQUIRE_NODE"), "node is not installed"
        pytest.skip("node is not installed")
    parts = [np.concatenate([np.array(ink.shape, float), ink.ravel()]) for ink in inks]
    np.concatenate(parts).tofile(tmp_path / "inks")
    (tmp_path / "program.mjs").write_text(PROGRAM.replace("FRAME", FRAME.as_uri()), "utf-8")
    subprocess.run(["node", "program.mjs"], cwd=tmp_path, check=True, timeout=60)
    found = np.fromfile(tmp_path / "images", np.uint8).reshape(-1, 28, 28)
    np.testing.assert_array_equal(found, frame_many(inks))
