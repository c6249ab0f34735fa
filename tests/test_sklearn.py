"""The scikit-learn classifier: the library's own contract, and its answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mnistry.data.dataset import DataSets
from mnistry.models.file import load_model, save_model
from mnistry.sklearn import SoftmaxClassifier


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [SoftmaxClassifier(), SoftmaxClassifier(solver="sgd")]
)
def test_scikit_learn_contract(estimator: SoftmaxClassifier, check: object) -> None:
    """Every check that scikit-learn has for a classifier."""
    check(estimator)  # type: ignore[operator]


@pytest.mark.parametrize("k", [2, 4])
def test_optimum_is_logistic_regressions(k: int) -> None:
    """Oracle: with C and l2 matched as the docstring says, the same probabilities."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6))
    y = np.array(list("abcd"))[(x[:, :k] + rng.gumbel(size=(200, k))).argmax(axis=1)]
    ours = SoftmaxClassifier(l2=0.01, tol=1e-12).fit(x, y)
    peer = LogisticRegression(C=(2 if k == 2 else 1) / (0.01 * 200), tol=1e-9, max_iter=5000)
    np.testing.assert_allclose(ours.predict_proba(x), peer.fit(x, y).predict_proba(x), atol=1e-5)
    assert ours.gap_ < 1e-11


def test_pipeline_and_search_work() -> None:
    """It sits in a pipeline and its λ can be searched."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 5))
    y = x[:, :3].argmax(axis=1)
    pipe = make_pipeline(StandardScaler(), SoftmaxClassifier())
    search = GridSearchCV(pipe, {"softmaxclassifier__l2": [1e-3, 1.0]}, cv=3).fit(x, y)
    assert search.best_params_ == {"softmaxclassifier__l2": 1e-3}
    assert search.best_score_ > 0.8


def test_model_inside_can_be_saved(mnist: DataSets, tmp_path: Path) -> None:
    """What scikit-learn trained is a model file like any other."""
    part = mnist.train.take(slice(2000))
    classifier = SoftmaxClassifier(solver="sgd", steps=100).fit(part.X, part.labels)
    save_model(classifier.model_, tmp_path / "m.onnx")
    back = load_model(tmp_path / "m.onnx")
    np.testing.assert_array_equal(back.predict(part.images), classifier.predict(part.X))


def test_partial_fit_needs_classes_first() -> None:
    """Classes are named at the first call, and later labels must be among them."""
    x, y = np.zeros((2, 3)), ["a", "b"]
    with pytest.raises(ValueError, match="`classes` must be given at the first call"):
        SoftmaxClassifier().partial_fit(x, y)
    model = SoftmaxClassifier().partial_fit(x, y, classes=["a", "b"])
    with pytest.raises(ValueError, match="`y` holds 'c', which `classes` did not name"):
        model.partial_fit(x, ["a", "c"])


def test_missing_scikit_learn_is_one_sentence() -> None:
    """Without scikit-learn the import says how to get it."""
    code = "import sys; sys.modules['sklearn.base'] = None\nimport mnistry.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "mnistry.sklearn needs scikit-learn 1.6 or later, which is not installed" in done.stderr
    assert "pip install 'mnistry[sklearn]'" in done.stderr
