"""A folder with one sub-folder of pictures a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistry.data.dataset import DataSets, Splits
from mnistry.data.gallery import find_gallery, read_gallery, to_images
from mnistry.errors import DataError, DataWarning, MissingExtra
from mnistry.pictures.frame import frame


def save(images: NDArray[np.uint8], *names: str | Path) -> None:
    for image, name in zip(images, names, strict=True):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(name)


def read(folder: Path) -> Splits:
    found = find_gallery(folder)
    assert found is not None
    return read_gallery(found)


def test_gallery_classes_are_the_folders(tmp_path: Path, mnist: DataSets) -> None:
    """Sub-folders are classes, 2 before 10, and images go by their names' numbers."""
    images = mnist.test.images[:6]
    names = ("2/10.png", "2/9.png", "10/a.bmp", "x/1.PNG", "x/2.tif", "x/more/3.png")
    save(images, *(tmp_path / name for name in names))
    (tmp_path / "2" / "notes.txt").write_text("no picture")
    (tmp_path / "2" / ".hidden.png").write_text("no picture")
    (tmp_path / ".git").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "labels.tsv").write_text("no folder")
    train, validation, test = read(tmp_path)
    assert validation is test is None
    assert train.classes == ("2", "10", "x")
    assert train.labels.tolist() == [0, 0, 1, 2, 2, 2]
    assert np.array_equal(train.images, images[[1, 0, 2, 3, 4, 5]])


@pytest.mark.parametrize(
    ("train_name", "validation_name", "test_name"),
    [("train", "val", "test"), ("Training", "Validation", "Testing"), ("TRAIN", "valid", "Test")],
)
def test_gallery_of_splits(
    train_name: str, validation_name: str, test_name: str, tmp_path: Path, mnist: DataSets
) -> None:
    """Folders above the classes are the splits, in any case; a class may lack test images."""
    images = mnist.test.images[:5]
    train, val, test = train_name, validation_name, test_name
    names = (f"{train}/a/1.png", f"{train}/b/1.png", f"{test}/b/1.png", f"{train}/b/2.png")
    save(images, *(tmp_path / name for name in (*names, f"{val}/a/1.png")))
    (tmp_path / test / "a").mkdir()
    found = read(tmp_path)
    assert found.validation is not None
    assert found.test is not None
    assert found.train.labels.tolist() == [0, 1, 1]
    assert found.test.labels.tolist() == [1]
    assert found.validation.labels.tolist() == [0]
    assert np.array_equal(found.test.images[0], images[2])
    assert found.train.classes == found.test.classes == ("a", "b")


def test_gallery_of_train_alone_has_no_test(tmp_path: Path, mnist: DataSets) -> None:
    """Without `test`, `train` is a set without a test split."""
    save(mnist.test.images[:1], tmp_path / "train/a/1.png")
    train, _, test = read(tmp_path)
    assert len(train) == 1
    assert test is None


def test_gallery_refuses_with_a_sentence(tmp_path: Path, mnist: DataSets) -> None:
    """An empty class, a class in `test` alone and an empty `test` are named."""
    assert find_gallery(tmp_path) is None
    image = mnist.test.images[:1]
    save(image, tmp_path / "train/a/1.png")
    (tmp_path / "train" / "b").mkdir()
    with pytest.raises(DataError, match=r"train/b' holds no images; put the class's images"):
        find_gallery(tmp_path)
    save(image, tmp_path / "train/b/1.png")
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match=r"test' holds no images in the classes' sub-folders"):
        find_gallery(tmp_path)
    save(image, tmp_path / "test/c/1.png")
    with pytest.raises(DataError, match=r"test' has the class 'c', which .*train' has not; give"):
        find_gallery(tmp_path)
    (tmp_path / "Training").mkdir()
    with pytest.raises(DataError, match=r"holds both 'train' and 'Training'; keep one of them"):
        find_gallery(tmp_path)


