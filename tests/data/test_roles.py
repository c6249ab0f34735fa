"""Split and content are inferred from names."""

from __future__ import annotations

import pytest

from mnistry.data.roles import role_of, split_of_folder


@pytest.mark.parametrize(
    ("name", "split", "kind"),
    [
        ("x_train", "train", "images"),
        ("X_train", "train", "images"),
        ("trainX", "train", "images"),
        ("xtrain", "train", "images"),
        ("y_test", "test", "labels"),
        ("ytest", "test", "labels"),
        ("train-images.gz", "train", "images"),
        ("trainlabels.bin", "train", "labels"),
        ("t10k-labels-idx1-ubyte", "test", "labels"),
        ("kmnist-test-imgs", "test", "images"),
        ("val_images", "validation", "images"),
        ("Validation-0.parquet", "validation", None),
        ("train-00000-of-00001.parquet", "train", None),
        ("mnist_test.csv", "test", None),
        ("labels.csv", None, "labels"),
        ("train_test.npy", None, None),
        ("latest", None, None),
        ("arr_0", None, None),
    ],
)
def test_role_of_names_in_use(name: str, split: str | None, kind: str | None) -> None:
    """All usual spellings are known; a word inside another word, or two splits, have no meaning."""
    assert role_of(name)[:2] == (split, kind)


def test_role_keeps_the_sets_name() -> None:
    """Words that mean neither split nor content are kept as the data set's name."""
    assert role_of("kmnist-train-imgs").rest == role_of("kmnist-test-labels").rest == "kmnist"
    assert role_of("k49-train-imgs").rest == "k"


@pytest.mark.parametrize(
    ("name", "split"),
    [("Train", "train"), ("testing", "test"), ("VAL", "validation"), ("train2", None), ("0", None)],
)
def test_split_of_folders(name: str, split: str | None) -> None:
    """A folder is a split's only if its whole name is such a word, in any case."""
    assert split_of_folder(name) == split
