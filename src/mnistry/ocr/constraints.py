r"""Constraints on a number, as deterministic automata over the digits that are read left to right.

A form often says what a field may hold: so many digits, a pattern, a range, one of a list of
values, a check digit. Each constraint is an automaton: it starts in a state, takes a digit to go to
another state, or refuses it, and accepts some states as the end of a number. Decoding
(`mnistry.ocr.decoding`) follows it along the recognizer's lattice.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from mnistry.errors import InputError

State = Any  # hashable, and of each constraint's own kind
MOST_DIGITS = 50  # of a text that a constraint may ask for


class Constraint(Protocol):
    """An automaton over digits."""

    @property
    def start(self) -> State:
        """The state before any digit."""
        ...

    def step(self, state: State, digit: int) -> State | None:
        """Return the state after one more digit, or None if no allowed text goes on so."""
        ...

    def accepts(self, state: State) -> bool:
        """Return whether a text that leads to this state is allowed."""
        ...


def allows(constraint: Constraint, text: Iterable[int]) -> bool:
    """Return whether a constraint allows a text, given as digits."""
    state: State | None = constraint.start
    for digit in text:
        state = None if state is None else constraint.step(state, digit)
    return state is not None and constraint.accepts(state)


class DigitCount:
    """Allow numbers of `least` to `most` digits."""

    start = 0

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, least if most is None else most

    def step(self, state: State, digit: int) -> State | None:  # noqa: ARG002 - any digit counts
        """Count a digit."""
        count: int = state + 1
        return count if count <= self._most else None

    def accepts(self, state: State) -> bool:
        """Return whether there are enough digits."""
        return bool(state >= self._least)


class AllOf:
    """Allow what each of several constraints allows (their intersection)."""

    def __init__(self, *parts: Constraint) -> None:
        self._parts = parts
        self.start: State = tuple(part.start for part in parts)

    def step(self, state: State, digit: int) -> State | None:
        """Take a digit in each part."""
        after = tuple(part.step(own, digit) for part, own in zip(self._parts, state, strict=True))
        return None if any(own is None for own in after) else after

    def accepts(self, state: State) -> bool:
        """Return whether each part accepts."""
        pairs = zip(self._parts, state, strict=True)
        return all(part.accepts(own) for part, own in pairs)


class InRange:
    """Allow whole numbers from `low` to `high`; leading zeros are allowed, up to 50 digits."""

    start = (0, 0)

    def __init__(self, low: int, high: int) -> None:
        if not 0 <= low <= high:
            raise InputError(f"A range must be LOW-HIGH with 0 <= LOW <= HIGH; got {low}-{high}.")
        self._low, self._high = low, high

    def step(self, state: State, digit: int) -> State | None:
        """Append a digit to the value."""
        value, count = state
        value = 10 * value + digit
        return (value, count + 1) if value <= self._high and count < MOST_DIGITS else None

    def accepts(self, state: State) -> bool:
        """Return whether the value is in the range."""
        value, count = state
        return count > 0 and bool(self._low <= value <= self._high)


class OneOf:
    """Allow the texts of a list, which may be a million.

    Parameters
    ----------
    texts : digits only.

    Raises
    ------
    InputError : there are none, or one is no number.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted(set(texts))
        for text in self._texts:
            if not (text.isascii() and text.isdigit()):
                raise InputError(f"An allowed value must consist of digits; got {text!r:.60}.")
        if not self._texts:
            raise InputError("There are no allowed values.")
        self.start = ""

    def step(self, state: State, digit: int) -> State | None:
        """Append a digit if an allowed text begins so."""
        prefix = f"{state}{digit}"
        at = bisect_left(self._texts, prefix)
        there = at < len(self._texts) and self._texts[at].startswith(prefix)
        return prefix if there else None

    def accepts(self, state: State) -> bool:
        """Return whether the text is in the list."""
        text = str(state)
        at = bisect_left(self._texts, text)
        return at < len(self._texts) and self._texts[at] == text


