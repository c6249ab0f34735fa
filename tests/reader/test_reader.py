"""Reading: from the picture to the text, on pictures of the tests' own making."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import mnistry
from mnistry.data.dataset import DataSets
from mnistry.errors import DataWarning, InputError
from mnistry.pictures.find import Found
from mnistry.pictures.ink import Inked
from mnistry.pictures.pale import pieces_of
from mnistry.reader import Reader
from mnistry.reading import Outcome, Reading

Grey = NDArray[np.float64]
Line = tuple[tuple[int, int], tuple[int, int]]


@pytest.fixture(scope="module")
def reader() -> Reader:
    """The reader as it comes."""
    return Reader()


def written(
    mnist: DataSets, which: list[int], tall: int = 44, gap: float = 0.25, margin: float = 0.6
) -> Grey:
    """Write test digits in a row, black on white: (h, w) in [0, 1], 1 = white."""
    scale = tall / 20
    parts = []
    for i in which:
        image = mnist.test.images[i]
        columns = np.flatnonzero(image.any(axis=0))
        cut = image[:, columns[0] : columns[-1] + 1].astype(np.float32) / 255
        size = max(round(cut.shape[1] * scale), 1), round(28 * scale)
        large = np.clip(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC), 0, 1)
        parts += [np.clip((large - 0.3) / 0.4, 0, 1), np.zeros((size[1], round(gap * tall)))]
    row = np.concatenate(parts[:-1], axis=1)
    return 1 - np.pad(row, round(margin * tall)).astype(np.float64)


def as_png(grey: Grey) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def text_of(mnist: DataSets, which: list[int]) -> str:
    return "".join(str(mnist.test.labels[i]) for i in which)


def rows(count: int, n: int, seed: int = 0) -> list[list[int]]:
    chosen: list[list[int]] = np.random.default_rng(seed).integers(0, 10_000, (n, count)).tolist()
    return chosen


def share_right(reader: Reader, pictures: list[Grey], texts: list[str]) -> float:
    readings = reader.read_batch(pictures)
    return float(np.mean([r.text == t for r, t in zip(readings, texts, strict=True)]))


@pytest.mark.slow
@pytest.mark.parametrize("size", [28, 60, 140])
def test_reads_single_digits(size: int, mnist: DataSets, reader: Reader) -> None:
    """MNIST's own test digits, enlarged, on white, are read at least 98 times in 100."""
    pictures = [
        1 - np.clip(cv2.resize(image / 255, (size, size), interpolation=cv2.INTER_CUBIC), 0, 1)
        for image in mnist.test.images[:300]
    ]
    texts = [str(label) for label in mnist.test.labels[:300]]
    assert share_right(reader, pictures, texts) >= 0.98


def on_paper(grey: Grey, kind: str, rng: np.random.Generator) -> Grey:
    """Put a black and white picture on paper of a kind."""
    h, w = grey.shape
    y, x = np.mgrid[:h, :w]
    if kind == "faint":
        grey = 0.8 - 0.15 * (1 - grey)
    elif kind == "shadow":
        grey = grey * np.clip(1.1 - 0.7 * x / w, 0, 1) * 0.9
    elif kind == "ruled":
        grey = np.minimum(grey, 1 - 0.35 * (y % 31 < 2))
    elif kind == "squared":
        grey = np.minimum(grey, 1 - 0.25 * ((y % 23 < 1) | (x % 23 < 1)))
    elif kind == "cell":
        border = (np.minimum(x, w - 1 - x) - 4 < 2) & (np.minimum(x, w - 1 - x) >= 4)
        border |= (np.minimum(y, h - 1 - y) - 4 < 2) & (np.minimum(y, h - 1 - y) >= 4)
        grey = np.minimum(0.25 + 0.75 * grey, 1 - 0.6 * border)
    elif kind == "half in shadow":
        light = np.where(x < 0.4 * w, 1, 0.5).astype(np.float32)
        ruled = np.minimum(0.3 + 0.6 * grey, 0.9 - 0.3 * (y % 60 < 3))
        grey = ruled * cv2.GaussianBlur(light, (0, 0), 1)
    elif kind == "printed":
        waves = np.sin((y + 4 * np.sin(x / 17)) * 2 * np.pi / 7) > 0.7
        grey = np.minimum(0.3 + 0.6 * grey, 0.95 - 0.2 * waves)
    elif kind == "light on dark":
        grey = 0.15 + 0.7 * (1 - grey)
    elif kind == "blurred":
        grey = cv2.GaussianBlur(grey, (0, 0), 2.5)
    return np.asarray(grey + 0.012 * rng.standard_normal(grey.shape))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "floor"),
    [
        ("plain", 0.9), ("faint", 0.85), ("shadow", 0.85), ("ruled", 0.75), ("squared", 0.8),
        ("cell", 0.85), ("printed", 0.8), ("light on dark", 0.9), ("blurred", 0.85),
        ("half in shadow", 0.8),
    ],
)  # fmt: skip
def test_reads_rows_on_any_paper(kind: str, floor: float, mnist: DataSets, reader: Reader) -> None:
    """Rows of three digits are read whole, on paper of every kind, at least so often."""
    rng = np.random.default_rng(1)
    which = rows(3, 60)
    pictures = [np.clip(on_paper(written(mnist, row), kind, rng), 0, 1) for row in which]
    assert share_right(reader, pictures, [text_of(mnist, row) for row in which]) >= floor


