"""The optimum, and the certificate that it is one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistry.data.dataset import DataSets
from mnistry.models import curvature
from mnistry.models.softmax import SoftmaxRegression


def objective(model: SoftmaxRegression, x: np.ndarray, y: np.ndarray, l2: float) -> float:
    """F in float64, written out."""
    z = x @ model.weights.astype(float) + model.biases
    z -= z.max(axis=1, keepdims=True)
    loss = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]
    return float(loss.mean() + l2 / 2 * (model.weights.astype(float) ** 2).sum())


def problem(seed: int, n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    noisy = x @ rng.normal(size=(d, k)) + 2 * rng.gumbel(size=(n, k))
    return x, noisy.argmax(axis=1)


@pytest.mark.parametrize("k", [2, 3, 7])
def test_optimum_matches_scikit_learn(k: int) -> None:
    """Oracle: scikit-learn's own solver, run to the same tight end."""
    linear = pytest.importorskip("sklearn.linear_model")
    x, y = problem(0, 300, 12, k)
    peer = linear.LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(x, y)
    # For two classes scikit-learn penalises the difference of the columns: half as much.
    l2 = (2 if k == 2 else 1) / (2.0 * 300)
    model = SoftmaxRegression(solver="lbfgs", l2=l2, tol=1e-12).fit(x, y)
    assert model.optimum is not None
    assert model.optimum.converged
    p = peer.predict_proba(x)
    np.testing.assert_allclose(model.predict_proba(x), p, atol=1e-5)


@pytest.mark.slow
@settings(max_examples=30)
@given(
    st.integers(0, 10**6), st.integers(20, 60), st.integers(1, 6), st.integers(2, 5),
    st.sampled_from([1e-4, 1e-2, 1.0]), st.integers(0, 6),
)  # fmt: skip
def test_gap_is_a_bound(seed: int, n: int, d: int, k: int, l2: float, steps: int) -> None:
    """However early it stops, the objective is at most `gap` above the best one."""
    x, y = problem(seed, n, d, k)
    classes = [str(i) for i in range(k)]
    early, best = (
        SoftmaxRegression(solver="lbfgs", l2=l2, tol=1e-13, max_iter=most).fit(
            x, y, classes=classes
        )
        for most in (steps, 500)
    )
    assert early.optimum is not None
    assert best.optimum is not None
    excess = objective(early, x, y, l2) - objective(best, x, y, l2)
    assert excess <= early.optimum.gap + 1e-12
    assert early.optimum.objective == pytest.approx(objective(early, x, y, l2), abs=1e-12)
    assert best.optimum.gap < 1e-9 or not best.optimum.converged


@pytest.mark.slow
def test_gap_holds_on_mnist(mnist: DataSets) -> None:
    """In float32 on real pictures too: stopped early, the excess is within the proven bound."""
    part = mnist.train.take(slice(6000))
    l2 = 1 / 6000
    x = part.X.astype(np.float64)

    def fit(tol: float) -> SoftmaxRegression:
        model = SoftmaxRegression(solver="lbfgs", l2=l2, tol=tol)
        return model.fit(part.images, part.labels)

    best = objective(fit(1e-5), x, part.labels, l2)
    for tol in (1e-1, 1e-2, 1e-3):
        model = fit(tol)
        assert model.optimum is not None
        assert model.optimum.gap <= tol
        assert objective(model, x, part.labels, l2) - best <= model.optimum.gap


