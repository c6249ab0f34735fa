"""Softmax regression as a scikit-learn classifier (extra ``mnistry[sklearn]``)."""

from __future__ import annotations

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


class SoftmaxClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """`mnistry.SoftmaxRegression` with scikit-learn's manners: any labels, pipelines, searches.

    Its optimum is that of ``LogisticRegression(C=1/(l2*n))`` on n samples (for two classes
    ``C=2/(l2*n)``: scikit-learn penalises the difference of the columns, this their squares).

    Parameters
    ----------
    solver : "newton" for the optimum with its certificate, or "sgd".
    l2 : λ; the objective is the mean cross-entropy + λ/2 · Σ weights². None for 1/n, n the
        samples or the sum of their weights.
    rate, steps, batch : gradient descent's, see `SoftmaxRegression`.
    tol, max_iter : newton's, see `SoftmaxRegression`.
    random_state : int; decides every draw.

    Attributes
    ----------
    classes_ : (k,), sorted. coef_ : (k, d). intercept_ : (k,). n_iter_ : iterations or steps.
    gap_ : newton's proven bound on the distance to the best loss, in nats; else infinite.
    model_ : the `SoftmaxRegression` itself, for `mnistry.save_model`.
    """

    def __init__(
        self,
        *,
        solver: Literal["newton", "sgd"] = "newton",
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
        check_classification_targets(y)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        self.classes_ = unique_labels(y)
        if len(self.classes_) < 2:
            raise ValueError(
                "SoftmaxClassifier needs at least 2 classes in `y`; got 1 class, "
                f"{self.classes_.tolist()[0]!r}."
            )
        labels = np.searchsorted(self.classes_, y)
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

    def _validated(self, *arrays: ArrayLike, reset: bool = True) -> Any:
        return validate_data(self, *arrays, dtype=[np.float64, np.float32], reset=reset)
