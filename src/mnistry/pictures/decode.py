"""A picture file or its bytes -> a Pillow image; nothing that a file says is taken on trust."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.errors import DataError, MissingExtra
from mnistry.pictures import libtiff, pdf
from mnistry.pictures.grey import full_scale
from mnistry.pictures.pages import Page, tiff_of_page
from mnistry.pictures.weigh import PLAIN, check_size, damaged, too_many_bytes, weigh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL.Image import Image

MAX_PIXELS = 64_000_000
MAX_BYTES = 256 * 2**20
# Formats that Pillow decodes itself. It would start Ghostscript for EPS.
_FORMATS = "PNG, JPEG, BMP, GIF, TIFF, WebP, PPM, AVIF, HEIC and PDF"
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
    | {".pbm", ".pgm", ".ppm", ".pnm", ".avif", ".heic", ".heif"}
)
_STARTS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
# What Pillow decodes in Python's own loops, and the most of it that doesn't take minutes.
_SLOW = {"ppm", "ppm_plain", "bmp_rle"}
_SLOW_PIXELS, _SLOW_BYTES = 16_000_000, 64 * 2**20
_ORIENTATION, _BITS, _COMPRESSION, _WHITE = 0x0112, 258, 259, 262  # tags of EXIF and TIFF
_TILE = 322, 323
_FAX = {"group3", "group4", "tiff_ccitt", 2, 3, 4, 32771}
# Raw modes of colours of 16 bits, with those that take the other byte of each value.
_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_DEEP_COLORS = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA", "RGBX")
    for order, other in _OTHER_BYTE.items()
}
_PLAIN_MODES = {"1", "L", "RGB", "RGBA"}
_MAX_OF_14_BITS = 63  # largest upper byte of values of at most 14 bits
_MAX_EXIF = 2**20  # bytes


def decode(
    source: str | os.PathLike[str] | bytes | Page,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    *,
    allow_pdf: bool = True,
) -> Image:
    """Decode an image completely: the page asked for, or else its first frame or page.

    Parameters
    ----------
    source : a file's path, the bytes themselves, or a page of either.
    name : what messages call it; None: its path.
    allow_pdf : render PDF, for which no bound of time is known.

    Returns
    -------
    image : decoded, in a mode that keeps what the file has; of its EXIF only the orientation is
        kept, by which it is not yet turned.

    Raises
    ------
    DataError : it is no picture, damaged, not a regular file, of more than 256 MB or of more
        than `max_pixels` pixels, or decoding it needs a package that is not installed.
    MissingExtra : it is a PDF, and pypdfium2 is not installed.
    OSError : the file is missing or unreadable.
    """
    number = 1
    if isinstance(source, Page):
        number, source = source.number, source.source
    if isinstance(source, bytes):
        data, name = source, name or "the picture"
    else:
        name = name or repr(os.fspath(source))
        data = _read(source, name)
    if not data:
        raise DataError(f"{name} is empty; get it again.")
    if len(data) > MAX_BYTES:
        raise too_many_bytes(name, len(data), MAX_BYTES)
    kind = _kind(data)
    if kind is None:
        raise DataError(f"{name} is not a picture in one of the formats {_FORMATS}.")
    from PIL import UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, which we weigh, and of odd metadata
        try:
            if kind == "PDF":
                if not allow_pdf:
                    raise DataError(f"{name} is a PDF; send its pages as images.")
                return pdf.render(data, number, name, max_pixels)
            if kind == "TIFF":
                data = tiff_of_page(data, number)
            weigh(data, kind, name, max_pixels)
            if kind in ("AVIF", "HEIF"):
                _make_able(kind, name)
            if data[:2] in PLAIN:
                data = re.sub(rb"#[^\r\n]*", b"", data)  # many comments would take Pillow hours
            return _decoded(data, kind, name, max_pixels)
        except (DataError, MissingExtra):
            raise
        except UnidentifiedImageError:
            raise damaged(name, f"its header is of no {kind}") from None
        except Exception as error:  # noqa: BLE001 - damaged files make decoders raise anything
            raise _refusal(error, name, max_pixels) from None


def settled(image: Any) -> Image:
    """Decode a Pillow image completely, as `decode` does a file; leave the given one unchanged.

    Raises
    ------
    DataError : it is damaged, or cannot be converted.
    """
    from PIL import Image as Pillow

    known = {"exif", "transparency", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}
    plain: Image = image
    if type(image) is Pillow.Image and image.mode in _PLAIN_MODES and not known & set(image.info):
        return plain
    try:
        with warnings.catch_warnings(), libtiff.quiet():
            warnings.simplefilter("ignore")
            image.load()
            return _settled(image.copy(), image.format, getattr(image, "tag_v2", {}))
    except Exception as error:  # noqa: BLE001 - damaged files make decoders raise anything
        raise _refusal(error, "the picture", MAX_PIXELS) from None


def _refusal(error: Exception, name: str, max_pixels: int) -> DataError:
    """Return the error of an image that made its decoder raise one."""
    from PIL.Image import DecompressionBombError

    if isinstance(error, MemoryError):
        return DataError(f"{name} needs more memory than there is; make it smaller.")
    if isinstance(error, DecompressionBombError):
        return DataError(f"{name} has more than {max_pixels:,} pixels; make it smaller.")
    return damaged(name, str(error) or type(error).__name__)


def _decoded(data: bytes, kind: str, name: str, max_pixels: int) -> Image:
    """Decode bytes whose format is known and whose header has been weighed."""
    from PIL import Image

    def opened() -> Any:
        image = Image.open(io.BytesIO(data), formats=(kind,))
        check_size(image.size, name, max_pixels)
        return image

    image = opened()
    tags = getattr(image, "tag_v2", {})
    check_size((tags.get(_TILE[0], 1), tags.get(_TILE[1], 1)), name, max_pixels)
    codec, raw_mode = _codec_of(image)
    if codec in _SLOW:
        check_size(image.size, name, _SLOW_PIXELS)
        if len(data) > _SLOW_BYTES:
            raise too_many_bytes(name, len(data), _SLOW_BYTES)
    # Fax codes have at most 8 rows per byte; decoders take long over rows that are missing.
    if tags.get(_COMPRESSION) in _FAX and image.height > 8 * len(data):
        raise ValueError(f"it can't hold {image.height:,} rows in {len(data):,} bytes")
    with libtiff.quiet():
        image.load()
        if raw_mode in _DEEP_COLORS:
            image = _all_bits(image, opened(), _DEEP_COLORS[raw_mode])
    return _settled(image, kind, tags)


def _codec_of(image: Any) -> tuple[str, str]:
    """Return the codec and the raw mode in which Pillow is going to decode an image."""
    if not image.tile:
        return "", ""
    codec, _, _, args = image.tile[0]
    return codec, str(args[0] if isinstance(args, tuple) and args else args)


def _all_bits(high: Image, image: Any, other_mode: str) -> Image:
    """Scale colours of 16 bits to 8 by the bits that they use; Pillow keeps the upper 8 only.

    Parameters
    ----------
    high : the image as Pillow decodes it. image : the same file, not yet decoded.
    other_mode : the raw mode that takes the lower byte of each value for the upper one.
    """
    from PIL import Image as Pillow

    upper = np.asarray(high)
    colors = 3 if upper.shape[2] > 2 else 1
    if upper[:, :, :colors].max() > _MAX_OF_14_BITS:
        return high
    image.tile = [
        tile._replace(args=(other_mode, *tile.args[1:]) if type(tile.args) is tuple else other_mode)
        for tile in image.tile
    ]
    image.load()
    values = (upper.astype(np.uint16) << 8) | np.asarray(image)
    white = full_scale(int(values[:, :, :colors].max()))
    scaled = upper.copy()
    scaled[:, :, :colors] = np.rint(values[:, :, :colors] * (255 / white))
    return _replaced(high, Pillow.fromarray(scaled))


def is_image(data: bytes) -> bool:
    """Return whether the first bytes are those of an image format that can be read."""
    return _kind(data) is not None


def _read(path: str | os.PathLike[str], name: str) -> bytes:
    """Read a regular file that isn't too large; a pipe would keep us waiting."""
    try:
        about = os.stat(path)
    except ValueError:  # a zero byte
        raise DataError(f"{name} can't be the name of a file; give a file's path.") from None
    if not stat.S_ISREG(about.st_mode):
        what = "a folder" if stat.S_ISDIR(about.st_mode) else "a pipe, a socket or a device"
        raise DataError(f"{name} is {what}, not a file; give a picture's file.")
    if about.st_size > MAX_BYTES:
        raise too_many_bytes(name, about.st_size, MAX_BYTES)
    with open(path, "rb") as file:
        return file.read(about.st_size)


