"""The scikit-learn classifiers: the library's own contract, and its answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mnistry.data.dataset import DataSet, DataSets
from mnistry.models.file import load_model, save_model
from mnistry.sklearn import ConvNetClassifier, SoftmaxClassifier

CONVNET = ConvNetClassifier(epochs=3)
NO_PICTURES = "it asks for accuracy on 300 points of two numbers, which are no pictures"
WORDS = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


@pytest.fixture
def alone() -> Iterator[None]:
    """PyTorch with one thread: for tiny batches, several spend their time waiting."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def part(mnist: DataSets) -> DataSet:
    return mnist.train.take(slice(3000))


@pytest.mark.slow
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [CONVNET], expected_failed_checks=lambda _: {"check_classifiers_train": NO_PICTURES}
)
@pytest.mark.usefixtures("alone")
def test_scikit_learn_contract_of_convnets(estimator: ConvNetClassifier, check: object) -> None:
    """Every check that scikit-learn has for a classifier, but for accuracy on no pictures."""
    check(estimator)  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_convnet_learns_digits(mnist: DataSets, part: DataSet, tmp_path: Path) -> None:
    """From 3,000 pictures labelled with words it learns to read others, and can be saved."""
    classifier = ConvNetClassifier(epochs=3).fit(part.X, WORDS[part.labels])
    others = mnist.validation.take(slice(2000))
    assert classifier.score(others.X, WORDS[others.labels]) >= 0.9
    assert classifier.classes_.tolist() == sorted(WORDS)
    p = classifier.predict_proba(others.X)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(
        classifier.predict(others.X), classifier.classes_[p.argmax(axis=1)]
    )
    assert classifier.decision_function(others.X).shape == (2000, 10)
    # A tenth was held out, and the temperature found on it.
    assert classifier.model_.temperature != 1
    save_model(classifier.model_, tmp_path / "m.onnx")
    back = load_model(tmp_path / "m.onnx")
    assert back.classes == tuple(sorted(WORDS))
    np.testing.assert_array_equal(back.predict_proba(others.images), p)


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_convnet_draws_from_its_seed(part: DataSet) -> None:
    """The same `random_state` gives the same probabilities to the bit, and another others."""
    part = part.take(slice(400))

    def probabilities(seed: int) -> Any:
        return ConvNetClassifier(epochs=2, random_state=seed).fit(part.X, part.labels)

    one, two, three = (probabilities(seed).predict_proba(part.X) for seed in (7, 7, 8))
    assert one.tobytes() == two.tobytes()
    assert (one != three).any()


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_in_either_range_are_the_same(part: DataSet, dtype: Any) -> None:
    """Pixels in 0..1 and in 0..255 train the same model to the bit, and are answered alike."""
    part = part.take(slice(400))
    levels = part.images.reshape(400, -1).astype(dtype)
    white, ink = ConvNetClassifier(epochs=1), ConvNetClassifier(epochs=1)
    white.fit(levels, part.labels)
    ink.fit(levels / dtype(255), part.labels)
    assert (white.levels_, ink.levels_) == ((0, 255), (0, 1))
    for ours, theirs in zip(white.model_.members, ink.model_.members, strict=True):
        for key, array in ours.arrays.items():
            assert array.tobytes() == theirs.arrays[key].tobytes()
    np.testing.assert_array_equal(
        white.predict_proba(levels), ink.predict_proba(levels / dtype(255))
    )


@pytest.mark.usefixtures("alone")
def test_other_numbers_are_told_from_least_to_largest() -> None:
    """Of other numbers the least is paper and the largest ink; beyond them nothing is darker."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 16)), np.arange(40) % 2
    classifier = ConvNetClassifier(epochs=1).fit(x, y)
    assert classifier.levels_ == (x.min(), x.max())
    assert classifier.model_.shape == (4, 4)
    shifted = ConvNetClassifier(epochs=1).fit(100 * x - 5, y)
    np.testing.assert_array_equal(shifted.predict_proba(100 * x - 5), classifier.predict_proba(x))
    np.testing.assert_array_equal(
        classifier.predict_proba(np.full((1, 16), x.max() + 1000)),
        classifier.predict_proba(np.full((1, 16), x.max())),
    )
    # Two classes: one number a sample, as scikit-learn has it.
    assert classifier.decision_function(x).shape == (40,)


@pytest.mark.usefixtures("alone")
def test_pictures_have_the_shape_that_was_said() -> None:
    """Columns are squares, or a line, or what `shape` says, which must fit them."""
    x, y = np.random.default_rng(0).random((20, 36)), np.arange(20) % 2
    assert ConvNetClassifier(epochs=1).fit(x, y).model_.shape == (6, 6)
    assert ConvNetClassifier(epochs=1, shape=(4, 9)).fit(x, y).model_.shape == (4, 9)
    assert ConvNetClassifier(epochs=1).fit(x[:, :20], y).model_.shape == (1, 20)
    with pytest.raises(
        ValueError, match=r"`shape` must have as many pixels as `X` has columns, 36; got \(6, 7\)"
    ):
        ConvNetClassifier(shape=(6, 7)).fit(x, y)


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_convnet_is_calibrated_where_there_is_enough(part: DataSet) -> None:
    """A share below 200 pictures, or none, holds nothing out: the temperature stays 1."""
    for share in (0.0, 0.05):
        classifier = ConvNetClassifier(epochs=0.1, calibration=share).fit(part.X, part.labels)
        assert classifier.model_.temperature == 1
    few = part.take(slice(500))
    classifier = ConvNetClassifier(epochs=0.1, calibration=0.4).fit(few.X, few.labels)
    assert classifier.model_.temperature != 1


@pytest.mark.usefixtures("alone")
def test_convnet_ensembles_have_members() -> None:
    """`members` networks of different draws are in the model."""
    x, y = np.random.default_rng(0).random((20, 36)), np.arange(20) % 2
    model = ConvNetClassifier(epochs=1, members=2).fit(x, y).model_
    one, two = model.members
    assert (one.arrays["weights"] != two.arrays["weights"]).any()


def test_convnet_is_cloned_with_its_parameters() -> None:
    """`clone` and `get_params` see every argument, and `set_params` changes it."""
    given = {
        "epochs": 2.5, "shape": (4, 9), "members": 3, "calibration": 0.2, "device": "cpu",
        "random_state": 5,
    }  # fmt: skip
    classifier = ConvNetClassifier(**given)  # type: ignore[arg-type]
    assert classifier.get_params() == given
    copy = clone(classifier)
    assert copy is not classifier
    assert copy.get_params() == given
    assert copy.set_params(epochs=1).get_params() == {**given, "epochs": 1}


def test_convnet_needs_two_classes_and_a_device() -> None:
    """One class alone, and a device that this machine has not, each get one sentence."""
    pytest.importorskip("torch")
    x = np.random.default_rng(0).random((20, 36))
    with pytest.raises(ValueError, match=r"ConvNetClassifier needs at least 2 classes in `y`"):
        CONVNET.fit(x, ["a"] * 20)
    with pytest.raises(ValueError, match=r"`device` must be one of auto, cpu, cuda, mps; got 'x'"):
        ConvNetClassifier(device="x").fit(x, np.arange(20) % 2)


@pytest.mark.slow
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
    assert "run `pip install 'scikit-learn>=" in done.stderr
