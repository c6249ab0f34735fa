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
from mnistry.models.base import Floats, Model, as_features, log_softmax
from mnistry.models.calibration import Calibration
from mnistry.models.network import Network
from mnistry.runtime import load_onnxruntime, open_session

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

    The logits are the mean over members and views, divided by the temperature. Open networks
    also weigh what speaks for none of the classes.

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
        kinds = {
            (member.network.shape, member.network.classes, member.network.open)
            for member in members
        }
        if len(kinds) != 1:
            raise InputError(
                "`members` must be trained networks for one picture size and number of classes, "
                f"all open or none; got {sorted(kinds)}."
            )
        [(self.shape, k, self.open)] = kinds
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
        self._sessions: dict[tuple[str, ...], Any] = {}

    def _summary(self) -> list[str]:
        weights = sum(array.size for member in self.members for array in member.arrays.values())
        networks = f"{len(self.members)} network{'s' * (len(self.members) > 1)}"
        return [*super()._summary(), networks, f"{weights:,} weights"]

    def logits(self, images: ArrayLike) -> Floats:
        """Weigh the evidence, float32 (n, k). See `Model.logits`."""
        return self._run(images, {"logits": (len(self.classes),)})[0]

    def cooled(self, images: ArrayLike) -> Floats:
        """Give the logits as probabilities follow from them. See `Model.cooled`."""
        return self._run(images, {self._cooled: (len(self.classes),)})[0]

    @property
    def _cooled(self) -> str:
        heated = self.calibration is not None and self.calibration.heat is not None
        return "cooled" if heated else "logits"

    def strangeness(self, images: ArrayLike) -> Floats:
        """Give how strange each picture is, float32 (n,). See `Model.strangeness`."""
        if not self.open and (self.calibration is None or self.calibration.gaussian is None):
            return super().strangeness(images)
        return self._run(images, {"strangeness": ()})[0]

    def answer(self, images: ArrayLike) -> tuple[Floats, Floats]:
        """Give log probabilities and typicality in one pass. See `Model.answer`."""
        if self.calibration is None:
            return super().answer(images)
        cooled, strange = self._run(images, {self._cooled: (len(self.classes),), "strangeness": ()})
        return log_softmax(cooled), self.calibration.typicality(strange)

    @property
    def pooled(self) -> tuple[int, int]:
        """The block that shows what a picture is made of, and how many numbers it is pooled to."""
        j = min(1, len(self.members[0].network.blocks) - 1)
        return j, 2 * self.members[0].network.blocks[j].channels

    def features(self, images: ArrayLike) -> Floats:
        """Give each channel's mean and largest in the second block, float32 (n, d)."""
        return self._run(images, {"pooled": (self.pooled[1],)})[0]

    def cool(self, temperature: float) -> None:
        """Divide all logits by that from now on."""
        self.temperature = float(np.float32(self.temperature * temperature))
        self._sessions = {}

    def promise(self, calibration: Calibration) -> None:
        """Take a calibration for one's own. See `Model.promise`."""
        super().promise(calibration)
        self._sessions = {}

    def _run(self, images: ArrayLike, wanted: Mapping[str, tuple[int, ...]]) -> list[Floats]:
        """Give tensors of the graph, float32 (n, *shape), by their names and shapes."""
        h, w = self.shape
        flat = as_features(images, h * w, unit=True)
        if flat.dtype != np.uint8:
            flat = flat.astype(np.float32) * np.float32(255)
        pictures = np.ascontiguousarray(flat.reshape(len(flat), h, w))
        session, options = self._session(flat.dtype.name, wanted)
        n = len(flat)
        out: list[Floats] = [np.empty((n, *shape), np.float32) for shape in wanted.values()]
        batch = min(_BATCH, _BATCH_NUMBERS // self._numbers)
        for start in range(0, n, batch):
            rows = slice(start, start + batch)
            found = session.run(list(wanted), {"images": pictures[rows]}, options)
            for whole, part in zip(out, found, strict=True):
                whole[rows] = part
        return out

    def _session(self, dtype: str, wanted: Mapping[str, tuple[int, ...]]) -> Any:
        """Give what runs the network on pictures of that type, and its options; made once."""
        key = dtype, *wanted
        if key not in self._sessions:
            from mnistry.models.graph import build

            options = load_onnxruntime().RunOptions()
            options.only_execute_path_to_fetches = True
            inner = {name: shape for name, shape in wanted.items() if name != "logits"}
            model = build(self, pictures=dtype, inner=inner).SerializeToString()
            self._sessions[key] = open_session(model), options
        return self._sessions[key]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what runs the network: it belongs to this process."""
        return {**self.__dict__, "_sessions": {}}
