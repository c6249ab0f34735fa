"""A page to draw on, measured in points from its top left corner, and its file.

Everything stands at a given place, in given colours and in a font that Matplotlib brings
along, so that neither the user's settings nor another thread changes a figure.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from mnistry.atomic import replacing
from mnistry.errors import InputError, printable

Align = Literal["left", "center", "right"]

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

DPI = 144  # two pixels a point
BLACK, GREY, LIGHT = "#1a1a1a", "#6b6b6b", "#c0c0c0"
WIDTH = 784.0  # points, of most figures; 800 with the margins
MARGIN = 8.0
TOP = 32.0  # where pictures begin, below the title
MOST = 100  # classes that a figure has room for
# ColorBrewer's RdBu, which colour-blind readers can tell apart, with white for zero.
_RED_TO_BLUE = (
    "#8e0f26", "#c0243a", "#dd6b55", "#f4a582", "#fddbc7", "#ffffff",
    "#d1e5f0", "#92c5de", "#4b95c8", "#2166ac", "#0d3b77",
)  # fmt: skip
_LONGEST = 300  # characters of a line; more would not fit on any page
# Fonts for scripts that Matplotlib's own lacks, taken where they are installed.
_FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Source Han Sans SC",
    "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans", "Hiragino Sans GB", "Microsoft YaHei",
    "Yu Gothic", "SimHei", "Arial Unicode MS",
)  # fmt: skip


class Page:
    """A white page of `width` x `height` points, and a margin around it.

    Attributes
    ----------
    figure : what is drawn so far; its one Axes is the page.
    """

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        # Whole pixels, or the pictures' own pixels would not fall on the screen's.
        right, bottom = (math.ceil(side * DPI / 72) * 72 / DPI + MARGIN for side in (width, height))
        inches = ((right + MARGIN) / 72, (bottom + MARGIN) / 72)
        self.figure = Figure(inches, DPI, facecolor="white")
        self.figure.set_layout_engine("none")
        self._axes = self.figure.add_axes(
            (0, 0, 1, 1), xlim=(-MARGIN, right), ylim=(bottom, -MARGIN)
        )
        self._axes.set_axis_off()

    def picture(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        pixels: ArrayLike,
        *,
        name: str,
        reach: float | None = None,
        framed: bool = False,
    ) -> None:
        """Draw an array (h, w) with its top left corner at (x, y).

        Without `reach`, 0 is white and 255 black. With it, zero is white, -reach the deepest
        red and +reach the deepest blue. `name` is the image's label in the figure.
        """
        from matplotlib.colors import Normalize
        from matplotlib.image import AxesImage
        from matplotlib.patches import Rectangle

        image = AxesImage(
            self._axes,
            cmap=_ink() if reach is None else _red_to_blue(),
            norm=Normalize(0, 255) if reach is None else Normalize(-reach, reach),
            interpolation="none",
            origin="upper",
            extent=(x, x + width, y + height, y),
            resample=False,
        )
        image.set_data(np.asarray(pixels))
        image.set_label(name)
        image.set_gid(f"image{len(self._axes.images)}")
        self._axes.add_image(image)
        image.set_clip_path(None)
        image.set_clip_on(False)
        if framed:
            frame = Rectangle(
                (x, y), width, height, fill=False, edgecolor=LIGHT, linewidth=0.5, linestyle="-",
                clip_on=False,
            )  # fmt: skip
            self._axes.add_artist(frame)

    def curve(
        self, xs: ArrayLike, ys: ArrayLike, colour: str = BLACK, *, radius: float = 1.5
    ) -> None:
        """Draw a line through points; a single one becomes a dot of that radius."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Circle

        if np.size(xs) == 1:
            # No marker, which would have an id in SVG that Matplotlib draws by lot.
            x, y = float(np.ravel(xs)[0]), float(np.ravel(ys)[0])
            self._axes.add_artist(Circle((x, y), radius, facecolor=colour, clip_on=False))
            return
        self._axes.add_artist(
            Line2D(xs, ys, color=colour, linewidth=1.2, linestyle="-", clip_on=False,
                   marker="None",
                   solid_capstyle="round", solid_joinstyle="round")
        )  # fmt: skip

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: str = GREY) -> None:
        """Draw a hair line from (x0, y0) to (x1, y1)."""
        from matplotlib.lines import Line2D

        self._axes.add_artist(
            Line2D([x0, x1], [y0, y1], color=colour, linewidth=0.5, linestyle="-", marker="None",
                   clip_on=False, solid_capstyle="butt")
        )  # fmt: skip

    def box(
        self, x: float, y: float, w: float, h: float, colour: str, *, filled: bool = False
    ) -> None:
        """Draw a rectangle with its top left corner at (x, y)."""
        from matplotlib.patches import Rectangle

        self.figure.axes[0].add_artist(
            Rectangle(
                (x, y), w, h, facecolor=colour if filled else "none",
                edgecolor="none" if filled else colour, linewidth=0.9, linestyle="-", clip_on=False,
            )
        )  # fmt: skip

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 10,
        *,
        colour: str = BLACK,
        align: Align = "left",
        bold: bool = False,
        width: float | None = None,
    ) -> None:
        """Write one line whose capitals have their middle at y.

        Where it is longer than `width`, it is made smaller, then cut.
        """
        text, font = _legible(text, bold)
        if width is not None:
            long = _length(text, font, size)
            if long > width:
                smaller = max(size * width / long, 0.7 * size)
                long, size = long * smaller / size, smaller
            if long > width * 1.001:
                text = text[: int(len(text) * width / long)]
                while len(text) > 1 and _length(f"{text}…", font, size) > width:
                    text = text[:-1]
                text += "…"
        self._axes.text(
            x, y + 0.365 * size, text, fontproperties=font, fontsize=size, color=colour,
            ha=align, va="baseline", clip_on=False, parse_math=False, usetex=False,
        )  # fmt: skip

    def scale(self, right: float, reach: float) -> None:
        """Draw the colours of weights as a bar that ends at `right`, beside the title."""
        width, x, y = 180.0, right - 200, 4.0
        steps = np.linspace(-reach, reach, 257)[np.newaxis]
        self.picture(x, y, width, 8, steps, name="scale", reach=reach)
        self.text(x - 6, y + 4, "against", 9, colour=GREY, align="right")
        self.text(right, y + 4, "for", 9, colour=GREY, align="right")
        self.text(x, y + 17, f"≤ {signed(-reach, '.2g')}", 9, colour=GREY)
        self.text(x + width / 2, y + 17, "0", 9, colour=GREY, align="center")
        self.text(x + width, y + 17, f"≥ {signed(reach, '.2g')}", 9, colour=GREY, align="right")