def _kind(data: bytes) -> str | None:
    """Tell the format from the first bytes, as Pillow calls it; None for any other."""
    for start, kind in _STARTS.items():
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if re.match(rb"P[1-6][\s#]", data):
        return "PPM"
    if data[4:8] == b"ftyp":
        size = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[8:12], *(data[i : i + 4] for i in range(16, size, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    return "PDF" if pdf.is_pdf(data[:1024]) else None


def _make_able(kind: str, name: str) -> None:
    """See that Pillow decodes AVIF or HEIC, or say what is needed."""
    from PIL import Image, features

    if kind == "AVIF":
        if not features.check("avif"):
            raise DataError(
                f"{name} is AVIF, which this Pillow can't decode; run: pip install -U pillow."
            )
        return
    Image.init()
    if "HEIF" not in Image.OPEN:
        try:
            import_module("pillow_heif").register_heif_opener()
        except ImportError:
            raise DataError(
                f"{name} is HEIC, which needs pillow-heif; run: pip install pillow-heif, or save "
                "it as JPEG."
            ) from None


def _settled(image: Image, kind: str | None, tags: Mapping[int, Any]) -> Image:
    """Convert a decoded image to a form that does not depend on its file format.

    The result has mode 1, L, RGB or RGBA, or one deep channel.
    """
    from PIL import Image as Pillow

    if kind == "PNG" and image.mode in ("L", "RGB", "RGBA") and not image.info:
        return image  # already in that form
    if len(image.info.get("exif") or b"") > _MAX_EXIF:
        del image.info["exif"]
    try:
        turn = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - the picture is good, whatever its EXIF is
        turn = 1
    exif = Pillow.Exif()
    if turn in range(2, 9):
        exif[_ORIENTATION] = turn
    for key in ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"):
        image.info.pop(key, None)
    packed = exif.tobytes() if exif else b""
    image.getexif().load(packed)
    if packed:
        image.info["exif"] = packed
    if image.mode.startswith("I;16") and kind == "TIFF":
        values: NDArray[Any] = np.asarray(image).astype(np.uint16)
        if tags.get(_BITS) == (12,):
            values = values << 4 | values >> 8
        if tags.get(_WHITE) == 0:  # white is zero; Pillow inverts 8 bits only
            values = np.uint16(full_scale(int(values.max()))) - values
        image = _replaced(image, Pillow.fromarray(values))
    if image.mode == "I" and kind in ("PPM", "PNG"):
        return image.convert("I;16")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return image
    if image.mode not in _PLAIN_MODES or "transparency" in image.info:
        return image.convert("RGBA")
    return image


def _replaced(image: Image, other: Image) -> Image:
    """Return `other` with the metadata of `image`."""
    other.info = image.info
    return other
