"""A download: one file, from the first of its mirrors that sends the right bytes."""

from __future__ import annotations

import http.client
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from mnistry.data.request import Refusal, Response, ask
from mnistry.errors import DownloadError

if TYPE_CHECKING:
    from mnistry.data.members import File

Progress = Callable[[int, int | None], object]
"""Called with the bytes received and, if known, the total."""

_CHUNK = 1 << 18
_TRIES = 4  # of one mirror, each going on where the last one broke off
_MUCH = 1 << 20  # bytes; a try that brought so many does not count


def download(
    file: File,
    path: Path,
    mirrors: Sequence[str],
    *,
    what: str,
    limit: int,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> str:
    """Fetch `file` to `path`, where it appears only when it is whole and its checksum right.

    What has arrived waits beside `path` in a `.part` file, and the next call goes on from
    there, be it in another process or with another mirror. Wrong bytes are not kept.

    Parameters
    ----------
    mirrors : base addresses, tried in order; an address is a base and the file's name.
    what : the file's name in messages.
    limit : the most bytes to accept where the file's size is not known.
    timeout : seconds without a sign of life, or with less than 1 KiB a second, after which
        a mirror is given up.

    Returns
    -------
    mirror : the one that served.

    Raises
    ------
    DownloadError : no mirror sent the right bytes; it names each one's reason and the cure.
    OSError : the folder is missing or not writable, or the disk is full.
    """
    part = path.with_name(path.name + ".part")
    refusals = []
    for base in mirrors:
        url = f"{base.rstrip('/')}/{quote(file.name)}"
        try:
            _complete(url, file, part, limit, timeout, progress)
        except Refusal as refusal:
            refusals.append(refusal)
            continue
        with open(part, "r+b") as whole:
            os.fsync(whole.fileno())
        os.replace(part, path)
        return base
    held = _size(part)
    if not held:
        part.unlink(missing_ok=True)
    reasons = ", and ".join(dict.fromkeys(map(str, refusals)))
    raise DownloadError(f"{what} could not be fetched: {reasons}; {_cure(refusals, path, held)}")


def _complete(
    url: str, file: File, part: Path, limit: int, timeout: float, progress: Progress | None
) -> None:
    """Make `part` the whole, right file, or leave in it what a later call can go on from."""
    tries = _TRIES
    while True:
        held = _size(part)
        if held and file.is_at(part):
            return
        try:
            start = _receive(url, file, part, limit, timeout, progress)
        except Refusal as refusal:
            grown = _size(part) - held
            tries -= grown < _MUCH
            if refusal.again and grown > 0 and tries:
                continue
            raise
        if file.is_at(part):
            return
        part.unlink()
        tries -= 1
        if start == 0 or not tries:  # else the bytes that it began with may be to blame
            raise Refusal(url, "sent the wrong bytes (their checksum differs)")


def _receive(
    url: str, file: File, part: Path, limit: int, timeout: float, progress: Progress | None
) -> int:
    """Append to `part` what the server sends; say at which byte the server began."""
    held = _size(part)
    if file.size is not None and held >= file.size:
        held = 0
    with ask(url, held, timeout) as response:
        start, total = _extent(url, response, held)
        if start is None:
            part.unlink()
            return _receive(url, file, part, limit, timeout, progress)
        if file.size is not None and total not in (None, file.size):
            raise Refusal(url, f"offers {total:,} bytes where {file.size:,} are expected")
        total = total or file.size
        most = limit if file.size is None else file.size
        response.allow(2 * most)  # cutting a body into chunks adds some
        with open(part, "ab" if start else "wb") as out:
            at = start
            for piece in _pieces(url, response, timeout):
                at += len(piece)
                if at > most:
                    out.truncate(0)
                    raise Refusal(url, f"sent more than the {most:,} bytes expected")
                out.write(piece)
                if progress is not None:
                    progress(at, total)
    if total is not None and at < total:
        raise Refusal(url, f"broke off after {at:,} of {total:,} bytes", again=True)
    return start


def _extent(url: str, response: Response, held: int) -> tuple[int | None, int | None]:
    """From an answer's head: at which byte its body starts and how long the file is.

    The start is None if the server can't go on from what is held.
    """
    status = response.status
    if status == http.HTTPStatus.OK:
        if response.headers.get_content_type() == "text/html":
            raise Refusal(url, "sent a web page instead of the file")
        return 0, response.length
    if held and status == http.HTTPStatus.PARTIAL_CONTENT:
        extent = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(?:(\d{1,18})|\*)", extent, re.ASCII)
        if match and int(match[1]) == held:
            return held, int(match[2]) if match[2] else None
        return None, None
    if held and status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return None, None
    phrase = http.client.responses.get(status, "")
    raise Refusal(url, f"answered {status} {phrase}".rstrip())


def _pieces(url: str, response: Response, timeout: float) -> Iterator[bytes]:
    while True:
        try:
            piece = response.read1(_CHUNK)
        except TimeoutError:
            raise Refusal(url, f"stalled for {timeout:g} seconds", again=True) from None
        except (OSError, http.client.HTTPException, ValueError):
            raise Refusal(url, "broke off within the file", again=True) from None
        if not piece:
            return
        yield piece


def _cure(refusals: Sequence[Refusal], path: Path, held: int) -> str:
    again = f"run it again to go on after the {held:,} bytes that are here" if held else "try again"
    kinds = {refusal.kind for refusal in refusals}
    vias = sorted({refusal.via for refusal in refusals if refusal.via})
    if "tls" in kinds:
        return (
            "check this machine's clock and, behind a proxy that opens TLS, name its "
            f"certificate in SSL_CERT_FILE, then {again}."
        )
    if kinds <= {"network", "proxy"} and vias:
        return (
            f"check the proxy {' and '.join(vias)}, which HTTP_PROXY or HTTPS_PROXY names, "
            f"then {again}."
        )
    if kinds <= {"network", "proxy"}:
        return (
            "check that this machine is online and, if it needs a proxy, name it in "
            f"HTTP_PROXY and HTTPS_PROXY, then {again}."
        )
    again = again if held else "try again later"
    return f"{again}, or put the file into {str(path.parent)!r} yourself."


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
