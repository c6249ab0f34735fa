"""Long lists of bytes in JSON, read without making Python's numbers of them.

Ten thousand pictures are eight million numbers: as Python's they take longer than the answers do.
"""

from __future__ import annotations

import re
import secrets

import numpy as np
from numpy.typing import NDArray

# What stands in place of a list that was lifted out. Nobody can have meant it.
LIFTED = secrets.token_hex(16)
_LEAST = 2**16  # bytes of a body: below, a JSON reader alone is as quick
_BLOCK = 2**17  # bytes read at a time, so that they stay in the cache
_DATA = re.compile(rb'"data"\s*:\s*\[')  # in JSON only a key: a quote within a string is escaped


def lift(body: bytes) -> tuple[bytes, NDArray[np.uint8] | None]:
    """Take a long list of bytes called `data` out of a JSON text.

    Returns
    -------
    body : the text, with `LIFTED` in place of the list.
    numbers : what the list said; None, and the text as it was, where it has no such list.
    """
    found = _DATA.search(body) if len(body) >= _LEAST else None
    if found is None:
        return body, None
    start, end = found.end(), body.find(b"]", found.end())
    numbers = None if end < 0 else read(body, start, end)
    if numbers is None:
        return body, None
    return b'%b"%b"%b' % (body[: start - 1], LIFTED.encode(), body[end + 1 :]), numbers


def read(text: bytes, start: int = 0, end: int | None = None) -> NDArray[np.uint8] | None:
    """Read whole numbers from 0 to 255, with a comma, or a comma and a space, between them.

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
    found = []
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
        found.append(part)
        start = stop + 1
        start += text[start : start + 1] == b" "
    return np.concatenate(found) if found else np.empty(0, np.uint8)


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
