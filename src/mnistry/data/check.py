"""A check of a folder: what each file in it is, whether it is whole, and what to do."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shlex
import stat
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

from mnistry.data.family import FAMILY, home, shelf
from mnistry.data.idx import read_idx
from mnistry.data.pixel_tables import SUFFIXES, peek_table
from mnistry.data.roles import role_of
from mnistry.errors import DataError, InputError, printable

_PARTS = {
    "train_images": "training images",
    "train_labels": "training labels",
    "test_images": "test images",
    "test_labels": "test labels",
    "archive": "archive",
}
_GZIP = b"\x1f\x8b"
_PICTURE, _FOLDER = "a picture", "a folder"
_FILE_FOLDER = "a folder named like a data file; its content is read if no such file is beside it"
_ARCHIVE = "an archive; it is read as the folder that it unpacks to"
_OTHER = "nothing that mnistry reads"
_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")
_MOST = 2**30  # bytes; larger arrays and zips are not unpacked just to be checked

_RAW = {
    file.raw_sha256: (member.name, key)
    for member in FAMILY.values()
    for key, file in member.files.items()
    if file.raw_sha256
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about something in a folder.

    `name` is the file's; `state` is `whole`, `broken` or, where mnistry can't tell, `unknown`;
    `what` says what it is and `todo` what to do, empty if nothing. `member` and `key` name the
    published file that it is, by its checksum, if it is one.
    """

    name: str
    state: Literal["whole", "broken", "unknown"]
    what: str
    todo: str = ""
    member: str | None = None
    key: str | None = None


def check_folder(folder: str | os.PathLike[str]) -> list[Finding]:
    """Look at every file in a folder, or at one file, going by its bytes and not by its name.

    Memory stays bounded, whatever the files claim. Sub-folders and pictures are counted, not
    opened; hidden files are left out. Nothing is changed.

    Returns
    -------
    findings : by name, and then what does not go together: images and labels of different
        lengths or sets. Empty if the folder is.

    Raises
    ------
    DataError : there is no such folder or file.
    OSError : the folder can't be read.
    """
    top = Path(folder)
    if not top.exists():
        raise DataError(f"{str(folder)!r} does not exist; name a folder of data files.")
    place, paths = (top, sorted(top.iterdir())) if top.is_dir() else (top.parent, [top])
    paths = [p for p in paths if not p.name.startswith(".") or p.name.endswith(".part")]
    findings, counts = [], {}
    for path in paths:
        finding, count = _look(path)
        findings.append(finding)
        counts[finding.name] = count
    if top.is_dir():
        misfits = _misfits(findings, counts)
        findings = [replace(f, todo=f.todo or _lacks(f, findings)) for f in _grouped(findings)]
        findings += misfits
    return [_with_cure(finding, place, findings) for finding in findings]


def _look(path: Path) -> tuple[Finding, int | None]:
    """Look at one file: what it is and, of IDX, how many images or labels it holds."""
    name = printable(path.name)
    try:
        mode, size = path.stat().st_mode, path.stat().st_size
        if stat.S_ISDIR(mode):
            what = _FILE_FOLDER if _is_named_idx(name) else _FOLDER
            return Finding(name + "/", "unknown", what), None
        if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
            return Finding(name, "unknown", "not a regular file"), None
        with open(path, "rb") as file:
            start = file.read(512)
            file.seek(max(0, size - 4))
            end = file.read(4)
        if size == 0:
            return Finding(name, "broken", "empty"), None
        if name.endswith(".part"):
            todo = "delete it" if name.startswith(".") else "fetch again to go on from it"
            return Finding(name, "broken", f"unfinished, {size:,} bytes so far", todo), None
        if start.startswith((_GZIP, b"PK")) and (published := _published(path, size)):
            member, key = published
            return _as_published(name, member, key, "gzip" if key != "archive" else "zip")
        if start.startswith(_GZIP) or (start[:2] == b"\0\0" and len(start) >= 4):
            return _look_into_idx(path, name, size, start.startswith(_GZIP))
        if start.lstrip().lower().startswith(_PAGES):
            return Finding(name, "broken", "a web page under a data file's name"), None
        if start.startswith(_PICTURES):
            return Finding(name, "unknown", _PICTURE), None
        if start.startswith(b"PAR1"):
            if end == b"PAR1":
                return Finding(name, "whole", "Parquet"), None
            return Finding(name, "broken", "Parquet, cut short"), None
        if start.startswith(b"PK"):
            return _look_into_zip(path, name), None
    except OSError as error:
        reason = error.strerror or "no reason given"
        return Finding(name, "broken", f"unreadable ({reason})", "make it readable"), None
    if _is_named_idx(name):
        what = f"named as IDX, but its bytes ({start[:4].hex(' ')} …) are not"
        return Finding(name, "broken", what), None
    return Finding(name, "unknown", _other_form(path, start)), None


