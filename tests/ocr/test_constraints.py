"""Constraints against what they mean, by enumeration and by the standard library's `re`."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.errors import InputError
from mnistry.ocr.constraints import (
    CHECKS,
    AllOf,
    Constraint,
    DigitCount,
    InRange,
    OneOf,
    Pattern,
    allows,
    expected,
    parse_range,
    read_values,
)

SHORT = [t for n in range(4) for t in product(range(10), repeat=n)]


def text_of(digits: tuple[int, ...]) -> str:
    return "".join(map(str, digits))


def allowed(constraint: Constraint) -> set[str]:
    """Return all texts of up to three digits that are allowed."""
    return {text_of(digits) for digits in SHORT if allows(constraint, digits)}


def test_count_of_digits() -> None:
    """A count, or bounds of one."""
    assert {len(text) for text in allowed(DigitCount(2))} == {2}
    assert {len(text) for text in allowed(DigitCount(1, 2))} == {1, 2}


def test_range_is_of_values() -> None:
    """A range is about the value; zeros may stand in front."""
    found = allowed(InRange(7, 120))
    assert found == {text_of(t) for t in SHORT if t and 7 <= int(text_of(t)) <= 120}
    with pytest.raises(InputError, match=r"LOW-HIGH with 0 <= LOW <= HIGH; got 5-4"):
        InRange(5, 4)


def test_list_allows_its_values(tmp_path: Path) -> None:
    """The values of a file, one on a line; anything but digits is refused."""
    path = tmp_path / "values.txt"
    path.write_text("12\n\n007\r\n12\n5\n")
    assert allowed(OneOf(read_values(path))) == {"12", "007", "5"}
    path.write_text("12\n1a\n")
    with pytest.raises(InputError, match=r"values\.txt': An allowed .* digits; got '1a'"):
        read_values(path)
    path.write_text("\n")
    with pytest.raises(InputError, match=r"values\.txt': There are no allowed values"):
        read_values(path)


def test_constraints_are_combined() -> None:
    """All that is known holds at once, functions included; a range is a text such as 1-20."""
    both = expected(pattern="[12].", between=parse_range("15-24", "--range"), check=str.isdigit)
    assert both is not None
    assert {text_of(t) for t in SHORT if both.allows(t)} == {str(i) for i in range(15, 25)}
    odd = expected(check=lambda text: text.endswith("1"))
    assert odd is not None
    assert odd.automaton is None
    assert odd.allows((2, 1))
    assert not odd.allows((1, 2))
    assert expected() is None
    with pytest.raises(InputError, match=r"`check` must be one of luhn, mod97, .*; got 'crc'"):
        expected(check="crc")
    for bad in ("5", "a-b", "1-", "-3"):
        with pytest.raises(InputError, match=r"`--range` must be LOW-HIGH, such as 100-250; got"):
            parse_range(bad, "--range")


def test_a_million_values_are_no_matter() -> None:
    """A value among a million is found, and its neighbour is refused."""
    many = OneOf(f"{i:07}" for i in range(0, 3_000_000, 3))
    assert allows(many, (0, 0, 0, 0, 3, 0, 0))
    assert not allows(many, (0, 0, 0, 0, 3, 0, 1))


@pytest.mark.parametrize(
    ("check", "right"),
    [
        ("luhn", ["79927398713", "4111111111111111", "18"]),
        ("mod97", ["3214282912345698765432161182"]),
        ("ean", ["4006381333931", "96385074", "036000291452"]),
        ("isbn13", ["9780306406157"]),
        ("isbn10", ["0306406152"]),
    ],
)
def test_check_digits(check: str, right: list[str]) -> None:
    """Published examples are allowed, and no text that differs from one in a digit."""
    constraint = CHECKS[check]()
    for text in right:
        digits = tuple(map(int, text))
        assert allows(constraint, digits)
        for i, digit in enumerate(digits):
            for other in set(range(10)) - {digit}:
                assert not allows(constraint, (*digits[:i], other, *digits[i + 1 :]))


def test_luhn_is_the_sum_from_the_right() -> None:
    """All texts of three digits, against the sum as it is defined."""
    constraint = CHECKS["luhn"]()
    for a, b, c in product(range(10), repeat=3):
        total = a + sum(divmod(2 * b, 10)) + c
        assert allows(constraint, (a, b, c)) == (total % 10 == 0)


@pytest.mark.parametrize(
    "pattern",
    [r"\d{4}|\d{2}", "1?2*3", "(12|3)+", "[13-5]{1,2}", "0.?", "(1|2(3|4)?)*5", "(?:7){2,}", ""],
)
def test_pattern_is_the_regular_expression(pattern: str) -> None:
    """A pattern allows what `re` matches as a whole."""
    expected = {text_of(t) for t in SHORT if re.fullmatch(pattern, text_of(t))}
    assert allowed(Pattern(pattern)) == expected


ATOMS = st.sampled_from(["0", "1", r"\d", ".", "[12]", "[0-7]"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,2}", "{1,}"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text("0123", max_size=8))
def test_any_pattern_is_the_regular_expression(pattern: str, text: str) -> None:
    """The same for patterns and texts of any kind."""
    expected = re.fullmatch(pattern, text) is not None
    assert allows(Pattern(pattern), map(int, text)) == expected


@pytest.mark.parametrize(
    "pattern",
    ["a", r"\w", "(", ")", "1)", "[", "[]", "[a]", "[3-1]", "1{", "1{a}", "1{2,1}", "1{99}",
     "(((\\d{50}){50}){50}){50}", "^1", "1**", "²", "{2}"],
)  # fmt: skip
def test_other_patterns_are_refused(pattern: str) -> None:
    """Whatever is no such pattern gets a sentence, and quickly."""
    with pytest.raises(InputError, match=r"The pattern .* is refused"):
        Pattern(pattern)


def test_all_of_is_the_intersection() -> None:
    """What every part allows."""
    both = AllOf(Pattern("[12].*"), InRange(15, 25), DigitCount(2))
    assert allowed(both) == {str(i) for i in range(15, 26)}
