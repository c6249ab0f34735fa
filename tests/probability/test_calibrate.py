"""The temperature found is the best there is, and changes no answer; folds calibrate a whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import ArrayLike, NDArray

from mnistry.data.dataset import DataSet, DataSets, fold_numbers
from mnistry.errors import InputError
from mnistry.models.base import cross_entropy, softmax
from mnistry.models.calibration import Floats, levels
from mnistry.models.softmax import SoftmaxRegression
from mnistry.probability import calibrate as calibrate_module
from mnistry.probability.calibrate import cross_calibrate, fit_temperature
from mnistry.probability.conformal import doubt_by_class

LOW, HIGH = 0.05, 20.0


def sample(n: int, k: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Logits, and labels drawn with the very probabilities that the logits tell."""
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=2.5, size=(n, k))
    return z, (z + rng.gumbel(size=(n, k))).argmax(axis=1)


cases = st.integers(2, 5).flatmap(
    lambda k: st.integers(1, 12).flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.float64, (n, k), elements=st.floats(-30, 30)),
            hnp.arrays(np.intp, n, elements=st.integers(0, k - 1)),
        )
    )
)


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.2, 1.0, 1.8, 6.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_known_temperature_is_found(temperature: float, dtype: type) -> None:
    """Where labels are drawn from softmax(z), z times T has temperature T, within 3%."""
    z, labels = sample(20_000, 10)
    found = fit_temperature((z * temperature).astype(dtype), labels)
    assert found == pytest.approx(temperature, rel=0.03)


@pytest.mark.slow
@settings(max_examples=60)
@given(cases)
def test_no_neighbour_is_better(case: tuple[NDArray[np.float64], NDArray[np.intp]]) -> None:
    """The cross-entropy at T is at most that a hundredth above or below, within the range."""
    z, labels = case
    t = fit_temperature(z, labels)
    assert LOW <= t <= HIGH
    here = cross_entropy(z / t, labels)
    for other in (max(t * 0.99, LOW), min(t * 1.01, HIGH), 1.0):
        # Golden section ends within 1e-5 of the valley's floor; at a wall it may be so far off.
        assert here <= cross_entropy(z / other, labels) * (1 + 2e-5) + 1e-9


@settings(max_examples=40)
@given(
    hnp.arrays(np.int64, (6, 4), elements=st.integers(-100, 100)),
    hnp.arrays(np.intp, 6, elements=st.integers(0, 3)),
)
def test_no_answer_changes(z: NDArray[np.int64], labels: NDArray[np.intp]) -> None:
    """Dividing by the temperature leaves every row's largest where it was."""
    t = fit_temperature(z, labels)
    np.testing.assert_array_equal((z / t).argmax(axis=1), z.argmax(axis=1))
    np.testing.assert_array_equal(softmax(z / t).argmax(axis=1), softmax(z).argmax(axis=1))


@pytest.mark.parametrize("seed", range(4))
def test_scipy_finds_the_same(seed: int) -> None:
    """Oracle: SciPy's bounded minimisation over the temperature."""
    optimize = pytest.importorskip("scipy.optimize")
    z, labels = sample(300, 5, seed)
    z *= 3.0
    peer = optimize.minimize_scalar(
        lambda t: cross_entropy(z / t, labels), bounds=(LOW, HIGH), method="bounded",
        options={"xatol": 1e-7},
    )  # fmt: skip
    assert fit_temperature(z, labels) == pytest.approx(peer.x, rel=1e-4)


def test_the_range_ends_where_evidence_is_all_right_or_all_wrong() -> None:
    """Evidence that never errs can't be too sure, and evidence that always errs never unsure."""
    z = np.tile([1.0, 0.0, -1.0], (50, 1))
    assert fit_temperature(z, np.zeros(50, int)) < 0.06
    assert fit_temperature(z, np.full(50, 2)) == pytest.approx(HIGH, rel=1e-4)


def test_one_hot_labels_are_labels() -> None:
    """Either form of labels finds the same."""
    z, labels = sample(100, 4)
    assert fit_temperature(z, np.eye(4)[labels]) == fit_temperature(z, labels)


