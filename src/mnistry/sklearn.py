"""Our models as scikit-learn classifiers (extra `sklearn`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from mnistry.errors import MissingExtra
from mnistry.models.base import Floats, Ints, log_softmax, softmax
from mnistry.models.softmax import SoftmaxRegression

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets, unique_labels
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtra("mnistry.sklearn", "scikit-learn 1.6 or later", "sklearn") from error


class _Classifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """What scikit-learn asks of a classifier, derived once from its logits."""

    classes_: Any

    def decision_function(self, X: ArrayLike) -> Floats:
        """Give the logits (n, k); for two classes, the second's less the first's, (n,)."""
        logits = self._logits(X)
        return logits if len(self.classes_) > 2 else logits[:, 1] - logits[:, 0]

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Give the probability of each of `classes_`, (n, k)."""
        return softmax(self._logits(X))

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Give the log of `predict_proba`, exact where it would round to 0."""
        return log_softmax(self._logits(X))

    def predict(self, X: ArrayLike) -> Ints:
        """Give the most probable of `classes_` for each sample, (n,)."""
        answers = self._logits(X).argmax(axis=1)
        return np.asarray(self.classes_[answers])

    @abstractmethod
    def _logits(self, X: ArrayLike) -> Floats:
        """Give the logits (n, k) of X, as it was validated when it was fitted."""

    def _validated(self, *arrays: ArrayLike, reset: bool = True) -> Any:
        return validate_data(self, *arrays, dtype=[np.float64, np.float32], reset=reset)

    def _labels(self, y: Any) -> Ints:
        """Take note of the classes; give each sample's, as its index among them."""
        check_classification_targets(y)
        self.classes_ = unique_labels(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes in `y`; got 1 class, "
                f"{self.classes_.tolist()[0]!r}."
            )
        return np.asarray(np.searchsorted(self.classes_, y))


