"""The public benchmark of numbers that are composed from MNIST's test split."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mnistry.data.dataset import DataSets
from mnistry.data.label_files import read_texts
from mnistry.synthesis.numbers import KINDS, PAPERS, number_images, write_numbers


def test_numbers_are_the_same_again_and_of_all_kinds() -> None:
    """The seed decides; a longer run begins with the shorter one."""
    some, more = list(number_images(18, 3)), list(number_images(27, 3))
    for one, other in zip(some, more, strict=False):
        assert (one.text, one.kind, one.paper, one.writer) == (
            other.text, other.kind, other.paper, other.writer,
        )  # fmt: skip
        np.testing.assert_array_equal(one.image, other.image)
    assert {(one.kind, one.paper) for one in some} == {(k, p) for k in KINDS for p in PAPERS}
    assert [one.text for one in some] != [one.text for one in number_images(18, 4)]


def test_texts_are_of_their_kind_and_ink_is_dark() -> None:
    """Dates are dates; all have 2 to 10 digits; each digit adds ink."""
    for one in number_images(60, 0):
        assert one.text.isdigit()
        assert 2 <= len(one.text) <= 10
        if one.kind == "date":
            assert len(one.text) == 8
            assert 1 <= int(one.text[:2]) <= 28
            assert 1 <= int(one.text[2:4]) <= 12
            assert 1900 <= int(one.text[4:]) < 2030
        median, darkest = np.median(one.image), np.percentile(one.image, 1)
        assert median - darkest > 30
        assert one.image.shape[1] > 0.3 * one.image.shape[0] * len(one.text) / 2


def test_each_number_has_one_writer(mnist: DataSets) -> None:
    """The writers' digits are those of MNIST's test split, as QMNIST names them."""
    from mnistry.synthesis import numbers

    writers = np.load(numbers._WRITERS, allow_pickle=False)
    assert writers.shape == mnist.test.labels.shape
    for one in number_images(40, 1):
        own = set(mnist.test.labels[writers == one.writer].tolist())
        assert own.issuperset(map(int, one.text))
    # Different people wrote the two halves of the test split; one writer is at the boundary.
    assert len(set(writers[:5000].tolist()) & set(writers[5000:].tolist())) <= 1


def test_files_have_labels_that_evaluate_reads(tmp_path: Path) -> None:
    """The folder is what `mnistry evaluate --images --labels` takes."""
    write_numbers(tmp_path, 9, 2)
    listed = read_texts(str(tmp_path), str(tmp_path / "labels.csv"))
    assert [text for _, text in listed] == [one.text for one in number_images(9, 2)]
    assert all(Path(path).exists() for path, _ in listed)
