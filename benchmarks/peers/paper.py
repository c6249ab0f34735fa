"""A picture as programs that read print like it: grey, dark on light, with paper around it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps


def grey_on_paper(file: str) -> tuple[Image.Image, int]:
    """Give a picture, grey and dark on light, and its paper's shade: that of most of its border."""
    with Image.open(file) as image:
        grey = image.convert("L")
    pixels = np.asarray(grey)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    paper = int(np.median(border))
    return (grey, paper) if paper > 127 else (ImageOps.invert(grey), 255 - paper)


def laid_out(file: str, *, tall: int, margin: int) -> Image.Image:
    """Give a picture so tall, grey and dark on light, and with so much paper on each side."""
    grey, paper = grey_on_paper(file)
    size = max(round(grey.width * tall / grey.height), 1), tall
    return ImageOps.expand(grey.resize(size, Image.Resampling.LANCZOS), margin, paper)
