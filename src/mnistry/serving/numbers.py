"""Long lists of numbers in JSON, parsed in blocks, without a Python object for each number.

Ten thousand images are eight million numbers. As Python objects they take 32 bytes each, and a
JSON parser that makes them holds the interpreter's lock for a second, in which no other request
is answered. Blocks of 128 KB bound both.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

# Stands for a list that was cut out of a body. It is random, so that no client can send it.
LIFTED = secrets.token_hex(16)
_LEAST = 2**16  # bytes of a body; below this a plain JSON parser is as fast
_BLOCK = 2**17  # bytes parsed at a time; small enough for the cache
# In JSON this can only be a key and its value: a quote within a string is escaped.
_KEY = re.compile(rb'"(?:data|instances)"\s*:\s*\[')
_TO_SPACES = bytes.maketrans(b"[]", b"  ")
# A bracket where JSON has none, in a part of a list that was split at commas.
_MISPLACED = re.compile(
    rb"[^\[,\s]\s*\[|[\[,]\s*\]|\]\s*[^\],\s]|\A\s*\]|\[\s*\Z",
)
_TYPES = {int, float, bool}
_MOST_DEPTH = 4  # of nested lists: images, channels, rows, columns


@dataclass(frozen=True)
class NumberText:
    """A JSON list of numbers as text, flat or nested.

    Attributes
    ----------
    text : the body that holds it.
    start, end : the part between the outer brackets.
    """

    text: bytes
    start: int
    end: int

    def parse(self, dtype: np.dtype[Any], most: int) -> NDArray[Any]:
        """Parse the numbers in order; how they are nested does not matter.

        Parameters
        ----------
        dtype : see `to_array`.
        most : parsing stops soon after so many, which bounds time and memory.

        Returns
        -------
        numbers : (n,) of `dtype`.

        Raises
        ------
        ValueError : this is no list of numbers that fit `dtype`.
        """
        if dtype == np.uint8:
            array = read(self.text, self.start, self.end)
            if array is not None:
                return array
        parts: list[NDArray[Any]] = []
        start, size, depth, last = self.start, 0, 0, False
        while not last and size <= most:
            stop = start + _BLOCK
            last = stop >= self.end
            stop = self.end if last else self.text.rfind(b",", start, stop)
            if stop < 0:
                raise ValueError("a number of more than 128 KB")
            block = self.text[start:stop]
            depth = _depth_after(block, depth)
            # Brackets become spaces, so that part of a nested list parses as a flat one.
            part = to_array(orjson.loads(b"[%b]" % block.translate(_TO_SPACES)), dtype)
            if not len(part) and (parts or not last or depth):
                raise ValueError("a comma without a number")
            parts.append(part)
            size += len(part)
            start = stop + 1
        if last and depth != 0:
            raise ValueError("an open bracket")
        return np.concatenate(parts)


def lift(body: bytes) -> tuple[bytes, NumberText | None]:
    """Cut a list of numbers called `data` or `instances` out of a long JSON text.

    Returns
    -------
    body : the text, with the string `LIFTED` in place of the list.
    numbers : the list, not yet parsed; None, and the text unchanged, if there is no such list.
    """
    # No request has more than a few hundred bytes in front of its numbers.
    match = _KEY.search(body, 0, _LEAST) if len(body) >= _LEAST else None
    if match is None:
        return body, None
    start = match.end()
    # Lists of numbers hold neither strings nor objects, so they end before the next of these.
    ends = [at for at in (body.find(mark, start) for mark in (b'"', b"{", b"}")) if at >= 0]
    after = min(ends, default=start)
    end = body.rfind(b"]", start, after)
    # Between the list and the next key or brace there may only be a comma.
    if end < 0 or body[end + 1 : after].strip() not in (b"", b","):
        return body, None
    rest = b'%b"%b"%b' % (body[: start - 1], LIFTED.encode(), body[end + 1 :])
    return rest, NumberText(body, start, end)


def flatten(data: list[Any]) -> list[Any]:
    """Return the items of a list that may be nested up to four deep.

    Raises
    ------
    ValueError : its rows are not equally long, or it is nested deeper.
    """
    for _ in range(_MOST_DEPTH):
        if not data or not isinstance(data[0], list):
            return data
        if not all(isinstance(row, list) for row in data) or len(set(map(len, data))) > 1:
            raise ValueError("rows of unequal length")
        data = list(chain.from_iterable(data))
    raise ValueError("nested too deep")


def to_array(values: Sequence[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert Python numbers to an array, each of them checked before memory is taken.

    `np.array` alone would make a list with one string an array of strings, each as long as the
    longest.

    Parameters
    ----------
    dtype : integers must be in its range, floats become the nearest or infinity, and booleans
        may also be 0 and 1.

    Raises
    ------
    ValueError : something is not a number, or does not fit.
    """
    types = set(map(type, values))
    if not types <= _TYPES or (dtype.kind in "iu" and float in types):
        raise ValueError("not numbers of this type")
    if dtype.kind in "iu" and values:
        limits = np.iinfo(dtype)
        if min(values) < limits.min or max(values) > limits.max:
            raise ValueError("out of range")
    if dtype.kind == "b" and not set(values) <= {0, 1}:
        raise ValueError("neither true nor false")
    try:
        with np.errstate(over="ignore"):
            wide = np.float64 if dtype.kind == "f" else dtype
            return np.array(values, wide).astype(dtype, copy=False)
    except OverflowError:
        raise ValueError("out of range") from None


