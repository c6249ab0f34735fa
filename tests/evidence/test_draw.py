"""Figures of a model: their colours, maps and numbers are the model's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.evidence.attribute import account, weight_maps
from mnistry.evidence.draw import confusion, evidence_for_class, evidence_in_picture, weights
from mnistry.evidence.page import save, signed
from mnistry.models.softmax import SoftmaxRegression


def make(h: int, w: int, k: int, seed: int = 0) -> SoftmaxRegression:
    rng = np.random.default_rng(seed)
    model = SoftmaxRegression()
    model.classes, model.shape = tuple(f"c{i}" for i in range(k)), (h, w)
    model.weights, model.biases = rng.normal(size=(h * w, k)), rng.normal(size=k)
    model.weights[rng.random((h * w, k)) < 0.3] = 0
    return model


@pytest.fixture(scope="module")
def trained(mnist: DataSets) -> SoftmaxRegression:
    return SoftmaxRegression(steps=300).fit(
        mnist.train.images, mnist.train.labels, classes=mnist.classes
    )


def drawn(figure: Figure) -> dict[str, AxesImage]:
    """A figure's pictures by their names."""
    return {str(image.get_label()): image for image in figure.axes[0].images}


def array(image: AxesImage) -> NDArray[Any]:
    return np.asarray(image.get_array())


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def sums(figure: Figure) -> list[tuple[str, ...]]:
    """The four numbers under each map, in the order of the maps."""
    text = words(figure)
    starts = [i for i, word in enumerate(text) if word == "sum"]
    return [tuple(text[i + 1 : i + 8 : 2]) for i in starts]


@pytest.mark.parametrize(("h", "w", "k"), [(28, 28, 10), (8, 8, 3), (28, 28, 62), (2, 9, 1)])
def test_weights_are_red_below_zero_and_blue_above(h: int, w: int, k: int) -> None:
    """Each pixel's colour tells its weight's sign; zero is white; all maps share one scale."""
    model = make(h, w, k)
    images = drawn(weights(model))
    scales = set()
    for name, one in zip(model.classes, weight_maps(model), strict=True):
        image = images[f"weights {name}"]
        assert np.array_equal(array(image), one)
        red, _, blue, _ = np.moveaxis(image.to_rgba(one), -1, 0)
        # The nearest colours to zero's are its neighbours among 257, a hundredth of the reach.
        clear = np.abs(one) > 0.01 * image.norm.vmax  # type: ignore[operator]
        assert (red[clear & (one < 0)] > blue[clear & (one < 0)]).all()
        assert (blue[clear & (one > 0)] > red[clear & (one > 0)]).all()
        assert (image.to_rgba(one)[one == 0] == 1).all()
        scales.add((image.norm.vmin, image.norm.vmax))
    ((low, high),) = scales
    assert low == -high  # type: ignore[operator]
    assert (images["scale"].norm.vmin, images["scale"].norm.vmax) == (low, high)


def test_weights_of_zeros_are_white() -> None:
    """A model before its first step draws ten white maps and no warning."""
    model = make(4, 4, 10)
    model.weights[:] = 0
    for name, image in drawn(weights(model)).items():
        assert name == "scale" or (image.to_rgba(array(image)) == 1).all()


def test_weights_name_what_is_left_out() -> None:
    """Of more than 100 classes the first 100 are drawn, and the title says so."""
    figure = weights(make(2, 2, 103))
    assert len(drawn(figure)) == 101
    assert words(figure)[0] == "The weights of each class: the first 100 of 103 classes"
    assert (figure.get_size_inches() * 144 < 2500).all()


def test_evidence_in_a_picture_is_the_models(trained: SoftmaxRegression, mnist: DataSets) -> None:
    """Each map is ink times weights; under it stand its sum, bias, logit and probability."""
    image = mnist.test.images[0]
    figure = evidence_in_picture(trained, image)
    images, found = drawn(figure), account(trained, image[np.newaxis])
    assert np.array_equal(array(images["common"]), image)
    for label, name in enumerate(trained.classes):
        assert np.array_equal(array(images[f"evidence {name}"]), found.maps[0, label])
        assert np.array_equal(array(images[f"factor {name}"]), weight_maps(trained)[label])
    printed = sums(figure)
    assert len(printed) == 10
    for label, (total, bias, logit, probability) in enumerate(printed):
        assert total == signed(found.maps[0, label].sum())
        assert bias == signed(trained.biases[label])
        assert logit == signed(trained.logits(image[np.newaxis])[0, label])
        share = found.probabilities[0, label]
        assert probability == (
            "< 0.1%" if share < 0.0005 else "> 99.9%" if share >= 0.9995 else f"{share:.1%}"
        )
        exact = [float(number.replace("−", "-")) for number in (total, bias, logit)]
        assert exact[0] + exact[1] == pytest.approx(exact[2], abs=0.0151)


