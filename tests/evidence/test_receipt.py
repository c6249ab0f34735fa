"""The receipt: its maps and its numbers are those of the contrast, and add up as printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError
from mnistry.evidence.contrast import contrast, more_ink
from mnistry.evidence.nearest import Neighbours, nearest
from mnistry.evidence.page import percent, save, signed
from mnistry.evidence.receipt import neighbours, times, why
from mnistry.models.file import shipped_model
from mnistry.models.softmax import SoftmaxRegression


def linear(h: int, w: int, k: int) -> SoftmaxRegression:
    rng = np.random.default_rng(0)
    model = SoftmaxRegression()
    model.classes, model.shape = tuple(f"c{i}" for i in range(k)), (h, w)
    model.weights, model.biases = rng.normal(size=(h * w, k)), rng.normal(size=k)
    return model


def drawn(figure: Figure) -> dict[str, AxesImage]:
    return {str(image.get_label()): image for image in figure.axes[0].images}


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def after(figure: Figure, what: str, places: int = 1) -> str:
    text = words(figure)
    return text[text.index(what) + places]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["softmax", "convnet"])
@pytest.mark.parametrize("against", [6, None])
def test_the_receipt_is_the_contrasts(kind: str, against: int | None, mnist: DataSets) -> None:
    """What is drawn is the map; what is printed are its sums, which make the difference."""
    model, image = shipped_model(kind), mnist.test.images[8]
    found = contrast(model, image, 5, against)
    more = more_ink(model, image, 5, against)
    figure = why(found, image, model.classes, more=more)
    images = drawn(figure)
    assert np.array_equal(np.asarray(images["picture"].get_array()), image)
    assert np.array_equal(np.asarray(images["map"].get_array()), found.map)
    assert np.array_equal(np.asarray(images["more"].get_array()), more)
    assert words(figure)[0] == f"Why 5 and not {'another' if against is None else 6}?"
    named = "5 − mean of the others" if against is None else "5 − 6"
    lines = ("blue ink, for", "red ink, against", "blank paper", "not accounted for", named)
    printed = [after(figure, what) for what in lines]
    assert printed[2:] == [
        signed(found.baseline, ".3f"), signed(found.residual, ".6f"),
        signed(found.difference, ".3f"),
    ]  # fmt: skip
    numbers = [float(number.replace("−", "-")) for number in printed]
    assert numbers[0] >= 0 >= numbers[1]
    assert sum(numbers[:4]) == pytest.approx(numbers[4], abs=0.003)
    second = "others: mean, sum" if against is None else "6"
    for i, name in enumerate(("5", second)):
        assert after(figure, name) == signed(found.logits[i], ".3f")
        assert after(figure, name, 2) == percent(found.probabilities[i])
    assert any("exact" in word for word in words(figure)) is (kind == "softmax")
    assert any(f"in {found.steps} steps" in word for word in words(figure)) is (kind != "softmax")


def test_red_is_against_and_blue_for(mnist: DataSets) -> None:
    """Each pixel's colour tells its sign, on a scale symmetric about white."""
    model, image = shipped_model("convnet"), mnist.test.images[7]
    found = contrast(model, image, 9, 8)
    picture = drawn(why(found, image, model.classes))["map"]
    assert picture.norm.vmin == -picture.norm.vmax  # type: ignore[operator]
    red, _, blue, _ = np.moveaxis(picture.to_rgba(found.map), -1, 0)
    clear = np.abs(found.map) > 0.01 * picture.norm.vmax  # type: ignore[operator]
    assert (red[clear & (found.map < 0)] > blue[clear & (found.map < 0)]).all()
    assert (blue[clear & (found.map > 0)] > red[clear & (found.map > 0)]).all()
    assert (picture.to_rgba(found.map)[found.map == 0] == 1).all()


