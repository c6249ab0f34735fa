"""Names in archives that were not written as Unicode.

A ZIP says by one bit that a name is UTF-8. Without it the name is in the code page of whoever
packed it, which the file does not record: Python assumes code page 437, that of the first
IBM PC, and a Chinese name becomes box-drawing characters.
"""

from __future__ import annotations

import codecs
import locale
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from unicodedata import category
from zipfile import ZipInfo

_UTF8_BIT = 0x800
_UNICODE_PATH = 0x7075  # Info-ZIP's field with the name in UTF-8
# Tried in this order, the more restrictive ones first: they fail on most names in the later ones.
# Big5 comes before the larger GBK, and GB2312, of common characters only, before all.
_CODE_PAGES = ("gb2312", "cp932", "big5", "gbk", "cp949")
_OLDEST = "cp437"
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")  # what Shift-JIS makes of other encodings
# A single wide character beside a Latin letter is rather an accented letter of a Western code page.
_LONE = re.compile("(?:[A-Za-z][^\0-\x7f](?![^\0-\x7f]))|(?:(?<![^\0-\x7f])[^\0-\x7f][A-Za-z])")


def zip_names(infos: Iterable[ZipInfo]) -> list[str]:
    """Return the names of a ZIP's entries, decoded as they were most likely meant.

    A name is UTF-8 where its flag or Info-ZIP's extra field says so, or where its bytes are valid
    UTF-8. The others of an archive are taken to share one East Asian code page, if there is one
    in which all make sense, and else to be of IBM's code page 437, the standard's own.
    """
    infos = list(infos)
    raw = [_raw(info) for info in infos]
    known = [_unicode_name(info, name) for info, name in zip(infos, raw, strict=True)]
    code_page = _guess([name for name, text in zip(raw, known, strict=True) if text is None])
    return [
        name.decode(code_page) if text is None else text
        for name, text in zip(raw, known, strict=True)
    ]


def legacy_name(name: str) -> str:
    """Return a name of a TAR with its bytes that are no UTF-8, kept as surrogates, decoded."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape")
        code_page = _guess([raw])
        return name if code_page == _OLDEST else raw.decode(code_page)
    return name


def _raw(info: ZipInfo) -> bytes:
    """Return the bytes of a name; those of one that is marked as UTF-8 aren't needed."""
    if info.flag_bits & _UTF8_BIT:
        return b""
    # On Windows, `filename` has `/` for each backslash, which may be half of a character.
    return info.orig_filename.encode(_OLDEST, "replace").partition(b"\0")[0]


def _unicode_name(info: ZipInfo, raw: bytes) -> str | None:
    """Return a name that is marked as UTF-8, or is valid UTF-8; None for any other."""
    if info.flag_bits & _UTF8_BIT:
        return info.filename
    for kind, body in _fields(info.extra):
        if kind == _UNICODE_PATH and body[:1] == b"\1" and len(body) > 5:
            (check,) = struct.unpack_from("<L", body, 1)
            if check == zlib.crc32(raw):
                with suppress(UnicodeDecodeError):
                    return body[5:].decode()
    with suppress(UnicodeDecodeError):
        return raw.decode()
    return None


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        yield kind, extra[at + 4 : at + 4 + size]
        at += 4 + size


def _guess(names: list[bytes]) -> str:
    """Return the code page in which all of some names, none of them UTF-8, make sense."""
    own = codecs.lookup(locale.getpreferredencoding(do_setlocale=False)).name
    pages = [own, *_CODE_PAGES] if own in _CODE_PAGES else _CODE_PAGES
    return next((page for page in pages if all(_fits(name, page) for name in names)), _OLDEST)


def _fits(name: bytes, code_page: str) -> bool:
    try:
        text = name.decode(code_page)
    except UnicodeDecodeError:
        return False
    wide = [char for char in text if char >= "\x80"]
    # A lone wide character whose second byte is a Latin letter is rather a Western accented one.
    if len(wide) == 1 and re.search(rb"[\x80-\xff][A-Za-z]", name):
        return False
    # Symbols are rare in names, and common in what a wrong code page makes of them.
    plain = all(category(char)[0] != "S" for char in wide)
    return plain and text.isprintable() and not (_HALF_WIDTH.search(text) or _LONE.search(text))
