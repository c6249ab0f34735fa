"""PDF, page by page, rendered by PDFium at the resolution of a scan (extra `pdf`)."""

from __future__ import annotations

from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from mnistry.errors import DataError, MissingExtra

if TYPE_CHECKING:
    from PIL.Image import Image

_DPI, _POINTS = 200, 72  # pixels, and PDF's own units, to the inch
_MAX_PIXELS = 8_000_000  # of a page; a larger one is rendered at a lower resolution
_lock = Lock()  # PDFium may be called by one thread at a time


def is_pdf(start: bytes) -> bool:
    """Return whether the first 1024 bytes of a file are those of a PDF."""
    return b"%PDF-" in start[:1024]


def is_named_pdf(name: str) -> bool:
    """Return whether a file is named as a PDF."""
    return name.lower().endswith(".pdf")


def can_be_read() -> bool:
    """Return whether the package that reads PDF is installed."""
    return find_spec("pypdfium2") is not None


def missing(what: str = "") -> MissingExtra:
    """Return the error for PDF without the extra; `what` is appended to its subject."""
    return MissingExtra(f"Reading PDF{what}", "pypdfium2", "pdf")


def count_pages(source: str | bytes) -> int:
    """Count a PDF's pages.

    Raises
    ------
    MissingExtra : pypdfium2 is not installed. RuntimeError : the file is damaged.
    """
    pdfium = _pdfium()
    with _lock, pdfium.PdfDocument(source) as document:
        return len(document)


def render(data: bytes, number: int, name: str, max_pixels: int) -> Image:
    """Render a page of a PDF, black on white as it would be printed.

    Parameters
    ----------
    number : the page's, from 1. name : what messages call the file.
    max_pixels : the most pixels of the image; 8 million at most are made.

    Raises
    ------
    MissingExtra : pypdfium2 is not installed. DataError : the file is encrypted.
    ValueError, RuntimeError : it is damaged, or has no such page.
    """
    pdfium = _pdfium()
    with _lock:
        try:
            document = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            if "password" in str(error).lower():
                raise DataError(f"{name} is encrypted; save it without a password.") from None
            raise
        with document:
            if not 1 <= number <= len(document):
                raise ValueError(f"it has no page {number}")
            page = document[number - 1]
            width, height = page.get_size()
            if not (width > 0 and height > 0):
                raise ValueError(f"its page {number} has no size")
            most = min(max_pixels, _MAX_PIXELS)
            # pypdfium2 rounds each side up, so a margin of one point is counted.
            fits = (most / ((width + 1) * (height + 1))) ** 0.5
            bitmap = page.render(scale=min(_DPI / _POINTS, fits))
            image: Image = bitmap.to_pil().convert("RGB")
            return image


def _pdfium() -> Any:
    try:
        import pypdfium2
    except ImportError:
        raise missing() from None
    return pypdfium2