def read_values(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Load the allowed values of a text file, one on each line; blank lines are skipped.

    Raises
    ------
    InputError : the file holds none, or a line is no number.
    OSError : it is missing or unreadable.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        values = tuple(line.strip() for line in file if line.strip())
    try:
        OneOf(values)
    except InputError as error:
        raise InputError(f"{os.fspath(path)!r}: {error}") from None
    return values


# Check digits


class Alternating:
    """Allow numbers whose weighted digit sum is a multiple of 10.

    The weights alternate from the right: 1 for the last digit, another for the second. Since the
    end is not known while digits come from the left, both sums are kept: that in which the last
    digit so far is the rightmost, and that in which it is the second.
    """

    start = (0, 0, 0)

    def __init__(self, second: tuple[int, ...], lengths: tuple[int, ...] = ()) -> None:
        self._second, self._lengths = second, lengths  # what a digit adds in each second place

    def step(self, state: State, digit: int) -> State | None:
        """Add a digit to both sums."""
        last, before, count = state
        if count >= max(self._lengths, default=MOST_DIGITS):
            return None
        return ((before + digit) % 10, (last + self._second[digit]) % 10, count + 1)

    def accepts(self, state: State) -> bool:
        """Return whether the check digit is right."""
        last, _, count = state
        return bool(last == 0 and (count in self._lengths if self._lengths else count > 1))


class Mod97:
    """Allow numbers that leave 1 when divided by 97 (ISO 7064 MOD 97-10, as in IBANs)."""

    start = (0, 0)

    def step(self, state: State, digit: int) -> State | None:
        """Append a digit to the number, modulo 97."""
        rest, count = state
        return ((10 * rest + digit) % 97, count + 1) if count < MOST_DIGITS else None

    def accepts(self, state: State) -> bool:
        """Return whether the check digits are right."""
        rest, count = state
        return bool(rest == 1 and count > 2)


class Isbn10:
    """Allow ten digits with the check digit of ISBN-10; those that end in X are no numbers."""

    start = (0, 0)

    def step(self, state: State, digit: int) -> State | None:
        """Add a digit, weighted by its place."""
        total, count = state
        return ((total + (10 - count) * digit) % 11, count + 1) if count < 10 else None

    def accepts(self, state: State) -> bool:
        """Return whether ten digits have the right sum."""
        return bool(state == (0, 10))


_DOUBLED = tuple(2 * d - 9 * (d > 4) for d in range(10))
_TRIPLED = tuple(3 * d for d in range(10))
CHECKS: dict[str, Callable[[], Constraint]] = {
    "luhn": lambda: Alternating(_DOUBLED),
    "mod97": Mod97,
    "ean": lambda: Alternating(_TRIPLED, (8, 12, 13, 14)),
    "isbn13": lambda: Alternating(_TRIPLED, (13,)),
    "isbn10": Isbn10,
}


# All that is known of a field


@dataclass(frozen=True)
class Expected:
    """What a field may hold.

    Parameters
    ----------
    automaton : constraint that decoding follows; None if there is none.
    test : function that decides about whole texts; None if there is none.
    """

    automaton: Constraint | None
    test: Callable[[str], bool] | None = None

    def allows(self, text: Iterable[int]) -> bool:
        """Return whether the field may hold a text, given as digits."""
        digits = tuple(text)
        if self.automaton is not None and not allows(self.automaton, digits):
            return False
        return self.test is None or bool(self.test("".join(map(str, digits))))


def expected(
    *,
    pattern: str | None = None,
    between: tuple[int, int] | None = None,
    allowed: Iterable[str] | None = None,
    check: str | Callable[[str], bool] | None = None,
) -> Expected | None:
    """Combine what is known of a field; None if nothing is.

    Parameters
    ----------
    pattern : see `Pattern`. between : least and greatest value, see `InRange`.
    allowed : all values that there are.
    check : the name of a check digit's rule, one of `CHECKS`, or a function of the text.

    Raises
    ------
    InputError : one of them is malformed.
    """
    parts: list[Constraint] = []
    if pattern is not None:
        parts.append(Pattern(pattern))
    if between is not None:
        parts.append(InRange(*between))
    if allowed is not None:
        parts.append(OneOf(allowed))
    test = check if callable(check) else None
    if check is not None and test is None:
        if check not in CHECKS:
            raise InputError(f"`check` must be one of {', '.join(CHECKS)}; got {check!r:.40}.")
        parts.append(CHECKS[str(check)]())
    if not parts and test is None:
        return None
    automaton = None if not parts else parts[0] if len(parts) == 1 else AllOf(*parts)
    return Expected(automaton, test)


def parse_range(text: str, name: str) -> tuple[int, int]:
    """Return the bounds in a text such as `100-250`.

    Raises
    ------
    InputError : it is malformed; the message calls it `name`.
    """
    low, dash, high = text.partition("-")
    if dash and all(n.isascii() and n.isdigit() and len(n) <= MOST_DIGITS for n in (low, high)):
        return int(low), int(high)
    raise InputError(f"`{name}` must be LOW-HIGH, such as 100-250; got {text!r:.60}.")


# Patterns


class Pattern:
    r"""Allow what a regular expression over digits matches as a whole.

    Parameters
    ----------
    pattern : digits, ``\d``, ``.``, classes such as ``[13-7]``, groups, ``|``, and the repetitions
        ``?``, ``*``, ``+``, ``{n}``, ``{n,}`` and ``{n,m}``. There is no backtracking: the time is
        linear in the text, whatever the pattern.

    Raises
    ------
    InputError : it is not such a pattern, or repeats more than 50 times or grows too large.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at = pattern, 0
        # States of a nondeterministic automaton (Thompson 1968). `_free` has transitions that take
        # no digit, `_taking` the one that takes a digit.
        self._free: list[list[int]] = []
        self._taking: list[tuple[frozenset[int], int] | None] = []
        first, last = self._alternatives()
        if self._at < len(pattern):
            raise self._error("')' without '('")
        self._last = last
        self.start: State = self._closure({first})

    def step(self, state: State, digit: int) -> State | None:
        """Take a digit in all states at once (subset construction)."""
        after = set()
        for one in state:
            taking = self._taking[one]
            if taking is not None and digit in taking[0]:
                after.add(taking[1])
        return self._closure(after) if after else None

    def accepts(self, state: State) -> bool:
        """Return whether the pattern is matched."""
        return bool(self._last in state)

    def _closure(self, states: set[int]) -> frozenset[int]:
        found, todo = set(states), list(states)
        while todo:
            for after in self._free[todo.pop()]:
                if after not in found:
                    found.add(after)
                    todo.append(after)
        return frozenset(found)

    def _error(self, why: str) -> InputError:
        return InputError(
            rf"The pattern {self._pattern!r:.80} is refused ({why}); it may consist of digits, \d, "
            "[0-9], (…), |, ?, *, +, {n} and {n,m}."
        )

    def _new(self) -> int:
        if len(self._free) > 20_000:
            raise self._error("it is too large")
        self._free.append([])
        self._taking.append(None)
        return len(self._free) - 1

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _alternatives(self) -> tuple[int, int]:
        first, last = self._new(), self._new()
        while True:
            start, end = self._sequence()
            self._free[first].append(start)
            self._free[end].append(last)
            if self._peek() != "|":
                return first, last
            self._at += 1

    def _sequence(self) -> tuple[int, int]:
        first = last = self._new()
        while self._peek() not in ("", "|", ")"):
            begin = self._at
            least, most, end = self._atom_and_repetition(begin)
            for _ in range(least):
                start, stop = self._atom(begin)
                self._free[last].append(start)
                last = stop
            if most is None:  # any number more
                loop = self._new()
                start, stop = self._atom(begin)
                self._free[last].append(loop)
                self._free[loop].append(start)
                self._free[stop].append(loop)
                last = loop
            else:
                out = self._new()
                for _ in range(most - least):
                    start, stop = self._atom(begin)
                    self._free[last] += [start, out]
                    last = stop
                self._free[last].append(out)
                last = out
            self._at = end
        return first, last

    def _atom_and_repetition(self, begin: int) -> tuple[int, int | None, int]:
        """Return how often the atom at `begin` is to be taken, and where what follows begins."""
        self._atom(begin)
        kind = self._peek()
        if kind in ("?", "*", "+"):
            self._at += 1
            return {"?": (0, 1), "*": (0, None), "+": (1, None)}[kind] + (self._at,)
        if kind != "{":
            return 1, 1, self._at
        close = self._pattern.find("}", self._at)
        inside = self._pattern[self._at + 1 : max(close, 0)].split(",")
        numbers = [int(part) if part.isascii() and part.isdigit() else None for part in inside]
        if close < 0 or len(numbers) > 2 or numbers[0] is None:
            raise self._error("a repetition must be {n}, {n,} or {n,m}")
        most = numbers[-1]
        if (most is None and inside[-1]) or max(n or 0 for n in numbers) > MOST_DIGITS:
            raise self._error(f"at most {MOST_DIGITS} repetitions")
        if most is not None and most < numbers[0]:
            raise self._error("a repetition from more to less")
        return numbers[0], most, close + 1

    def _atom(self, begin: int) -> tuple[int, int]:
        self._at = begin + 1
        sign = self._pattern[begin]
        if sign == "(":
            if self._pattern[self._at : self._at + 2] == "?:":
                self._at += 2
            inside = self._alternatives()
            if self._peek() != ")":
                raise self._error("'(' without ')'")
            self._at += 1
            return inside
        return self._digits(self._digits_of(sign))

    def _digits(self, digits: frozenset[int]) -> tuple[int, int]:
        start, end = self._new(), self._new()
        self._taking[start] = digits, end
        return start, end

    def _digits_of(self, sign: str) -> frozenset[int]:
        if sign.isascii() and sign.isdigit():
            return frozenset({int(sign)})
        if sign == ".":
            return frozenset(range(10))
        if sign == "\\" and self._peek() == "d":
            self._at += 1
            return frozenset(range(10))
        if sign == "[":
            close = self._pattern.find("]", self._at)
            inside, self._at = self._pattern[self._at : max(close, 0)], close + 1
            found = frozenset(_class(inside)) if close > 0 else frozenset()
            if found:
                return found
            raise self._error("a class must be like [0-9] or [135]")
        raise self._error(f"{sign!r} is no digit")


def _class(inside: str) -> Iterator[int]:
    """Iterate over the digits of a class such as `13-7`; over none if it is malformed."""
    i = 0
    while i < len(inside):
        low = inside[i]
        high = inside[i + 2] if inside[i + 1 : i + 2] == "-" and i + 2 < len(inside) else low
        if not (low + high).isascii() or not (low + high).isdigit() or high < low:
            return
        yield from range(int(low), int(high) + 1)
        i += 1 if high is low and inside[i + 1 : i + 2] != "-" else 3
