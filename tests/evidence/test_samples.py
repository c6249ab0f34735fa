"""Figures of the data show the data: its pictures, its numbers, its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError
from mnistry.evidence.page import save
from mnistry.evidence.samples import digits, matrix, tensors


def make(n: int, h: int, w: int, classes: tuple[str, ...], seed: int = 0) -> DataSet:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, h, w), np.uint8)
    return DataSet(images, rng.integers(0, len(classes), n), classes)


def drawn(figure: Figure) -> dict[str, NDArray[Any]]:
    """The arrays of a figure's pictures, by their names."""
    return {str(i.get_label()): np.asarray(i.get_array()) for i in figure.axes[0].images}


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_digits_stand_in_the_row_of_their_class(mnist: DataSets) -> None:
    """Every picture drawn is the data's own, in the row that its label names; 16 a class."""
    data = mnist.train
    figure = digits(data)
    images = figure.axes[0].images
    rows = {text.get_text(): text.get_position()[1] for text in figure.axes[0].texts}
    assert len(images) == 160
    assert len(set(drawn(figure))) == 160
    for image in images:
        index = int(str(image.get_label()).removeprefix("picture "))
        assert np.array_equal(np.asarray(image.get_array()), data.images[index])
        _, _, bottom, top = image.get_extent()
        assert top < rows[data.classes[data.labels[index]]] < bottom


def test_digits_are_drawn_by_seed() -> None:
    """The same seed gives the same pictures, another seed others."""
    data = make(500, 4, 4, ("a", "b"))
    first, again, other = (set(drawn(digits(data, seed=seed))) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("k", "n"), [(1, 1), (3, 2), (17, 400), (62, 900), (130, 400)], ids=lambda v: str(v)
)
def test_digits_of_any_number_of_classes(k: int, n: int) -> None:
    """Classes without pictures leave their row empty; of many classes the first 100 are shown."""
    data = make(n, 6, 3, tuple(f"c{i}" for i in range(k)))
    figure = digits(data)
    width, height = figure.get_size_inches() * 144
    assert (width <= 1700, height <= 2000) == (True, True)
    shown = {data.labels[int(name.removeprefix("picture "))] for name in drawn(figure)}
    assert shown == set(data.labels[data.labels < 100].tolist())
    assert ("the first 100 of 130 classes" in words(figure)[0]) == (k == 130)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (1, 1), (3, 64)])
def test_matrix_prints_the_picture(shape: tuple[int, int]) -> None:
    """The numbers, read row by row, are the picture; the tint has its shape."""
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    figure = matrix(image, title="What")
    assert words(figure)[:2] == [
        "What", f"{shape[0]} × {shape[1]} numbers: 0 is paper, 255 is ink",
    ]  # fmt: skip
    texts = figure.axes[0].texts[2:]
    rows = sorted({text.get_position()[1] for text in texts})
    columns = sorted({text.get_position()[0] for text in texts})
    found = np.full(shape, -1)
    for text in texts:
        x, y = text.get_position()
        found[rows.index(y), columns.index(x)] = int(text.get_text())
    assert np.array_equal(found, image)
    arrays = drawn(figure)
    assert np.array_equal(arrays["picture"], image)
    np.testing.assert_allclose(arrays["tint"], image / 4)


@pytest.mark.parametrize(
    "image",
    [np.zeros((65, 2), np.uint8), np.zeros(4, np.uint8), np.zeros((2, 2)), np.zeros((0, 0), "u1")],
)
def test_matrix_refuses_what_cannot_be_read(image: NDArray[Any]) -> None:
    """Floats, other ranks and pictures too large to print are refused in one sentence."""
    with pytest.raises(
        InputError, match=r"`image` must be uint8 of shape \(h, w\), no side longer"
    ):
        matrix(image)


def test_tensors_are_the_data(mnist: DataSets) -> None:
    """The strips are the true rows of images and labels: the first ten and the last."""
    data = mnist.train
    figure = tensors(data)
    arrays = drawn(figure)
    rows = [*range(10), 54_999]
    assert set(arrays) == {f"{what} {i}" for what in ("picture", "images", "labels") for i in rows}
    X, one_hot = data.take(rows).X, data.take(rows).one_hot
    for row, i in enumerate(rows):
        np.testing.assert_array_equal(arrays[f"images {i}"] / np.float32(255), X[row : row + 1])
        np.testing.assert_array_equal(arrays[f"labels {i}"] / 255, one_hot[row : row + 1])
        np.testing.assert_array_equal(arrays[f"picture {i}"], data.images[i])
    text = words(figure)
    for word in (
        "images [55,000, 784]", "784 pixels: 28 rows of 28", "labels [55,000, 10]", "10 classes",
        "55,000 pictures", "54,999",
    ):  # fmt: skip
        assert word in text
    # Besides the one-hot numbers, only the row and class 0 and 1 are written so.
    assert text.count("1") - 2 == one_hot.sum() == 11
    assert text.count("0") - 2 == (1 - one_hot).sum()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "classes"),
    [(1, ("a",)), (10, ("shirt", "ankle boot")), (11, tuple(map(str, range(300))))],
)
def test_tensors_of_any_size(n: int, classes: tuple[str, ...]) -> None:
    """Few pictures, long names and many classes have their figure, of a sane size."""
    data = make(n, 5, 7, classes)
    figure = tensors(data)
    assert (figure.get_size_inches() * 144 < 2000).all()
    assert len(drawn(figure)) == 3 * n
    assert (words(figure).count("⋮") == 3) == (n > 10)
    if len(classes) > 1:  # too long or too many for the columns: each row says its own
        names = [classes[label] for label in data.labels]
        assert set(names) <= set(words(figure))


def test_figures_of_no_data() -> None:
    """An empty data set is refused in one sentence."""
    for draw in (digits, tensors):
        with pytest.raises(InputError, match="The data set to draw is empty; give one with"):
            draw(make(5, 4, 4, ("a",)).take(slice(0)))


@pytest.mark.slow
def test_figures_are_drawn_without_a_warning(tmp_path: Any) -> None:
    """Each figure of the data becomes a file, whatever its classes are called."""
    data = make(30, 4, 9, ("$x$", "お", "a\nb", "<&>"))
    for i, figure in enumerate((digits(data), matrix(data.images[0]), tensors(data))):
        for kind in ("png", "svg"):
            save(figure, tmp_path / f"{i}.{kind}")
    assert len(list(tmp_path.iterdir())) == 6
