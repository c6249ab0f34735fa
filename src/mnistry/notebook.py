"""HTML for notebooks: what `_repr_html_` of models, readings, reports and data sets is made of.

Every function returns HTML in which all text is escaped. Styles are inline, since a notebook
drops style sheets, and colours suit light and dark themes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MAX_IMAGES = 12  # images of one display
_MAX_SIDE = 400  # pixels; larger images are shrunk, so that notebooks stay small
_SMALL = 56  # pixels of the longer side up to which images are enlarged
_CELL = "padding:2px 8px;text-align:left;vertical-align:middle"


def box(title: str, *parts: str) -> str:
    """Return a block with a bold title; `title` is text, `parts` are HTML."""
    return f"<div><strong>{escape(title)}</strong>{''.join(parts)}</div>"


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Return a table; its cells are HTML, and those of `head` are text."""
    top = "".join(f'<th scope="col" style="{_CELL}">{escape(cell)}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table>{f'<tr>{top}</tr>' if head else ''}{body}</table>"


def facts(rows: Iterable[tuple[str, object]]) -> str:
    """Return a table of names and values, both of which are text."""
    return table([(escape(name), escape(str(value))) for name, value in rows])


def bar(share: float) -> str:
    """Return a bar for a share from 0 to 1, with its percentage."""
    percent = 100 * min(max(share, 0.0), 1.0) if share == share else 0.0  # NaN has no bar
    return (
        '<span style="display:inline-block;width:100px;height:10px;background:#8884">'
        f'<span style="display:block;width:{percent:.0f}%;height:10px;background:#3572b0"></span>'
        f"</span> {share:.1%}"
    )


def image(pixels: ArrayLike, about: str) -> str:
    """Return an image of a grey array, for digits enlarged, as a PNG inside the page.

    Parameters
    ----------
    pixels : (h, w) uint8 as they are shown; large arrays are shrunk to 400 pixels a side.
    about : what it shows, as text.
    """
    import numpy as np
    from PIL import Image

    shown = Image.fromarray(np.ascontiguousarray(pixels, np.uint8))
    shown.thumbnail((_MAX_SIDE, _MAX_SIDE))
    width, height = shown.size
    scale = max(1, _SMALL // max(width, height))
    buffer = io.BytesIO()
    shown.save(buffer, "PNG", optimize=True)
    source = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<img alt="{escape(about)}" title="{escape(about)}" width="{width * scale}" '
        f'height="{height * scale}" style="image-rendering:pixelated;margin:1px" '
        f'src="data:image/png;base64,{source}">'
    )