def _depth_after(block: bytes, depth: int) -> int:
    """Return how deep in brackets a part of a list ends that begins at `depth`.

    Raises
    ------
    ValueError : a bracket is where JSON has none.
    """
    if b"[" not in block and b"]" not in block:
        return depth
    if _MISPLACED.search(block):
        raise ValueError("a misplaced bracket")
    text = np.frombuffer(block, np.uint8)
    steps = (text == ord("[")).astype(np.int64) - (text == ord("]"))
    depths = depth + np.cumsum(steps)
    if depths.min() < 0:
        raise ValueError("a misplaced bracket")
    return int(depths[-1])


def read(text: bytes, start: int = 0, end: int | None = None) -> NDArray[np.uint8] | None:
    """Parse whole numbers from 0 to 255, with a comma, or a comma and a space, between them.

    Parameters
    ----------
    start, end : the part of the text, all of it by default, that is read and is not copied.

    Returns
    -------
    numbers : or None for any other text, JSON or not.
    """
    end = len(text) if end is None else end
    if start < end and not text[end - 1 : end].isdigit():
        return None
    parts = []
    while start < end:
        stop = start + _BLOCK
        stop = text.rfind(b",", start, stop) if stop < end else end
        part = (
            _read_block(np.frombuffer(text, np.uint8, stop - start, start))
            if stop > start
            else None
        )
        if part is None:
            return None
        parts.append(part)
        start = stop + 1
        start += text[start : start + 1] == b" "
    return np.concatenate(parts) if parts else np.empty(0, np.uint8)


def _read_block(text: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Read a text of numbers by what each character is, and what the ones before it are."""
    text = np.concatenate([np.zeros(3, np.uint8), text])  # so that three stand before each
    ones = text - ord("0")
    is_digit = ones < 10
    is_comma, is_space = text == ord(","), text == ord(" ")
    three = is_digit[:-2] & is_digit[1:-1] & is_digit[2:]
    ones *= is_digit
    hundreds = three * ones[:-2]
    value = ones.copy()
    value[1:] += 10 * ones[:-1]
    too_high = (hundreds > 2) | ((hundreds == 2) & (value[2:] > 55))
    value[2:] += 100 * hundreds
    wrong = (
        not is_digit[-1]
        or not (is_digit | is_comma | is_space)[3:].all()
        or too_high.any()
        or (three[1:] & is_digit[:-3]).any()  # four digits
        or ((text == ord("0"))[1:-1] & ~is_digit[:-2] & is_digit[2:]).any()  # JSON has no 007
        or (is_comma[1:] & ~is_digit[:-1]).any()
        or (is_space[1:] & ~is_comma[:-1]).any()
    )
    if wrong:
        return None
    is_last = is_digit  # of its number
    is_last[:-1] &= ~is_digit[1:]
    return np.compress(is_last, value)
