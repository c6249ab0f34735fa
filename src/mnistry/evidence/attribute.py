"""What each pixel says for each class: a model's evidence taken apart into maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mnistry.errors import InputError
from mnistry.models.base import Floats, as_features
from mnistry.models.softmax import SoftmaxRegression


def weight_maps(model: SoftmaxRegression) -> Floats:
    """Give the weights as maps, (k, h, w): what full ink in a pixel says for each class.

    Raises
    ------
    InputError : the model has no weights that multiply pixels, or is not trained.
    """
    if not isinstance(model, SoftmaxRegression) or not hasattr(model, "weights"):
        raise InputError(
            "`model` must be a trained SoftmaxRegression, whose evidence is a sum over pixels; "
            f"got {type(model).__name__}. Call its `fit`, or load one with `load_model`; a "
            "convnet's evidence is told by `contrast`, or `mnistry show evidence --why 9 --not 8`."
        )
    return np.asarray(model.weights.T.reshape(len(model.classes), *model.shape))


def evidence_maps(
    model: SoftmaxRegression, images: ArrayLike, classes: Sequence[int] | None = None
) -> Floats:
    """Multiply pixels by weights: what every pixel says for every class, before any sum.

    Parameters
    ----------
    images : n pictures, in any form that `Model.logits` takes.
    classes : the c labels to explain; by default all k, in order.

    Returns
    -------
    maps : float64 (n, c, h, w), negative against the class. The sum of a map plus the class's
        bias is the model's logit, up to float rounding.

    Raises
    ------
    InputError : the model is not linear in the pixels, or `images` or `classes` don't fit it.
    """
    weights = weight_maps(model)
    k, h, w = weights.shape
    if classes is not None:
        if not all(isinstance(label, (int, np.integer)) and 0 <= label < k for label in classes):
            raise InputError(f"`classes` must be ints in 0..{k - 1}; got {list(classes)!r:.80}.")
        weights = weights[np.array(classes, np.intp)]
    pixels = as_features(images, h * w)
    white = 255 if pixels.dtype == np.uint8 else 1
    return (pixels / np.float64(white)).reshape(len(pixels), 1, h, w) * weights


class Account(NamedTuple):
    """How evidence adds up, for n pictures and c classes: `sums` + `biases` = `logits`.

    maps : (n, c, h, w), as `evidence_maps` gives them. sums, biases, logits, probabilities :
    (n, c); the probabilities are those among all k classes.
    """

    maps: Floats
    sums: Floats
    biases: Floats
    logits: Floats
    probabilities: Floats


def account(
    model: SoftmaxRegression, images: ArrayLike, classes: Sequence[int] | None = None
) -> Account:
    """Add up the evidence in pictures; takes and raises what `evidence_maps` does."""
    maps = evidence_maps(model, images, classes)
    shown = list(range(len(model.classes)) if classes is None else classes)
    sums = maps.sum(axis=(2, 3))
    return Account(
        maps,
        sums,
        np.broadcast_to(model.biases[shown], sums.shape),
        model.logits(images)[:, shown],
        model.predict_proba(images)[:, shown],
    )
