"""The ink line recognizer: a row of handwriting read whole, column by column.

A digit by itself may be a 1 or a 7, a loose stroke a 1 or the head of a 5; in its row it mostly is
clear. The network's answers are to be read by connectionist temporal classification (Graves et
al. 2006, ICML); see `mnistry.ocr.ctc`. Unlike `mnistry.ocr.recognizer`, it sees the row's ink.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.runtime import open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = 11  # ten digits, and nothing


def read_lines(lines: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    """Read lines as `mnistry.pictures.line` makes them: (2, 32, w), 0 = paper.

    Returns
    -------
    answers : for each, float32 (t, 11): log probabilities of the digits and, last, of nothing
        being there; t is w / 2, rounded up.
    """
    answers = []
    for line in lines:
        [[answer]] = _session().run(["log_probabilities"], {"lines": line[None]})
        answers.append(answer)
    return answers


@cache
def _session() -> Any:
    """Give what runs the network, made once."""
    return open_session(Path(__file__).with_name("line.onnx").read_bytes())
