"""What every model is: evidence (logits) for each class; every probability follows from it here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.errors import InputError, ModelError
from mnistry.models.calibration import Calibration

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def softmax(logits: ArrayLike) -> Floats:
    """Turn evidence into probabilities: exp(logits), each row divided by its sum.

    The largest logit of a row is taken off first, which changes nothing in exact arithmetic
    and keeps ±10,000 from overflowing.

    Parameters
    ----------
    logits : (n, k) or (k,), float.

    Returns
    -------
    probabilities : same shape; each row sums to 1.
    """
    z = _as_float(logits)
    exponentials = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def log_softmax(logits: ArrayLike) -> Floats:
    """Turn evidence into log probabilities, exactly even where the probability is 0 in float.

    Parameters
    ----------
    logits : (n, k) or (k,), float.

    Returns
    -------
    log_probabilities : same shape; at most 0.
    """
    z = _as_float(logits)
    z = z - z.max(axis=-1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=-1, keepdims=True)))


def cross_entropy(
    logits: ArrayLike, labels: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Give the mean of -log p(true class), in nats.

    Parameters
    ----------
    logits : (n, k), float.
    labels : (n,) ints in 0..k-1, or (n, k) one-hot.
    sample_weight : (n,) non-negative, or None for equal weights.
    """
    log_p = log_softmax(logits)
    y = as_labels(labels, len(log_p), log_p.shape[-1])
    loss = -log_p[np.arange(len(y)), y]
    # Certainty is 0 and not -0, which would be printed as "-0.0000".
    return float(np.average(loss, weights=as_weights(sample_weight, len(y)))) + 0.0


