"""scikit-learn's optimum: LogisticRegression with its default solver, L-BFGS, on float32 pixels.

The curve comes from the values that its objective returns anyway; noting one takes microseconds.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy import optimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from fit import Fit

DEFAULT_TOL = 1e-4  # of the largest part of the gradient
minimize = optimize.minimize


def main() -> None:
    """Fit, print."""
    fit = Fit()
    x = fit.images.astype(np.float32) / 255
    default: list[float] = []

    def watched(function: Any, *arguments: Any, **options: Any) -> Any:
        def noting(*values: Any) -> Any:
            objective, gradient = function(*values)
            fit.note(float(objective))
            if not default and np.abs(gradient).max() <= DEFAULT_TOL:
                default.append(float(objective))
            return objective, gradient

        return minimize(noting, *arguments, **options)

    optimize.minimize = watched
    model = LogisticRegression(C=1, tol=1e-6, max_iter=fit.max_iter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit.start()
        model.fit(x, fit.labels)
        fit.stop()
    fit.report(
        model.coef_.T, model.intercept_,
        iterations=int(model.n_iter_[0]), default_objective=default[0] if default else None,
    )  # fmt: skip


if __name__ == "__main__":
    main()