def in_boxes(mnist: DataSets, which: list[int], kind: str, tall: int, thick: int) -> Grey:
    """Write test digits into a form's boxes, lines as dark as the ink: (h, w), 1 = white."""
    side = round(1.4 * tall)
    form = np.zeros((2 * side, (len(which) + 1) * side), np.uint8)
    ink = np.zeros(form.shape)
    for k, i in enumerate(which):
        left, top = side // 2 + k * side, side // 2
        image = mnist.test.images[i] / 255
        large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
        ink[top : top + side, left : left + side] = np.clip((large - 0.3) / 0.4, 0, 1)
        if kind == "comb":
            cv2.line(form, (left, top + side), (left + side, top + side), 1, thick)
            for x in (left, left + side):
                cv2.line(form, (x, top + side), (x, top + round(0.6 * side)), 1, thick)
        else:
            off = 2 * thick if kind == "apart" else 0
            corners = (left + off, top), (left + side - off, top + side)
            cv2.rectangle(form, *corners, 1, thick)
    return np.asarray(0.95 - 0.8 * np.maximum(ink, form))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "tall", "thick", "count", "floor"),
    [
        ("boxes", 30, 1, 1, 0.85), ("boxes", 48, 3, 1, 0.85), ("boxes", 80, 5, 1, 0.85),
        ("boxes", 30, 1, 5, 0.8), ("boxes", 48, 2, 5, 0.7), ("boxes", 80, 5, 5, 0.7),
        ("apart", 30, 1, 1, 0.85), ("apart", 48, 3, 1, 0.75), ("apart", 30, 1, 5, 0.7),
        ("comb", 30, 1, 1, 0.85), ("comb", 30, 1, 5, 0.75),
    ],
)  # fmt: skip
def test_reads_digits_in_boxes(
    kind: str, tall: int, thick: int, count: int, floor: float, mnist: DataSets, reader: Reader
) -> None:
    """One digit a box: side by side, apart, and in combs of thin lines; borders are no digits."""
    rng = np.random.default_rng(2)
    which = rows(count, 30)
    pictures = [in_boxes(mnist, row, kind, tall, thick) for row in which]
    grained = [np.clip(p + 0.01 * rng.standard_normal(p.shape), 0, 1) for p in pictures]
    assert share_right(reader, grained, [text_of(mnist, row) for row in which]) >= floor


@pytest.mark.slow
def test_parts_digits_that_touch(mnist: DataSets, reader: Reader) -> None:
    """Pairs without a gap are read as two at least 3 times in 4; told so, not worse."""
    which = rows(2, 80, seed=5)
    pictures = [written(mnist, row, gap=0) for row in which]
    texts = [text_of(mnist, row) for row in which]
    alone = share_right(reader, pictures, texts)
    told = share_right(Reader(count=2), pictures, texts)
    assert alone >= 0.75
    assert told >= alone - 0.02


def test_joins_a_digit_of_two_strokes(reader: Reader) -> None:
    """A 5 whose bar hangs free of it is one digit."""
    canvas = np.zeros((120, 120), np.uint8)
    strokes = [(44, 26), (42, 54), (58, 50), (74, 60), (76, 78), (64, 92), (38, 92)]
    cv2.polylines(canvas, [np.array(strokes)], False, 255, 7)
    cv2.line(canvas, (54, 21), (84, 19), 255, 7)
    reading = reader.read(255 - canvas)
    assert reading.text == "5"


