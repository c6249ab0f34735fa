"""A picture file or its bytes -> a Pillow image; nothing that a file says is taken on trust."""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING

from mnistry.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000
# Formats that Pillow decodes itself. It would start Ghostscript for EPS.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pbm", ".pgm", ".ppm"}
)


def decode(
    source: str | os.PathLike[str] | bytes, name: str | None = None, max_pixels: int = MAX_PIXELS
) -> Image:
    """Decode a picture wholly, its first frame if it has more.

    Parameters
    ----------
    source : a file's path, or the bytes themselves.
    name : what messages call it; None: its path.

    Returns
    -------
    image : decoded, in the mode that the file has, not yet turned as its EXIF says.

    Raises
    ------
    DataError : it is none of PNG, JPEG, BMP, GIF, TIFF, WebP and PPM, it is damaged, or it has
        more than `max_pixels` pixels.
    OSError : the file is missing or unreadable.
    """
    from PIL import Image, UnidentifiedImageError

    if name is None:
        name = "the picture" if isinstance(source, bytes) else repr(os.fspath(source))
    stream = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
    with stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, which we weigh, and of odd metadata
        try:
            image = Image.open(stream, formats=_FORMATS)
            if image.width * image.height > max_pixels:
                raise DataError(
                    f"{name} has {image.width} x {image.height} pixels; at most "
                    f"{max_pixels:,} can be read: make it smaller."
                )
            image.load()
        except DataError:
            raise
        except UnidentifiedImageError:
            kinds = ", ".join(_FORMATS)
            raise DataError(f"{name} is not a picture in one of the formats {kinds}.") from None
        except Image.DecompressionBombError:
            raise DataError(
                f"{name} has more than {max_pixels:,} pixels; make it smaller."
            ) from None
        except Exception as error:  # noqa: BLE001 - damaged files make decoders raise anything
            raise DataError(f"{name} is a damaged picture ({error}); get it again.") from None
    return image
