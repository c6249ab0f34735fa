"""DataSet: checked when made, split as asked, known by its fingerprint."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.data.dataset import (
    DataSet,
    DataSets,
    fold_numbers,
    name_classes,
    split_by_class,
    split_by_writer,
    split_first,
)
from mnistry.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def make(n: int = 12, k: int = 3, side: int = 4, seed: int = 0, writers: int = 0) -> DataSet:
    rng = np.random.default_rng(seed)
    return DataSet(
        rng.integers(0, 256, (n, side, side), np.uint8),
        rng.integers(0, k, n),
        tuple("abcdefghij"[:k]),
        rng.integers(0, writers, n) if writers else None,
    )


def test_dataset_holds_what_was_given() -> None:
    """Images stay as they are, labels and writers become int64, and nothing can be written."""
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    data = DataSet(images, np.array([1, 0], np.uint8), ("a", "b"), np.array([7, 8], np.int32))
    assert np.array_equal(data.images, images)
    assert data.labels.dtype == np.int64
    assert data.writers is not None
    assert data.writers.dtype == np.int64
    assert len(data) == 2
    assert repr(data) == "DataSet(2 images of 2x2, 2 classes)"
    for array in (data.images, data.labels, data.writers):
        assert not array.flags.writeable
    assert images.flags.writeable


def test_dataset_x_is_pixels_over_255() -> None:
    """X is float32 (n, h*w): each pixel / 255, correctly rounded, 0 for 0 and 1 for 255."""
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    X = DataSet(images, [0], ("a",)).X  # type: ignore[arg-type]
    assert X.dtype == np.float32
    assert X.shape == (1, 256)
    assert np.array_equal(X[0], (np.arange(256) / 255).astype(np.float32))


def test_dataset_one_hot_has_a_1_at_the_label() -> None:
    """one_hot is float32 (n, k), its rows sum to 1 and its largest entry is the label."""
    data = make(50, 5)
    assert data.one_hot.dtype == np.float32
    assert data.one_hot.shape == (50, 5)
    assert np.array_equal(data.one_hot.argmax(1), data.labels)
    assert np.array_equal(data.one_hot.sum(1), np.ones(50))


def test_dataset_may_be_empty() -> None:
    """A split of no pictures is a set like any other."""
    empty = make().take(slice(0))
    assert len(empty) == 0
    assert empty.X.shape == (0, 16)
    assert empty.one_hot.shape == (0, 3)
    assert list(empty.batches(3)) == []


GRID = np.zeros((3, 2, 2), np.uint8)
REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "float images": (
        (GRID / 1.0, [0, 0, 0], "ab"),
        r"`images` must be uint8 of shape \(n, h, w\); got float64 of shape \(3, 2, 2\)",
    ),
    "flat images": ((GRID[0], [0, 0], "ab"), r"got uint8 of shape \(2, 2\)"),
    "no pixels": ((GRID[:, :0], [0, 0, 0], "ab"), r"got uint8 of shape \(3, 0, 2\)"),
    "lengths": (
        (GRID, [0, 0], "ab"),
        r"`labels` must have one entry for each of the 3 `images`; got shape \(2,\)",
    ),
    "one-hot labels": ((GRID, np.eye(3), "abc"), r"of the 3 `images`; got shape \(3, 3\)"),
    "float labels": ((GRID, [0.0, 0, 0], "ab"), r"`labels` must be whole numbers; got float64"),
    "label above": (
        (GRID, [0, 2, 1], "ab"),
        r"`labels` must be from 0 to 1, one for each of the 2 `classes`; got 0 to 2",
    ),
    "label below": ((GRID, [0, -1, 1], "ab"), r"must be from 0 to 1.*; got -1 to 1"),
    "no classes": ((GRID, [0, 0, 0], ""), r"`classes` must be one or more different names"),
    "same classes": ((GRID, [0, 0, 0], "aa"), r"`classes` must be .* got \('a', 'a'\)"),
    "writers": (
        (GRID, [0, 0, 0], "ab", [1]),
        r"`writers` must have one entry for each of the 3 `images`; got shape \(1,\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_dataset_refuses_with_a_sentence(case: str) -> None:
    """Arrays that do not go together are refused where they come in."""
    given_, sentence = REFUSED[case]
    with pytest.raises(InputError, match=sentence):
        DataSet(*given_)


def test_dataset_take_keeps_rows_together() -> None:
    """take gives images, labels and writers of the same rows: slice, indices or mask."""
    data = make(20, writers=4)
    mask = data.labels == 1
    for at in (slice(3, 17, 2), [5, 5, 0], np.array([19, 2]), mask):
        some = data.take(at)
        assert np.array_equal(some.images, data.images[at])
        assert np.array_equal(some.labels, data.labels[at])
        assert data.writers is not None
        assert some.writers is not None
        assert np.array_equal(some.writers, data.writers[at])
    assert len(data.take([])) == 0


@given(st.integers(0, 30), st.integers(1, 40), st.integers(0, 5))
def test_dataset_batches_give_every_picture_once(n: int, size: int, seed: int) -> None:
    """Batches of `size`, the last smaller, hold each picture once; the seed decides the order."""
    data = DataSet(np.zeros((n, 1, 1), np.uint8), np.arange(n), tuple(map(str, range(n + 1))))
    batches = [batch.labels.tolist() for batch in data.batches(size, seed)]
    assert sorted(functools.reduce(operator.iadd, batches, [])) == list(range(n))
    assert all(len(batch) == size for batch in batches[:-1])
    assert batches == [batch.labels.tolist() for batch in data.batches(size, seed)]


def test_dataset_batches_of_another_seed_differ() -> None:
    """Another seed is another order."""
    first = next(iter(make(500).batches(500, 0))).images
    assert not np.array_equal(first, next(iter(make(500).batches(500, 1))).images)


def test_dataset_batches_refuse_an_empty_size() -> None:
    """A batch of none would never end."""
    with pytest.raises(InputError, match=r"`size` must be 1 or more; got 0"):
        make().batches(0)


def test_dataset_fingerprint_tells_sets_apart() -> None:
    """The fingerprint follows from images, shape and labels, and from nothing else."""
    data = make()
    pixels = data.images.copy()
    pixels[0, 0, 0] ^= 1
    assert data.fingerprint == make().fingerprint
    assert len(data.fingerprint) == 64
    assert data.fingerprint == DataSet(data.images, data.labels, ("x", "y", "z")).fingerprint
    others = [
        DataSet(pixels, data.labels, data.classes),
        DataSet(data.images, (data.labels + 1) % 3, data.classes),
        DataSet(data.images.reshape(12, 2, 8), data.labels, data.classes),
        data.take(slice(1, None)),
        data.take(slice(None, None, -1)),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_datasets_agree_on_classes_and_size() -> None:
    """Splits of other classes or another size are refused."""
    data = make()
    assert DataSets(data, data, data, "x").classes == ("a", "b", "c")
    with pytest.raises(InputError, match=r"shape \(4, 4\), and another split of \(5, 5\)"):
        DataSets(data, data, make(side=5), "x")
    with pytest.raises(InputError, match=r"has the classes .*; give all splits the same"):
        DataSets(data, make(k=4), data, "x")


def test_name_classes_counts_to_the_largest_label() -> None:
    """Classes without names are the numbers up to the largest label, and never countless."""
    assert name_classes(np.array([0, 2]), np.array([4])) == ("0", "1", "2", "3", "4")
    assert name_classes(np.array([], np.int64)) == ("0",)
    assert name_classes(np.array([-5])) == ("0",)
    assert len(name_classes(np.array([2**62]))) == 65_536


def test_split_first_is_the_tutorials() -> None:
    """The first pictures are split off, the rest follow in order."""
    data = make(10)
    rest, first = split_first(data, 3)
    assert np.array_equal(first.images, data.images[:3])
    assert np.array_equal(rest.images, data.images[3:])
    for count in (-1, 11):
        with pytest.raises(InputError, match=rf"`count` must be from 0 to 10; got {count}"):
            split_first(data, count)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=120), st.floats(0.02, 0.98), st.integers(0, 3)
)
def test_split_by_class_is_a_fair_partition(labels: list[int], share: float, seed: int) -> None:
    """Each picture is on one side, in order; each class gives its share to within one."""
    n = len(labels)
    images = np.arange(n, dtype=np.uint8).reshape(n, 1, 1)
    data = DataSet(images, np.array(labels), tuple("abcdef"))
    rest, drawn = split_by_class(data, share, seed)
    ids = [side.images.ravel().tolist() for side in (rest, drawn)]
    assert sorted(ids[0] + ids[1]) == list(range(n))
    assert ids == [sorted(side) for side in ids]
    counts = np.bincount(labels, minlength=6)
    got = np.bincount(drawn.labels, minlength=6)
    assert (abs(got - share * counts) <= 1).all()
    assert (got < np.maximum(counts, 1)).all()
    assert len(drawn) >= (counts.max() > 1)
    assert ids[1] == split_by_class(data, share, seed)[1].images.ravel().tolist()


@given(st.integers(2, 9), st.floats(0.05, 0.95), st.integers(0, 5))
def test_split_by_writer_shares_no_writer(writers: int, share: float, seed: int) -> None:
    """No writer is on both sides, both sides have one, and enough pictures are drawn."""
    of = np.random.default_rng(seed).permutation(np.arange(100) % writers * 1000)
    data = DataSet(np.zeros((100, 1, 1), np.uint8), np.zeros(100, int), ("a",), of)
    rest, drawn = split_by_writer(data, share, seed)
    assert rest.writers is not None
    assert drawn.writers is not None
    left, right = set(rest.writers.tolist()), set(drawn.writers.tolist())
    assert left
    assert right
    assert not left & right
    assert len(rest) + len(drawn) == 100
    assert len(drawn) >= share * 100 or len(left) == 1
    largest = max(np.bincount(drawn.writers))
    assert len(drawn) < share * 100 + largest + 1e-9


def test_split_by_writer_needs_writers() -> None:
    """Unknown writers, and one alone, can't be split."""
    with pytest.raises(InputError, match=r"writers are not known.*`mnistry data fetch qmnist`"):
        split_by_writer(make(), 0.5)
    with pytest.raises(InputError, match=r"needs two writers or more; got 1"):
        split_by_writer(make(writers=1), 0.5)


