"""mnistry's framing: all crops at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from crops import Task
from mnistry.pictures.frame import frame_many
from numpy_framing import frame


def main() -> None:
    """Frame, print."""
    task = Task()

    def right(answers: Any) -> float:
        same = [
            np.array_equal(own, frame(ink)) for own, ink in zip(answers, task.crops, strict=True)
        ]
        return sum(same) / len(same)

    task.run(lambda: frame_many(task.crops), right)


if __name__ == "__main__":
    main()
