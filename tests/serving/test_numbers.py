"""Long lists of numbers in JSON are parsed into the values that a JSON parser gives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mnistry.serving import numbers
from mnistry.serving.numbers import LIFTED, NumberText, lift, read, to_array

_BYTES = st.lists(st.integers(0, 255))
_PIECES = st.lists(st.sampled_from(["0", "7", "12", "255", "256", "007", ",", ", ", " ", "[", "-"]))


@given(_BYTES, st.sampled_from([",", ", "]))
def test_a_list_of_bytes_is_read(values: list[int], separator: str) -> None:
    """Packed or spaced, as JSON writers write it."""
    found = read(separator.join(map(str, values)).encode())
    assert found is not None
    assert found.tolist() == values


@given(_PIECES)
@example(["0", ",", "256"])
@example(["1000"])
@example(["007"])
@example(["7", ","])
@example(["7", ",", " ", " ", "7"])
@example(["7", " ", "7"])
@example(["7", ",", "-", "7"])
def test_nothing_is_read_that_json_does_not_say(pieces: list[str]) -> None:
    """Of any text: the numbers that JSON's reader finds, or none."""
    text = "".join(pieces).encode()
    found = read(text)
    if found is not None:
        assert found.tolist() == orjson.loads(b"[" + text + b"]")


@pytest.mark.parametrize("separator", [",", ", "])
@pytest.mark.parametrize("block", [4, 5, 6, 7, 64])
def test_blocks_meet_where_numbers_end(
    separator: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No number is cut in two, wherever a block ends."""
    monkeypatch.setattr(numbers, "_BLOCK", block)
    values = np.random.default_rng(0).choice([0, 9, 10, 99, 100, 255], 500).tolist()
    found = read(separator.join(map(str, values)).encode())
    assert found is not None
    assert found.tolist() == values


@pytest.mark.parametrize(
    "text",
    [
        "1, ",
        "10, ",
        "1,22, ",
        "9999",
        "0000",
        "1,2222222222222222,3",
        "x" * 50,
        ",",
        "1,,2",
        "1," * 40,
    ],
)
def test_blocks_without_an_end_are_not_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor waited for."""
    monkeypatch.setattr(numbers, "_BLOCK", 4)
    assert read(text.encode()) is None


def _body(data: Any, **more: Any) -> bytes:
    return json.dumps({**more, "inputs": [{"name": "images", "data": data}]}).encode()


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0, 1, 255] * 30_000, "u1"),
        ([[0, 1, 255]] * 30_000, "u1"),
        ([[[0.5, 1], [1e-3, -2]]] * 20_000, "f4"),
        ([-129, 4000] * 20_000, "i2"),
        ([True, False] * 20_000, "?"),
    ],
)
def test_a_long_list_is_lifted_out(values: list[Any], dtype: str) -> None:
    """The rest remains JSON, and the list is parsed into the same numbers."""
    rest, found = lift(_body(values, id="a"))
    assert found is not None
    expected = np.array(values, dtype).ravel()
    parsed = found.parse(np.dtype(dtype), expected.size)
    assert parsed.dtype == expected.dtype
    np.testing.assert_array_equal(parsed, expected)
    assert orjson.loads(rest) == {"id": "a", "inputs": [{"name": "images", "data": LIFTED}]}


@pytest.mark.parametrize(
    "body",
    [
        _body([1, 2, 3]),  # short
        _body([0, 1] * 30_000)[:-4],  # cut off
        _body(["x"] * 70_000),
        _body([{}] * 70_000),
        _body("x" * 70_000),
        json.dumps({"id": '"data": [1, 2] ' + "x" * 70_000}).encode(),  # within a string
    ],
)
def test_what_is_no_long_list_of_numbers_stays(body: bytes) -> None:
    """Any other text is left to the JSON parser."""
    assert lift(body) == (body, None)


_PARTS = st.lists(
    st.sampled_from(
        ["0", "7", "-1", "2.5", "true", "null", ",", ", ", " ", "[", "]", "],[", '"a"']
    ),
    max_size=12,
)


@given(_PARTS, st.integers(1, 8))
@example(["[", "7", ",", "]", "2.5"], 64)
@example(["7", ",", ",", "7"], 2)
@example(["7", ",", "[", "]"], 64)
@example(["[", "7", "],[", "7", "]"], 2)
@example(["7", ","], 64)
@example([], 1)
def test_blocks_parse_what_a_json_parser_parses(parts: list[str], block: int) -> None:
    """Any text gives the numbers that a JSON parser gives, flattened, or an error."""
    text = "".join(parts).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "_BLOCK", block)
        try:
            found = NumberText(text, 0, len(text)).parse(np.dtype("f8"), 1000)
        except ValueError:
            return
    assert found.tolist() == list(_leaves(orjson.loads(b"[" + text + b"]")))


@given(_PARTS)
def test_every_list_of_numbers_is_parsed(parts: list[str]) -> None:
    """Every valid JSON list of numbers without empty rows is parsed."""
    text = "".join(parts).encode()
    try:
        document = orjson.loads(b"[" + text + b"]")
    except orjson.JSONDecodeError:
        return
    leaves = list(_leaves(document))
    numeric = all(isinstance(leaf, int | float) for leaf in leaves)
    if numeric and (not document or b"[" not in text or not re.search(rb"\[\s*\]", text)):
        found = NumberText(text, 0, len(text)).parse(np.dtype("f8"), 1000)
        assert found.tolist() == leaves


def _leaves(document: Any) -> Iterator[Any]:
    if isinstance(document, list):
        for one in document:
            yield from _leaves(one)
    else:
        yield document


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([256], "u1"), ([-1], "u8"), ([2**64], "u8"), ([0.5], "i4"), ([2], "?"), ([None], "f4"),
        ([[1]], "f4"), (["1"], "f4"), ([{}], "u1"), ([10**400], "f8"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_no_number(values: list[Any], dtype: str) -> None:
    """Each value is rejected; none is rounded, wrapped around or made a string."""
    with pytest.raises(ValueError, match=r"number|range|true"):
        to_array(values, np.dtype(dtype))


def test_parsing_ends_soon_after_the_most() -> None:
    """If ten numbers are expected, only one block of a million numbers is parsed."""
    text = b"0.5," * 10**6 + b"0.5"
    found = NumberText(text, 0, len(text)).parse(np.dtype("f4"), 10)
    assert 10 < len(found) <= numbers._BLOCK / 4 + 1
