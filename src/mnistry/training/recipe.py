"""The recipe of a training run; one dial, the epochs, sets everything else sensibly."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from mnistry.errors import InputError
from mnistry.models.network import Block, Network
from mnistry.training.augment import Augmentation

_MOST_EPOCHS = 100_000
_MADE = 0.9  # of the robust recipe
_LARGEST_SIDE = 48  # pixels that the first blocks are made for


@dataclass(frozen=True)
class Recipe:
    """All that decides what a network learns, but for the pictures and the seed.

    Parameters
    ----------
    epochs : how many pictures are seen, in times of those that there are. network : what learns.
    focus : share of the pictures that is learnt from: those hardest for softmax regression
        (see `mnistry.training.focus`), and 500 of them at least; 1 for all.
    batch : pictures a step; fewer where a pass would have less than 16 steps.
    rate : the highest learning rate, less in proportion where batches are smaller; it rises from
        0 over the first `warmup` of the steps and falls back to 0 by the last, both evenly.
    momentum, weight_decay : of stochastic gradient descent with Nesterov's momentum.
    smoothing : share of each label's weight that is spread over all classes.
    dropout : share of the linear layer's inputs left out in each step.
    augmentation : how far the pictures are changed, anew each time.
    made : pictures that are made besides, in times of those learnt from: digits in forms that they
        lack, and what is none of the classes, for an open network (see `mnistry.training.made`).

    Raises
    ------
    InputError : a number is out of range.
    """

    epochs: float
    network: Network
    focus: float = 1.0
    batch: int = 128
    rate: float = 0.5
    momentum: float = 0.85
    weight_decay: float = 5e-4
    smoothing: float = 0.1
    warmup: float = 0.3
    dropout: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    made: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 0, _MOST_EPOCHS), ("focus", 0, 1), ("batch", 2, 2**20), ("rate", 0, 1e6),
            ("momentum", 0, 1), ("weight_decay", 0, 1), ("smoothing", 0, 1),
            ("warmup", 0, 1), ("dropout", 0, 0.99), ("made", 0, 10),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"`{name}` must be from {low} to {high:,}; got {value}.")
        if bool(self.made) != self.network.open:
            raise InputError(
                f"A network must be open where pictures are made besides, and only there; got "
                f"`made` {self.made:g} and `open` {self.network.open}."
            )

    @classmethod
    def for_epochs(
        cls, epochs: float, shape: tuple[int, int] = (28, 28), classes: int = 10
    ) -> Self:
        """Give the recipe that makes the most of so many epochs on MNIST's own pictures.

        A short run learns with a small, quick network and sees each picture as it is; the longer
        it may take, the wider the network and the more each picture is changed.
        """
        if epochs <= 0.75:
            return cls(epochs, small(shape, classes), focus=0.25)
        if epochs <= 3:
            return cls(epochs, medium(shape, classes), 0.4, augmentation=Augmentation(shift=1))
        if epochs <= 12:
            return cls(epochs, broad(shape, classes), 0.5, augmentation=Augmentation(shift=2))
        return cls(
            epochs,
            large(shape, classes),
            dropout=0.2,
            augmentation=Augmentation(
                shift=2, rotation=10, slant=5, scale=0.08, stretch=0.08, elastic=1.2
            ),
        )

    @classmethod
    def robust(cls, epochs: float, shape: tuple[int, int] = (28, 28), classes: int = 10) -> Self:
        """Give the recipe for strangers' handwriting: all that pens, hands and cameras do.

        Of pictures of 28×28, it also learns what none of the classes is like.
        """
        made = _MADE if shape == (28, 28) else 0.0
        return cls(
            epochs,
            replace(deeper(shape, classes), open=bool(made)),
            made=made,
            augmentation=Augmentation(
                shift=2, rotation=12, slant=12, scale=0.12, stretch=0.12, elastic=1.2,
                stroke=0.8, blur=1.0, contrast=0.4, clutter=0.15, gaps=0.08, noise=0.06,
                plain=0.35,
            ),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return {
            **asdict(self),
            "network": self.network.to_dict(),
            "augmentation": self.augmentation.to_dict(),
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """Make it from what `to_dict` gave."""
        return cls(
            **{
                **facts,
                "network": Network.from_dict(facts["network"]),
                "augmentation": Augmentation(**facts["augmentation"]),
            }
        )


def small(shape: tuple[int, int], classes: int) -> Network:
    """Give the network for the shortest runs: half a million products for 28×28."""
    blocks = Block(16, 6, 2), Block(24, 3, pool=2), Block(48, 3)
    return _fitting(shape, classes, blocks)


def medium(shape: tuple[int, int], classes: int) -> Network:
    """Give the network for seconds: 1 million products for 28×28."""
    blocks = Block(16, 4, 2), Block(32, 4, pool=2), Block(64, 3)
    return _fitting(shape, classes, blocks)


def broad(shape: tuple[int, int], classes: int) -> Network:
    """Give the network for a minute: 2.3 million products for 28×28."""
    blocks = Block(24, 4, 2), Block(48, 4, pool=2), Block(96, 3)
    return _fitting(shape, classes, blocks)


def deeper(shape: tuple[int, int], classes: int) -> Network:
    """Give the network that ships: 1.7 million products for 28×28, one more block to look with."""
    blocks = Block(16, 4, 2), Block(32, 3, pool=2), Block(64, 3, 1, 1), Block(128, 3)
    return _fitting(shape, classes, blocks)


def large(shape: tuple[int, int], classes: int) -> Network:
    """Give the network for the records: 9 million products for 28×28."""
    blocks = (
        Block(24, 3, 1, 1), Block(32, 3, 1, 1, 2), Block(64, 3, 1, 1), Block(64, 3, 1, 1, 2),
        Block(96, 3), Block(96, 3),
    )  # fmt: skip
    return _fitting(shape, classes, blocks)


def _fitting(shape: tuple[int, int], classes: int, blocks: tuple[Block, ...]) -> Network:
    """Make the network for pictures of any size: large ones are halved first; small ones padded."""
    sides, made = shape, []
    while max(sides) > _LARGEST_SIDE:
        made.append(Block(8, 3, 2, 1))
        sides = made[-1].size_after(sides[0]), made[-1].size_after(sides[1])
    for block in blocks:
        after = block.size_after(sides[0]), block.size_after(sides[1])
        if min(after) < 1:
            block = Block(block.channels, 3, 1, 1)
            after = sides
        made.append(block)
        sides = after
    return Network(shape, tuple(made), classes)
