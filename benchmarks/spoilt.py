"""What is left of reading when strangers' pictures are turned, shaded, noisy or small?

The pictures of a folder (``--pictures DIR``, laid out as `handwriting` says), 120 of each set at
most, are spoilt in one way after the other, as cameras and copiers do, and read, number of digits
unknown. Right is a picture whose digits are read exactly, in order, and no others.

What reading does about tilt and shadows was chosen with these ways and the development pictures in
view, so that strangers' pictures may fare worse.

Last answer: see results/spoilt.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

import machine
from compare import RESULTS
from handwriting import OTHER, Written, gather, make_up
from mnistry import Reader, load_data
from mnistry.pictures.decode import decode
from mnistry.probability.measure import binomial_interval

Picture = NDArray[np.uint8]
Spoil = Callable[[Picture, np.random.Generator], NDArray[Any]]
LEFT_OUT = {OTHER, "optdigits", "one_writer", "pages", "printed"}  # no digits, or few, or tiny
MOST, LARGEST, BATCH = 120, 900, 32  # pictures of a set; pixels a side; pictures read together


def resized(scale: float) -> Spoil:
    """Make it so many times as large."""
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC

    def spoil(x: Picture, _: np.random.Generator) -> Picture:
        size = [max(4, round(side * scale)) for side in x.shape[1::-1]]
        return np.asarray(cv2.resize(x, size, interpolation=how), np.uint8)

    return spoil


def turned(degrees: float) -> Spoil:
    """Turn it on paper of its own median shade, a tenth of its longer side more all around."""

    def spoil(x: Picture, _: np.random.Generator) -> Picture:
        (h, w), more = x.shape[:2], round(0.1 * max(x.shape))
        shade = [float(s) for s in np.atleast_1d(np.median(x, axis=(0, 1)))]
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1)
        turn[:, 2] += more
        size = w + 2 * more, h + 2 * more
        return np.asarray(cv2.warpAffine(x, turn, size, borderValue=shade), np.uint8)

    return spoil


def aslant(x: Picture, _: np.random.Generator) -> Picture:
    """Look at it from one side."""
    h, w = x.shape[:2]
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    seen = np.array([[0.06, 0.05], [0.97, 0], [0.92, 0.96], [0.02, 1]]) * (w, h)
    view = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    return np.asarray(
        cv2.warpPerspective(x, view, (w, h), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def compressed(quality: int) -> Spoil:
    """Store it as a JPEG."""

    def spoil(x: Picture, _: np.random.Generator) -> Picture:
        data = cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)

    return spoil


def noisy(deviation: float) -> Spoil:
    """Add grain, independent in each pixel, the same in all colours."""

    def spoil(x: Picture, rng: np.random.Generator) -> NDArray[Any]:
        grain = rng.normal(0, deviation, x.shape[:2])
        return np.asarray(x + (grain[:, :, None] if x.ndim == 3 else grain))

    return spoil


def falling(x: Picture, _: np.random.Generator) -> NDArray[Any]:
    """Let light fall off to a third, from one corner to the other."""
    h, w = x.shape[:2]
    return _lit(x, np.outer(np.linspace(1, 0.72, h), np.linspace(1, 0.46, w)))


def shaded(x: Picture, _: np.random.Generator) -> NDArray[Any]:
    """Lay a shadow over its right half, with a soft edge."""
    h, w = x.shape[:2]
    light = np.where(np.arange(w) < 0.45 * w, 1, 0.55) * np.ones((h, 1))
    return _lit(x, cv2.GaussianBlur(light, (0, 0), max(1, 0.02 * w)))


def faint(x: Picture, _: np.random.Generator) -> NDArray[Any]:
    """Leave two fifths of the contrast."""
    paper = np.median(x, axis=(0, 1))
    return np.asarray(paper + 0.4 * (x - paper))


def moved(x: Picture, _: np.random.Generator) -> Picture:
    """Smear it along its rows, by a twenty-fifth of its shorter side."""
    return np.asarray(cv2.blur(x, (max(2, round(0.04 * min(x.shape[:2]))), 1)), np.uint8)


KINDS: dict[str, Spoil] = {
    "as they are": lambda x, _: x,
    "shades turned round": lambda x, _: 255 - x,
    "JPEG of quality 20": compressed(20),
    "half as large": resized(0.5),
    "three times as large": resized(3),
    "turned by 3 degrees": turned(3),
    "turned by -5 degrees": turned(-5),
    "turned by 8 degrees": turned(8),
    "seen from one side": aslant,
    "smeared": moved,
    "noise of 10 of 255": noisy(10),
    "noise of 25": noisy(25),
    "light falling to a third": falling,
    "half in shadow": shaded,
    "contrast of two fifths": faint,
}


def spoilt(picture: Picture, kind: str, seed: int = 0) -> Picture:
    """Give a picture, (h, w) or (h, w, 3), spoilt in one of `KINDS`; `seed` decides every draw."""
    found = KINDS[kind](picture, np.random.default_rng(seed))
    return np.asarray(np.clip(found, 0, 255), np.uint8)


def main() -> int:
    """Spoil, read, write, print."""
    question = str(__doc__).splitlines()[0]
    parser = argparse.ArgumentParser(description=question)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="real pictures")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS, metavar="KIND")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the result goes")
    parser.add_argument("--smoke", action="store_true", help="a few made up, nothing written")
    args = parser.parse_args()
    if not (args.pictures or args.smoke):
        parser.error("--pictures DIR says where real pictures are; --smoke makes some up")
    reader = Reader()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.smoke:
            args.pictures = folder / "made up"
            test = load_data().test
            make_up(test.images, test.labels, args.pictures)
        (folder / "work").mkdir()
        sets = gather(args.pictures, folder / "work", MOST)
        sets = {key: own for key, own in sets.items() if key not in LEFT_OUT}
        kinds: dict[str, dict[str, Any]] = {}
        for kind in args.kinds:
            kinds[kind] = {key: _score(reader, own, kind) for key, own in sets.items()}
            found = (f"{key} {100 * row['accuracy']:.1f}" for key, row in kinds[kind].items())
            print(f"{kind}:", *found, flush=True)
    result = {
        "benchmark": "spoilt", "question": question, "smoke": args.smoke, "models": list(sets),
        "pictures": {key: len(own) for key, own in sets.items()}, "kinds": kinds,
        "machine": machine.describe(),
    }  # fmt: skip
    out = args.out or (None if args.smoke else RESULTS / "spoilt.json")
    if out:
        out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


def _score(reader: Reader, pictures: list[Written], kind: str) -> dict[str, Any]:
    right = 0
    for at in range(0, len(pictures), BATCH):
        some = pictures[at : at + BATCH]
        readings = reader.read_batch(_spoilt(some, kind, at))
        right += sum(
            reading.text.replace("\n", "") == picture.text
            for reading, picture in zip(readings, some, strict=True)
        )
    n = len(pictures)
    return {"accuracy": right / n, "interval": binomial_interval(right, n)}


def _spoilt(pictures: list[Written], kind: str, first: int) -> Iterator[Picture]:
    for i, written in enumerate(pictures, first):
        image = ImageOps.exif_transpose(decode(written.file)).convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        picture = np.array(Image.alpha_composite(paper, image).convert("RGB"))
        if max(picture.shape) > LARGEST:
            picture = resized(LARGEST / max(picture.shape))(picture, np.random.default_rng(0))
        yield spoilt(np.ascontiguousarray(picture), kind, i)


def _lit(x: Picture, light: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(x * light[:, :, None] if x.ndim == 3 else x * light)


if __name__ == "__main__":
    sys.exit(main())