@pytest.mark.slow
@given(st.integers(2, 9), st.integers(2, 40), st.integers(0, 50))
def test_folds_hold_each_picture_once_and_no_writer_twice(
    count: int, writers: int, seed: int
) -> None:
    """Folds differ by no more than the pictures of one writer; no writer is in two."""
    count = min(count, writers)
    lots = np.random.default_rng(seed).integers(0, writers, 200)
    of = np.concatenate([np.arange(writers), lots]) * 7
    data = DataSet(np.zeros((len(of), 1, 1), np.uint8), np.zeros(len(of), int), ("a",), of)
    folds = fold_numbers(data, count, seed)
    sizes = np.bincount(folds, minlength=count)
    assert len(sizes) == count
    assert sizes.min() > 0
    assert np.ptp(sizes) <= np.bincount(of).max()
    assert all(len(set(folds[of == writer])) == 1 for writer in of)


def test_folds_without_writers_hold_each_class_alike() -> None:
    """Of each class every fold has as many, within one; another seed deals others."""
    data = make(500, 5)
    folds = fold_numbers(data, 4, seed=1)
    for label in range(5):
        counts = np.bincount(folds[data.labels == label], minlength=4)
        assert np.ptp(counts) <= 1
    again = np.concatenate([folds, folds])  # the same pictures once more
    assert np.array_equal(again, fold_numbers(data.take(np.tile(np.arange(500), 2)), 4, seed=1))
    assert np.array_equal(folds, fold_numbers(data, 4, seed=1))
    assert not np.array_equal(folds, fold_numbers(data, 4, seed=2))


