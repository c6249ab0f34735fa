"""What a convnet is made of, told in numbers: blocks, then one layer of evidence.

A network is data: PyTorch trains it (`mnistry.training`), ONNX runs it (`mnistry.models.graph`),
and both read it from here, so that there is one truth about its shapes.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mnistry.errors import InputError

_MOST_WEIGHTS = 16_000_000  # 64 MB; far beyond what pictures of digits need
_LARGEST_SIDE = 4096
_MOST_BLOCKS = 64
_MOST_PRODUCTS = 4_000_000_000  # for one picture; a second's work
_MOST_OUTPUTS = 16_000_000  # numbers that a block may give for one picture


@dataclass(frozen=True)
class Block:
    """A convolution, the largest of each `pool` × `pool` outputs, normalisation, then ReLU.

    Normalisation shifts and scales by the batch; its scale is not learnt, so that it stays
    positive, and all of it folds into the convolution once the network is trained.
    """

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    pool: int = 1

    def convolved(self, side: int) -> int:
        """Give the length of a side after the convolution; 0 or less where it does not fit."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1

    def size_after(self, side: int) -> int:
        """Give the length of a side after the block; 0 or less where it does not fit."""
        return self.convolved(side) // self.pool


@dataclass(frozen=True)
class Network:
    """A chain of blocks over pictures (h, w), and a linear layer that gives `classes` logits.

    Parameters
    ----------
    shape : (h, w) of the pictures, in pixels.
    blocks : at least one.
    classes : how many.
    head : "flatten" gives the linear layer every number of the last block, "mean" only each
        channel's mean.
    open : give one more logit, for none of the classes.

    Raises
    ------
    InputError : a number is out of range, a block does not fit, or it has too many weights.
    """

    shape: tuple[int, int]
    blocks: tuple[Block, ...]
    classes: int
    head: Literal["flatten", "mean"] = "flatten"
    open: bool = False

    def __post_init__(self) -> None:
        whole = [*self.shape, self.classes]
        for block in self.blocks:
            whole += [block.channels, block.kernel, block.stride, block.pool, block.padding + 1]
        plain = all(type(n) is int and 1 <= n <= _LARGEST_SIDE for n in whole)
        if not 1 <= len(self.blocks) <= _MOST_BLOCKS or not plain:
            raise InputError(
                f"A network must have from 1 to {_MOST_BLOCKS} blocks, and sizes from 1 to "
                f"{_LARGEST_SIDE:,}; got {str(self)[:200]}."
            )
        if any(type(b.padding) is not int or b.padding >= b.kernel for b in self.blocks):
            raise InputError(
                f"A block's `padding` must be less than its `kernel`; got {str(self)[:200]}."
            )
        if self.head not in ("flatten", "mean"):
            raise InputError(f"`head` must be 'flatten' or 'mean'; got {str(self.head)[:40]!r}.")
        if type(self.open) is not bool:
            raise InputError(f"`open` must be true or false; got {str(self.open)[:40]!r}.")
        if any(min(size[1:]) < 1 for size in self.sizes):
            raise InputError(
                f"Pictures of {self.shape[0]}x{self.shape[1]} are too small for these blocks, "
                f"which leave {' then '.join(f'{h}x{w}' for _, h, w in self.sizes)}; "
                "use fewer or smaller ones."
            )
        if self.products > _MOST_PRODUCTS or max(self.outputs) > _MOST_OUTPUTS:
            raise InputError(
                f"A network must do with {_MOST_PRODUCTS:,} products and {_MOST_OUTPUTS:,} numbers "
                f"a block for each picture; got {self.products:,} and {max(self.outputs):,}."
            )
        if self.weights > _MOST_WEIGHTS:
            raise InputError(
                f"A network must have at most {_MOST_WEIGHTS:,} weights; got {self.weights:,}."
            )

    @property
    def sizes(self) -> list[tuple[int, int, int]]:
        """(channels, h, w) after each block."""
        (h, w), found = self.shape, []
        for block in self.blocks:
            h, w = block.size_after(h), block.size_after(w)
            found.append((block.channels, h, w))
        return found

    @property
    def outputs(self) -> list[int]:
        """How many numbers the picture has, and what each convolution makes of it."""
        (h, w), found = self.shape, [self.shape[0] * self.shape[1]]
        for block in self.blocks:
            found.append(block.channels * block.convolved(h) * block.convolved(w))
            h, w = block.size_after(h), block.size_after(w)
        return found

    @property
    def features(self) -> int:
        """How many numbers the linear layer reads."""
        channels, h, w = self.sizes[-1]
        return channels * h * w if self.head == "flatten" else channels

    @property
    def evidence(self) -> int:
        """How many logits it gives: a class each, and one for none of them if it is open."""
        return self.classes + self.open

    @property
    def arrays(self) -> dict[str, tuple[int, ...]]:
        """The trained network's arrays and their shapes: a kernel and a bias a block, then two.

        ``kernel.i`` is (channels out, channels in, k, k), ``weights`` (features, evidence).
        """
        found: dict[str, tuple[int, ...]] = {}
        channels = 1
        for i, block in enumerate(self.blocks):
            found[f"kernel.{i}"] = (block.channels, channels, block.kernel, block.kernel)
            found[f"bias.{i}"] = (block.channels,)
            channels = block.channels
        return {**found, "weights": (self.features, self.evidence), "biases": (self.evidence,)}

    @property
    def weights(self) -> int:
        """How many numbers are learnt."""
        return sum(math.prod(shape) for shape in self.arrays.values())

    @property
    def products(self) -> int:
        """Multiplications for one picture; training takes about six operations for each."""
        before = [1, *(block.channels for block in self.blocks)]
        each = zip(self.outputs[1:], before, self.blocks, strict=False)
        convolutions = sum(count * channels * b.kernel**2 for count, channels, b in each)
        return convolutions + self.features * self.evidence

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: Any) -> Network:
        """Make it from what `to_dict` gave, or from JSON of it.

        Raises
        ------
        InputError : it is something else.
        """
        try:
            h, w = facts["shape"]
            blocks = tuple(Block(**block) for block in facts["blocks"])
            return cls((h, w), blocks, facts["classes"], facts["head"], facts.get("open", False))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"A network is told by its shape, blocks, classes and head; got {str(facts)[:100]}."
            ) from None
