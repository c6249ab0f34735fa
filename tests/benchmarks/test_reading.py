"""Pictures become the same files for every peer, and what is reported follows from the texts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import machine
import reading
from handwriting import Written, draw_files, gather, kept, make_up
from mnistry.data.dataset import DataSets

SCRIPT = Path(reading.__file__)


def written(*texts: str, writers: str = "") -> list[Written]:
    hands = writers or " " * len(texts)
    return [
        Written(Path("a.png"), (text,) if text else (), writer.strip())
        for text, writer in zip(texts, hands, strict=True)
    ]


@pytest.fixture(scope="module")
def made_up(mnist: DataSets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of made-up pictures in the layout of the real ones."""
    folder = tmp_path_factory.mktemp("pictures") / "made up"
    make_up(mnist.validation.images, mnist.validation.labels, folder)
    return folder


def test_gather_gives_every_set_as_files(made_up: Path, tmp_path: Path) -> None:
    """Folders, arrays, digits in boxes and other things: a file and its text each."""
    sets = gather(made_up, tmp_path)
    assert {key: len(own) for key, own in sets.items()} == {
        "own": 12, "amounts": 4, "amounts_digits": 9, "arrays": 8, "not_digits": 4,
    }  # fmt: skip
    assert all(picture.file.is_file() for own in sets.values() for picture in own)
    assert {picture.writer for picture in sets["own"]} == set("abc")
    assert {picture.text for picture in sets["not_digits"]} == {""}
    together = "".join(picture.text for picture in sets["amounts"])
    assert together == "".join(picture.text for picture in sets["amounts_digits"])
    with Image.open(sets["amounts_digits"][2].file) as image:
        assert image.size == (56, 56)


def test_gather_reads_rows_and_keeps_digits_alone(tmp_path: Path) -> None:
    """A page's rows are apart, and what is no digit in a label doesn't count."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "labels.tsv").write_text("file\trows\na.png\t12|3.4\n", "utf-8")
    [page] = gather(tmp_path, tmp_path / "work")["pages"]
    assert page.rows == ("12", "34")
    assert page.text == "1234"


def test_kept_is_the_same_every_time() -> None:
    """A sample is drawn by its seed, in order, and all are kept where they are few."""
    pictures = written(*map(str, range(50)))
    some = kept(pictures, 20)
    assert some == kept(pictures, 20)
    assert len(some) == 20
    assert some == sorted(some, key=lambda picture: int(picture.text))
    assert kept(pictures, 50) == kept(pictures, None) == pictures


def test_drawn_files_are_dark_on_light_and_of_many_sizes(mnist: DataSets, tmp_path: Path) -> None:
    """The pictures for speed are PNG files of 28 to 140 pixels a side."""
    data = mnist.validation
    files = draw_files(data.images, data.labels, tmp_path / "race", 30)
    sides = set()
    for picture in files:
        with Image.open(picture.file) as image:
            assert np.median(np.asarray(image)) > 200
            sides.add(image.size[0])
    assert len(sides) > 15
    assert 28 <= min(sides) <= max(sides) <= 140


def test_marks_compare_digits_alone() -> None:
    """Points and line breaks don't count; a letter counts as a digit only where that is asked."""
    pictures = written("12", "10", "", "")
    texts = ["1.\n2", "lO", "x!", "7"]
    assert reading.marks(pictures, texts).tolist() == [True, False, True, False]
    assert reading.marks(pictures, texts, letters=True).tolist() == [True, True, True, False]


def test_the_best_way_is_the_one_that_reads_most() -> None:
    """Letters count for it where they help; of equals the first is taken."""
    texts = {"a": ["1", "2", "3"], "b": ["l", "2", "34"], "c": ["1", "2", "34"]}
    assert reading.best_way(written("1", "2", "34"), texts) == "b"


