"""The film strip: it shows what each picture went through, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mnistry.errors import InputError
from mnistry.evidence.page import save
from mnistry.evidence.strip import MOST_PICTURES, Shot, strip, thumbnail

BLUE, AMBER, PALE = "#2166ac", "#d08a00", "#a8a8a8"


def shot(n: int, shape: tuple[int, int] = (60, 80), name: str = "a.png", seed: int = 0) -> Shot:
    """A made picture with n marks: each third is no digit, each other third ambiguous."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(10, 0.1), n).reshape(n, 10)
    best = p.argmax(axis=1)
    return Shot(
        name=name,
        text="".join(str(d) for i, d in enumerate(best) if i % 3 != 2),
        note="97.00%, digit",
        grey=rng.random(shape),
        ink=rng.random(shape),
        boxes=np.tile([0.1, 0.2, 0.25, 0.5], (n, 1)),
        images=rng.integers(0, 256, (n, 28, 28), np.uint8),
        probabilities=p,
        sets=[(int(d),) if i % 3 == 0 else (int(d), (int(d) + 1) % 10) for i, d in enumerate(best)],
        answers=["" if i % 3 == 2 else str(d) for i, d in enumerate(best)],
    )


def drawn(figure: Figure) -> dict[str, AxesImage]:
    return {str(image.get_label()): image for image in figure.axes[0].images}


def array(image: AxesImage) -> NDArray[Any]:
    return np.asarray(image.get_array())


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def boxes(figure: Figure, *, filled: bool) -> list[tuple[str, tuple[float, ...]]]:
    """The colour and place of each rectangle but the legend's and the pictures' frames."""
    found: list[tuple[str, tuple[float, ...]]] = []
    for patch in figure.axes[0].patches:
        if isinstance(patch, Rectangle) and patch.get_y() > 30:
            face, line = to_rgba(patch.get_facecolor()), to_rgba(patch.get_edgecolor())
            if (face[3] > 0) == filled and (filled or patch.get_linewidth() > 0.5):
                place = (patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height())
                found.append((to_hex(face if filled else line), place))
    return found


@pytest.mark.parametrize(
    ("n", "shape"), [(1, (60, 80)), (5, (40, 40)), (5, (40, 200)), (30, (90, 90))]
)
def test_strip_shows_each_step(n: int, shape: tuple[int, int]) -> None:
    """A row has the greys, the ink, the marks on it, and each mark just as the model saw it."""
    one = shot(n, shape)
    images = drawn(strip([one]))
    assert list(images) == [
        *(f"{what} a.png" for what in ("picture", "ink", "marks")),
        *(f"seen {i} a.png" for i in range(n)),
    ]
    for i in range(n):
        assert np.array_equal(array(images[f"seen {i} a.png"]), one.images[i])
    for what, plane in (("picture", 1 - one.grey), ("ink", one.ink)):
        shown = array(images[f"{what} a.png"])
        assert shown.shape[0] / shown.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.02)
        assert shown.mean() == pytest.approx(255 * plane.mean(), rel=0.02)
    extents = {images[f"{what} a.png"].get_extent()[2:] for what in ("picture", "ink", "marks")}
    assert len(extents) == 1


def test_strip_shows_pixels_of_small_pictures() -> None:
    """A picture of few pixels is drawn as it is, without any made up between them."""
    one = shot(1, (28, 28))
    images = drawn(strip([one]))
    np.testing.assert_allclose(array(images["ink a.png"]), 255 * one.ink, rtol=1e-6)
    np.testing.assert_allclose(array(images["picture a.png"]), 255 * (1 - one.grey), rtol=1e-6)


def test_strip_bars_are_the_probabilities() -> None:
    """Under a mark ten bars are as high as its probabilities; those of its set are coloured."""
    one = shot(3)
    figure = strip([one])
    bars = boxes(figure, filled=True)
    images = drawn(figure)
    for i in range(3):
        left, right, bottom, _ = images[f"seen {i} a.png"].get_extent()
        heights, colours = np.zeros(10), [""] * 10
        for colour, (x, y, w, h) in bars:
            if left <= x + w / 2 <= right and y > bottom:
                digit = int((x + w / 2 - left) / (right - left) * 10)
                heights[digit], colours[digit] = h, colour
        np.testing.assert_allclose(heights / 30, one.probabilities[i], atol=1 / 30)
        kind = (BLUE, AMBER, PALE)[i]
        inside = {d for d, colour in enumerate(colours) if colour == kind}
        assert inside == (set(one.sets[i]) if one.answers[i] else set())


