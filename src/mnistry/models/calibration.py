"""What held-out pictures said of a model: all that it takes to turn doubt into p-values.

A p-value is the share of held-out pictures that looked at least as odd (Vovk, Gammerman & Shafer
2005). Where a new picture could as well have been one of them, "p is at most alpha" happens to it
with probability at most alpha, whatever the model is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.errors import InputError

Floats = NDArray[np.floating[Any]]
Levels = NDArray[np.int64]

# Oddness is counted in levels, so that a file needs but a table: from LOWEST, STEPS a unit.
LOWEST, STEPS, LEVELS = -16.0, 128, 4096
MOST = 20_000  # pictures; more would make files large, and p-values hardly finer
LEAST_DISTANCE = 1e-6


def doubt(logits: ArrayLike) -> Floats:
    """Give how much speaks against each class: the strongest rival's logit minus its own.

    Parameters
    ----------
    logits : (n, k), k at least 2.

    Returns
    -------
    doubt : (n, k); below 0 for the class that the model answers, and for no other.
    """
    z = np.asarray(logits)
    second, first = np.partition(z, -2, axis=1)[:, -2:, np.newaxis].swapaxes(0, 1)
    rival = np.where(z == first, second, first)
    return np.asarray(rival - z)


def levels(oddness: ArrayLike) -> Levels:
    """Give the levels, 0..LEVELS - 1, of how odd something is; lower is less odd."""
    x = np.asarray(oddness, np.float32)
    steps = np.floor((x - np.float32(LOWEST)) * np.float32(STEPS))
    return np.asarray(np.clip(steps, 0, LEVELS - 1), np.int64)


def table(held_out: Levels) -> NDArray[np.float32]:
    """Give the p-value of each level: (1 + held-out pictures at that level or above) / (1 + all).

    Returns
    -------
    table : float32 (LEVELS,), falling; the last is at least 1 / (1 + all).
    """
    counts = np.bincount(held_out, minlength=LEVELS)
    above = np.cumsum(counts[::-1])[::-1]
    return np.asarray((1 + above) / (1 + len(held_out)), np.float32)


@dataclass(frozen=True)
class Gaussian:
    """Where the pictures learnt from lie: a normal distribution about each class, of one shape.

    Parameters
    ----------
    mean : float32 (d,), of all features.
    axes : (d, r), orthonormal: the directions in which features of a class differ most.
    spread : (r,), one part in the deviation along each. rest : (1,), one part in the variance in
        all other directions; 0 if there is none.
    slopes, offsets : (d, k) and (k,): what each class adds to the squared distance.

    Raises
    ------
    InputError : shapes don't fit together, or a number is not finite.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    spread: NDArray[np.float32]
    rest: NDArray[np.float32]
    slopes: NDArray[np.float32]
    offsets: NDArray[np.float32]

    def __post_init__(self) -> None:
        shapes = self.shapes(len(self.mean), self.axes.shape[-1], len(self.offsets))
        for name, array in self.arrays.items():
            if array.shape != shapes[name] or not np.isfinite(array).all():
                raise InputError(
                    f"`{name}` must be finite, of shape {shapes[name]}; got shape {array.shape}."
                )

    @staticmethod
    def shapes(d: int, r: int, k: int) -> dict[str, tuple[int, ...]]:
        """Give the arrays' shapes for d features, r axes and k classes."""
        return {
            "mean": (d,), "axes": (d, r), "spread": (r,), "rest": (1,), "slopes": (d, k),
            "offsets": (k,),
        }  # fmt: skip

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give its arrays by name."""
        return dict(vars(self))

    def strangeness(self, features: Floats) -> Floats:
        """Give the log of the squared distance, in deviations, from the nearest class, (n,).

        Parameters
        ----------
        features : (n, d).
        """
        kind = np.asarray(features).dtype
        mean, axes, spread, rest, slopes, offsets = (a.astype(kind) for a in self.arrays.values())
        x = features - mean
        along = x @ axes
        other = x - along @ axes.T
        own = ((along * spread) ** 2).sum(axis=1) + (other**2).sum(axis=1) * rest
        distance = own + (x @ slopes + offsets).min(axis=1)
        nearest = np.maximum(distance.astype(np.float32), np.float32(LEAST_DISTANCE))
        return np.asarray(np.log(nearest))


@dataclass(frozen=True)
class Calibration:
    """What held-out pictures said of a model.

    Parameters
    ----------
    doubt : a class each, the sorted levels of `doubt` about their own class.
    strange : (m,), the sorted levels of how strange the pictures were to the model.
    gaussian : what strangeness is measured by; None where the model has evidence of its own for
        "none of the classes".
    heat : (LEVELS,), at least 1 and rising: what logits are divided by at each level of
        strangeness before they become probabilities; None for 1 everywhere.

    Raises
    ------
    InputError : levels are out of range, not sorted, or too many.
    """

    doubt: tuple[Levels, ...]
    strange: Levels
    gaussian: Gaussian | None = None
    heat: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        heat = np.ones(LEVELS) if self.heat is None else self.heat
        if heat.shape != (LEVELS,) or not (np.diff(heat) >= 0).all() or heat[0] < 1:
            raise InputError(f"`heat` must be {LEVELS} numbers from 1 on that never fall.")
        for one in (*self.doubt, self.strange):
            if one.ndim != 1 or one.dtype != np.int64 or (np.diff(one) < 0).any():
                raise InputError("Levels must be sorted ints.")
            if len(one) and not 0 <= one[0] <= one[-1] < LEVELS:
                raise InputError(f"Levels must be from 0 to {LEVELS - 1}.")
        if sum(map(len, self.doubt)) > MOST or len(self.strange) > MOST:
            raise InputError(f"There may be at most {MOST:,} held-out pictures.")

    @property
    def pictures(self) -> int:
        """How many were held out."""
        return len(self.strange)

    def doubt_table(self) -> NDArray[np.float32]:
        """Give the p-values of a class's doubt, whatever class it is; see `table`."""
        return table(np.concatenate(self.doubt))

    def strange_table(self) -> NDArray[np.float32]:
        """Give the p-values of strangeness; see `table`."""
        return table(self.strange)

    def p_values(self, logits: ArrayLike, *, by_class: bool = False) -> Floats:
        """Give each class's p-value, (n, k): how usual so much doubt is where it is the truth.

        Parameters
        ----------
        by_class : compare only with held-out pictures of that class, so that what is promised
            holds for every class by itself.
        """
        found = levels(doubt(logits))
        if not by_class:
            return np.asarray(self.doubt_table()[found], np.float64)
        tables = np.stack([table(own) for own in self.doubt])
        return np.asarray(tables[np.arange(len(tables)), found], np.float64)

    def typicality(self, strangeness: ArrayLike) -> Floats:
        """Give the p-value of being a picture like those held out, (n,)."""
        return np.asarray(self.strange_table()[levels(strangeness)], np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Give the levels as JSON-ready values; its arrays are kept elsewhere."""
        return {
            "doubt": [one.tolist() for one in self.doubt],
            "strange": self.strange.tolist(),
            "heat": self.heat is not None,
            "gaussian": None if self.gaussian is None else list(self.gaussian.axes.shape),
        }
