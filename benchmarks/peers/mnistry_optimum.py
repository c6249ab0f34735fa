"""mnistry's optimum: `SoftmaxRegression` with its second-order solver, on the bytes themselves."""

from __future__ import annotations

from fit import Fit
from mnistry import SoftmaxRegression


def main() -> None:
    """Fit, print."""
    fit = Fit()
    # The default tolerance, 5e-5, stops before the last of the objectives that are compared.
    model = SoftmaxRegression(
        solver="lbfgs", l2=1 / len(fit.images), tol=1e-5, max_iter=fit.max_iter
    )
    fit.start()
    model.fit(fit.images, fit.labels, progress=lambda _, __, value: fit.note(value))
    fit.stop()
    found = model.optimum
    assert found is not None  # noqa: S101 - L-BFGS sets it
    fit.report(
        model.weights, model.biases,
        iterations=found.iterations, gap=found.gap, gradient_norm=found.gradient_norm,
    )  # fmt: skip


if __name__ == "__main__":
    main()