@pytest.mark.slow
@pytest.mark.parametrize(("gap", "floor"), [(4, 0.85), (9, 0.8)])
def test_joins_digits_broken_across(
    gap: int, floor: float, mnist: DataSets, reader: Reader
) -> None:
    """Digits 80 pixels high, of whose pen nothing is left across the middle, are one digit each."""
    pictures = []
    for image in mnist.test.images[:100]:
        large = cv2.resize(image, (112, 112), interpolation=cv2.INTER_CUBIC)
        large[56 - gap // 2 : 56 - gap // 2 + gap] = 0
        pictures.append(255 - np.pad(large, 10))
    texts = [str(label) for label in mnist.test.labels[:100]]
    assert share_right(reader, pictures, texts) >= floor


@pytest.mark.slow
@pytest.mark.parametrize(("apart", "floor"), [(8, 0.75), (32, 0.9)])
def test_reads_digits_one_above_the_other(
    apart: int, floor: float, mnist: DataSets, reader: Reader
) -> None:
    """Two digits 80 pixels high, almost touching or with room between, are two lines."""
    pictures, texts = [], []
    for i in range(0, 100, 2):
        both = [np.kron(image, np.ones((4, 4), np.uint8)) for image in mnist.test.images[i : i + 2]]
        upper, lower = (one[one.any(axis=1)] for one in both)
        page = np.concatenate([upper, np.zeros((apart, 112), np.uint8), lower])
        pictures.append(255 - np.pad(page, 20))
        texts.append("\n".join(str(label) for label in mnist.test.labels[i : i + 2]))
    assert share_right(reader, pictures, texts) >= floor


def test_reads_a_page_in_order(mnist: DataSets, reader: Reader) -> None:
    """Rows of a page come from top to bottom, a line of text each; boxes lie where digits are."""
    lines = rows(5, 4, seed=3)
    parts = [written(mnist, row, margin=0.4) for row in lines]
    width = max(part.shape[1] for part in parts)
    page = np.concatenate(
        [np.pad(p, ((0, 0), (0, width - p.shape[1])), constant_values=1) for p in parts]
    )
    reading = reader.read(page)
    texts = [text_of(mnist, row) for row in lines]
    right = sum(a == b for a, b in zip(reading.text.split("\n"), texts, strict=False))
    assert right >= 3
    tops = [mark.box.y for mark in reading.digits]
    assert max(tops) > 3 * page.shape[0] / 4 - 40
    for mark in reading.digits:
        x, y, w, h = mark.box
        assert page[y : y + h, x : x + w].min() < 0.3


def test_every_kind_of_source_is_the_same_picture(
    mnist: DataSets, reader: Reader, tmp_path: Path
) -> None:
    """A file, its bytes, a Pillow image and an array give the same reading."""
    grey = written(mnist, [0, 1, 2])
    data = as_png(grey)
    path = tmp_path / "a.png"
    path.write_bytes(data)
    image = Image.open(io.BytesIO(data))
    array = np.asarray(image)
    told = [reader.read(source).to_dict() for source in (path, str(path), data, image, array)]
    assert all(one == told[0] for one in told)
    assert told[0]["text"] == "721"


def test_reading_is_as_the_contract_says(mnist: DataSets, reader: Reader) -> None:
    """Ten probabilities that sum to 1, a set with the digit in it, a box within the picture."""
    grey = written(mnist, [0, 1, 2])
    reading = reader.read(grey)
    assert isinstance(reading, Reading)
    assert 0 < reading.probability <= 1
    told = reading.to_dict()
    assert list(told) == ["text", "probability", "outcome", "alternatives", "digits"]
    for digit in told["digits"]:
        assert set(digit) == {"digit", "probabilities", "set", "outcome", "typicality", "box"}
        assert sum(digit["probabilities"]) == pytest.approx(1, abs=1e-4)
        assert digit["digit"] in digit["set"]
        assert 0 <= digit["typicality"] <= 1
        x, y, w, h = digit["box"]
        assert 0 <= x < x + w <= grey.shape[1]
        assert 0 <= y < y + h <= grey.shape[0]


def test_blank_is_blank(reader: Reader) -> None:
    """Paper without ink, and without contrast, is blank; so is a grainy one."""
    rng = np.random.default_rng(0)
    for paper in (np.ones((50, 50)), np.zeros((9, 9)), 0.7 + 0.01 * rng.random((80, 60))):
        reading = reader.read(paper)
        assert (reading.text, reading.outcome, reading.digits) == ("", Outcome.BLANK, ())


def test_points_are_no_digits(mnist: DataSets, reader: Reader) -> None:
    """A decimal point isn't in the text, unless it is to be kept."""
    grey = written(mnist, [0, 1], gap=0.9)
    h, w = grey.shape
    x, y = w // 2, h - round(0.6 * 44) - 14
    cv2.circle(grey, (x, y), 3, 0.0, -1)
    assert reader.read(grey).text == "72"
    assert Reader(keep=True).read(grey).text == "7.2"


def seen(ink: list[Line], lost: list[Line], bow: bool) -> tuple[Inked, Found]:
    """Draw lines, of which the inker has found some, and maybe the bow of a 2; on grey paper."""
    planes = np.zeros((2, 120, 120), np.uint8)
    for plane, lines in zip(planes, (ink, lost), strict=True):
        for start, end in lines:
            cv2.line(plane, start, end, 255, 6, cv2.LINE_AA)
    if bow:
        cv2.ellipse(planes[0], (50, 42), (17, 17), 0, 180, 395, 255, 6, cv2.LINE_AA)
    found, all_ = planes[0] / np.float32(255), planes.max(axis=0) / np.float32(255)
    inked = Inked(found, 1.0, 0.8 - 0.5 * all_, True, False, found.shape)
    return inked, pieces_of(inked)


def test_a_foot_that_the_inker_lost_makes_a_2(reader: Reader) -> None:
    """Without it the ink is a 7; if it isn't in the picture either, it stays one."""
    slant, foot = ((64, 52), (34, 90)), ((34, 90), (70, 90))
    with_foot, without = reader.answer([seen([slant], [foot], True), seen([slant], [], True)])
    assert (with_foot.text, without.text) == ("2", "7")
    assert with_foot.probability > without.probability


def test_a_line_between_digits_joins_none(reader: Reader) -> None:
    """Two 1s with a dark line from one to the other are still two."""
    ones = [((x + 6, 30), (x, 90)) for x in (40, 78)]
    [reading] = reader.answer([seen(ones, [((43, 60), (81, 60))], False)])
    assert reading.text == "11"


def scribbled(seed: int) -> np.ndarray:
    """Draw to and fro on a sheet, as a person tries a pen."""
    rng = np.random.default_rng(seed)
    grey = np.full((120, 120), 0.95)
    corners = rng.integers(25, 95, (12, 2)).astype(np.int32)
    cv2.polylines(grey, [corners], False, 0.1, 3)
    return grey


@pytest.mark.slow
def test_scribbles_are_no_digits(mnist: DataSets, reader: Reader) -> None:
    """Of scribbles most are refused, of digits by themselves next to none; a higher level more."""
    scribbles = [scribbled(seed) for seed in range(100)]
    digits = [written(mnist, [i]) for i in range(60)]
    strict = Reader(level=0.02)
    lost, refused = (
        [
            sum(reading.outcome == Outcome.NOT_A_DIGIT for reading in one.read_batch(pictures))
            for one in (reader, strict)
        ]
        for pictures in (digits, scribbles)
    )
    assert lost[0] <= 1
    assert refused[0] >= 65
    assert refused[0] <= refused[1]
    assert lost[0] <= lost[1] <= 6


def test_nothing_is_refused_where_digits_are_promised(reader: Reader) -> None:
    """Who says how many digits there are gets so many."""
    scribbles = [scribbled(seed) for seed in range(10)]
    assert any(reading.text == "" for reading in reader.read_batch(scribbles))
    assert all(len(reading.text) == 1 for reading in Reader(count=1).read_batch(scribbles))


def test_alpha_widens_the_sets(mnist: DataSets) -> None:
    """The smaller alpha, the larger the sets."""
    grey = written(mnist, [8, 18, 33, 62])
    sizes = [
        sum(len(mark.set) for mark in Reader(alpha=alpha).read(grey).digits)
        for alpha in (0.2, 0.01, 1e-6)
    ]
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


def test_read_many_goes_on_after_errors(mnist: DataSets, reader: Reader, tmp_path: Path) -> None:
    """Names and readings come in order; what can't be read is an error in its place."""
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(as_png(written(mnist, [i])))
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    found = list(reader.read_many([tmp_path, tmp_path / "none.png"]))
    assert [Path(name).name for name, _ in found] == [*(f"{i}.png" for i in range(5)), "none.png"]
    kinds = [isinstance(one, Reading) for _, one in found]
    assert kinds == [True, True, False, True, True, False]
    texts = [one.text for _, one in found if isinstance(one, Reading)]
    assert texts == [str(mnist.test.labels[i]) for i in (0, 1, 3, 4)]


@pytest.mark.skipif(os.name == "nt", reason="Windows closes files by other means")
def test_a_closed_file_is_told(
    mnist: DataSets,
    reader: Reader,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limited: Callable[[], AbstractContextManager[None]],
) -> None:
    """A file that we may not read is an error in its place, and the others are read."""
    monkeypatch.chdir(tmp_path)
    for i in range(3):
        Path(f"{i}.png").write_bytes(as_png(written(mnist, [i])))
    Path("1.png").chmod(0)
    with limited():
        found = list(reader.read_many(["0.png", "1.png", "2.png"]))
    assert [isinstance(one, Reading) for _, one in found] == [True, False, True]
    assert str(found[1][1]) == "1.png: Permission denied."


def test_one_source_is_a_list_of_one(mnist: DataSets, reader: Reader, tmp_path: Path) -> None:
    """A path by itself, or the bytes of one picture, isn't gone through letter by letter."""
    path = tmp_path / "a.png"
    path.write_bytes(as_png(written(mnist, [0])))
    for source in (path, str(path)):
        assert [one.text for _, one in reader.read_many(source)] == ["7"]  # type: ignore[union-attr]
    assert [name for name, _ in reader.read_many(path.read_bytes())] == ["image 1"]
    for one in (path, str(path), path.read_bytes()):
        assert [reading.text for reading in reader.read_batch(one)] == ["7"]


def test_read_many_is_lazy(mnist: DataSets, reader: Reader, tmp_path: Path) -> None:
    """The first reading comes while most of the pictures wait."""
    path = tmp_path / "a.png"
    path.write_bytes(as_png(written(mnist, [0])))
    asked = 0

    def sources() -> Any:
        nonlocal asked
        for _ in range(100_000):
            asked += 1
            yield path

    _, one = next(iter(reader.read_many(sources())))
    assert isinstance(one, Reading)
    assert asked < 1000


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": 0}, r"`alpha` must be between 0 and 1; got 0"),
        ({"alpha": 1.5}, r"`alpha` must be between 0 and 1; got 1\.5"),
        ({"level": 1}, r"`level` must be at least 0 and below 1; got 1"),
        ({"count": 0}, r"`count` must be a whole number from 1 to \d+, or None; got 0"),
        ({"count": 4.0}, r"`count` must be a whole number from 1 to \d+, or None; got 4\.0"),
        ({"count": True}, r"`count` must be a whole number from 1 to \d+, or None; got True"),
        ({"alpha": "0.1"}, r"`alpha` must be a number; got '0\.1'"),
        ({"level": None}, r"`level` must be a number; got None"),
    ],
)
def test_reader_refuses_numbers_out_of_range(options: dict[str, Any], sentence: str) -> None:
    """Out of range is one sentence."""
    with pytest.raises(InputError, match=sentence):
        Reader(**options)