def _other_form(path: Path, start: bytes) -> str:
    """Describe a file in a format whose integrity is not checked."""
    name = path.name.lower()
    if start.startswith(b"\x93NUMPY"):
        return "a NumPy array"
    if start.startswith(b"MATLAB"):
        return "a MATLAB file"
    if start.startswith(b"\x89HDF"):
        return "HDF5, which is not read; save its arrays as .npz"
    if start[:1] == b"\x80" or name.removesuffix(".gz").endswith((".pkl", ".pickle", ".pt")):
        return "a pickle, which is never read, since opening it can run any code"
    if start[257:262] == b"ustar":
        return _ARCHIVE
    if name.endswith(".arrow"):
        return "Arrow, as `save_to_disk` writes it"
    if name.endswith(SUFFIXES):
        columns = peek_table(path)
        if columns is None:
            return "a table without pixels; it is read if it lists images with their labels"
        (h, w), labels = columns.shape, "without" if columns.label is None else "with"
        return f"a table of {h} × {w} pixels, {labels} labels"
    return _OTHER


def _published(path: Path, size: int) -> tuple[str, str] | None:
    """Say which published file this is, byte for byte: member and key."""
    for member in FAMILY.values():
        files = dict(member.files)
        if member.archive is not None:
            files["archive"] = member.archive
        for key, file in files.items():
            known = file.sha256 or file.md5
            bound = 2 * member.raw_size(key) if file.size is None else file.size
            likely = size <= bound if file.size is None else size == bound
            if known and likely and file.is_at(path):
                return member.name, key
    return None


def _as_published(name: str, member: str, key: str, packed: str) -> tuple[Finding, int | None]:
    if key == "archive":
        what = f"EMNIST's archive of six data sets, {packed}"
        return Finding(name, "whole", what, member=member, key=key), None
    count = FAMILY[member].counts[key.startswith("test")]
    what = f"{FAMILY[member].title}'s {count:,} {_PARTS[key]}, {packed}"
    return Finding(name, "whole", what, member=member, key=key), count


def _look_into_idx(path: Path, name: str, size: int, gzipped: bool) -> tuple[Finding, int | None]:
    digest = hashlib.sha256()
    try:
        if gzipped:
            array = read_idx(path, max_bytes=_MOST, tap=digest.update)
        else:
            array = read_idx(path, mmap=True)
            if size in {FAMILY[m].raw_size(key) for m, key in _RAW.values()}:
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256")
    except DataError as error:
        if "`max_bytes`" in str(error):
            return Finding(name, "unknown", "IDX, too large to be unpacked for a check"), None
        if "is not an IDX file" in str(error) and not _is_named_idx(name):
            return Finding(name, "unknown", _other_form(path, _unpacked_start(path))), None
        what = str(error).removeprefix(f"{str(path)!r} ").partition("; ")[0].rstrip(".")
        return Finding(name, "broken", what), None
    packed = "gzip" if gzipped else "raw"
    if digest.hexdigest() in _RAW:
        return _as_published(name, *_RAW[digest.hexdigest()], packed)
    shape = " × ".join(f"{side:,}" for side in array.shape)
    what = f"IDX of {array.dtype.name}, {shape}, {packed}"
    return Finding(name, "whole", what), len(array)


