"""Pictures that are too many for memory: the same data sets, from a file that is mapped."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistry.data import mapped
from mnistry.data.dataset import DataSet, DataSets, split_by_class
from mnistry.data.folder import read_folder
from mnistry.data.idx import write_idx
from mnistry.data.mapped import gather, in_parts, is_mapped, let_go, pile
from mnistry.data.parquet import parquet_bytes, read_parquet
from mnistry.data.sources import load_data


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make 100 pictures too many, and look at ten together."""
    monkeypatch.setattr(mapped, "IN_MEMORY", 100 * 784)
    monkeypatch.setattr(mapped, "_AT_ONCE", 10 * 784)


def parts_of(images: NDArray[np.uint8], sizes: list[int]) -> Iterator[NDArray[np.uint8]]:
    start = 0
    for size in sizes:
        yield images[start : start + size]
        start += size


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize(
    ("sizes", "large"), [([], False), ([50, 50], False), ([99, 2], True), ([500, 1, 99], True)]
)
def test_a_pile_is_its_parts(little: DataSet, sizes: list[int], large: bool) -> None:
    """Few in memory, many in a file that is mapped; neither can be written to."""
    found = pile(parts_of(little.images, sizes), (28, 28))
    assert is_mapped(found) == large
    np.testing.assert_array_equal(found, little.images[: sum(sizes)])
    if large:
        let_go(found)
        np.testing.assert_array_equal(found, little.images[: sum(sizes)])
        assert not found.flags.writeable


@pytest.mark.usefixtures("tight")
def test_a_mapped_set_is_the_set(little: DataSet, tmp_path: Path) -> None:
    """A large raw IDX file is mapped; the set is the same by fingerprint, by row and by split."""
    write_idx(tmp_path / "train-images-idx3-ubyte", little.images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", little.labels.astype(np.uint8))
    found, *_ = read_folder(tmp_path)
    assert is_mapped(found.images)
    assert found.fingerprint == little.fingerprint
    rows = np.random.default_rng(0).permutation(len(little))[:150]
    some = found.take(rows)
    assert is_mapped(some.images)
    assert some.fingerprint == little.take(rows).fingerprint
    assert not is_mapped(found.take(rows[:20]).images)
    assert is_mapped(found.take(slice(5, None)).images)
    for ours, theirs in zip(split_by_class(found, 0.2), split_by_class(little, 0.2), strict=True):
        assert ours.fingerprint == theirs.fingerprint
    parts = list(in_parts(found.images))
    assert max(map(len, parts)) == 10
    np.testing.assert_array_equal(np.concatenate(parts), little.images)


@pytest.mark.slow
@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("inverted", [False, True])
def test_parquet_and_folders_are_piled(
    mnist: DataSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inverted: bool
) -> None:
    """The same pictures as in memory, whichever way they are inked, some of another size."""
    monkeypatch.setattr("mnistry.data.gallery._AT_ONCE", 7)
    data = mnist.test.take(slice(120))
    for i, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
        folder = tmp_path / "tree" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(255 - image if inverted else image)
        (picture.resize((56, 56)) if i % 10 == 0 else picture).save(folder / f"{i}.png")
    (tmp_path / "a.parquet").write_bytes(parquet_bytes(data))
    found = [
        load_data(tmp_path / "tree", validation=0).train,
        read_parquet([tmp_path / "a.parquet"])[0],
    ]
    assert is_mapped(found[1].images)
    monkeypatch.undo()
    own = load_data(tmp_path / "tree", validation=0).train
    assert not is_mapped(own.images)
    assert found[0].fingerprint == own.fingerprint
    np.testing.assert_array_equal(found[1].images, data.images)


@pytest.mark.skipif(sys.platform != "linux", reason="how a process's memory is told is Linux's")
def test_looking_at_all_of_a_mapped_set_takes_little_memory(tmp_path: Path) -> None:
    """What was looked at is let go of: the process stays small."""
    path = tmp_path / "train-images-idx3-ubyte"
    n = 200_000
    with path.open("wb") as file:
        file.write(bytes([0, 0, 8, 3]) + np.array([n, 28, 28], ">u4").tobytes())
        file.truncate(16 + n * 784)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(n, np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "IN_MEMORY", 2**20)
        data, *_ = read_folder(tmp_path)
    before = resident()
    assert data.fingerprint
    gather(data.images, np.arange(0, n, 1000))
    assert resident() - before < 40e6
    assert data.images.sum() == 0
    assert resident() - before > 100e6  # so it would be seen
    let_go(data.images)
    assert resident() - before < 40e6


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return float(pages * resource.getpagesize())