def test_one_picture_is_a_batch_of_one(mnist: DataSets, reader: Reader) -> None:
    """As an image, as greys and as colours, whose rows are no pictures; NumPy's counts count."""
    grey = 255 - cv2.resize(mnist.test.images[0], (112, 112), interpolation=cv2.INTER_CUBIC)
    for one in (Image.fromarray(grey), grey, np.stack([grey] * 3, axis=2)):
        assert [reading.text for reading in reader.read_batch(one)] == ["7"]
    assert [reading.text for reading in reader.read_batch(np.stack([grey] * 2))] == ["7", "7"]
    count: Any = np.int64(1)
    assert Reader(count=count).read(grey).text == "7"


def test_reader_refuses_models_of_other_things(little: Any) -> None:
    """A model of other classes can't read digits."""
    letters = mnistry.SoftmaxRegression().fit(little.images[:, :20, :20], little.labels)
    with pytest.raises(InputError, match="ten digits in 28x28"):
        Reader(letters)


@pytest.mark.slow
def test_large_pictures_are_read_in_bounded_memory(mnist: DataSets, reader: Reader) -> None:
    """A photo of 12 million pixels with three digits in it is read."""
    small = np.clip(on_paper(written(mnist, [0, 1, 2]), "shadow", np.random.default_rng(0)), 0, 1)
    large = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_LINEAR)
    assert reader.read((255 * large).astype(np.uint8)).text == "721"