def test_evidence_for_a_class_is_the_models(trained: SoftmaxRegression, mnist: DataSets) -> None:
    """For one class, every picture's ink is multiplied with that class's weights."""
    images, names = mnist.test.images[:10], [f"picture {i}" for i in range(10)]
    figure = evidence_for_class(trained, 3, images, names)
    shown, found = drawn(figure), account(trained, images, [3])
    assert np.array_equal(array(shown["common"]), weight_maps(trained)[3])
    for i, name in enumerate(names):
        assert np.array_equal(array(shown[f"factor {name}"]), images[i])
        assert np.array_equal(array(shown[f"evidence {name}"]), found.maps[i, 0])
        total, bias, logit, _ = sums(figure)[i]
        assert (total, bias) == (signed(found.sums[i, 0]), signed(trained.biases[3]))
        assert logit == signed(found.logits[i, 0])


def test_evidence_marks_the_answer(trained: SoftmaxRegression, mnist: DataSets) -> None:
    """The class that the model answers, and the pictures answered so, have bold names."""
    images, names = mnist.test.images[:10], [f"p{i}" for i in range(10)]
    answers = trained.predict(images)
    for figure, expected in (
        (evidence_in_picture(trained, images[0]), {trained.classes[answers[0]]}),
        (
            evidence_for_class(trained, int(answers[0]), images, names),
            {name for name, answer in zip(names, answers, strict=True) if answer == answers[0]},
        ),
    ):
        named = [text for text in figure.axes[0].texts if text.get_fontsize() == 13]
        assert {text.get_text() for text in named if text.get_fontweight() == "bold"} == expected
        assert len(named) == 10


def test_evidence_scale_is_symmetric_and_shared(
    trained: SoftmaxRegression, mnist: DataSets
) -> None:
    """Weights and evidence share one scale in a figure; ink has its own, white for paper."""
    images = drawn(evidence_in_picture(trained, mnist.test.images[0]))
    common = images.pop("common")
    assert (common.norm.vmin, common.norm.vmax) == (0, 255)
    scales = {(image.norm.vmin, image.norm.vmax) for image in images.values()}
    ((low, high),) = scales
    assert low == -high  # type: ignore[operator]


@pytest.mark.slow
def test_evidence_shows_the_ten_strongest() -> None:
    """Of 62 classes, or of 30 pictures, the ten with most evidence are drawn, in order."""
    model, rng = make(6, 6, 62), np.random.default_rng(1)
    images = rng.random((30, 6, 6))
    figure = evidence_in_picture(model, images[0])
    strongest = np.sort(np.argsort(-model.logits(images[:1])[0])[:10])
    names = [name for name in drawn(figure) if name.startswith("evidence")]
    assert names == [f"evidence c{i}" for i in strongest]
    assert "The strongest 10 of 62 classes." in words(figure)
    figure = evidence_for_class(model, 5, images, [str(i) for i in range(30)])
    strongest = np.sort(np.argsort(-model.logits(images)[:, 5])[:10])
    names = [name for name in drawn(figure) if name.startswith("evidence")]
    assert names == [f"evidence {i}" for i in strongest]
    assert "The strongest 10 of 30 pictures." in words(figure)


@pytest.mark.parametrize("kind", ["float32", "float64", "flat"])
def test_evidence_takes_any_form(kind: str) -> None:
    """Floats in [0, 1] and flattened pictures draw what uint8 pictures do."""
    model = make(4, 6, 3)
    image = np.random.default_rng(0).integers(0, 256, (4, 6), np.uint8)
    other = image.ravel() if kind == "flat" else image.astype(kind) / np.float32(255)
    one, two = drawn(evidence_in_picture(model, image)), drawn(evidence_in_picture(model, other))
    for name in one:
        np.testing.assert_allclose(array(one[name]), array(two[name]), rtol=1e-5, atol=1e-5)