@pytest.mark.parametrize("count", [-1, 0, 1, 13])
def test_folds_need_something_in_each(count: int) -> None:
    """One fold is none, and an empty one neither."""
    with pytest.raises(
        InputError, match=rf"`folds` must be from 2 to 12, .* pictures; got {count}"
    ):
        fold_numbers(make(), count)
    one = make(writers=1)
    with pytest.raises(InputError, match=r"from 2 to 1, as many as there are writers; got 2"):
        fold_numbers(one, 2)


@pytest.mark.parametrize("split", [split_by_class, split_by_writer])
@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_split_share_is_a_share(split: Any, share: float) -> None:
    """All and nothing are no shares."""
    with pytest.raises(InputError, match=r"`share` must be between 0 and 1; got"):
        split(make(writers=3), share)


@pytest.mark.slow
def test_mnist_is_what_it_is_known_to_be(mnist: DataSets) -> None:
    """The means and deviations of MNIST's pixels are those published."""
    train = np.concatenate([mnist.validation.images, mnist.train.images])
    found: list[NDArray[Any]] = []
    for images in (train, mnist.test.images):
        counts = np.bincount(images.ravel(), minlength=256) / images.size
        levels = np.arange(256) / 255
        mean = counts @ levels
        found.append(np.array([mean, np.sqrt(counts @ (levels - mean) ** 2)]))
    assert np.allclose(found, [[0.13066, 0.30811], [0.13251, 0.31048]], atol=5e-6)
