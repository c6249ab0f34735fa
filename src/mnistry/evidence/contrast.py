"""Why this class and not that one: a difference of logits, told pixel by pixel to the last cent.

For softmax regression the difference is a sum over pixels. For convnets it is taken apart by
integrated gradients (Sundararajan, Taly and Yan 2017, arXiv:1703.01365) on the way from blank
paper to the picture: its ink grows from none to all of it, and each pixel is credited with what
its own growth changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.errors import InputError
from mnistry.evidence.attribute import weight_maps
from mnistry.evidence.gradient import slopes
from mnistry.models.base import Model, as_features
from mnistry.models.convnet import ConvNet
from mnistry.models.softmax import SoftmaxRegression

Doubles = NDArray[np.float64]
_FEWEST, _MOST = 16, 512  # steps from paper to picture
_SETTLED = 0.01


@dataclass(frozen=True)
class Contrast:
    """Why one class and not another: `baseline` + the sum of `map` + `residual` = `difference`.

    Attributes
    ----------
    why, against : the labels; `against` is None where it is all other classes.
    map : float64 (h, w), what each pixel's ink says for `why` (positive) or against it. Paper
        says nothing by itself.
    baseline : what the model says of blank paper; for softmax regression the difference of biases.
    difference : the model's logit of `why` minus that of `against`, or minus the mean of the
        logits of all others.
    residual : what the map does not account for: rounding.
    logits : the two that `difference` is the difference of.
    probabilities : of `why`, and of `against` or all others together.
    steps : how many the way from paper to picture was taken in; 1 where one is exact.
    change : how much of the map, as a share of its absolute sum, differed when half as many steps
        were taken; 0 where one is exact. About three times the map's error.
    """

    why: int
    against: int | None
    map: Doubles = field(repr=False)
    baseline: float
    difference: float
    residual: float
    logits: tuple[float, float]
    probabilities: tuple[float, float]
    steps: int
    change: float

    @property
    def sum(self) -> float:
        """What all of the ink says."""
        return float(self.map.sum())


def contrast(model: Model, image: ArrayLike, why: int, against: int | None = None) -> Contrast:
    """Take apart why a picture is one class and not another.

    With both, the difference is the log of how many times more probable one is than the other;
    of a strange picture, of which an open convnet is less sure, more than that.
    It is antisymmetric: to ask the other way round gives the same with the other sign.

    Parameters
    ----------
    model : a trained `SoftmaxRegression` or `ConvNet`.
    image : uint8 or float (h, w), of the model's shape.
    why, against : labels in 0..k-1; without the second, the mean of all other classes' logits.

    Raises
    ------
    InputError : a label is not one of the model's, both are the same, or the picture or the model
        has another form.
    """
    if not isinstance(model, SoftmaxRegression | ConvNet):
        raise InputError(
            "`model` must be a SoftmaxRegression or a ConvNet, which can be taken apart; "
            f"got {type(model).__name__}."
        )
    if isinstance(model, SoftmaxRegression):
        weight_maps(model)  # refuses one that is not trained
    mix = _mix(len(model.classes), why, against)
    pixels = as_features(np.asarray(image)[np.newaxis], model.shape[0] * model.shape[1])
    ink = pixels.reshape(model.shape) / np.float64(255 if pixels.dtype == np.uint8 else 1)
    if isinstance(model, ConvNet):
        parts, steps, change = _integrate(model, ink, mix)
    else:
        parts, steps, change = np.tensordot(mix, weight_maps(model), 1) * ink, 1, 0.0

    logits = model.logits(pixels)[0].astype(np.float64)
    paper = model.logits(np.zeros_like(pixels))[0].astype(np.float64)
    probabilities = model.predict_proba(pixels)[0]
    difference, baseline = float(logits @ mix), float(paper @ mix)
    one = float(probabilities[why])
    others = 1 - one if against is None else float(probabilities[against])
    return Contrast(
        why=int(why),
        against=None if against is None else int(against),
        map=parts,
        baseline=baseline,
        difference=difference,
        residual=difference - baseline - float(parts.sum()),
        logits=(float(logits[why]), float(logits[why]) - difference),
        probabilities=(one, others),
        steps=steps,
        change=change,
    )


def more_ink(
    model: Model, image: ArrayLike, why: int, against: int | None = None, *, dot: int = 3
) -> Doubles:
    """Measure what a dot of ink more would say, at each place: what is missing is evidence too.

    Where ink would speak against a class, its absence speaks for it: a 9 is no 8 because nothing
    closes its lower half, and a map of the ink that is there can't show that.

    Parameters
    ----------
    dot : how many pixels wide and high; it is put on the picture with its middle at each pixel.
        Others as for `contrast`, of any model.

    Returns
    -------
    map : float64 (h, w), by how much each dot changes the difference of logits.

    Raises
    ------
    InputError : `dot` is less than 1, or an argument is one that `contrast` refuses.
    """
    if dot < 1:
        raise InputError(f"`dot` must be 1 pixel or more; got {dot}.")
    h, w = model.shape
    pixels = as_features(np.asarray(image)[np.newaxis], h * w).reshape(h, w)
    mix = _mix(len(model.classes), why, against)
    before, full = dot // 2, 255 if pixels.dtype == np.uint8 else 1
    found = np.empty((h, w))
    for row in range(h):  # a row at once bounds the memory, and fills a batch of large pictures
        dotted = np.repeat(pixels[np.newaxis], w, axis=0)
        rows = slice(max(row - before, 0), max(row - before + dot, 0))
        for column in range(w):
            columns = slice(max(column - before, 0), max(column - before + dot, 0))
            dotted[column, rows, columns] = full
        found[row] = model.logits(dotted) @ mix
    return np.asarray(found - float(model.logits(pixels[np.newaxis])[0] @ mix))


def _mix(k: int, why: int, against: int | None) -> Doubles:
    """Give what each of k logits is multiplied with, so that their sum is the difference asked."""
    for name, label in (("why", why), ("against", against)):
        if name == "against" and label is None:
            continue
        if not isinstance(label, int | np.integer) or not 0 <= label < k:
            raise InputError(f"`{name}` must be an int in 0..{k - 1}; got {label!r:.80}.")
    if k < 2:
        raise InputError("The model knows a single class, so that there is none to compare it to.")
    if why == against:
        raise InputError(f"`why` and `against` must be two classes; got {why} for both.")
    mix = np.full(k, -1 / (k - 1)) if against is None else np.zeros(k)
    if against is not None:
        mix[against] = -1
    mix[why] = 1
    return mix


def _integrate(model: ConvNet, ink: Doubles, mix: Doubles) -> tuple[Doubles, int, float]:
    """Credit each pixel on the way from paper to a picture; give the map, steps and change.

    The sum is right with any number of steps, since `slopes` are. More of them settle how it is
    parted: two units that switch within one step, one after the other, are told apart.
    """
    steps, before = _FEWEST, _credits(model, ink, mix, _FEWEST // 2)
    while True:
        found = _credits(model, ink, mix, steps)
        whole = float(np.abs(found).sum())
        change = float(np.abs(found - before).sum()) / whole if whole else 0.0
        if change <= _SETTLED or steps >= _MOST:
            return found, steps, change
        steps, before = 2 * steps, found


def _credits(model: ConvNet, ink: Doubles, mix: Doubles, steps: int) -> Doubles:
    # Units switch most often while there is little ink, so that steps are shortest there.
    way = np.linspace(0, 1, steps + 1) ** 2
    _, found = slopes(model, way[:, np.newaxis, np.newaxis] * ink, mix)
    return np.asarray(np.tensordot(np.diff(way), found, 1) * ink)
