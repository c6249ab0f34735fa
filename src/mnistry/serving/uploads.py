"""The ways in which clients send images: bytes, forms, JSON, data URLs, base64.

The format is recognized by a body's bytes; the `Content-Type` decides only if they are ambiguous,
since it may be wrong: `curl --data-binary @photo.png` sends that of a form.
"""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from asyncio import to_thread
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from mnistry.errors import InputError, printable
from mnistry.pictures.decode import is_image
from mnistry.pictures.pages import Page, count_pages
from mnistry.pictures.pdf import is_pdf
from mnistry.serving.errors import Refused
from mnistry.serving.pictures import drawn
from mnistry.serving.protocol import load_json

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from starlette.requests import Request

MOST_FILES = 100
_MOST_ESCAPES = 500_000  # `%XX` of a form, each of which takes 50 bytes while it is parsed
_DATA_URL = re.compile(r"data:[^,]{0,200},")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_TO_STANDARD = str.maketrans("-_ ", "+/+", "\r\n\t")

Named = list[tuple[str, "bytes | Page | NDArray[Any]"]]


def paged(named: Named) -> Named:
    """Replace each TIFF of several pages by its pages, named as `scan.tif#2`.

    Raises
    ------
    InputError : there are more images than a request may have.
    """
    apart: Named = []
    for name, source in named:
        # PDF is refused when it is decoded, and is not opened here.
        is_file = isinstance(source, bytes) and not is_pdf(source[:1024])
        count = count_pages(source) if is_file else 1  # type: ignore[arg-type]  # bytes
        if count == 1:
            apart.append((name, source))
        else:
            pages = (Page(source, i) for i in range(1, count + 1))  # type: ignore[arg-type]
            apart += ((f"{name}#{page.number}", page) for page in pages)
        if len(apart) > MOST_FILES:
            raise InputError(
                f"{name!r} is more than the {MOST_FILES} images, pages counted, that a request may "
                "have; send fewer at a time."
            )
    return apart


def from_body(body: bytes, kind: str) -> Named:
    """Take the images, or the drawing, out of a body that is not a multipart form.

    Parameters
    ----------
    kind : the `Content-Type` without its parameters, in lower case.

    Returns
    -------
    named : (name, bytes of an image file or uint8 (h, w)).

    Raises
    ------
    Refused : 400 or 415, there are none. InputError : a drawing or an encoded image is damaged.
    """
    if kind == "application/json":
        return _from_json(body)
    if is_image(body) or kind.startswith("image/"):
        return [("picture", body)]
    start = body[:300].decode("latin-1").strip()
    if _is_text_of_image(start):
        return [("picture", _from_text(body.decode("latin-1"), "The body"))]
    if start.startswith("{"):
        return _from_json(body)
    if kind == "application/x-www-form-urlencoded":
        return _from_urlencoded(body)
    if kind in ("application/octet-stream", ""):
        return [("picture", body)]
    raise Refused(
        415,
        "Send an image's bytes, a form with files, or JSON with `image` or a drawing; "
        f"got {kind[:60]!r}.",
    )


async def from_form(request: Request, most: int) -> Named:
    """Take the images out of a multipart form: its files, and fields that hold a data URL.

    Parameters
    ----------
    most : bytes of a field.

    Raises
    ------
    Refused : 400, it is no such form or has none.
    """
    try:
        form = request.form(max_files=MOST_FILES, max_fields=MOST_FILES, max_part_size=most)
        async with form as parts:
            named: Named = []
            for i, (field, part) in enumerate(parts.multi_items(), 1):
                if not isinstance(part, str):
                    name = printable(part.filename or "", 200) or f"picture {i}"
                    named.append((name, await part.read()))
                elif _is_text_of_image(part):
                    image = await to_thread(_from_text, part, f"The field {field!r}")
                    named.append((printable(field, 200), image))
    except HTTPException as error:
        raise Refused(400, f"The form can't be read: {str(error.detail)[:200]}") from None
    except UnicodeError:
        raise Refused(400, "The form's names can't be read by its `charset`; use UTF-8.") from None
    if not named:
        raise Refused(400, "The form has no file in it; send at least one image.")
    return named


def _from_json(body: bytes) -> Named:
    """Take a drawing, or `image` or `images` as base64 or data URLs, out of JSON."""
    value = load_json(body)
    if "image" not in value and "images" not in value:
        return [("drawing", drawn(value))]
    images = value["images"] if "images" in value else [value["image"]]
    if not isinstance(images, list) or not images or len(images) > MOST_FILES:
        raise InputError(f"`images` must be a list of 1 to {MOST_FILES} images as base64.")
    if not all(isinstance(image, str) for image in images):
        raise InputError(
            "An image in JSON must be base64 or a data URL of an image file; send framed pixels "
            "to /v2/models/MODEL/infer."
        )
    if len(images) == 1:
        return [("picture", _from_text(images[0], "`image`"))]
    return [
        (f"picture {i}", _from_text(image, f"Image {i} of `images`"))
        for i, image in enumerate(images, 1)
    ]


def _from_urlencoded(body: bytes) -> Named:
    if body.count(b"%") > _MOST_ESCAPES:
        raise Refused(413, "The form has too many escapes; send the image's bytes instead.")
    fields: list[tuple[str, str]] = []
    try:
        # Urlencoded forms are ASCII. The parser is slow on other text, which it splits into runs.
        if body.isascii():
            fields = urllib.parse.parse_qsl(body.decode(), max_num_fields=MOST_FILES)
    except ValueError:
        raise Refused(400, f"A form may have at most {MOST_FILES} fields.") from None
    images: Named = [
        (printable(name, 200), _from_text(value, f"The field {name!r}"))
        for name, value in fields
        if _is_text_of_image(value)
    ]
    if not images:
        raise Refused(
            415,
            "The body holds no image, though its `Content-Type` is a form's; send an image's "
            "bytes, or a field with a data URL.",
        )
    return images


def _is_text_of_image(text: str) -> bool:
    """Return whether a text is a data URL, or begins as the base64 of an image does."""
    if text[:5].lower() == "data:":
        return True
    start = text[:80].translate(_TO_STANDARD)
    start = start[: len(start) // 4 * 4]
    if len(start) < 16 or not _BASE64.fullmatch(start):
        return False
    try:
        return is_image(base64.b64decode(start))
    except binascii.Error:
        return False


def _from_text(text: str, what: str) -> bytes:
    """Decode a data URL or base64, in the standard or the URL-safe alphabet.

    Raises
    ------
    InputError : it is neither.
    """
    # Both are ASCII, and `translate` takes a second for a few million other characters.
    if not text.isascii():
        raise InputError(
            f"{what} is neither base64 nor a data URL of an image; send the image's bytes."
        )
    text = text.strip()
    match = _DATA_URL.match(text[:300])
    if match:
        if not match[0].lower().endswith(";base64,"):
            raise InputError(f"{what} is a data URL without `;base64`; encode the image as base64.")
        text = text[match.end() :]
    # A form that was not encoded turns each plus sign into a space.
    text = text.translate(_TO_STANDARD).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(
            f"{what} is neither base64 nor a data URL of an image; send the image's bytes."
        ) from None
