"""What an address asks for behind its question mark, as numbers and choices."""

from __future__ import annotations

from collections.abc import Mapping

from mnistry.errors import InputError

_DIGITS = 9  # of a whole number, at most


def number(query: Mapping[str, str], name: str, default: float) -> float:
    """Give a number, or the default where nothing is said of it.

    Raises
    ------
    InputError : it is none.
    """
    told = query.get(name)
    if told is None:
        return default
    try:
        return float(told)
    except ValueError:
        raise InputError(f"`{name}` must be a number; got {told[:40]!r}.") from None


def whole(name: str, told: str) -> int:
    """Give a whole number from 0 on.

    Raises
    ------
    InputError : it is none.
    """
    if not told.isascii() or not told.isdigit() or len(told) > _DIGITS:
        raise InputError(f"`{name}` must be a whole number from 0 on; got {told[:40]!r}.")
    return int(told)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Tell whether something is switched on; it is off where nothing is said of it.

    Raises
    ------
    InputError : it says neither.
    """
    told = query.get(name, "false").lower()
    if told not in ("true", "false", "1", "0"):
        raise InputError(f"`{name}` must be true or false; got {told[:40]!r}.")
    return told in ("true", "1")