def test_gallery_says_which_images_it_leaves_out(tmp_path: Path, mnist: DataSets) -> None:
    """Images beside the classes' folders, and a test folder without classes, give a warning."""
    images = mnist.test.images[:3]
    save(images, *(tmp_path / name for name in ("train/a/1.png", "train/b/1.png", "test/1.png")))
    with pytest.warns(DataWarning, match=r"test' holds 1 images that are in no class's sub-folder"):
        _, _, test = read(tmp_path)
    assert test is None
    (tmp_path / "test").rename(tmp_path / "extra")
    with pytest.warns(DataWarning, match=r"holds images in 'extra', which are not used, since no"):
        assert len(read(tmp_path).train) == 2


def test_gallery_names_the_bad_image(tmp_path: Path, mnist: DataSets) -> None:
    """The error of a damaged image names its file."""
    save(mnist.test.images[:1], tmp_path / "a/1.png")
    (tmp_path / "a" / "2.png").write_bytes((tmp_path / "a" / "1.png").read_bytes()[:-40])
    with pytest.raises(DataError, match=r"a/2\.png' is a damaged picture"):
        read(tmp_path)


LABELS = [7, 3, 7, 0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "filename,label\n{0}.png,7\n{1}.png,3\n{2}.png,7\n{3}.png,0\n"),
        ("labels.csv", "{0}.png,7\n{1}.png,3\n{2}.png,7\n{3}.png,0\n"),
        ("labels.csv", "\ufeffid;digit\r\n{0};7\r\n{1};3\r\n{2};7\r\n{3};0\r\n"),
        ("metadata.csv", "label,age,file_name\n7,1,x/{0}.png\n3,1,./x/{1}.png\n7,1,{2}\n0,1,{3}\n"),
        ("a.tsv", "path\tanswer\nimages\\{0}.png\t7\n{1}.png\t3\n{2}.png\t7\n{3}.png\t0\n"),
        (
            "metadata.jsonl",
            '{{"file_name": "{0}.png", "label": 7}}\n{{"file_name": "{1}.png", "label": 3}}\n'
            '{{"file_name": "{2}.png", "label": 7}}\n{{"file_name": "{3}.png", "label": 0}}\n',
        ),
    ],
)
@pytest.mark.parametrize("place", ["images", ".", "images/more"])
def test_gallery_of_a_list(
    name: str, text: str, place: str, tmp_path: Path, mnist: DataSets
) -> None:
    """A CSV, TSV or JSONL beside the images gives their labels, in its own order."""
    images = mnist.test.images[:4]
    stems = ["scan-10", "scan-2", "b", "a"]
    save(images, *(tmp_path / place / f"{stem}.png" for stem in stems))
    (tmp_path / name).write_text(text.format(*stems), encoding="utf-8")
    train, validation, test = read(tmp_path)
    assert np.array_equal(train.images, images)
    assert [train.classes[i] for i in train.labels] == list(map(str, LABELS))
    assert validation is test is None


def test_gallery_of_a_list_for_each_split(tmp_path: Path, mnist: DataSets) -> None:
    """`train.csv` and `test.csv` beside folders of images, or a column, define the splits."""
    images = mnist.test.images[:4]
    names = ("train/1.png", "train/2.png", "test/3.png", "val/4.png")
    save(images, *(tmp_path / name for name in names))
    for split, rows in (("train", "1,a\n2,b\n"), ("test", "3,b\n"), ("val", "4,a\n")):
        (tmp_path / f"{split}.csv").write_text(f"id,class\n{rows}")
    found = read(tmp_path)
    assert [None if s is None else s.labels.tolist() for s in found] == [[0, 1], [0], [1]]
    for split in ("train", "test", "val"):
        (tmp_path / f"{split}.csv").rename(tmp_path / split / "metadata.csv")
    found = read(tmp_path)
    assert [None if s is None else s.labels.tolist() for s in found] == [[0, 1], [0], [1]]
    for split in ("train", "test", "val"):
        (tmp_path / split / "metadata.csv").unlink()
    (tmp_path / "all.csv").write_text(
        "image,label,split\n1,a,train\n2,b,Training\n3,b,test\n4,a,valid\n"
    )
    found = read(tmp_path)
    assert [None if s is None else s.labels.tolist() for s in found] == [[0, 1], [0], [1]]