def kinds(mnist: DataSets, path: Path) -> list[Any]:
    """One image in every form: a path, bytes, open files, a Pillow image, arrays."""
    grey = 255 - cv2.resize(mnist.test.images[0], (112, 112), interpolation=cv2.INTER_CUBIC)
    data = as_png(grey / 255)
    path.write_bytes(data)
    arrays = [grey, grey[:, :, None], grey.astype(np.uint16) * 16, grey.astype(np.int64)]
    return [
        *(path, str(path), data, bytearray(data), io.BytesIO(data), Image.fromarray(grey)),
        *(Image.open(io.BytesIO(data)), grey / 255, grey < 128, *arrays),
    ]


def test_read_takes_all_kinds_of_sources(mnist: DataSets, reader: Reader, tmp_path: Path) -> None:
    """Each kind gives the same text, by `read` and by `read_many`, in order."""
    sources = kinds(mnist, tmp_path / "a.png")
    assert [reader.read(one).text for one in sources] == ["7"] * len(sources)
    found = list(reader.read_many(kinds(mnist, tmp_path / "a.png")))
    assert [one.text for _, one in found if isinstance(one, Reading)] == ["7"] * len(sources)
    path = str(tmp_path / "a.png")
    names = [path, path, *(f"image {i}" for i in range(3, len(sources) + 1))]
    assert [name for name, _ in found] == names
    with open(path, "rb") as file:
        assert reader.read(file).text == "7"
    with open(path, encoding="latin-1") as file, pytest.raises(InputError, match="open as text"):
        reader.read(file)  # type: ignore[arg-type]