def test_scores_tell_one_digit_from_several() -> None:
    """Each has a row of its own where a set has both; letters count only where they help."""
    rows = reading.scores(written("1", "2", "34", "56", writers="aabb"), ["l", "3", "34", "5"])
    assert [(row["part"], row["right"], row["n"], row["letters"]) for row in rows] == [
        ("", 2, 4, True), ("one digit", 1, 2, True), ("several digits", 1, 2, False),
    ]  # fmt: skip
    assert [row["writers"] for row in rows] == [2, 1, 1]
    assert rows[0]["clustered"] == (0.5, 0.5)
    [row] = reading.scores(written("1", "2"), ["1", "2"])
    assert row["interval"][1] == row["share"] == 1
    assert row["clustered"] is None


def test_clustered_interval_is_wider_where_hands_differ() -> None:
    """Ten writers, five of them always misread: the interval is that of ten, not of a thousand."""
    right = np.repeat([True, False] * 5, 100)
    found = reading.clustered_interval(right, [str(i) for i in np.repeat(range(10), 100)])
    assert found is not None
    assert found[0] <= 0.2
    assert found[1] >= 0.8
    alone = reading.clustered_interval(right, [str(i) for i in range(1000)])
    assert alone is not None
    assert alone[1] - alone[0] < 0.07


def test_clustered_interval_needs_two_writers() -> None:
    """Of a single hand nothing follows for others."""
    assert reading.clustered_interval(np.array([True, False]), ["a", "a"]) is None


def test_peers_are_asked_what_they_can_be() -> None:
    """The plain resize gets single digits alone, and who is told a number nothing else."""
    sets = written(*"123"), written("1", "23"), written("", "")
    asked = {peer.key: [reading.suits(peer.key, own) for own in sets] for peer in reading.PEERS}
    assert asked["resize"] == asked["rapidocr_narrow"] == [True, False, False]
    assert asked["mnistry_known"] == [True, True, False]
    assert asked["mnistry"] == asked["rapidocr"] == asked["tesseract"] == [True, True, True]


def test_sets_come_in_the_order_of_their_titles() -> None:
    """Single digits first, what has no title last."""
    assert reading.ordered(["new", "pages", "own"]) == ["own", "pages", "new"]


@pytest.mark.slow
def test_a_result_holds_no_picture(tmp_path: Path) -> None:
    """Files, texts and writers of single pictures stay out of it."""
    out = tmp_path / "result.json"
    command = [sys.executable, str(SCRIPT), "--smoke", "--peers", "resize", "--out", str(out)]
    subprocess.run(command, capture_output=True, check=True)
    result = json.loads(out.read_text("utf-8"))
    assert [one["key"] for one in result["sets"]] == [
        "own", "amounts", "amounts_digits", "not_digits", "arrays",
    ]  # fmt: skip
    rows = [row for one in result["sets"] for row in one["rows"]]
    assert {row["peer"] for row in rows} == {"resize"}
    assert all(isinstance(row["right"], int) for row in rows)
    assert ".png" not in out.read_text("utf-8")
    assert "texts" not in out.read_text("utf-8")


@pytest.mark.skipif(machine.installed("tesseract") is None, reason="tesseract is not installed")
def test_tesseract_answers_in_order(tmp_path: Path) -> None:
    """Its texts are those of the files, whichever process and mode read them."""
    from PIL import ImageDraw, ImageFont

    texts = ["1234", "7", "56 78", "90"]
    for i, text in enumerate(texts):
        image = Image.new("L", (60 + 30 * len(text), 80), 255)
        ImageDraw.Draw(image).text((30, 15), text, 0, ImageFont.load_default(48))
        image.save(tmp_path / f"{i}.png")
    files = [str(tmp_path / f"{i}.png") for i in range(4)]
    pile = {"files": files, "rows": [[4], [1], [4], [2]]}
    (tmp_path / "piles.json").write_text(json.dumps({"a": pile}), "utf-8")
    peer = next(peer for peer in reading.PEERS if peer.key == "tesseract")
    command = peer.command(tmp_path / "piles.json", "--first")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)["a"]["digits only"]["texts"]
    assert reading.marks(written("1234", "7", "5678", "90"), told).sum() >= 3
