"""Softmax regression: evidence = pixels · weights + biases, one column of weights a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistry.cores import one_thread
from mnistry.data.dataset import MOST_CLASSES, check_trainable
from mnistry.errors import InputError
from mnistry.models.base import Floats, Ints, Model, as_features, as_labels, as_weights
from mnistry.models.batches import batches
from mnistry.models.lbfgs import Optimum, minimize
from mnistry.models.step import Step

Progress = Callable[[int, int, float], None]


class SoftmaxRegression(Model):
    """The tutorial's model, in NumPy alone.

    The defaults are the tutorial's recipe: weights of zeros, gradient descent at rate 0.5,
    1000 batches of 100. ``solver="lbfgs"`` finds the optimum and certifies it.

    Parameters
    ----------
    solver : "sgd", or "lbfgs" for the optimum (see `mnistry.models.lbfgs`).
    rate : gradient descent's step length.
    steps : how many batches gradient descent takes.
    batch : pictures in a batch.
    l2 : λ; the objective is the mean cross-entropy + λ/2 · Σ weights² (biases are free).
    tol : L-BFGS stops when the loss is proven to be this near to the best (nats), or with
        ``l2=0`` when the gradient's norm is at most this.
    max_iter : largest number of iterations.
    seed : shuffles the batches.

    Attributes
    ----------
    weights : float (d, k). biases : float (k,). optimum : the certificate of L-BFGS, or None.
    of_bytes : whether it learnt from uint8, or comes from a file: floats must be in [0, 1] then.
        One that learnt from floats of any range takes them as they are.
    """

    weights: Floats
    biases: Floats
    of_bytes: bool = False

    def __init__(
        self,
        *,
        solver: Literal["sgd", "lbfgs"] = "sgd",
        rate: float = 0.5,
        steps: int = 1000,
        batch: int = 100,
        l2: float = 0.0,
        tol: float = 5e-5,
        max_iter: int = 500,
        seed: int = 0,
    ) -> None:
        if solver not in ("sgd", "lbfgs"):
            raise InputError(f"`solver` must be 'sgd' or 'lbfgs'; got {solver!r}.")
        for name, value, least in (
            ("steps", steps, 0), ("batch", batch, 1), ("max_iter", max_iter, 0), ("seed", seed, 0)
        ):  # fmt: skip
            if value < least:
                raise InputError(f"`{name}` must be at least {least}; got {value}.")
        for name, number, positive in (("rate", rate, True), ("l2", l2, False), ("tol", tol, True)):
            if not (0 < number < np.inf or (number == 0 and not positive)):
                kind = "a positive number" if positive else "zero or a positive number"
                raise InputError(f"`{name}` must be {kind}; got {number}.")
        self.solver, self.rate, self.steps, self.batch = solver, rate, steps, batch
        self.l2, self.tol, self.max_iter, self.seed = l2, tol, max_iter, seed
        self.optimum: Optimum | None = None
        self.provenance: dict[str, Any] = {}

    def _summary(self) -> list[str]:
        return [*super()._summary(), f"solver={self.solver!r}"]

    def _images_html(self) -> list[str]:
        """Return each class's weights, white for the largest and black for the smallest."""
        import mnistry.notebook as notebook

        if not hasattr(self, "weights"):
            return []
        maps = self.weights.T[: notebook.MAX_IMAGES].astype(np.float64)
        largest = max(float(np.abs(np.nan_to_num(maps)).max(initial=0)), 1e-300)
        grey = np.nan_to_num(127.5 + 127.5 * maps / largest).round().astype(np.uint8)
        return [
            notebook.image(one.reshape(self.shape), f"weights of {name}")
            for one, name in zip(grey, self.classes, strict=False)
        ]

    def logits(self, images: ArrayLike) -> Floats:
        """Weigh the evidence: pixels · weights + biases. See `Model.logits`."""
        if not hasattr(self, "weights"):
            raise InputError(
                "This model has no weights yet; call `fit` or `partial_fit` first, "
                "or load a trained one with `load_model`."
            )
        x = as_features(images, len(self.weights), unit=self.of_bytes)
        out = np.empty((len(x), len(self.biases)), self.weights.dtype)
        # In float64, since adding up hundreds of float32 terms would lose a digit.
        weights = self.weights.astype(np.float64)
        if x.dtype == np.uint8:
            weights /= 255
        for rows in _slices(len(x), 1024):
            out[rows] = x[rows].astype(np.float64) @ weights + self.biases
        return out

    def cool(self, temperature: float) -> None:
        """Divide all evidence by that from now on: the weights and biases themselves."""
        self.weights = self.weights / self.weights.dtype.type(temperature)
        self.biases = self.biases / self.biases.dtype.type(temperature)

    def fit(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        classes: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> SoftmaxRegression:
        """Learn from scratch.

        Parameters
        ----------
        images : uint8 (n, h, w) or (n, d) in 0..255, or float in [0, 1].
        labels : (n,) ints in 0..k-1, or one-hot (n, k).
        sample_weight : (n,), or None for equal weights.
        classes : the k names; by default "0", "1", … as many as the labels show.
        progress : called now and then with (steps done, steps in all, loss).

        Raises
        ------
        InputError : an argument has another form; the message says which.
        """
        x, y, w = self._start(images, labels, sample_weight, classes)
        if len(x) == 0:
            raise InputError("`images` must hold at least one picture to learn from; got none.")
        check_trainable(y, self.classes)
        if self.solver == "sgd":
            self._descend(x, y, w, progress)
            return self
        warm = SoftmaxRegression(rate=self.rate, batch=200, seed=self.seed)
        warm._begin(x, self.classes, self.shape)
        # Gradient descent finds the neighbourhood of the optimum in a tenth of the time that
        # second-order steps take from zero; it pays from a few thousand pictures on. Under a
        # heavy penalty, zero is near enough, and so long a step would run away.
        if len(x) >= 5000 and self.l2 < 0.1:
            warm.steps = 5 * len(x) // warm.batch
            warm.rate, warm.l2 = 2.0, self.l2
            warm._descend(x, y, w, None, decay=True)
        self.optimum = minimize(
            x, y, warm.weights, warm.biases,
            l2=self.l2, sample_weight=w, tol=self.tol, max_iter=self.max_iter, seed=self.seed,
            progress=progress,
        )  # fmt: skip
        self.weights, self.biases = self.optimum.weights, self.optimum.biases
        return self

    def partial_fit(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        classes: Sequence[str] | None = None,
    ) -> SoftmaxRegression:
        """Take one step of gradient descent for each `batch` of these pictures, in order.

        The first call sets the classes; later calls must keep to them. Arguments are `fit`'s.
        """
        if hasattr(self, "weights"):
            if classes is not None and tuple(classes) != self.classes:
                raise InputError(
                    f"`classes` must stay those of the first call, {self.classes}; "
                    f"got {tuple(classes)}."
                )
            x = as_features(images, len(self.weights))
            y = as_labels(labels, len(x), len(self.classes))
            w = as_weights(sample_weight, len(x))
        else:
            x, y, w = self._start(images, labels, sample_weight, classes)
        size = min(self.batch, max(len(x), 1))
        step = Step(self.weights, self.biases, self.rate, self.l2, size)
        with one_thread():
            for at in (np.arange(len(x))[rows] for rows in _slices(len(x), self.batch)):
                step.take(x, at, y[at], None if w is None else w[at])
        self._forget()
        return self

    def _start(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        sample_weight: ArrayLike | None,
        classes: Sequence[str] | None,
    ) -> tuple[NDArray[Any], Ints, Floats | None]:
        """Check what `fit` was given and begin with weights of zeros."""
        x = as_features(images)
        y = as_labels(labels, len(x), None if classes is None else len(classes))
        if classes is None:
            one_hot = np.ndim(labels) == 2
            k = np.shape(labels)[1] if one_hot else int(y.max(initial=-1)) + 1
            if k > MOST_CLASSES:
                raise InputError(
                    f"`labels` must be below {MOST_CLASSES:,}, the most classes that can be "
                    f"learnt; the largest is {k - 1:,}."
                )
            classes = [str(i) for i in range(k)]
        if len(classes) < 1:
            raise InputError("`classes` must name at least one class; got none.")
        given = np.shape(images)
        shape = (given[1], given[2]) if len(given) == 3 else _as_square(x.shape[1])
        self._begin(x, tuple(map(str, classes)), shape)
        return x, y, as_weights(sample_weight, len(x))

    def _begin(self, x: NDArray[Any], classes: tuple[str, ...], shape: tuple[int, int]) -> None:
        dtype = np.float64 if x.dtype == np.float64 else np.float32
        self.classes, self.shape, self.of_bytes = classes, shape, x.dtype == np.uint8
        self._forget()
        self.weights = np.zeros((x.shape[1], len(classes)), dtype)
        self.biases = np.zeros(len(classes), dtype)

    def _forget(self) -> None:
        """Drop what was known of other weights."""
        self.optimum, self.calibration, self.provenance = None, None, {}

    def _descend(
        self,
        x: NDArray[Any],
        y: Ints,
        w: Floats | None,
        progress: Progress | None,
        *,
        decay: bool = False,
    ) -> None:
        """Take `steps` steps; each epoch sees every picture once, in a new order.

        Raises
        ------
        InputError : the weights ran away to infinity.
        """
        step = Step(self.weights, self.biases, self.rate, self.l2, min(self.batch, len(x)))
        if w is not None:
            w = w / w.mean()
        with one_thread(), np.errstate(over="ignore", invalid="ignore"):
            drawn = batches(x, step.size, self.steps, self.seed)
            for i, (pictures, at, rows) in enumerate(drawn):
                if decay:
                    step.rate = self.rate * (1 - i / self.steps)
                own = step.take(pictures, at, y[rows], None if w is None else w[rows])
                if progress is not None and (i + 1) % 100 == 0:
                    progress(i + 1, self.steps, float(-np.log(own + 1e-30).mean()))
        if not np.isfinite(self.weights).all():
            raise InputError(
                f"Training ran away: after {self.steps} steps at rate {self.rate:g} and "
                f"l2 {self.l2:g}, weights are no longer finite; lower `rate`, or `l2` below "
                "1/rate."
            )


def _slices(n: int, size: int) -> Iterator[slice]:
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def _as_square(d: int) -> tuple[int, int]:
    """Give the shape of a flattened picture: square where d is a square, else one row."""
    side = int(d**0.5 + 0.5)
    return (side, side) if side * side == d else (1, d)