def test_calibration_needs_pictures_and_their_labels() -> None:
    """No pictures, and labels of another number, each get one sentence."""
    with pytest.raises(
        InputError, match=r"`logits` must hold at least one picture to calibrate on; got none\."
    ):
        fit_temperature(np.zeros((0, 10)), [])
    with pytest.raises(InputError, match=r"`labels` must be as many as `images`; got 2 for 3"):
        fit_temperature(np.zeros((3, 10)), [0, 1])
    with pytest.raises(InputError, match=r"`labels` must be in 0\.\.9"):
        fit_temperature(np.zeros((1, 10)), [10])


@pytest.mark.slow
def test_folds_calibrate_by_every_picture_of_theirs(mnist: DataSets) -> None:
    """What is promised follows from the folds' models on the pictures that each doesn't know."""
    data = mnist.train.take(slice(6000))
    fold = fold_numbers(data, 3)
    model, *others = (
        SoftmaxRegression(steps=300).fit(some.images, some.labels, classes=data.classes)
        for some in (data, *(data.take(fold != i) for i in range(3)))
    )
    parts = [data.take(fold == i) for i in range(3)]
    plain = np.concatenate([o.logits(p.images) for o, p in zip(others, parts, strict=True)])
    labels = np.concatenate([part.labels for part in parts])
    before = model.logits(mnist.test.images)
    cross_calibrate(
        model, data, [(o, data.take(fold != i), parts[i]) for i, o in enumerate(others)]
    )
    t = fit_temperature(plain, labels)
    np.testing.assert_allclose(model.logits(mnist.test.images), before / t, atol=1e-4)
    calibration = model.calibration
    assert calibration is not None
    assert calibration.pictures == len(data)
    cooled = np.concatenate([o.logits(p.images) for o, p in zip(others, parts, strict=True)])
    for mine, theirs in zip(calibration.doubt, doubt_by_class(cooled, labels), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    strange = np.concatenate([o.strangeness(p.images) for o, p in zip(others, parts, strict=True)])
    np.testing.assert_array_equal(calibration.strange, np.sort(levels(strange)))
    p = model.p_values(mnist.test.images)[np.arange(len(mnist.test)), mnist.test.labels]
    for alpha in (0.1, 0.05):  # these writers are others than all 6,000 pictures' are
        assert (p <= alpha).mean() < 1.25 * alpha


def test_more_than_a_file_takes_are_drawn_from_all_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many pictures calibrate, as many of one fold as of another, from end to end."""
    monkeypatch.setattr(calibrate_module, "MOST", 40)
    rng = np.random.default_rng(0)
    data = DataSet(
        rng.integers(0, 256, (300, 5, 5), np.uint8), rng.integers(0, 3, 300), tuple("abc")
    )
    seen: list[NDArray[np.uint8]] = []

    class Seeing(SoftmaxRegression):
        def strangeness(self, images: ArrayLike) -> Floats:
            seen.append(np.asarray(images))
            return super().strangeness(images)

    model, *others = (
        Seeing(steps=20).fit(data.images, data.labels, classes=data.classes) for _ in range(3)
    )
    parts = [data.take(slice(100)), data.take(slice(100, 300))]
    cross_calibrate(model, data, [(o, data, p) for o, p in zip(others, parts, strict=True)])
    assert model.calibration is not None
    assert model.calibration.pictures == 40
    assert [len(images) for images in seen] == [20, 20]
    for images, part in zip(seen, parts, strict=True):
        np.testing.assert_array_equal(images[[0, -1]], part.images[[0, -1]])


def test_folds_of_other_classes_are_refused() -> None:
    """The folds must be of the model's own kind of data."""
    images = np.zeros((4, 5, 5), np.uint8)
    data = DataSet(images, np.array([0, 1, 0, 1]), ("a", "b"))
    model = SoftmaxRegression(steps=1).fit(images, data.labels, classes=data.classes)
    other = DataSet(images, data.labels, ("a", "c"))
    with pytest.raises(InputError, match="`held_out` must have the model's classes"):
        cross_calibrate(model, data, [(model, data, other)])