def test_strip_boxes_are_where_the_marks_are() -> None:
    """Each mark has a box on the third picture, in the colour of its outcome."""
    figure = strip(
        [replace(shot(3), boxes=np.array([[0, 0, 1, 1], [0.5, 0, 0.5, 1], [0, 0.25, 0.1, 0.2]]))]
    )
    left, right, bottom, top = drawn(figure)["marks a.png"].get_extent()
    w, h = right - left, bottom - top
    found = boxes(figure, filled=False)
    assert [colour for colour, _ in found] == [BLUE, AMBER, PALE]
    places = [(left, top, w, h), (left + w / 2, top, w / 2, h), (left, top + h / 4, w / 10, h / 5)]
    np.testing.assert_allclose([place for _, place in found], places)


def test_strip_says_what_the_answers_are() -> None:
    """Names, texts, notes, answers and their probabilities are written; rows become slashes."""
    one = replace(shot(3), text="12\n3")
    said = words(strip([one, shot(0, name="b.png")], alpha=0.05))
    for word in ("a.png", "b.png", "12 / 3", "97.00%, digit", "3 marks", "0 marks", "no digit"):
        assert word in said
    assert [word for word in said if word in one.answers[:2] and len(word) == 1]
    assert any("misses the truth 5% of the time" in word for word in said)
    assert said[0] == "From picture to answer"
    assert sum(f"{one.probabilities[0].max():.1%}" == word for word in said) == 1


@pytest.mark.slow
def test_strip_says_what_is_left_out() -> None:
    """More pictures than are shown, and more marks than there is room for, are told."""
    figure = strip([shot(40)] * 2, total=3100)
    said = words(figure)
    assert said[0] == "From picture to answer: the first 2 of 3,100 pictures"
    assert said.count("… and 4 more") == 2
    assert "40 marks" in said
    assert sum(str(image.get_label()).startswith("seen") for image in figure.axes[0].images) == 72
    assert words(strip([shot(1)], total=1))[0] == "From picture to answer"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "shape"),
    [(0, (40, 40)), (0, (20, 300)), (1, (1, 1)), (5, (300, 20)), (5, (40, 40)), (6, (40, 40)),
     (12, (20, 300)), (13, (300, 20)), (37, (40, 40))],
)  # fmt: skip
def test_strip_keeps_within_its_page(n: int, shape: tuple[int, int]) -> None:
    """Whatever the form of a picture, nothing lies outside of the page or over the next row."""
    one = shot(n, shape)
    figure = strip([one, replace(one, name="b.png")])
    page = figure.axes[0]
    (low, high), (bottom, top) = page.get_xlim(), page.get_ylim()
    ends = []
    for image in page.images:
        x0, x1, y1, y0 = image.get_extent()
        assert low < x0 < x1 < high
        assert top < y0 < y1 < bottom
        ends.append((str(image.get_label()), y0, y1))
    first = max(y1 for name, _, y1 in ends if name.endswith("a.png"))
    second = min(y0 for name, y0, _ in ends if name.endswith("b.png"))
    assert first < second
    for _, (x, y, w, h) in boxes(figure, filled=True):
        assert low < x < x + w < high
        assert top < y < y + h < bottom


def test_strip_refuses_what_does_not_fit() -> None:
    """No pictures, too many, and parts that don't belong together each have a sentence."""
    for shots in ([], [shot(0)] * (MOST_PICTURES + 1)):
        with pytest.raises(InputError, match=f"must be 1 to 20 pictures; got {len(shots)}"):
            strip(shots)
    for wrong in (
        {"boxes": np.zeros((1, 4))}, {"images": np.zeros((2, 8, 8), np.uint8)},
        {"probabilities": np.zeros((2, 9))}, {"sets": [(1,)]}, {"answers": ["1"]},
    ):  # fmt: skip
        with pytest.raises(
            InputError, match=r"A shot of \d answers must have `boxes`, `images` and"
        ):
            strip([replace(shot(2), **wrong)])
    for plane in (np.zeros((0, 4)), np.zeros(4)):
        with pytest.raises(
            InputError, match=r"`grey` and `ink` of a shot must be of shape \(h, w\)"
        ):
            strip([replace(shot(2), ink=plane)])


def test_thumbnail_shrinks_by_area() -> None:
    """What is large is shrunk and keeps its mean; what is small stays as it is."""
    rng = np.random.default_rng(0)
    large, small = rng.random((1000, 400)), rng.random((9, 640))
    shrunk = thumbnail(large)
    assert shrunk.shape == (640, 256)
    assert shrunk.mean() == pytest.approx(large.mean(), rel=1e-3)
    assert np.array_equal(thumbnail(small), small.astype(np.float32))
    assert thumbnail(np.ones((2, 5000))).shape == (1, 640)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_strip_is_a_file(kind: str, tmp_path: Path) -> None:
    """The same shots give the same bytes."""
    for run in range(2):
        save(strip([shot(3), shot(7, (20, 200), "é\n$x$")]), tmp_path / f"{run}.{kind}")
    assert (tmp_path / f"0.{kind}").read_bytes() == (tmp_path / f"1.{kind}").read_bytes()
