"""Match the classes of a data set to a model's by name, as people write the names of digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError

_WORDS = {
    word: digit
    for words in (
        "zero one two three four five six seven eight nine",
        "零 一 二 三 四 五 六 七 八 九",
        "〇 壹 贰 叁 肆 伍 陆 柒 捌 玖",
    )
    for digit, word in enumerate(words.split())
}
_PREFIX = re.compile(r"(?:digits?|class|cls|label|number|num)[\s_.:-]*(?=\w)")


def digit_name(name: str) -> str | None:
    """Return the number that a class's name stands for, as "7" for "seven"; None for others.

    Leading zeros, a decimal `.0`, full-width and other scripts' digits, English and Chinese words
    and a prefix such as `digit_` make no difference.
    """
    plain = unicodedata.normalize("NFKC", name).strip().casefold()
    plain = _PREFIX.sub("", plain, count=1) if _PREFIX.match(plain) else plain
    if plain in _WORDS:
        return str(_WORDS[plain])
    plain = re.sub(r"\.0+$", "", plain)
    return str(int(plain)) if re.fullmatch(r"\d{1,9}", plain) else None


def with_classes(data: DataSet, classes: Sequence[str]) -> DataSet:
    """Return a data set whose labels are indices into a model's `classes`.

    Classes are matched by their names; where these differ, by the digits that they stand for. The
    data may lack some of the classes, and may name others that it has no images of.

    Raises
    ------
    InputError : the data has images of a class that is not among `classes`.
    """
    if data.classes == tuple(classes):
        return data
    index = {name: i for i, name in enumerate(classes)}
    digits: dict[str, int] = {}
    for i, name in enumerate(classes):
        if (digit := digit_name(name)) is not None:
            digits.setdefault(digit, i)
    target = np.full(len(data.classes), -1, np.int64)
    for i, name in enumerate(data.classes):
        target[i] = index.get(name, digits.get(digit_name(name) or "", -1))
    used = np.unique(data.labels)
    unknown = [data.classes[i] for i in used if target[i] < 0]
    if unknown:
        raise InputError(
            f"The data has images of {some_classes(unknown)}, which the model does not know; it "
            f"knows the classes {some_classes(classes)}. Choose data of these classes, or a "
            "model trained on the data's."
        )
    return replace(data, labels=target[data.labels], classes=tuple(classes))


def some_classes(names: Sequence[str]) -> str:
    """List a few class names of many, quoted."""
    shown = ", ".join(f"{name!r:.40}" for name in names[:10])
    return shown if len(names) <= 10 else f"{shown} … ({len(names)} in all)"