def test_sampled_hessian_still_finds_the_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a rounded sample, few coupled components and the rest by class, the end is the same."""
    x, y = problem(3, 3000, 20, 4)
    exact = SoftmaxRegression(solver="lbfgs", l2=1e-3, tol=1e-10).fit(x, y)
    monkeypatch.setattr(curvature, "_SAMPLE", 500)
    monkeypatch.setattr(curvature, "_COUPLED", 30)
    rough = SoftmaxRegression(solver="lbfgs", l2=1e-3, tol=1e-10).fit(x, y)
    np.testing.assert_allclose(rough.weights, exact.weights, atol=1e-4)
    monkeypatch.setattr(curvature, "_WIDEST", 10)
    plain = SoftmaxRegression(solver="lbfgs", l2=1e-3, tol=1e-10).fit(x, y)
    np.testing.assert_allclose(plain.weights, exact.weights, atol=1e-4)


def test_without_penalty_the_gradient_is_the_certificate() -> None:
    """With λ = 0 no gap is claimed; the gradient's norm is what is brought down."""
    x, y = problem(1, 400, 5, 3)
    model = SoftmaxRegression(solver="lbfgs", l2=0.0, tol=1e-7).fit(x, y)
    assert model.optimum is not None
    assert model.optimum.gap == np.inf
    assert model.optimum.gradient_norm <= 1e-7


def test_separable_data_without_penalty_ends() -> None:
    """Where no optimum exists the solver stops, says so, and leaves finite weights."""
    x = np.array([[0.0], [1.0]])
    model = SoftmaxRegression(solver="lbfgs", l2=0.0, tol=1e-15, max_iter=60).fit(x, [0, 1])
    assert model.optimum is not None
    assert np.isfinite(model.weights).all()
    assert model.predict(x).tolist() == [0, 1]


@pytest.mark.slow
def test_pixels_never_lit_get_no_weight(mnist: DataSets) -> None:
    """A pixel that is 0 everywhere says nothing, so its weights are exactly 0."""
    part = mnist.train.take(slice(3000))
    model = SoftmaxRegression(solver="lbfgs", l2=1e-3, tol=1e-2).fit(part.images, part.labels)
    dark = ~part.images.any(axis=0).ravel()
    assert dark.any()
    assert (model.weights[dark] == 0).all()
    assert (model.weights[~dark] != 0).any(axis=1).all()


@pytest.mark.slow
def test_same_seed_same_bytes(mnist: DataSets) -> None:
    """The solver's random rounding comes from the seed."""
    part = mnist.train.take(slice(6000))
    a, b = (
        SoftmaxRegression(solver="lbfgs", l2=1e-3, tol=1e-3).fit(part.images, part.labels)
        for _ in range(2)
    )
    assert a.weights.tobytes() == b.weights.tobytes()


@pytest.mark.parametrize(("scale", "l2"), [(1000.0, 1e-3), (1.0, 10.0), (1e-3, 1e-6)])
def test_optimum_is_found_from_afar(scale: float, l2: float) -> None:
    """Pixels of any scale and a heavy penalty: where gradient descent fails, L-BFGS does not."""
    x, y = problem(5, 6000, 6, 3)
    model = SoftmaxRegression(solver="lbfgs", l2=l2, tol=1e-8).fit(x * scale, y)
    assert model.optimum is not None
    assert model.optimum.converged
    assert model.optimum.gap <= 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 255.0, 1e4])
def test_single_precision_far_from_one_ends_near_the_optimum(scale: float) -> None:
    """Where rounding leaves the Hessian singular, it is steadied, and the certificate holds."""
    x, y = problem(7, 200, 30, 4)
    x = (x - x.min()) * scale
    x[:, 5] = x[:, 6]  # and nothing tells these two apart
    x[:, 7] *= 1e-3
    model = SoftmaxRegression(solver="lbfgs", l2=1e-3, tol=1e-5).fit(x.astype(np.float32), y)
    assert model.optimum is not None
    assert np.isfinite(model.weights).all()
    peer = SoftmaxRegression(solver="lbfgs", l2=1e-3, tol=1e-7).fit(x, y)
    assert peer.optimum is not None
    assert model.optimum.objective - peer.optimum.objective <= 0.05
    assert model.optimum.objective - model.optimum.gap <= peer.optimum.objective + 1e-6


def test_numbers_without_measure_end_in_no_error() -> None:
    """Where no inverse is to be had, gradients serve as they are."""
    x, y = problem(8, 60, 5, 3)
    model = SoftmaxRegression(solver="lbfgs", l2=1e-3, max_iter=5)
    model.fit((x * 1e18).astype(np.float32), y)
    assert np.isfinite(model.weights).all()
