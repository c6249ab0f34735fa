"""What is known of a field, and the texts that a reading weighs."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.reader import Reader
from mnistry.reading import Outcome, Reading

TEXTS = ["7210", "2237", "10414", "959", "31", "6087"]


@pytest.fixture(scope="module")
def images(mnist: DataSets) -> dict[str, bytes]:
    """PNG files of rows of MNIST's test digits, by what they say."""
    rng = np.random.default_rng(0)
    made = {}
    for text in TEXTS:
        row = np.zeros((60, 20))
        for digit in text:
            [*some] = np.flatnonzero(mnist.test.labels[:500] == int(digit))
            large = cv2.resize(mnist.test.images[rng.choice(some)], (56, 56))
            row = np.concatenate([row, np.pad(large[:, 6:50], ((2, 2), (0, 0)))], axis=1)
        row = np.pad(row, ((10, 10), (20, 40)))
        file = io.BytesIO()
        Image.fromarray((255 - row).astype(np.uint8)).save(file, "PNG")
        made[text] = file.getvalue()
    return made


def read(images: dict[str, bytes], reader: Reader) -> list[Reading]:
    return reader.read_batch(list(images.values()))


def test_alternatives_are_texts_with_probabilities(images: dict[str, bytes]) -> None:
    """They are sorted, the text first, and add up to 1 at most; JSON has them too."""
    for text, reading in zip(images, read(images, Reader()), strict=True):
        assert reading.text == text
        assert reading.fits is None
        texts = [other for other, _ in reading.alternatives]
        shares = [p for _, p in reading.alternatives]
        assert texts[0] == text
        assert len(set(texts)) == len(texts)
        assert shares == sorted(shares, reverse=True)
        assert shares[0] == pytest.approx(reading.probability)
        assert sum(shares) <= 1 + 1e-9
        printed = reading.to_dict()
        assert "fits" not in printed
        assert printed["alternatives"][0] == {"text": text, "probability": round(shares[0], 6)}


def test_a_single_digit_has_alternatives(mnist: DataSets) -> None:
    """They are the ten digits' probabilities, as far as they are worth naming."""
    reading = Reader().read(255 - cv2.resize(mnist.test.images[0], (84, 84)))
    assert reading.text == "7"
    first, p = reading.alternatives[0]
    assert first == "7"
    assert p == pytest.approx(reading.probability)
    assert all(len(text) == 1 for text, _ in reading.alternatives)


@pytest.mark.parametrize("how", ["pattern", "between", "allowed", "file", "check"])
def test_what_fits_is_read(images: dict[str, bytes], how: str, tmp_path: Path) -> None:
    """The true text, which fits, is at least as probable as without the constraint."""
    (tmp_path / "values.txt").write_text("\n".join([*TEXTS, "11", "2238"]))
    readers = {
        "pattern": Reader(pattern=r"\d{4}|10\d*|[39][51]9?"),
        "between": Reader(between=(31, 10_414)),
        "allowed": Reader(allowed=[*TEXTS, "11", "2238"]),
        "file": Reader(allowed=tmp_path / "values.txt"),
        "check": Reader(check=lambda text: text in TEXTS),
    }
    plain = read(images, Reader())
    for text, before, reading in zip(images, plain, read(images, readers[how]), strict=True):
        assert reading.text == text
        assert reading.fits is True
        assert reading.probability >= before.probability - 0.01


def test_nothing_is_forced(images: dict[str, bytes]) -> None:
    """Where nothing that fits is plausible, what is written is read, and the reading says so."""
    for text, reading in zip(images, read(images, Reader(allowed=["000000"])), strict=True):
        assert reading.text == text
        assert reading.fits is False
        assert reading.outcome is Outcome.AMBIGUOUS
        assert reading.to_dict()["fits"] is False


def test_processes_know_it_too(images: dict[str, bytes]) -> None:
    """Readers in other processes have the same constraints."""
    reader = Reader(allowed=["000000"], between=(0, 9))
    found = [one for _, one in reader.read_many(list(images.values()) * 3, workers=2)]
    assert [one.fits for one in found if isinstance(one, Reading)] == [False] * len(found)


def test_what_is_malformed_is_refused() -> None:
    """Each of them gets a sentence."""
    with pytest.raises(InputError, match=r"The pattern '\[' is refused"):
        Reader(pattern="[")
    with pytest.raises(InputError, match=r"LOW-HIGH with 0 <= LOW <= HIGH; got 9-1"):
        Reader(between=(9, 1))
    with pytest.raises(InputError, match=r"must consist of digits; got '1x'"):
        Reader(allowed=["1x"])
    with pytest.raises(InputError, match=r"`check` must be one of luhn, .*; got 'crc'"):
        Reader(check="crc")


def test_readings_of_two_inks_are_weighed(images: dict[str, bytes]) -> None:
    """The surer reading of emptier ink gives way to what the grey image shows."""
    reader = Reader()
    [whole] = reader.read_batch([images["10414"]])
    texts = ((("1041", 0.999), ("10414", 0.001)), (("10414", 0.9), ("1041", 0.1)))
    emptier, fuller = (
        replace(whole, text=text, probability=own[0][1], alternatives=own)
        for text, own in zip(("1041", "10.414"), texts, strict=True)
    )
    found = reader._combine(emptier, fuller)
    assert found.text == "10.414"
    assert found.alternatives[0] == ("10414", found.probability)
    assert 0.5 < found.probability < 0.9
    assert sum(p for _, p in found.alternatives) == pytest.approx(1)
    nothing = replace(emptier, text="", alternatives=())
    assert reader._combine(nothing, replace(fuller, probability=0.1)).text == ""
    assert reader._combine(nothing, replace(fuller, probability=1.0)).text == "10.414"
