"""Names in archives of many countries and packers."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib

import pytest

from mnistry.pictures.legacy_names import legacy_name, zip_names
from mnistry.pictures.stream import stream

NAMES = {
    "gbk": ["数字1.png", "图片/手写 数字.png", "plain.png", "九.png"],
    "cp932": ["数字1.png", "手書き/すうじ.png", "カタカナ.png", "アイ.png"],
    "big5": ["數字1.png", "手寫/圖片.png"],
    "utf-8": ["数字1.png", "é.png", "Größe.png"],
    "cp437": ["créer.png", "Größe für.png", "é.png", "niño.png", "Wörter.png", "ça.png"],
}


def packed(names: list[bytes], extra: bytes = b"") -> bytes:
    """A ZIP whose names are those bytes, not marked as UTF-8."""
    file = io.BytesIO()
    aliases = [f"{i:04}{'x' * (len(name) - 4)}" for i, name in enumerate(names)]
    with zipfile.ZipFile(file, "w") as archive:
        for alias, name in zip(aliases, names, strict=True):
            info = zipfile.ZipInfo(alias)
            info.extra = extra
            archive.writestr(info, name)
    data = file.getvalue()
    for alias, name in zip(aliases, names, strict=True):
        data = data.replace(alias.encode(), name)
    return data


def names_in(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zip_names(archive.infolist())


@pytest.mark.parametrize("code_page", NAMES)
def test_names_of_a_zip_are_decoded_by_its_code_page(code_page: str) -> None:
    """Names of each country's packers come out as they were written, all of them together."""
    names = NAMES[code_page]
    assert names_in(packed([name.encode(code_page) for name in names])) == names


@pytest.mark.parametrize("name", NAMES["cp437"])
def test_accents_stay_accents(name: str) -> None:
    """A name of a Western code page is not taken for East Asian characters, also by itself."""
    assert names_in(packed([name.encode("cp437")])) == [name]


def test_a_name_in_an_extra_field_is_used_where_it_belongs_to_the_entry() -> None:
    """Info-ZIP's field in UTF-8 counts if it is of just this name, and else does not."""
    raw = "数字1.png".encode("gbk")
    for check, expected in ((zlib.crc32(raw), "other.png"), (1, "数字1.png")):
        body = b"\1" + struct.pack("<L", check) + b"other.png"
        extra = struct.pack("<HH", 1, 2) + b"ab" + struct.pack("<HH", 0x7075, len(body)) + body
        assert names_in(packed([raw], extra)) == [expected]


def test_damaged_extra_fields_are_passed_over() -> None:
    """Fields that are cut short, or hold no UTF-8, leave the name as it is."""
    raw = b"plain.png"
    body = b"\1" + struct.pack("<L", zlib.crc32(raw)) + b"\xff\xff"
    for extra in (
        struct.pack("<HH", 0x7075, len(body)) + body,
        struct.pack("<HH", 0x7075, 3) + b"\1ab",
    ):
        assert names_in(packed([raw], extra)) == ["plain.png"]


def test_names_of_a_tar_are_decoded_too() -> None:
    """A TAR has bytes and no mark at all: UTF-8 stays, and others are guessed."""
    assert legacy_name("数字.png") == "数字.png"
    raw = "数字1.png".encode("gbk")
    assert legacy_name(raw.decode("utf-8", "surrogateescape")) == "数字1.png"
    strange = b"\xff\xfe.png".decode("utf-8", "surrogateescape")
    assert legacy_name(strange) == strange
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", encoding="gbk", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("数字1.png"))
    with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as tar:
        assert [legacy_name(info.name) for info in tar] == ["数字1.png"]


def test_stream_names_entries_by_the_code_page() -> None:
    """Entries of a ZIP on standard input have the names that their packer saw."""
    raw = packed([name.encode("gbk") for name in NAMES["gbk"]])
    found = [item.name for item in stream("-", io.BytesIO(raw))]
    assert sorted(found) == sorted(f"-/{name}" for name in NAMES["gbk"])
