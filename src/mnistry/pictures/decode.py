"""A picture file or its bytes -> a Pillow image; nothing that a file says is taken on trust."""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from mnistry.errors import DataError
from mnistry.pictures.weigh import PLAIN, check_size, damaged, too_many_bytes, weigh

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000
MAX_BYTES = 256 * 2**20
# Formats that Pillow decodes itself. It would start Ghostscript for EPS.
_FORMATS = "PNG, JPEG, BMP, GIF, TIFF, WebP, PPM, AVIF and HEIC"
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
_ORIENTATION, _BITS, _WHITE = 0x0112, 258, 262  # tags of EXIF and TIFF
_TILE = 322, 323
_MAX_EXIF = 2**20  # bytes


def decode(
    source: str | os.PathLike[str] | bytes,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Image:
    """Decode a picture wholly, its first frame or page if it has more.

    Parameters
    ----------
    source : a file's path, or the bytes themselves.
    name : what messages call it; None: its path.

    Returns
    -------
    image : decoded, in a mode that keeps what the file has; of its EXIF only the orientation is
        kept, by which it is not yet turned.

    Raises
    ------
    DataError : it is no picture, damaged, not a regular file, of more than 256 MB or of more
        than `max_pixels` pixels, or decoding it needs a package that is not installed.
    OSError : the file is missing or unreadable.
    """
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
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, which we weigh, and of odd metadata
        try:
            weigh(data, kind, name, max_pixels)
            if kind in ("AVIF", "HEIF"):
                _make_able(kind, name)
            if data[:2] in PLAIN:
                data = re.sub(rb"#[^\r\n]*", b"", data)  # many comments would take Pillow hours
            image = Image.open(io.BytesIO(data), formats=(kind,))
            check_size(image.size, name, max_pixels)
            tags = getattr(image, "tag_v2", {})
            check_size((tags.get(_TILE[0], 1), tags.get(_TILE[1], 1)), name, max_pixels)
            if image.tile and image.tile[0][0] in _SLOW:
                check_size(image.size, name, _SLOW_PIXELS)
                if len(data) > _SLOW_BYTES:
                    raise too_many_bytes(name, len(data), _SLOW_BYTES)
            image.load()
            return _settled(image)
        except DataError:
            raise
        except MemoryError:
            raise DataError(f"{name} needs more memory than there is; make it smaller.") from None
        except Image.DecompressionBombError:
            raise DataError(
                f"{name} has more than {max_pixels:,} pixels; make it smaller."
            ) from None
        except UnidentifiedImageError:
            raise damaged(name, f"its header is of no {kind}") from None
        except Exception as error:  # noqa: BLE001 - damaged files make decoders raise anything
            raise damaged(name, str(error) or type(error).__name__) from None


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
    return None


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


def _settled(image: Image) -> Image:
    """Leave nothing in a decoded picture that others must know its format for."""
    from PIL import Image as Pillow

    if image.format == "PNG" and image.mode in ("L", "RGB", "RGBA") and not image.info:
        return image  # nothing to leave
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
    if image.mode.startswith("I;16") and image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        values = np.asarray(image).astype(np.uint16)
        if tags.get(_BITS) == (12,):
            return Pillow.fromarray(values << 4 | values >> 8)
        if tags.get(_WHITE) == 0:  # white is zero; Pillow turns over 8 bits only
            return Pillow.fromarray(65535 - values)
    if image.mode == "I" and image.format in ("PPM", "PNG"):
        return image.convert("I;16")
    if image.mode in ("1", "L") and "transparency" in image.info:
        return image.convert("LA")
    return image