def test_evidence_refuses_what_it_cannot_draw() -> None:
    """Labels, names and pictures that don't fit each have a sentence."""
    model, images = make(4, 4, 3), np.zeros((2, 4, 4))
    with pytest.raises(InputError, match=r"`classes` must be ints in 0..2; got \[3\]"):
        evidence_for_class(model, 3, images, ["a", "b"])
    with pytest.raises(InputError, match="got 2 pictures and 1 names"):
        evidence_for_class(model, 0, images, ["a"])
    with pytest.raises(InputError, match="`images` must hold a picture or more"):
        evidence_for_class(model, 0, images[:0], [])
    with pytest.raises(InputError, match="`images` must have 16 pixels each"):
        evidence_in_picture(model, np.zeros((3, 3)))
    with pytest.raises(InputError, match="`images` must have shape"):
        evidence_for_class(model, 0, 5, [])
    with pytest.raises(InputError, match="`model` must be a trained SoftmaxRegression"):
        weights(SoftmaxRegression())
    with pytest.raises(InputError, match="`model` must be a trained SoftmaxRegression"):
        evidence_in_picture(SoftmaxRegression(), images[0])


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 3, 10, 62])
def test_confusion_prints_its_counts(k: int) -> None:
    """Every count but zero is printed in its cell; the share right stands at the row's end."""
    counts = np.random.default_rng(0).poisson(1, (k, k)) + np.diag(
        [12 if k == 3 else 1_234_567] * k
    )
    names = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!?&§$#@=+*"[:k])
    figure = confusion(counts, names)
    texts = figure.axes[0].texts
    left, right, bottom, top = drawn(figure)["mistakes"].get_extent()
    cell = (right - left) / k
    found = np.zeros((k, k), int)
    for text in texts:
        x, y = text.get_position()
        if left < x < right and top < y < bottom:
            value = int(text.get_text().replace(",", ""))
            found[int((y - top) / cell), int((x - left) / cell)] = value
    assert np.array_equal(found, counts)
    assert all(words(figure).count(name) == 2 for name in names)
    shares = [t.get_text() for t in texts if t.get_text().endswith("%")]
    assert len(shares) == k
    if k == 3:
        assert shares == [f"{counts[i, i] / counts[i].sum():.1%}" for i in range(3)]


@pytest.mark.slow
def test_confusion_tints_mistakes_alone() -> None:
    """The diagonal, however large, stays white; mistakes are the redder the more there are."""
    counts = np.array([[900, 1, 40], [0, 5000, 7], [12, 3, 1]])
    image = drawn(confusion(counts, ["a", "b", "c"]))["mistakes"]
    red, _, blue, _ = np.moveaxis(image.to_rgba(array(image)), -1, 0)
    assert ((red == 1) & (blue == 1))[np.eye(3, dtype=bool) | (counts == 0)].all()
    order = [(0, 1), (2, 1), (1, 2), (2, 0), (0, 2)]
    darkness = [1 - blue[at] for at in order]
    assert darkness == sorted(darkness)
    assert darkness[0] > 0


def test_confusion_without_mistakes_or_pictures() -> None:
    """A perfect table is white, and a class without pictures has no share."""
    figure = confusion(np.diag([3, 0]), ["a", "b"])
    assert (array(drawn(figure)["mistakes"]) == 0).all()
    assert [word for word in words(figure) if "%" in word] == ["100.0%"]


@pytest.mark.parametrize(
    ("counts", "k"),
    [
        (np.zeros((2, 3), int), 2), (np.zeros((2, 2)), 2), (np.zeros((0, 0), int), 0),
        (np.zeros((101, 101), int), 101), (np.full((2, 2), -1), 2),
    ],
)  # fmt: skip
def test_confusion_refuses_other_tables(counts: NDArray[Any], k: int) -> None:
    """Counts of another form, or of too many classes, get one sentence."""
    with pytest.raises(InputError, match=r"`counts` must be ints of shape \(k, k\), none negative"):
        confusion(counts, [str(i) for i in range(k)])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_figures_of_a_model_are_files(tmp_path: Path, kind: str) -> None:
    """Each figure is written, the same bytes for the same model, whatever classes are called."""
    model = make(8, 8, 3)
    model.classes = ("$x$", "お\n", "--><&")
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)
    for run in range(2):
        for i, figure in enumerate(
            (
                weights(model),
                evidence_in_picture(model, images[0]),
                evidence_for_class(model, 1, images, ["a", "b", "c", "d"]),
                confusion(np.diag([1, 2, 3]), model.classes),
            )
        ):
            save(figure, tmp_path / f"{i}-{run}.{kind}")
    for i in range(4):
        one, two = ((tmp_path / f"{i}-{run}.{kind}").read_bytes() for run in range(2))
        assert one == two