class Model(ABC):
    """Pictures in, evidence out; a subclass writes `logits` and nothing about probabilities.

    Attributes
    ----------
    classes : the names of the k classes; label i is the index of its name.
    shape : (height, width) of the pictures learnt from, in pixels.
    provenance : how it came about, as its file tells; empty where nothing is known.
    calibration : what held-out pictures said of it; None for a model that was not calibrated.
    """

    classes: tuple[str, ...]
    shape: tuple[int, int]
    provenance: dict[str, Any]
    calibration: Calibration | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._summary())})"

    def _repr_html_(self) -> str:
        """Return HTML for notebooks: the model's kind, and the scores in its file."""
        import mnistry.notebook as notebook

        scores = getattr(self, "provenance", {}).get("scores")
        rows = [
            (name, f"{value:.4f}" if isinstance(value, float) else value)
            for name, value in (scores.items() if isinstance(scores, dict) else ())
        ]
        rows.append(("classes", ", ".join(getattr(self, "classes", ())[:_MOST_NAMES])))
        return notebook.box(repr(self), notebook.facts(rows), *self._images_html())

    def _summary(self) -> list[str]:
        """Return the items of `repr`."""
        if not (hasattr(self, "classes") and hasattr(self, "shape")):
            return ["not trained"]
        height, width = self.shape
        state = "not calibrated" if self.calibration is None else "calibrated"
        return [f"{height}x{width} images", f"{len(self.classes)} classes", state]

    def _images_html(self) -> list[str]:
        """Return images for notebooks as HTML."""
        return []

    @abstractmethod
    def logits(self, images: ArrayLike) -> Floats:
        """Weigh the evidence for each class.

        Parameters
        ----------
        images : uint8 (n, h, w) or (n, h*w), 0 = paper, 255 = ink; or float, the same shapes,
            in [0, 1].

        Returns
        -------
        logits : (n, k); the tutorial's evidence.
        """

    def predict_log_proba(self, images: ArrayLike) -> Floats:
        """Give the log of `predict_proba`, (n, k), exact where the probability rounds to 0."""
        return log_softmax(self.cooled(images))

    def predict_proba(self, images: ArrayLike) -> Floats:
        """Give the probability of each class, (n, k); each row sums to 1."""
        return softmax(self.cooled(images))

    def cooled(self, images: ArrayLike) -> Floats:
        """Give the logits as probabilities follow from them, (n, k): less sure of the strange."""
        return self.logits(images)

    def predict(self, images: ArrayLike) -> Ints:
        """Give the most probable class of each picture, (n,), as its index in `classes`."""
        return np.asarray(self.logits(images).argmax(axis=1))

    def p_values(self, images: ArrayLike, *, by_class: bool = False) -> Floats:
        """Give each class's p-value, (n, k): see `Calibration.p_values`.

        The set of classes whose p-value is above alpha misses the truth at most alpha of the
        time, wherever the pictures could as well have been among those held out.

        Raises
        ------
        ModelError : the model was not calibrated.
        """
        return self._promised().p_values(self.logits(images), by_class=by_class)

    def strangeness(self, images: ArrayLike) -> Floats:
        """Give how little each picture is like those learnt from, (n,); more is stranger.

        Raises
        ------
        ModelError : the model was not calibrated, and has nothing to tell it by.
        """
        gaussian = self._promised().gaussian
        if gaussian is None:
            raise ModelError(_NOT_CALIBRATED)
        pictures = np.asarray(images)
        parts = [pictures[i : i + _TOGETHER] for i in range(0, max(len(pictures), 1), _TOGETHER)]
        return np.concatenate([gaussian.strangeness(self.features(part)) for part in parts])

    def features(self, images: ArrayLike) -> Floats:
        """Give what pictures are compared by, float (n, d): their pixels, from 0 to 1."""
        x = as_features(images, int(np.prod(self.shape)))
        return x.astype(np.float64) * (1 / 255 if x.dtype == np.uint8 else 1)

    def typicality(self, images: ArrayLike) -> Floats:
        """Give the p-value of each picture being like those held out, (n,).

        To refuse what is below a level refuses that share of the pictures that are like them.

        Raises
        ------
        ModelError : the model was not calibrated.
        """
        return self._promised().typicality(self.strangeness(images))

    def answer(self, images: ArrayLike) -> tuple[Floats, Floats]:
        """Give `predict_log_proba` and `typicality` at once, the latter 1 if not calibrated."""
        log_p = self.predict_log_proba(images)
        if self.calibration is None:
            return log_p, np.ones(len(log_p))
        return log_p, self.typicality(images)

    def promise(self, calibration: Calibration) -> None:
        """Take a calibration for one's own; `mnistry.probability.calibrate` makes it."""
        if len(calibration.doubt) != len(self.classes):
            raise InputError(
                f"`calibration` must be of {len(self.classes)} classes; "
                f"got {len(calibration.doubt)}."
            )
        self.calibration = calibration

    def _promised(self) -> Calibration:
        if self.calibration is None:
            raise ModelError(_NOT_CALIBRATED)
        return self.calibration


_MOST_NAMES = 12  # classes that a notebook shows
_ROUNDING = 1e-3  # by which floats may miss their range
_TOGETHER = 500  # pictures, whose features take memory
_NOT_CALIBRATED = (
    "This model was not calibrated on held-out pictures, so it can't give p-values; train it by "
    "`mnistry train`, or call `mnistry.calibrate(model, learnt, held_out)`."
)


