"""Convnets that end in the same softmax: trained arrays in, evidence out, by ONNX Runtime.

Nothing here trains: `mnistry.training` does, with PyTorch, which a trained convnet doesn't need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.errors import InputError
from mnistry.models.base import Floats, Model, as_features
from mnistry.models.network import Network
from mnistry.runtime import open_session

_BATCH = 128  # pictures at once; more leave the cache and are slower
_BATCH_NUMBERS = 100_000_000  # between two layers; large pictures in many views go fewer at once
_LARGEST_SHIFT = 64
MOST = 64  # members, and views, of a model
_LARGEST_LOGIT = 1e30


class View(NamedTuple):
    """A picture moved by whole pixels: down and to the right, paper filling what is left."""

    down: int
    right: int


ITSELF = (View(0, 0),)
NINE_VIEWS = tuple(View(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))
FIVE_VIEWS = tuple(view for view in NINE_VIEWS if 0 in view)
VIEWS = {"one": ITSELF, "five": FIVE_VIEWS, "nine": NINE_VIEWS}


@dataclass(frozen=True)
class Member:
    """One trained network and its arrays, float32, by the names of `Network.arrays`.

    Raises
    ------
    InputError : an array is missing, has another shape, or holds NaN or infinity; or the
        numbers are so large that logits could overflow.
    """

    network: Network
    arrays: Mapping[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        for name, shape in self.network.arrays.items():
            found = self.arrays.get(name)
            if found is None or found.shape != shape or not np.isfinite(found).all():
                what = "nothing" if found is None else f"shape {found.shape}"
                raise InputError(
                    f"`arrays` must hold {name!r}, finite, of shape {shape}; got {what}."
                )
        if self._reach() > _LARGEST_LOGIT:
            raise InputError("`arrays` hold numbers so large that logits could overflow.")

    def _reach(self) -> float:
        """Bound the logits of any picture: each layer by its largest sum of absolute weights."""
        reach = 1.0
        for i in range(len(self.network.blocks)):
            kernel = np.abs(self.arrays[f"kernel.{i}"]).sum(axis=(1, 2, 3), dtype=np.float64).max()
            reach = reach * kernel + float(np.abs(self.arrays[f"bias.{i}"]).max())
        rows = np.abs(self.arrays["weights"]).sum(axis=0, dtype=np.float64).max()
        return float(reach * rows + np.abs(self.arrays["biases"]).max())


class ConvNet(Model):
    """One trained convnet, or an ensemble of them, as one model.

    The logits are the mean over members and views, divided by the temperature.

    Parameters
    ----------
    members : the trained networks; all of the same picture size and number of classes.
    classes : the k classes' names; "0", "1", … by default.
    views : what each member looks at; more than the picture itself is test-time augmentation.
    temperature : found on validation; above 1 it makes the probabilities less sure.

    Raises
    ------
    InputError : members disagree, there are none, or a number is out of range.
    """

    def __init__(
        self,
        members: Sequence[Member],
        *,
        classes: Sequence[str] | None = None,
        views: Sequence[View] = ITSELF,
        temperature: float = 1.0,
    ) -> None:
        for name, many in (("members", members), ("views", views)):
            if not 1 <= len(many) <= MOST:
                raise InputError(f"`{name}` must be from 1 to {MOST}; got {len(many)}.")
        kinds = {(member.network.shape, member.network.classes) for member in members}
        if len(kinds) != 1:
            raise InputError(
                "`members` must be trained networks for one picture size and number of classes; "
                f"got {sorted(kinds)}."
            )
        [(self.shape, k)] = kinds
        self.classes = tuple(str(i) for i in range(k)) if classes is None else tuple(classes)
        if len(self.classes) != k:
            raise InputError(f"`classes` must name {k} classes; got {len(self.classes)}.")
        if not all(
            len(view) == 2 and all(type(n) is int and abs(n) <= _LARGEST_SHIFT for n in view)
            for view in views
        ):
            raise InputError(
                f"`views` must be pairs of whole pixels, at most {_LARGEST_SHIFT}; "
                f"got {str(list(views))[:200]}."
            )
        largest = max(max(member.network.outputs) for member in members)
        self._numbers = largest * len(views)
        if self._numbers > _BATCH_NUMBERS:
            raise InputError(
                f"`views` make {self._numbers:,} numbers between two layers of a single picture, "
                f"more than {_BATCH_NUMBERS:,}; use fewer views."
            )
        if not isinstance(temperature, int | float) or not 1e-3 <= temperature <= 1e3:
            raise InputError(f"`temperature` must be from 0.001 to 1000; got {temperature}.")
        self.members, self.views = tuple(members), tuple(View(*view) for view in views)
        self.temperature = float(np.float32(temperature))
        self.provenance: dict[str, Any] = {}
        self._sessions: dict[str, Any] = {}

    def logits(self, images: ArrayLike) -> Floats:
        """Weigh the evidence, float32 (n, k). See `Model.logits`."""
        h, w = self.shape
        flat = as_features(images, h * w)
        if flat.dtype != np.uint8:
            flat = flat.astype(np.float32) * np.float32(255)
        pictures = np.ascontiguousarray(flat.reshape(len(flat), h, w))
        session = self._session(flat.dtype.name)
        out = np.empty((len(flat), len(self.classes)), np.float32)
        batch = min(_BATCH, _BATCH_NUMBERS // self._numbers)
        for start in range(0, len(flat), batch):
            rows = slice(start, start + batch)
            [out[rows]] = session.run(["logits"], {"images": pictures[rows]})
        return out

    def _session(self, dtype: str) -> Any:
        """Give what runs the network on pictures of that type, made once."""
        if dtype not in self._sessions:
            from mnistry.models.graph import build

            model = build(self, pictures=dtype).SerializeToString()
            self._sessions[dtype] = open_session(model)
        return self._sessions[dtype]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what runs the network: it belongs to this process."""
        return {**self.__dict__, "_sessions": {}}
