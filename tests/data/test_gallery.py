"""A folder with one sub-folder of pictures a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistry.data.dataset import DataSets
from mnistry.data.gallery import read_gallery, to_images
from mnistry.errors import DataError
from mnistry.pictures.frame import frame


def save(images: NDArray[np.uint8], *names: str | Path) -> None:
    for image, name in zip(images, names, strict=True):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(name)


def test_gallery_classes_are_the_folders(tmp_path: Path, mnist: DataSets) -> None:
    """Sub-folders are classes, 2 before 10, and pictures go by their names' numbers."""
    images = mnist.test.images[:5]
    names = ("2/10.png", "2/9.png", "10/a.bmp", "x/1.PNG", "x/2.tif")
    save(images, *(tmp_path / name for name in names))
    (tmp_path / "2" / "notes.txt").write_text("no picture")
    (tmp_path / "2" / ".hidden.png").write_text("no picture")
    (tmp_path / ".git").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "labels.tsv").write_text("no folder")
    train, test = read_gallery(tmp_path)
    assert test is None
    assert train.classes == ("2", "10", "x")
    assert train.labels.tolist() == [0, 0, 1, 2, 2]
    assert np.array_equal(train.images, images[[1, 0, 2, 3, 4]])


def test_gallery_of_train_and_test(tmp_path: Path, mnist: DataSets) -> None:
    """`train` and `test` above the classes are the splits; a class may lack test pictures."""
    images = mnist.test.images[:4]
    names = ("train/a/1.png", "train/b/1.png", "test/b/1.png", "train/b/2.png")
    save(images, *(tmp_path / name for name in names))
    (tmp_path / "test" / "a").mkdir()
    train, test = read_gallery(tmp_path)
    assert test is not None
    assert train.labels.tolist() == [0, 1, 1]
    assert test.labels.tolist() == [1]
    assert np.array_equal(test.images[0], images[2])
    assert train.classes == test.classes == ("a", "b")


def test_gallery_of_train_alone_has_no_test(tmp_path: Path, mnist: DataSets) -> None:
    """Without `test`, `train` is a set without a test split."""
    save(mnist.test.images[:1], tmp_path / "train/a/1.png")
    train, test = read_gallery(tmp_path)
    assert len(train) == 1
    assert test is None


def test_gallery_refuses_with_a_sentence(tmp_path: Path, mnist: DataSets) -> None:
    """No sub-folders, an empty one, a class in `test` alone and an empty `test` are named."""
    with pytest.raises(DataError, match=r"has no sub-folders; put each class's pictures in a sub-"):
        read_gallery(tmp_path)
    image = mnist.test.images[:1]
    save(image, tmp_path / "train/a/1.png")
    (tmp_path / "train" / "b").mkdir()
    with pytest.raises(DataError, match=r"train/b' holds no pictures; put the class's pictures"):
        read_gallery(tmp_path)
    save(image, tmp_path / "train/b/1.png")
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match=r"test' holds no pictures in the classes' sub-folders"):
        read_gallery(tmp_path)
    save(image, tmp_path / "test/c/1.png")
    with pytest.raises(DataError, match=r"test' has the class 'c', which .*train' has not; give"):
        read_gallery(tmp_path)


def test_gallery_names_the_bad_picture(tmp_path: Path, mnist: DataSets) -> None:
    """One damaged picture is one sentence that names it."""
    save(mnist.test.images[:1], tmp_path / "a/1.png")
    (tmp_path / "a" / "2.png").write_bytes((tmp_path / "a" / "1.png").read_bytes()[:-40])
    with pytest.raises(DataError, match=r"a/2\.png' is a damaged picture"):
        read_gallery(tmp_path)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("light", [False, True])
def test_images_of_28_pixels_stay_as_they_are(mode: str, light: bool, mnist: DataSets) -> None:
    """28x28 pictures keep each grey; dark on light sets are inverted, as a whole."""
    images = mnist.test.images[:9]
    shown = 255 - images if light else images.copy()
    pictures = [Image.fromarray(image).convert(mode) for image in shown]
    assert np.array_equal(to_images(pictures), images)


def test_images_of_28_pixels_are_inverted_all_or_none(mnist: DataSets) -> None:
    """One picture of the other polarity among many does not turn, nor is it turned."""
    images = mnist.test.images[:9].copy()
    images[4] = 255 - images[4]
    assert np.array_equal(to_images(Image.fromarray(image) for image in images), images)


def test_images_of_other_sizes_are_framed(mnist: DataSets) -> None:
    """Pictures of any other size become ink and are framed, each by itself, in order."""
    images = mnist.test.images[:6]
    large = [np.kron(image, np.ones((4, 4), np.uint8)) for image in images]
    large[2] = 255 - large[2]
    mixed = [Image.fromarray(images[0]), *(Image.fromarray(image) for image in large)]
    found = to_images(mixed)
    assert np.array_equal(found[0], images[0])
    for i, image in enumerate(large):
        expected = frame((255 - image if i == 2 else image) / 255)
        assert np.corrcoef(found[1 + i].ravel(), expected.ravel())[0, 1] > 0.8


def test_images_of_none_are_none() -> None:
    """No pictures are no images."""
    assert to_images([]).shape == (0, 28, 28)
