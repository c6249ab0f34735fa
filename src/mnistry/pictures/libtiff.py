"""Silence for libtiff, which prints each error of a file to standard error by itself.

A fax image of 2 KB can name a million rows, and libtiff prints a line for each that is damaged.
Python can't catch that: it is written by C code to file descriptor 2. libtiff's own switch for it
is `TIFFSetErrorHandler`, found in the library that Pillow has loaded.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

_lock = Lock()
_users = 0  # active blocks of `quiet`, in all threads
_before: int | None = None  # the handler to put back when the last of them ends


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libtiff from printing errors while the context lasts, in all threads.

    The handler that was set before is put back. Where Pillow was built without a libtiff that can
    be found, nothing changes.
    """
    global _users, _before
    set_handler = _setter()
    if set_handler is None:
        yield
        return
    with _lock:
        if _users == 0:
            _before = set_handler(None)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                set_handler(_before)


@cache
def _setter() -> Any:
    """Return libtiff's `TIFFSetErrorHandler`, or None."""
    from PIL import _imaging

    try:
        # The search for a symbol goes on from Pillow's extension to the libraries that it needs.
        set_handler = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (OSError, AttributeError, TypeError):
        return None
    set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    return set_handler