def _look_into_zip(path: Path, name: str) -> Finding:
    try:
        with zipfile.ZipFile(path) as opened:
            names = [info.filename for info in opened.infolist()]
            if sum(info.file_size for info in opened.infolist()) > _MOST:
                return Finding(name, "unknown", "a zip, too large to be unpacked for a check")
            damaged = opened.testzip()
    except Exception as error:  # noqa: BLE001 - a damaged zip makes zipfile raise anything
        return Finding(name, "broken", f"a damaged zip ({printable(str(error))})")
    if damaged is not None:
        return Finding(name, "broken", f"a damaged zip (its {printable(damaged)!r} is)")
    if {"x_train.npy", "y_train.npy"} <= set(names):
        return Finding(name, "whole", "NumPy arrays in Keras' form")
    if names and all(inner.endswith(".npy") for inner in names):
        own = [role_of(inner.removesuffix(".npy")) for inner in names]
        if any(role.kind for role in own) or (len(names) == 1 and role_of(path.stem).kind):
            return Finding(name, "whole", "NumPy arrays named as images or labels")
        return Finding(name, "unknown", "NumPy arrays, not named x_train, y_train, x_test, y_test")
    if any(inner.endswith("data.pkl") for inner in names):
        return Finding(name, "unknown", "a pickle, which is never read, since it can run any code")
    return Finding(name, "unknown", _ARCHIVE if names else _OTHER)


def _unpacked_start(path: Path) -> bytes:
    """Return the first bytes of a gzip file's content, or b"" if it is damaged."""
    with suppress(OSError, EOFError, zlib.error), gzip.open(path) as file:
        return file.read(512)
    return b""


def _grouped(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Summarize many images, and many folders, in one finding each."""
    groups: dict[str, list[Finding]] = {_PICTURE: [], _FOLDER: []}
    for finding in findings:
        if finding.what in groups:
            groups[finding.what].append(finding)
        else:
            yield finding
    for what, group in groups.items():
        if len(group) > 1:
            name, many = f"{group[0].name} … {group[-1].name}", f"{len(group):,} {what[2:]}s"
            yield replace(group[0], name=name, what=many)
        else:
            yield from group


def _misfits(findings: list[Finding], counts: dict[str, int | None]) -> Iterator[Finding]:
    """Find images and labels that by their names are a pair, and do not go together."""
    pairs: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        match = re.match(r"(.*?)(images|labels)", finding.name)
        if match and _is_named_idx(finding.name) and not finding.name.endswith(".part"):
            pairs[match[1]][match[2]].append(finding)
    for pair in pairs.values():
        for images, labels in product(pair["images"], pair["labels"]):
            name = f"{images.name} + {labels.name}"
            n, m = counts[images.name], counts[labels.name]
            if n is not None and m is not None and n != m:
                yield Finding(name, "broken", f"{n:,} images, but {m:,} labels")
            elif images.member and labels.member and images.member != labels.member:
                what = f"images of {images.member}, but labels of {labels.member}"
                yield Finding(name, "broken", what)


def _with_cure(finding: Finding, place: Path, findings: Sequence[Finding]) -> Finding:
    """Add what repairs a broken file; with the data set's name where that is certain."""
    if finding.state != "broken" or finding.todo:
        return finding
    if place.resolve() == shelf("mnist").resolve():
        return replace(finding, todo="install mnistry again from where it came, such as its clone")
    member = _member_of(finding, place, findings)
    both = " + " in finding.name
    todo = f"delete {'the wrong one' if both else 'it'} and get it again"
    if member is not None:
        to = "" if _is_home(place, member) else f" --to {shlex.quote(str(place))}"
        delete = f"delete {'both' if both else 'it'}, then: " if to or both else ""
        todo = f"{delete}mnistry data fetch {member}{to}"
    return replace(finding, todo=todo)


def _lacks(finding: Finding, findings: Sequence[Finding]) -> str:
    """Report images without their labels, and labels without their images."""
    if finding.state != "whole":
        return ""
    if _is_named_idx(finding.name) and (match := re.match(r"(.*?)(images|labels)", finding.name)):
        other = "labels" if match[2] == "images" else "images"
        if not any(f.name.startswith(match[1] + other) for f in findings):
            return f"its {other} are not here"
    return ""


def _member_of(finding: Finding, place: Path, findings: Sequence[Finding]) -> str | None:
    bare = finding.name.removesuffix(".gz").replace(".idx", "-idx")
    named = {m.name for m in FAMILY.values() if f"{bare}.gz" in {f.name for f in m.files.values()}}
    beside = {other.member for other in findings if other.member}
    for candidates in (named, beside, {place.resolve().name} & set(FAMILY)):
        if len(candidates) == 1:
            return next(iter(candidates))
    return None


def _is_home(place: Path, member: str) -> bool:
    try:
        return place.resolve() == (home() / member).resolve()
    except InputError:
        return False


def _is_named_idx(name: str) -> bool:
    return re.search(r"idx[0-9]|ubyte", name) is not None