def as_features(images: ArrayLike, width: int | None = None, *, unit: bool = False) -> NDArray[Any]:
    """Check pictures at the boundary and flatten them, without a copy where possible.

    Parameters
    ----------
    images : uint8 (n, h, w) or (n, d) in 0..255, or float, the same shapes.
    width : the d that is expected, or None for any.
    unit : whether floats must be in [0, 1], but for rounding.

    Returns
    -------
    features : (n, d), uint8, float32 or float64; uint8 means 255 = 1.0.

    Raises
    ------
    InputError : the dtype or shape is another one, or a value is not finite or out of range.
    """
    array = np.asarray(images)
    found = f"got {array.dtype} of shape {array.shape}"
    if array.ndim not in (2, 3):
        one = " For one picture, pass `images[np.newaxis]`." if array.ndim in (1, 2) else ""
        raise InputError(f"`images` must have shape (n, h, w) or (n, h*w); {found}.{one}")
    if array.dtype == np.bool_:
        array = array.astype(np.float32)
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"`images` must be uint8 in 0..255 or float in [0, 1]; {found}. "
            "Convert them with `.astype(numpy.uint8)`, or divide by their white level."
        )
    if width is not None and array.ndim == 2 and array.size == width != array.shape[1]:
        raise InputError(
            f"`images` must have shape (n, h, w) or (n, h*w); {found}, which is one image: pass "
            "`images[np.newaxis]`."
        )
    flat = array.reshape(len(array), int(np.prod(array.shape[1:])))
    if flat.dtype == np.float16 or flat.dtype.itemsize > 8:
        flat = flat.astype(np.float32)
    if width is not None and flat.shape[1] != width:
        raise InputError(
            f"`images` must have {width} pixels each, as those learnt from; {found}. "
            "Frame or scale them to that size first."
        )
    if flat.dtype != np.uint8 and not np.isfinite(flat.sum()) and not np.isfinite(flat).all():
        raise InputError(
            f"`images` must be finite; {found} with NaN or infinity in it. "
            "Replace those values first."
        )
    if unit and flat.dtype != np.uint8 and flat.size:
        least, most = float(flat.min()), float(flat.max())
        if least < -_ROUNDING or most > 1 + _ROUNDING:
            raise InputError(
                f"`images` as floats must be in [0, 1], 0 = paper, 1 = ink; {found} with values "
                f"from {least:g} to {most:g}. Divide them by their white level, as by 255."
            )
    return flat


def as_labels(labels: ArrayLike, n: int, k: int | None = None) -> Ints:
    """Check labels at the boundary; one-hot rows become the index of their one.

    Parameters
    ----------
    labels : (n,) ints in 0..k-1, or one-hot (n, k).
    n : how many pictures there are.
    k : how many classes there are, or None for any.

    Raises
    ------
    InputError : they are not ints, not one-hot, not n, or outside 0..k-1.
    """
    y = np.asarray(labels)
    if y.ndim == 2:
        if not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()):
            raise InputError(
                f"One-hot `labels` must hold a single 1 and zeros in each row; got {y.dtype} "
                f"of shape {y.shape} that does not. Pass class indices of shape (n,) instead."
            )
        if k is not None and y.shape[1] != k:
            raise InputError(
                f"One-hot `labels` must have {k} columns, one a class; got shape {y.shape}."
            )
        y = y.argmax(axis=1)
    if y.ndim != 1 or not (np.issubdtype(y.dtype, np.integer) or y.size == 0):
        raise InputError(
            f"`labels` must be ints of shape (n,) or one-hot of shape (n, k); "
            f"got {y.dtype} of shape {y.shape}."
        )
    if len(y) != n:
        raise InputError(f"`labels` must be as many as `images`; got {len(y)} for {n} pictures.")
    y = y.astype(np.intp)
    if len(y) and (y.min() < 0 or (k is not None and y.max() >= k)):
        raise InputError(
            f"`labels` must be in 0..{'k-1' if k is None else k - 1}; "
            f"got values from {y.min()} to {y.max()}."
        )
    return y


def as_weights(sample_weight: ArrayLike | None, n: int) -> Floats | None:
    """Check sample weights at the boundary: (n,) finite, none negative, not all zero."""
    if sample_weight is None:
        return None
    w = _as_float(sample_weight).astype(np.float64)
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise InputError(
            f"`sample_weight` must be {n} finite numbers, none negative and not all zero; "
            f"got shape {w.shape} with values from {np.min(w, initial=0):g} "
            f"to {np.max(w, initial=0):g}."
        )
    return w


def _as_float(values: ArrayLike) -> Floats:
    array = np.asarray(values)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)
