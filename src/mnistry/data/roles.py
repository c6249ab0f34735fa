"""Infer from a name the split, and whether it holds images or labels.

Files, folders and arrays are named by the same words (`train-images.gz`, `X_train`, `Testing/`),
so one vocabulary serves all readers.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Split = Literal["train", "validation", "test"]
Kind = Literal["images", "labels"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

_SPLIT_WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "t10k"), "test"),
}
_KIND_WORDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("x", "image", "images", "img", "imgs", "data", "pixels", "features"), "images"
    ),
    **dict.fromkeys(("y", "label", "labels", "lbl", "target", "targets", "class"), "labels"),
}


class Role(NamedTuple):
    """What a name stands for; None where it does not say.

    `rest` holds the other words of the name, such as the data set's own name.
    """

    split: Split | None
    kind: Kind | None
    rest: str


def role_of(name: str) -> Role:
    """Return the role that the words of a name give it.

    Words are separated by signs or by a change of case (`X_train`, `trainImages`), or are written
    as one (`xtrain`). A name with the words of two splits belongs to neither.
    """
    splits: set[Split] = set()
    kinds: set[Kind] = set()
    rest = []
    for word in _words(name):
        split, kind = _SPLIT_WORDS.get(word), _KIND_WORDS.get(word)
        if split is None and kind is None:
            split, kind = _compound(word)
        if split is not None:
            splits.add(split)
        if kind is not None:
            kinds.add(kind)
        if split is None and kind is None:
            rest.append(word)
    return Role(
        splits.pop() if len(splits) == 1 else None,
        kinds.pop() if len(kinds) == 1 else None,
        "-".join(rest),
    )


def split_of_folder(name: str) -> Split | None:
    """Return the split that a folder is named after, if its whole name is such a word."""
    return _SPLIT_WORDS.get(name.casefold())


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
    # `t10k` is one word, though digits end a word everywhere else.
    return re.findall(r"t10k|[^\W\d_]+", spaced)


def _compound(word: str) -> tuple[Split | None, Kind | None]:
    """Split a word such as `xtrain` or `trainlabels` into its two parts."""
    for split_word, split in _SPLIT_WORDS.items():
        for kind_word, kind in _KIND_WORDS.items():
            if word in (split_word + kind_word, kind_word + split_word):
                return split, kind
    return None, None
