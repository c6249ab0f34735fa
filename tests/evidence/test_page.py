"""The page: what is drawn stands where it should, and its file is the same each time."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from mnistry.errors import InputError
from mnistry.evidence import page as home
from mnistry.evidence.page import DPI, MARGIN, Page, fit, kind_of, longest, of_all, save, signed

SVG = "{http://www.w3.org/2000/svg}"


def draw() -> Figure:
    page = Page(300, 40)
    page.text(0, 8, "A page", 12, bold=True)
    page.picture(0, 16, 16, 16, np.arange(64, dtype=np.uint8).reshape(8, 8), name="a", framed=True)
    page.scale(300, 0.5)
    page.line(0, 36, 100, 36)
    return page.figure


def written(figure: Figure, path: Path) -> bytes:
    save(figure, path)
    return path.read_bytes()


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_png_has_two_pixels_a_point(tmp_path: Path) -> None:
    """A PNG is the page and its margins at 144 dots an inch, in RGB on white."""
    save(draw(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        assert image.size == (2 * (300 + 2 * MARGIN), 2 * (40 + 2 * MARGIN))
        assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
        assert image.getpixel((0, 0)) == (255, 255, 255)


def test_png_shows_pixels_unblurred(tmp_path: Path) -> None:
    """A picture's pixel is a square of its own colour, at its place on the page."""
    page = Page(40, 40)
    levels = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    page.picture(10, 20, 16, 16, levels, name="a")
    save(page.figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        found = np.asarray(image)
    left, top = int(2 * (10 + MARGIN)), int(2 * (20 + MARGIN))
    expected = page.figure.axes[0].images[0].to_rgba(levels, bytes=True)[:, :, :3]
    assert np.array_equal(
        found[top : top + 32, left : left + 32], expected.repeat(4, axis=0).repeat(4, axis=1)
    )
    outside = found.astype(int).sum() - found[top : top + 32, left : left + 32].astype(int).sum()
    assert outside == 255 * (found.size - 32 * 32 * 3)


def test_svg_is_xml_and_holds_the_pixels(tmp_path: Path) -> None:
    """An SVG parses, has each id once, tells no date, and embeds pictures pixel by pixel."""
    content = written(draw(), tmp_path / "a.svg")
    root = ET.fromstring(content)  # noqa: S314 - our own file
    assert root.tag == f"{SVG}svg"
    assert root.get("viewBox") == f"0 0 {300 + 2 * MARGIN:g} {40 + 2 * MARGIN:g}"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    sizes = [(image.get("width"), image.get("height")) for image in root.iter(f"{SVG}image")]
    assert sizes == [("8", "8"), ("257", "1")]
    assert b"dc:date" not in content


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.SVG"])
def test_save_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    """The same figure, drawn again or saved again in either form, is the same file."""
    figure = draw()
    first = written(figure, tmp_path / name)
    written(figure, tmp_path / "other.svg")
    assert written(figure, tmp_path / name) == first
    assert written(draw(), tmp_path / name) == first


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_save_from_threads(tmp_path: Path, name: str) -> None:
    """Figures drawn and saved by several threads at once are the ones that one thread makes."""
    alone = written(draw(), tmp_path / name)
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(lambda i: written(draw(), tmp_path / f"{i}{name}"), range(8)))
    assert files == [alone] * 8


@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_styles_do_not_reach_a_figure(tmp_path: Path, name: str) -> None:
    """A user's style changes neither the drawing nor the file."""
    plain = written(draw(), tmp_path / name)
    style: dict[Any, Any] = {
        "figure.facecolor": "red", "savefig.facecolor": "red", "figure.dpi": 50,
        "savefig.dpi": 50, "savefig.bbox": "tight", "figure.autolayout": True,
        "font.family": ["serif"], "font.size": 30, "font.weight": "bold", "text.color": "white",
        "text.usetex": True, "text.parse_math": True, "axes.grid": True, "lines.linewidth": 9,
        "lines.marker": "o", "lines.linestyle": ":", "image.interpolation": "bilinear",
        "image.origin": "lower", "image.cmap": "jet", "patch.facecolor": "red",
        "svg.hashsalt": "x",
    }  # fmt: skip
    with mpl.rc_context(style):
        assert written(draw(), tmp_path / name) == plain


def test_colours_tell_the_sign() -> None:
    """Zero is white, less is ever redder, more ever bluer, beyond the reach no further."""
    page = Page(10, 10)
    page.picture(0, 0, 9, 1, np.zeros((1, 9)), name="a", reach=2.0)
    steps = np.array([-9, -2, -1, -0.5, 0, 0.5, 1, 2, 9])
    red, _, blue, _ = page.figure.axes[0].images[0].to_rgba(steps).T
    warmth = red - blue
    assert (warmth[:4] > 0.05).all()
    assert (warmth[5:] < -0.05).all()
    assert (red[4], blue[4]) == (1.0, 1.0)
    assert np.array_equal(warmth[[0, -1]], warmth[[1, -2]])
    assert page.figure.axes[0].images[0].to_rgba(np.zeros(1)).tolist() == [[1, 1, 1, 1]]


