"""Pages: of TIFF files of every layout, and of PDF, each decoded by itself."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistry.errors import DataError, MissingExtra
from mnistry.pictures import pages as module
from mnistry.pictures import pdf
from mnistry.pictures.decode import decode
from mnistry.pictures.grey import to_grey
from mnistry.pictures.pages import Page, count_pages

SHADES = [10, 120, 200]


def document(kind: str, shades: list[int] = SHADES, **options: Any) -> bytes:
    """A page of each shade."""
    file = io.BytesIO()
    first, *others = (Image.new("L", (40, 24), shade) for shade in shades)
    first.save(file, kind, save_all=True, append_images=others, **options)
    return file.getvalue()


def tiff(uses: list[int], order: str = "<", *, big: bool = False, next_of_last: int = 0) -> bytes:
    """A TIFF of images of 1 pixel, shades 0, 1, …, each with a `NewSubfileType`."""
    long, count, wide = ("Q", "Q", 8) if big else ("L", "H", 4)
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}H", 43 if big else 42)
    head += struct.pack(f"{order}HHQ", 8, 0, 0) if big else struct.pack(f"{order}L", 0)
    data = bytearray(head + bytes(range(len(uses))))
    link = len(head) - wide
    for i, use in enumerate(uses):
        struct.pack_into(f"{order}{long}", data, link, len(data))
        tags = {254: use, 256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: len(head) + i}
        tags |= {277: 1, 278: 1, 279: 1}
        data += struct.pack(f"{order}{count}", len(tags))
        for tag, value in tags.items():
            data += struct.pack(f"{order}HH{long}{long}", tag, 4, 1, value)
        link = len(data)
        data += struct.pack(f"{order}{long}", next_of_last)
    return bytes(data)


def shades(data: bytes) -> list[int]:
    """The shade of each page."""
    count = count_pages(data)
    return [round(255 * to_grey(decode(Page(data, i)))[0, 0]) for i in range(1, count + 1)]


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"big_tiff": True}])
def test_each_page_of_a_tiff_is_decoded(options: dict[str, Any], tmp_path: Path) -> None:
    """Pages are counted and decoded by number, from bytes and from a file of any name."""
    data = document("TIFF", **options)
    path = tmp_path / "scan.jpg"
    path.write_bytes(data)
    assert count_pages(str(path)) == 3
    assert shades(data) == SHADES
    found = to_grey(decode(Page(str(path), 2)))
    assert np.allclose(found, SHADES[1] / 255)
    assert round(255 * to_grey(decode(data))[0, 0]) == SHADES[0]
    with pytest.raises(DataError, match=r"is a damaged picture \(it has no page 4"):
        decode(Page(data, 4))


@pytest.mark.parametrize(("order", "big"), [("<", False), ("<", True), (">", False)])
def test_thumbnails_and_masks_are_no_pages(order: str, big: bool) -> None:
    """Smaller copies and masks are left out, wherever they stand; a file of them alone has one."""
    assert shades(tiff([0, 0, 0], order, big=big)) == [0, 1, 2]
    assert shades(tiff([1, 0, 1, 2, 4], order, big=big)) == [1, 3]
    assert shades(tiff([0, 1], order, big=big)) == [0]
    assert shades(tiff([1, 1], order, big=big)) == [0]


def test_a_list_of_pages_that_goes_round_ends() -> None:
    """If the last page links back to the first, each page is read once."""
    for first in (8 + 2, 8 + 2 + 126):  # where the images of two pages stand
        assert shades(tiff([0, 0], next_of_last=first)) == [0, 1]


def test_pages_that_are_cut_off_are_errors() -> None:
    """A page that should be there and is not is counted, and damaged."""
    data = tiff([0, 0], next_of_last=10**6)
    assert count_pages(data) == 3
    assert np.asarray(decode(Page(data, 2))).tolist() == [[1]]
    with pytest.raises(DataError, match="is a damaged picture"):
        decode(Page(data, 3))
    whole = document("TIFF")
    assert count_pages(whole[:-200]) > 1


def test_pages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One page more than are read is counted, and no further; thumbnails are bounded too."""
    monkeypatch.setattr(module, "MAX_PAGES", 5)
    assert count_pages(tiff([0] * 5)) == 5
    assert count_pages(tiff([0] * 50)) == 6
    assert count_pages(tiff([1] * 50 + [0])) == 1


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_frames_of_a_film_are_no_pages(kind: str, tmp_path: Path) -> None:
    """An animation has one page, and so has a file that can't be opened."""
    assert count_pages(document(kind)) == 1
    assert count_pages(b"") == count_pages(b"II*\0") == count_pages(b"text") == 1
    assert count_pages(str(tmp_path)) == count_pages(str(tmp_path / "none.tif")) == 1


def test_each_page_of_a_pdf_is_rendered() -> None:
    """Pages of a PDF are counted, and rendered at 200 dots to the inch."""
    pytest.importorskip("pypdfium2")
    data = document("PDF", resolution=100)
    assert count_pages(data) == 3
    for i, shade in enumerate(SHADES, 1):
        image = decode(Page(data, i))
        assert image.mode == "RGB"
        assert np.abs(np.array(image.size) - (80, 48)).max() <= 1
        assert abs(255 * to_grey(image)[24, 40] - shade) < 4
    assert decode(b"a line before\n" + data).size == decode(data).size
    with pytest.raises(DataError, match=r"Mine is a damaged picture \(it has no page 4"):
        decode(Page(data, 4), "Mine")


def test_pages_of_a_pdf_are_bounded(tmp_path: Path) -> None:
    """However large a page says it is, it is rendered at no more pixels than are allowed."""
    pytest.importorskip("pypdfium2")
    data = document("PDF", resolution=0.3)  # 9,600 points wide
    (tmp_path / "a.pdf").write_bytes(data)
    for most in (8_000_000, 20_000):
        image = decode(tmp_path / "a.pdf", max_pixels=most)
        assert 0.9 * most < image.width * image.height <= 1.01 * most


def test_a_pdf_that_cannot_be_read_is_a_sentence() -> None:
    """Damage, a password and `allow_pdf=False` are DataErrors that name the file."""
    pytest.importorskip("pypdfium2")
    with pytest.raises(DataError, match=r"^Mine is a damaged picture \(Failed to load document"):
        decode(b"%PDF-1.7 nothing", "Mine")
    assert count_pages(b"%PDF-1.7 nothing") == 1
    with pytest.raises(DataError, match=r"^Mine is encrypted; save it without a password\.$"):
        decode(encrypted(), "Mine")
    with pytest.raises(DataError, match=r"^Mine is a PDF; send its pages as images\.$"):
        decode(document("PDF"), "Mine", allow_pdf=False)


def encrypted() -> bytes:
    """A PDF whose user password is not the empty one."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [] /Count 0 >>",
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <"
        + b"00" * 32
        + b"> /U <"
        + b"11" * 32
        + b"> >>",
    ]
    data = b"%PDF-1.4\n"
    places = []
    for i, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (i, body)
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % p for p in places)
    trailer = b"trailer << /Size 4 /Root 1 0 R /Encrypt 3 0 R /ID [<00><00>] >>\n"
    return data + table + trailer + b"startxref\n%d\n%%%%EOF" % len(data)


def test_pdf_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pypdfium2, the error names the extra."""
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    assert not pdf.can_be_read()
    with pytest.raises(MissingExtra, match=r"^Reading PDF needs pypdfium2, .*\[pdf\]"):
        decode(document("PDF"))