def test_gallery_of_a_list_that_is_wrong(tmp_path: Path, mnist: DataSets) -> None:
    """A row without its image is an error, and images without a row give a warning."""
    save(mnist.test.images[:3], *(tmp_path / "images" / f"{i}.png" for i in range(3)))
    (tmp_path / "labels.csv").write_text("filename,label\n0.png,1\n9.png,1\n")
    with pytest.raises(DataError, match=r"labels\.csv' lists '9\.png' in row 2, which is not the"):
        find_gallery(tmp_path)
    (tmp_path / "labels.csv").write_text("filename,label\n0.png,1\n2.png,1\n")
    with pytest.warns(DataWarning, match=r"holds 1 images that labels\.csv does not list, so they"):
        assert len(read(tmp_path).train) == 2


def test_gallery_of_a_list_that_is_not_understood(tmp_path: Path, mnist: DataSets) -> None:
    """One folder of images beside a CSV that does not list them is an error that names both."""
    save(mnist.test.images[:2], *(tmp_path / "images" / f"{i}.png" for i in range(2)))
    (tmp_path / "labels.csv").write_text("seven,three\n1,0\n")  # numbers are no file names
    with pytest.raises(
        DataError, match=r"one folder, 'images', and 'labels\.csv' beside it does not"
    ):
        find_gallery(tmp_path)


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


def test_labels_beside_folders_that_are_no_classes_are_used(tmp_path: Path) -> None:
    """`train_images/` and `test_images/` are not classes if a CSV file gives other labels."""
    for folder in ("train_images", "test_images"):
        (tmp_path / folder).mkdir()
        for i in range(4):
            name = f"{folder[:2]}{i}.png"
            Image.fromarray(np.full((28, 28), 40 * i, np.uint8)).save(tmp_path / folder / name)
    rows = "".join(f"train_images/tr{i}.png,{i % 2}\n" for i in range(4))
    (tmp_path / "train.csv").write_text("filename,label\n" + rows)
    with pytest.warns(DataWarning, match=r"4 images that train\.csv does not list"):
        gallery = find_gallery(tmp_path)
    assert gallery is not None
    train = read_gallery(gallery).train
    assert train.classes == ("0", "1")
    assert train.labels.tolist() == [0, 1, 0, 1]
    (tmp_path / "train.csv").write_text("who,when\nA,1\n")  # it lists no images
    gallery = find_gallery(tmp_path)
    assert gallery is not None
    assert gallery.classes == ("test_images", "train_images")


def test_all_pages_of_a_document_are_images_of_its_class(tmp_path: Path) -> None:
    """A TIFF of three pages is three images; a PDF is read as well, or its package is named."""
    pages = [Image.fromarray(np.full((28, 28), shade, np.uint8)) for shade in (0, 0, 0)]
    for i, page in enumerate(pages):
        page.putpixel((10, 10 + i), 255)  # in row 10 + i
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
        pages[0].save(tmp_path / name / "a.png")
    pages[0].save(tmp_path / "1" / "b.tif", save_all=True, append_images=pages[1:])
    gallery = find_gallery(tmp_path)
    assert gallery is not None
    train = read_gallery(gallery).train
    assert train.labels.tolist() == [0, 1, 1, 1, 1]
    assert [int(image.argmax()) // 28 for image in train.images] == [10, 10, 10, 11, 12]
    (tmp_path / "1" / "c.pdf").write_bytes(b"%PDF-1.4 no more than that")
    gallery = find_gallery(tmp_path)
    assert gallery is not None
    with pytest.raises((DataError, MissingExtra), match=r"c\.pdf|PDF"):
        read_gallery(gallery)