def test_the_more_probable_of_two_is_bold_and_told_first() -> None:
    """Whichever way it is asked, the odds are those of the likelier class."""
    model, image = linear(5, 4, 3), np.random.default_rng(0).random((5, 4))
    for one, other in ((0, 1), (1, 0)):
        found = contrast(model, image, one, other)
        figure = why(found, image, model.classes)
        likely, not_ = (one, other) if found.difference > 0 else (other, one)
        bold = [t.get_text() for t in figure.axes[0].texts if t.get_fontweight() == "bold"]
        assert f"c{likely}" in bold
        assert f"c{not_}" not in bold
        told = f"exp({abs(found.difference):.3f}): c{likely} is {times(found.difference)} times"
        assert told in words(figure)
        odds = found.probabilities[0] / found.probabilities[1]
        assert float(times(found.difference).replace(",", "")) == pytest.approx(
            max(odds, 1 / odds), rel=0.01
        )


@pytest.mark.parametrize(
    ("difference", "written"),
    [
        (0, "1"),
        (-0.6931471805599453, "2"),
        (7.731, "2,278"),
        (40, "2.4·10^17"),
        (-800, "2.7·10^347"),
    ],
)
def test_odds_are_written_short(difference: float, written: str) -> None:
    """Few digits, whatever the size, without overflow."""
    assert times(difference) == written


def test_neighbours_have_index_and_label(little: DataSet) -> None:
    """Each is drawn as it is, over its label, its index and how far away it is."""
    found = nearest(shipped_model("softmax"), little.images[3], little, 7)
    figure = neighbours(found, little.images[3], little)
    images = drawn(figure)
    assert np.array_equal(np.asarray(images["picture"].get_array()), little.images[3])
    for index, distance, label in zip(*found, strict=True):
        shown = np.asarray(images[f"neighbour {index}"].get_array())
        assert np.array_equal(shown, little.images[index])
        at = words(figure).index(f"picture {index:,}")
        assert words(figure)[at - 2 : at] == [little.classes[label], f"{distance:#.3g} away"]


def test_receipts_refuse_what_does_not_fit(little: DataSet) -> None:
    """A picture, names, dots or neighbours of something else get one sentence."""
    model, image = linear(4, 3, 3), np.ones((4, 3))
    found = contrast(model, image, 0, 2)
    with pytest.raises(InputError, match=r"`image` must have shape \(4, 3\); got \(2, 2\)"):
        why(found, np.zeros((2, 2)), model.classes)
    with pytest.raises(InputError, match="label 2 among them; got 2"):
        why(found, image, model.classes[:2])
    with pytest.raises(InputError, match=r"`more` must have shape \(4, 3\); got \(3, 4\)"):
        why(found, image, model.classes, more=np.zeros((3, 4)))
    for count in (0, 21):
        many = Neighbours(np.arange(count), np.zeros(count), np.zeros(count, np.int64))
        with pytest.raises(InputError, match=f"`found` must be 1 to 20 pictures.*got {count}"):
            neighbours(many, little.images[0], little)
    beyond = Neighbours(np.array([600]), np.zeros(1), np.zeros(1, np.int64))
    with pytest.raises(InputError, match="pictures of `data`, which has 600"):
        neighbours(beyond, little.images[0], little)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_receipts_are_files(tmp_path: Path, kind: str, little: DataSet) -> None:
    """Each is written, the same bytes every time, whatever classes are called and pictures show."""
    model = linear(4, 9, 3)
    model.classes = ("$x$ and a name that is far too long for the room that it has", "お\n", "<&")
    figures: list[Any] = []
    for _ in range(2):
        figures += [
            why(contrast(model, image, 0, against), image, model.classes)
            for image in (np.zeros((4, 9)), np.ones((4, 9)))
            for against in (None, 1)
        ]
        one = nearest(shipped_model("softmax"), little.images[0], little, 20)
        figures.append(neighbours(one, little.images[0] / 255, little))
    for i, figure in enumerate(figures):
        save(figure, tmp_path / f"{i}.{kind}")
    half = len(figures) // 2
    for i in range(half):
        one_, two = ((tmp_path / f"{j}.{kind}").read_bytes() for j in (i, i + half))
        assert one_ == two