@given(h=st.integers(1, 2000), w=st.integers(1, 2000), room=st.floats(1, 300))
def test_fit_keeps_the_shape(h: int, w: int, room: float) -> None:
    """A picture fits, keeps its proportions, and gets whole pixels where there is room."""
    width, height = fit((h, w), room)
    assert max(width, height) <= room * (1 + 1e-9)
    assert width * h == pytest.approx(height * w)
    if 2 * room >= max(h, w):
        assert 2 * width % w == pytest.approx(0)
        assert max(width, height) > room / 2


def test_text_is_no_mathematics(tmp_path: Path) -> None:
    """Names are drawn literally: control characters as escapes, a box for what no font has."""
    page = Page(200, 30)
    page.text(0, 8, "$x^2$ $ \\frac <&-->")
    page.text(0, 20, "a\nb\udc80\U00013000")
    assert words(page.figure) == ["$x^2$ $ \\frac <&-->", r"a\nb\udc80□"]
    for name in ("a.png", "a.svg"):
        save(page.figure, tmp_path / name)


def test_text_in_other_scripts_warns_of_nothing(tmp_path: Path) -> None:
    """Kana and hanzi are drawn where a font has them, and are boxes without a word elsewhere."""
    page = Page(200, 30)
    page.text(0, 8, "おきす 数字", bold=True)
    assert len(words(page.figure)[0]) == 6
    save(page.figure, tmp_path / "a.png")
    save(page.figure, tmp_path / "a.svg")


def test_text_takes_fonts_that_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A character that Matplotlib's own font lacks comes from one of the others, if it has it."""
    from matplotlib.font_manager import findfont, get_font

    own, other = (
        set(get_font(findfont(name)).get_charmap()) for name in ("DejaVu Sans", "STIXGeneral")
    )
    character = chr(min(other - own))
    home._font.cache_clear()
    monkeypatch.setattr(home, "_FALLBACKS", ("STIXGeneral", "No Such Font"))
    try:
        sheet = Page(200, 30)
        sheet.text(0, 8, f"a{character}あ")
        assert words(sheet.figure) == [f"a{character}□"]
        save(sheet.figure, tmp_path / "a.png")
        save(sheet.figure, tmp_path / "a.svg")
    finally:
        home._font.cache_clear()


def test_text_fits_its_width() -> None:
    """A line too long is made smaller, then cut; one that fits stays as it is."""
    page = Page(200, 30)
    for text in ("short", "a little bit too long", "far too long for such a place " * 40):
        page.text(0, 8, text, 10, width=80)
    sizes = [float(text.get_fontsize()) for text in page.figure.axes[0].texts]
    assert sizes[0] == 10
    assert 7 <= sizes[1] < 10
    assert sizes[2] == 7
    short, little, far = words(page.figure)
    assert (short, little) == ("short", "a little bit too long")
    assert far.startswith("far too")
    assert far.endswith("…")
    assert longest([far], 7) <= 80
    assert longest([little], sizes[1]) <= 80 * 1.01


def test_signed_and_of_all() -> None:
    """Numbers carry their sign, zero none; a title tells when classes are left out."""
    found = [signed(x) for x in (1.5, -1.5, 0.0, -0.001, 1234.567)]
    assert found == ["+1.50", "−1.50", "0.00", "0.00", "+1234.57"]
    assert of_all(100, 1200) == ": the first 100 of 1,200 classes"
    assert of_all(10, 10) == ""


@pytest.mark.parametrize("name", ["a.pdf", "a", "png", "a.png.txt"])
def test_save_refuses_other_endings(tmp_path: Path, name: str) -> None:
    """Anything but .png and .svg gets one sentence, and no file."""
    for call in (lambda: save(draw(), tmp_path / name), lambda: kind_of(tmp_path / name)):
        with pytest.raises(InputError, match=rf"must end in .png or .svg; got '.*{name}'"):
            call()
    assert not list(tmp_path.iterdir())


def test_save_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A missing folder, a file for a folder and a folder for a file are the system's errors."""
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    for place, error in (
        ("missing/a.png", FileNotFoundError),
        ("file/a.svg", NotADirectoryError),
        ("folder.png", IsADirectoryError),
    ):
        with pytest.raises(error) as caught:
            save(draw(), tmp_path / place)
        assert caught.value.filename == str(tmp_path / place)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder.png"}


@pytest.mark.slow
def test_matplotlib_loads_late_and_without_pyplot(tmp_path: Path) -> None:
    """Importing the room loads no Matplotlib; drawing and saving never loads pyplot."""
    code = (
        "import sys, os, numpy as np\n"
        "from mnistry.evidence import draw, samples, page\n"
        "assert not {m for m in sys.modules if m.split('.')[0] in ('matplotlib', 'PIL')}\n"
        "figure = samples.matrix(np.zeros((2, 2), np.uint8))\n"
        "page.save(figure, os.path.join(sys.argv[1], 'a.png'))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(tmp_path)], check=True)
