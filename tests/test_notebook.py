"""What notebooks show: one line of `repr`, and HTML that is well-formed and escaped."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image

import mnistry
from mnistry import notebook
from mnistry.data.dataset import DataSet, DataSets
from mnistry.models.base import Floats, Model
from mnistry.models.file import shipped_model
from mnistry.models.softmax import SoftmaxRegression
from mnistry.pictures.ink import find_ink
from mnistry.pictures.layout import Box
from mnistry.probability.sheet import score
from mnistry.reading import Mark, Outcome, Reading

HOSTILE = "<script>alert('x')</script>&\"\x1b"
VOID = {"img"}


class Checked(HTMLParser):
    """Collects tags and text, and fails where tags do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def images(self) -> list[Image.Image]:
        sources = [str(attrs["src"]) for tag, attrs in self.tags if tag == "img"]
        prefix = "data:image/png;base64,"
        assert all(source.startswith(prefix) for source in sources)
        return [Image.open(io.BytesIO(base64.b64decode(s[len(prefix) :]))) for s in sources]


def data_set(n: int, shape: tuple[int, int], classes: tuple[str, ...]) -> DataSet:
    images = np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8)
    return DataSet(images, np.arange(n) % len(classes), classes)


def mark(digit: int | None, sign: str = "") -> Mark:
    p = np.full(10, 0.01)
    p[digit or 0] = 0.91
    outcome = Outcome.NOT_A_DIGIT if digit is None else Outcome.DIGIT
    box = Box(1, 2, 3, 4)
    image = np.zeros((28, 28), np.uint8)
    return Mark(digit, p, () if digit is None else (digit,), outcome, 0.5, box, sign, image)


class Outside(Model):
    """Somebody's own model, which sets nothing but what it needs."""

    def logits(self, images: ArrayLike) -> Floats:
        return np.zeros((len(np.asarray(images)), 10))


def trained(data: DataSet) -> SoftmaxRegression:
    model = SoftmaxRegression(steps=2)
    return model.fit(data.images, data.labels, classes=data.classes)


DATA = data_set(6, (5, 7), ("a", "b", HOSTILE))
GREY = np.full((40, 60), 200, np.uint8)
READING = Reading("4\n2", 0.875, (mark(4), mark(None, "<"), mark(2)), Outcome.DIGIT, None, None)
SHOWN: dict[str, Any] = {
    "data": DATA,
    "empty data": DATA.take([]),
    "one class": data_set(3, (1, 9), ("only",)),
    "many classes": data_set(80, (2, 2), tuple(str(i) for i in range(40))),
    "data sets": DataSets(DATA, DATA.take([]), DATA, HOSTILE),
    "softmax": trained(DATA),
    "softmax of rows": SoftmaxRegression(steps=1).fit(np.eye(3), [0, 1, 2]),
    "untrained": SoftmaxRegression(),
    "convnet": shipped_model(),
    "outside": Outside(),
    "sheet": score(trained(DATA), DATA),
    "sheet without some classes": score(trained(DATA), DATA.take([0])),
    "mark": mark(3),
    "no digit": mark(None, "<"),
    "reading": READING,
    "blank": Reading("", 1.0, (), Outcome.BLANK, None, None),
    "long": Reading("4" * 99, 0.5, (mark(4),) * 99, Outcome.DIGIT, None, None),
    "with its image": Reading("", 1.0, (), Outcome.BLANK, find_ink(GREY), None),
}


@pytest.mark.parametrize("thing", SHOWN.values(), ids=SHOWN.keys())
def test_html_is_well_formed_and_escaped(thing: Any) -> None:
    """Tags nest, images are whole PNGs, no text of a file becomes a tag, and it is small."""
    html = thing._repr_html_()
    page = Checked(html)
    assert {tag for tag, _ in page.tags} <= {
        *("div", "strong", "table", "tr", "th", "td", "span", "img", "b"),
    }
    for shown in page.images():
        shown.load()
    assert len(html) < 200_000


@pytest.mark.parametrize("thing", SHOWN.values(), ids=SHOWN.keys())
def test_repr_is_one_short_line(thing: Any) -> None:
    """A repr is one short line, without arrays and memory addresses."""
    assert len(repr(thing)) < 160
    assert "\n" not in repr(thing)
    assert "0x" not in repr(thing)
    assert "array(" not in repr(thing)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("data", "DataSet(6 images of 5x7, 3 classes)"),
        ("softmax", "SoftmaxRegression(5x7 images, 3 classes, not calibrated, solver='sgd')"),
        ("untrained", "SoftmaxRegression(not trained, solver='sgd')"),
        ("outside", "Outside(not trained)"),
        (
            "convnet",
            "ConvNet(28x28 images, 10 classes, calibrated, 1 network, 109,947 weights)",
        ),
        ("reading", "Reading('4\\n2', 87.50%, 'digit', 3 marks)"),
        ("mark", "Mark(3, 91.00%, 'digit', set=(3,), box=(1, 2, 3, 4))"),
        ("no digit", "Mark(None, 'not a digit', set=(), box=(1, 2, 3, 4))"),
    ],
)
def test_repr_tells_what_it_is(name: str, said: str) -> None:
    """A repr has the kind, the size and the state."""
    assert repr(SHOWN[name]) == said


def test_reading_shows_what_it_read() -> None:
    """A row for each mark with its image and bars, and the whole image where it is kept."""
    page = Checked(READING._repr_html_())
    assert len(page.images()) == 3
    assert "4 / 2: digit, 87.50%" in page.text
    assert "91.0%" in page.text
    [whole] = Checked(SHOWN["with its image"]._repr_html_()).images()
    assert whole.width / whole.height == pytest.approx(1.5, rel=0.05)


def test_score_report_shows_classes_without_images() -> None:
    """A class without test images has no bar."""
    page = Checked(SHOWN["sheet without some classes"]._repr_html_())
    assert page.text.count("no test images") == 2
    assert "accuracy " in page.text


def test_hostile_names_are_text() -> None:
    """Names from files are shown as they are written."""
    for name in ("data", "softmax", "sheet", "data sets"):
        html = SHOWN[name]._repr_html_()
        assert "<script" not in html
        assert "<script>" in Checked(html).text


@pytest.mark.parametrize(
    ("shape", "size"), [((28, 28), (56, 56)), ((1, 784), (400, 1)), ((2000, 1000), (200, 400))]
)
def test_images_are_enlarged_or_shrunk(shape: tuple[int, int], size: tuple[int, int]) -> None:
    """Digits are enlarged by whole numbers, and large images shrunk in proportion."""
    html = notebook.image(np.zeros(shape, np.uint8), HOSTILE)
    page = Checked(html)
    [(_, attributes)] = page.tags
    assert (int(str(attributes["width"])), int(str(attributes["height"]))) == size
    assert attributes["alt"] == HOSTILE
    assert len(page.images()) == 1


@pytest.mark.parametrize(("share", "width"), [(0.0, 0), (0.5, 50), (1.0, 100), (float("nan"), 0)])
def test_bars_are_as_long_as_their_share(share: float, width: int) -> None:
    """A probability of a half fills half of the bar."""
    assert re.search(rf"[^-]width:{width}%", notebook.bar(share))


def test_package_members_show_themselves() -> None:
    """Models, readings, reports and data sets all have HTML."""
    for name in ("Model", "SoftmaxRegression", "ConvNet", "Reading", "ScoreSheet", "DataSet"):
        assert callable(getattr(mnistry, name)._repr_html_)
