"""Pictures and drawings that are sent in -> readings, and why a picture is what it is."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.errors import InputError
from mnistry.evidence.contrast import contrast
from mnistry.ocr.constraints import parse_range
from mnistry.pictures.decode import decode
from mnistry.pictures.pages import Page
from mnistry.reader import ALPHA, LEVEL, MOST_COUNT, Reader
from mnistry.reading import Outcome, Reading
from mnistry.serving.query import flag, number, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mnistry.models.base import Model
    from mnistry.serving.store import Served

_MOST_PIXELS = 24_000_000  # of a picture: decoded, it is held in memory
_MOST_PATTERN = 200  # characters of a pattern
_MOST_POINTS, _MOST_SIDE = 50_000, 4000
_MOST_AREA = 10**10  # square pixels that a drawing's lines could cover: seconds of work


def reader_of(query: Mapping[str, str], served: Served | None) -> Reader:
    """Make the reader that a request asks for; without a model, the one with all in the package.

    Raises
    ------
    InputError : a number is none, or out of range.
    """
    alpha, level = number(query, "alpha", ALPHA), number(query, "level", LEVEL)
    count = whole("digits", query["digits"]) if "digits" in query else None
    if count is not None and not 1 <= count <= MOST_COUNT:
        raise InputError(f"`digits` must be from 1 to {MOST_COUNT}; got {count}.")
    keep = flag(query, "keep")
    pattern, check, between = query.get("pattern"), query.get("check"), query.get("range")
    if max(len(query.get(name, "")) for name in ("pattern", "check", "range")) > _MOST_PATTERN:
        raise InputError(f"`pattern`, `range` and `check` have at most {_MOST_PATTERN} characters.")
    bounds = None if between is None else parse_range(between, "range")
    allowed = tuple(query["allowed"].split(",")) if "allowed" in query else None
    risk = number(query, "risk", 0.0) if "risk" in query else None
    known = pattern, bounds, allowed, check, risk
    if served is None:
        return _readers(alpha, level, count, keep, *known)
    return _made(served.model, alpha, level, count, keep, *known)


def _made(
    model: Model | None, alpha: float, level: float, count: int | None, keep: bool,
    pattern: str | None, between: tuple[int, int] | None, allowed: tuple[str, ...] | None,
    check: str | None, risk: float | None,
) -> Reader:  # fmt: skip
    return Reader(
        model, alpha=alpha, level=level, count=count, keep=keep, pattern=pattern, between=between,
        allowed=allowed, check=check, risk=risk,
    )  # fmt: skip


_readers = lru_cache(maxsize=64)(partial(_made, None))


def read(reader: Reader, name: str, source: bytes | Page | NDArray[Any]) -> Reading | InputError:
    """Read an image; return the error if it can't be read."""
    try:
        if isinstance(source, bytes | Page):
            name = name or "the picture"
            return reader.read(decode(source, name, _MOST_PIXELS, allow_pdf=False))
        return reader.read(source)
    except InputError as error:
        return error


def to_json(name: str, found: Reading | InputError, *, images: bool) -> dict[str, Any]:
    """Tell a reading as the command line does, with the 28×28 of each mark where wanted."""
    if isinstance(found, InputError):
        return {"picture": name, "error": str(found)}
    told = {"picture": name, **found.to_dict()}
    if images:
        for mark, own in zip(found.digits, told["digits"], strict=True):
            own["image"] = mark.image.ravel().tolist()
    return told


def outcomes(found: Reading | InputError) -> list[Outcome]:
    """Give what each thing in a picture was; of a blank one, that."""
    if isinstance(found, InputError):
        return []
    return [mark.outcome for mark in found.digits] or [found.outcome]


def drawn(told: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Draw strokes as a pen would, black on white, uint8 (h, w).

    Parameters
    ----------
    told : `strokes`, lists of [x, y]; `width`, `height` of the paper and `pen`'s width, in pixels.

    Raises
    ------
    InputError : it is no drawing, or too large.
    """
    import cv2

    strokes, sizes = told.get("strokes"), [told.get(k) for k in ("width", "height", "pen")]
    width, height, pen = sizes
    if not all(isinstance(size, int | float) and 1 <= size <= _MOST_SIDE for size in sizes):
        raise InputError(
            f"A drawing's `width`, `height` and `pen` must be numbers from 1 to {_MOST_SIDE}."
        )
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) for stroke in strokes):
        raise InputError("A drawing's `strokes` must be lists of points [x, y].")
    if sum(map(len, strokes)) > _MOST_POINTS:
        raise InputError(f"A drawing may have at most {_MOST_POINTS:,} points.")
    # What it takes to draw: an area along every line, no more of it than there is paper.
    area = min(float(pen) * 2 * _MOST_SIDE, float(width) * float(height))  # type: ignore[arg-type]
    if sum(map(len, strokes)) * area > _MOST_AREA:
        raise InputError("That many points are too many for so wide a pen; take a narrower one.")
    paper = np.full((round(float(height)), round(float(width))), 255, np.uint8)  # type: ignore[arg-type]
    for stroke in strokes:
        if not stroke:
            continue
        try:
            points = np.array(stroke, np.float64)
        except (TypeError, ValueError):
            points = np.zeros(0)
        if points.ndim != 2 or points.shape[1] != 2 or not (np.abs(points) < 1e5).all():
            raise InputError("A drawing's points must be pairs of numbers, [x, y].")
        fixed = np.round(points * 16).astype(np.int32)  # sixteenths of a pixel
        thick = max(1, round(float(pen)))  # type: ignore[arg-type]
        cv2.polylines(paper, [fixed], False, 0, thick, cv2.LINE_AA, shift=4)
        if len(fixed) == 1:
            x, y = fixed[0].tolist()
            cv2.circle(paper, (x, y), 8 * thick, 0, -1, cv2.LINE_AA, shift=4)
    return paper


def explain(served: Served, told: Mapping[str, Any]) -> dict[str, Any]:
    """Tell why a picture is one class and not another; see `mnistry.contrast`.

    Parameters
    ----------
    told : `image`, h × w levels, flat or in rows; `why` and `not`, labels, the latter or null.

    Raises
    ------
    InputError : it is no picture, or a label is none of the model's.
    """
    image = image_of(told.get("image"), served.model.shape)
    why, against = told.get("why"), told.get("not")
    if type(why) is not int or not (against is None or type(against) is int):
        raise InputError("`why` must be a label's number, and `not` another one or null.")
    found = contrast(served.model, image, why, against)
    return {
        "why": found.why,
        "not": found.against,
        "map": found.map.ravel().round(6).tolist(),
        "baseline": found.baseline,
        "sum": found.sum,
        "difference": found.difference,
        "residual": found.residual,
        "logits": list(found.logits),
        "probabilities": list(found.probabilities),
    }


def image_of(told: Any, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Take a picture's levels, flat or in rows, as uint8 (h, w).

    Raises
    ------
    InputError : they are not as many, or not from 0 to 255.
    """
    h, w = shape
    sentence = f"`image` must be {h * w} whole numbers from 0, paper, to 255, ink."
    if isinstance(told, list) and len(told) == h and all(isinstance(row, list) for row in told):
        told = [level for row in told for level in row]
    if not isinstance(told, list) or len(told) != h * w:
        raise InputError(sentence)
    if not all(type(level) is int and 0 <= level <= 255 for level in told):
        raise InputError(sentence)
    return np.array(told, np.uint8).reshape(h, w)