class SoftmaxClassifier(_Classifier):
    """`mnistry.SoftmaxRegression` with scikit-learn's API: any labels, pipelines, searches.

    Its optimum is that of ``LogisticRegression(C=1/(l2*n))`` on n samples (for two classes
    ``C=2/(l2*n)``: scikit-learn penalises the difference of the columns, this their squares).

    Parameters
    ----------
    solver : "lbfgs" for the optimum with its certificate, or "sgd".
    l2 : λ; the objective is the mean cross-entropy + λ/2 · Σ weights². None for 1/n, n the
        samples or the sum of their weights.
    rate, steps, batch : gradient descent's, see `SoftmaxRegression`.
    tol, max_iter : of L-BFGS, see `SoftmaxRegression`.
    random_state : int; decides every draw.

    Attributes
    ----------
    classes_ : (k,), sorted. coef_ : (k, d). intercept_ : (k,). n_iter_ : iterations or steps.
    gap_ : L-BFGS's proven bound on the distance to the best loss, in nats; else infinite.
    model_ : the `SoftmaxRegression` itself, for `mnistry.save_model`.
    """

    def __init__(
        self,
        *,
        solver: Literal["lbfgs", "sgd"] = "lbfgs",
        l2: float | None = None,
        rate: float = 0.5,
        steps: int = 1000,
        batch: int = 100,
        tol: float = 5e-5,
        max_iter: int = 500,
        random_state: int = 0,
    ) -> None:
        self.solver = solver
        self.l2 = l2
        self.rate = rate
        self.steps = steps
        self.batch = batch
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> SoftmaxClassifier:
        """Learn from X (n, d) and labels y (n,) of any kind that scikit-learn takes."""
        X, y = self._validated(X, y)
        labels = self._labels(y)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        total = len(labels) if weights is None else weights.sum()
        self.model_ = self._model(1 / max(total, 1e-300) if self.l2 is None else self.l2)
        self.model_.fit(X, labels, sample_weight=weights, classes=list(map(str, self.classes_)))
        self._take()
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> SoftmaxClassifier:
        """Take a step of gradient descent for each `batch` of X; `classes` at the first call."""
        first = not hasattr(self, "model_")
        X, y = self._validated(X, y, reset=first)
        if first:
            if classes is None:
                raise ValueError("`classes` must be given at the first call of `partial_fit`.")
            self.classes_ = unique_labels(classes)
            self.model_ = self._model(self.l2 or 0.0)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"`y` holds {unknown.tolist()[0]!r}, which `classes` did not name.")
        labels = np.searchsorted(self.classes_, y)
        names = list(map(str, self.classes_))
        self.model_.partial_fit(X, labels, classes=names, sample_weight=weights)
        self._take()
        return self

    def _model(self, l2: float) -> SoftmaxRegression:
        return SoftmaxRegression(
            solver=self.solver, l2=l2, rate=self.rate, steps=self.steps, batch=self.batch,
            tol=self.tol, max_iter=self.max_iter, seed=self.random_state,
        )  # fmt: skip

    def _take(self) -> None:
        """Show what the model learnt under scikit-learn's names."""
        self.coef_, self.intercept_ = self.model_.weights.T, self.model_.biases
        optimum = self.model_.optimum
        self.n_iter_ = self.steps if optimum is None else max(optimum.iterations, 1)
        self.gap_ = np.inf if optimum is None else optimum.gap

    def _logits(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        return self.model_.logits(self._validated(X, reset=False))


class ConvNetClassifier(_Classifier):
    """A convnet with scikit-learn's API (extras `train` and `sklearn`).

    X holds pictures row by row: pixels in 0..1 or in 0..255, 0 = paper; of other numbers, the
    least that training saw is paper and the largest ink. They are rounded to 256 levels.

    Parameters
    ----------
    epochs : the one dial, see `mnistry.training.recipe.Recipe.for_epochs`.
    shape : (h, w) of the pictures; None for squares, or a line where they can't be squares.
    members : networks in the ensemble.
    calibration : share of the samples, of each class, that is held out to make the
        probabilities true; none are where that would be fewer than 200.
    device : "auto", "cpu", "cuda" or "mps".
    random_state : int; decides every draw.

    Attributes
    ----------
    classes_ : (k,), sorted. levels_ : (paper, ink).
    model_ : the `ConvNet` itself, for `mnistry.save_model`.
    """

    def __init__(
        self,
        *,
        epochs: float = 1.0,
        shape: tuple[int, int] | None = None,
        members: int = 1,
        calibration: float = 0.1,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.epochs = epochs
        self.shape = shape
        self.members = members
        self.calibration = calibration
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> ConvNetClassifier:
        """Learn from X (n, h*w) and labels y (n,) of any kind that scikit-learn takes."""
        from mnistry.data.dataset import DataSet, split_by_class
        from mnistry.training.recipe import Recipe
        from mnistry.training.run import Run

        pixels, y = self._validated(X, y)
        labels = self._labels(y)
        low, high = float(pixels.min()), float(pixels.max())
        if low >= 0 and high <= 255:
            low, high = 0.0, 1.0 if high <= 1 else 255.0
        self.levels_ = (low, high)
        d = pixels.shape[1]
        side = int(d**0.5 + 0.5)
        square = (side, side) if side**2 == d else (1, d)
        shape = square if self.shape is None else self.shape
        if shape[0] * shape[1] != d:
            raise ValueError(
                f"`shape` must have as many pixels as `X` has columns, {d}; got {shape}."
            )
        names = [str(i) for i in range(len(self.classes_))]
        held_out = None
        data = DataSet(self._pictures(pixels, shape), labels.astype(np.int64), tuple(names))
        if self.calibration * len(data) >= 200:
            data, held_out = split_by_class(data, self.calibration, self.random_state)
        run = Run(
            Recipe.for_epochs(self.epochs, shape, len(names)), data, validation=held_out,
            members=self.members, seed=self.random_state, device=self.device,
        )  # fmt: skip
        self.model_ = run.finish()
        self.model_.classes = tuple(map(str, self.classes_))
        return self

    def _pictures(self, X: Any, shape: tuple[int, int]) -> Any:
        low, high = self.levels_
        levels = (X - low) * (255 / max(high - low, 1e-300))
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8).reshape(len(X), *shape)

    def _logits(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        checked = self._validated(X, reset=False)
        return self.model_.logits(self._pictures(checked, self.model_.shape))