def pages(mnist: DataSets) -> list[Image.Image]:
    """A blank page, a 7, and a 2."""
    blank = np.ones((112, 112))
    inks = [blank, *(written(mnist, [i]) for i in (0, 1))]
    return [Image.open(io.BytesIO(as_png(ink))).convert("L") for ink in inks]


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_all_pages_are_read(kind: str, mnist: DataSets, reader: Reader, tmp_path: Path) -> None:
    """Each page has a reading with its number in the name; `read` reads the first, and warns."""
    if kind == "PDF":
        pytest.importorskip("pypdfium2")
    path = tmp_path / f"scan.{kind.lower()}"
    first, *others = pages(mnist)
    first.save(path, kind, save_all=True, append_images=others)
    found = list(reader.read_many([path, path.read_bytes()]))
    named = [f"{name}#{i}" for name in (path, "image 2") for i in (1, 2, 3)]
    assert [name for name, _ in found] == named
    assert [one.text for _, one in found if isinstance(one, Reading)] == ["", "7", "2"] * 2
    with pytest.warns(DataWarning, match=r"scan\.\w+' has 3 pages, of which the first was read"):
        reading = reader.read(str(path))
    assert (reading.text, reading.pages) == ("", 3)
    with pytest.warns(DataWarning, match=r"^The document has 3 pages"):
        assert reader.read(io.BytesIO(path.read_bytes())).pages == 3


def test_too_many_pages_are_told(
    mnist: DataSets, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages beyond the limit are one error after the last page that is read."""
    first, *others = pages(mnist)
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    monkeypatch.setattr("mnistry.reader.many.MAX_PAGES", 2)
    *found, (name, last) = reader.read_many(tmp_path / "a.tif")
    assert [one.text for _, one in found if isinstance(one, Reading)] == ["", "7"]
    assert name.endswith("a.tif#3")
    assert str(last).endswith("has more than 2 pages, of which the first 2 are read; split it.")