def fit(shape: tuple[int, ...], room: float) -> tuple[float, float]:
    """Give the width and height in points at which pixels of a picture (h, w) fit into a square.

    A pixel is so many of the file's pixels wide, so that all are alike, where there is room.
    """
    h, w = shape
    fine = DPI / 72
    scale = room / max(h, w)
    scale = math.floor(scale * fine) / fine or scale
    return w * scale, h * scale


def signed(number: float, form: str = ".2f") -> str:
    """Write a number with its sign, the minus as long as the plus; what rounds to zero has none."""
    text = f"{number:+{form}}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text[1:]


def kind_of(path: str | os.PathLike[str]) -> str:
    """Give the ending of a figure's file, ".png" or ".svg"; refuse others as InputError."""
    kind = Path(path).suffix.lower()
    if kind not in (".png", ".svg"):
        raise InputError(f"A figure's file must end in .png or .svg; got {os.fspath(path)!r:.200}.")
    return kind


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG or SVG, by the path's ending; the same figure gives the same bytes.

    Raises
    ------
    InputError : the path ends otherwise.
    OSError : the file can't be written.
    """
    content = _png(figure) if kind_of(path) == ".png" else _svg(figure)
    with replacing(path) as file:
        file.write(content)


def _png(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3].copy())
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True, dpi=(DPI, DPI))
    return stream.getvalue()


def _svg(figure: Figure) -> bytes:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.BytesIO()
    dpi = figure.dpi
    # No date, and nothing clipped: only clips have ids, which Matplotlib draws by lot.
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(stream, metadata={"Date": None, "Creator": None})
    figure.dpi = dpi
    return stream.getvalue()


def percent(share: float, places: int = 1) -> str:
    """Write a share as a percentage that says neither never nor always where it is neither."""
    least = 10.0**-places
    if 0 < share < least / 200:
        return f"< {least:.{places}f}%"
    if 1 - least / 200 <= share < 1:
        return f"> {100 - least:.{places}f}%"
    return f"{100 * share:.{places}f}%"


def of_all(shown: int, total: int) -> str:
    """Say in a title that there are more classes than are shown; nothing where all are."""
    return f": the first {shown} of {total:,} classes" if shown < total else ""


def longest(names: Iterable[str], size: float) -> float:
    """Give how long the longest of some lines is, in points."""
    return max(_length(*_legible(name, bold=False), size) for name in names)


def _length(text: str, font: FontProperties, size: float) -> float:
    """Measure a line of text, in points."""
    from matplotlib.textpath import text_to_path

    sized = font.copy()
    sized.set_size(size)
    return float(text_to_path.get_text_width_height_descent(text, sized, ismath=False)[0])


def _legible(text: str, bold: bool) -> tuple[str, FontProperties]:
    """Give the text, a box for each character that no font has, and a font for it."""
    text = printable(text)[:_LONGEST]
    font, known = _font(bold, wide=False)
    if not known.issuperset(map(ord, text)):
        font, known = _font(bold, wide=True)
    return "".join(c if ord(c) in known else "\N{WHITE SQUARE}" for c in text), font


@lru_cache(maxsize=4)
def _font(bold: bool, wide: bool) -> tuple[FontProperties, frozenset[int]]:
    """Give a font, with `wide` all that are installed for other scripts, and what it has."""
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    installed = set(fontManager.get_font_names()) if wide else set()
    families = ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]

    def of(names: list[str]) -> FontProperties:
        weight = "bold" if bold else "normal"
        return FontProperties(
            family=names, style="normal", variant="normal", weight=weight, stretch="normal"
        )

    files = {fontManager.findfont(of([name])) for name in families}
    return of(families), frozenset(code for file in files for code in get_font(file).get_charmap())


@lru_cache(maxsize=1)
def _ink() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("ink", ["#ffffff", BLACK], 256)


@lru_cache(maxsize=1)
def _red_to_blue() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    # An odd number, so that one colour is zero's own: white.
    return LinearSegmentedColormap.from_list("red to blue", _RED_TO_BLUE, 257)
