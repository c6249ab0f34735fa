"""The line recognizer: a convolutional network that reads a row's grey image column by column.

It sees the image itself, and no decision about what in it is ink. Its answers are read by
connectionist temporal classification (CTC; Graves et al. 2006, ICML); see `mnistry.ocr.decoding`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.ocr.line_image import STRIDE, normalized, resized, stacked
from mnistry.runtime import open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

OTHER = 10  # a letter or a sign that is no digit
BLANK = 11  # CTC's blank: nothing is there, or what was there goes on
CLASSES = 12
PATH = Path(__file__).with_name("line.onnx")  # the network that ships
_WIDEST = 4096  # px, of a row 48 px high; wider ones are squeezed
# Greatest total width of a batch of several rows, px, up to padding. ONNX Runtime keeps the memory
# of its largest batch, so this bounds it.
_WIDTH_OF_BATCH = 8192


def recognize(rows: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    """Return the lattice of each row.

    Parameters
    ----------
    rows : uint8 (h, w), grey images of rows of any size, dark on light or light on dark.

    Returns
    -------
    lattices : for each row, float32 (t, 12), log probabilities of the ten digits, `OTHER` and
        `BLANK` in each column of 4 px of the row when it is 48 px high.
    """
    lines = [normalized(resized(row, _WIDEST)) for row in rows]
    answers: dict[int, NDArray[np.float32]] = {}
    for chosen in _batches([line.shape[1] for line in lines]):
        batch = stacked([lines[i] for i in chosen])
        [found] = _session().run(["log_probabilities"], {"lines": batch})
        for i, answer in zip(chosen, found, strict=True):
            answers[i] = answer[: -(-lines[i].shape[1] // STRIDE)]
    return [answers[i] for i in range(len(lines))]


def _batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the indices of rows that are answered together, from the narrowest to the widest."""
    batch: list[int] = []
    for i in sorted(range(len(widths)), key=widths.__getitem__):
        if batch and widths[i] * (len(batch) + 1) > _WIDTH_OF_BATCH:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def with_other(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add a class `OTHER` of probability 0 to the columns of ten digits and a blank, (t, 11)."""
    return np.insert(columns, OTHER, np.float32(-np.inf), axis=1)


@cache
def _session() -> Any:
    """Return the ONNX Runtime session of the network, opened once."""
    return open_session(PATH.read_bytes())
