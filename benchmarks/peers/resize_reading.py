"""What most programs do: grey, light on dark by the border, resized to 28x28, to the convnet."""

from __future__ import annotations

import numpy as np

from mnistry import shipped_model
from paper import grey_on_paper
from pile import Pile, answer, parser


def main() -> None:
    """Read, print."""
    args = parser().parse_args()
    model = shipped_model()

    def read(pile: Pile) -> list[str]:
        small = [np.asarray(grey_on_paper(file)[0].resize((28, 28))) for file in pile.files]
        return [str(digit) for digit in model.predict(255 - np.stack(small))]

    answer(args, {"": read})


if __name__ == "__main__":
    main()
