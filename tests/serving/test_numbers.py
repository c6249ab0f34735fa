"""Long lists of bytes in JSON: what is read is what a JSON reader reads."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mnistry.serving import numbers
from mnistry.serving.numbers import LIFTED, lift, read

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


def test_a_long_list_is_lifted_out() -> None:
    """The rest is JSON still, and says where it was."""
    values = [0, 1, 255] * 30_000
    rest, found = lift(_body(values, id="a"))
    assert found is not None
    assert found.tolist() == values
    assert orjson.loads(rest) == {"id": "a", "inputs": [{"name": "images", "data": LIFTED}]}


@pytest.mark.parametrize(
    "body",
    [
        _body([1, 2, 3]),  # short
        _body([0, 256] * 30_000),
        _body([[0, 1]] * 30_000),
        _body([0, 1] * 30_000)[:-4],  # cut off
        _body("x" * 70_000),
        json.dumps({"id": '"data": [1, 2] ' + "x" * 70_000}).encode(),  # within a string
    ],
)
def test_what_is_no_long_list_of_bytes_stays(body: bytes) -> None:
    """The JSON reader says what it is."""
    assert lift(body) == (body, None)
