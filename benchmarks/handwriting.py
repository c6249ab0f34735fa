"""The pictures: a folder of handwriting as sets of files, the same files for every peer.

A folder of its own for each set: pictures, and a ``labels.tsv`` whose columns are ``file`` and
``text``, and may be ``writer``, ``rows`` (the text of each row, with a bar between them) and
``boxes_json`` ([digit, [x, y, w, h]] in reading order). Or a ``.npz`` with ``images`` and
``labels``, of single digits. Below ``not_digits`` are pictures of other things, without labels.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

OTHER = "not_digits"
Images = NDArray[np.uint8]
_SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class Written:
    """A picture: its file, its rows of digits (none where it holds none), its writer or ""."""

    file: Path
    rows: tuple[str, ...]
    writer: str = ""

    @property
    def text(self) -> str:
        """All digits in reading order."""
        return "".join(self.rows)


def gather(source: Path, work: Path, most: int | None = None) -> dict[str, list[Written]]:
    """Give the sets of a folder by name; what is in arrays or boxes is written to `work`.

    Where digits have boxes, they make a set of their own: each is cut out by its box, with what
    else lies in it, and its cheque or form counts as its writer. `most` pictures of a set at
    most are kept, drawn by one seed.
    """
    sets = {}
    for path in sorted(source.iterdir()):
        if path.name == OTHER:
            sets[OTHER] = kept([Written(file, ()) for file in _others(path, work)], most)
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                files = _files(arrays["images"], work / path.stem)
                texts = [str(int(label)) for label in arrays["labels"]]
            found = [Written(file, (text,)) for file, text in zip(files, texts, strict=True)]
            sets[path.stem] = kept(found, most)
        elif (path / "labels.tsv").is_file():
            lines = _labels(path)
            sets[path.name] = kept([_written(path, line) for line in lines], most)
            cut = list(_cut(path, lines, work / f"{path.name}_digits"))
            if cut:
                sets[f"{path.name}_digits"] = kept(cut, most)
    return sets


def kept(pictures: list[Written], most: int | None, seed: int = 0) -> list[Written]:
    """Give `most` of the pictures, or all where they are no more, in their order."""
    if most is None or len(pictures) <= most:
        return pictures
    chosen = np.random.default_rng(seed).choice(len(pictures), most, replace=False)
    return [pictures[i] for i in np.sort(chosen)]


def draw_files(images: Images, labels: NDArray[np.int64], folder: Path, n: int) -> list[Written]:
    """Write n of MNIST's pictures as PNG files, dark on light, 28 to 140 pixels a side."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(images), n, replace=n > len(images))
    folder.mkdir()
    written = []
    for i, (k, side) in enumerate(zip(chosen, rng.integers(28, 141, n), strict=True)):
        file = folder / f"{i:05}.png"
        _paper(images[k], int(side)).save(file)
        written.append(Written(file, (str(labels[k]),)))
    return written


def make_up(images: Images, labels: NDArray[np.int64], folder: Path) -> None:
    """Make up a folder as `gather` takes it, from MNIST's pictures: tiny, for a smoke run."""
    digits = iter(zip(images, labels.astype(str), strict=True))
    single: dict[str, list[str]] = {"file": [], "text": [], "writer": []}
    (folder / "own").mkdir(parents=True)
    for i in range(12):
        image, text = next(digits)
        _paper(image, 40 + 4 * i).save(folder / "own" / f"{i}.png")
        for column, value in zip(single.values(), (f"{i}.png", text, "abc"[i % 3]), strict=True):
            column.append(value)
    _label(folder / "own", single)
    many: dict[str, list[str]] = {"file": [], "text": [], "boxes_json": []}
    (folder / "amounts").mkdir()
    for i, count in enumerate((1, 2, 3, 3)):
        some = [next(digits) for _ in range(count)]
        line = Image.new("L", (56 * count, 56), 255)
        for k, (image, _) in enumerate(some):
            line.paste(_paper(image, 56), (56 * k, 0))
        line.save(folder / "amounts" / f"{i}.png")
        boxes = [[text, [56 * k, 0, 56, 56]] for k, (_, text) in enumerate(some)]
        row = (f"{i}.png", "".join(text for _, text in some), json.dumps(boxes))
        for column, value in zip(many.values(), row, strict=True):
            column.append(value)
    _label(folder / "amounts", many)
    rest = [next(digits) for _ in range(8)]
    np.savez(
        folder / "arrays.npz",
        images=np.stack([image for image, _ in rest]),
        labels=np.array([int(text) for _, text in rest]),
    )
    (folder / OTHER / "shapes").mkdir(parents=True)
    for i in range(4):
        shape = Image.new("L", (80, 80), 255)
        pen = ImageDraw.Draw(shape)
        for k in range(4):
            pen.line((10, 10 + 20 * k, 70, 10 + 20 * (k + i) % 70), fill=0, width=3)
        shape.save(folder / OTHER / "shapes" / f"{i}.png")


def _labels(folder: Path) -> list[dict[str, str]]:
    with open(folder / "labels.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _label(folder: Path, columns: dict[str, list[str]]) -> None:
    with open(folder / "labels.tsv", "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, delimiter="\t")
        lines.writerow(columns)
        lines.writerows(zip(*columns.values(), strict=True))


def _written(folder: Path, line: dict[str, str]) -> Written:
    text = line["rows"].split("|") if "rows" in line else [line["text"]]
    rows = tuple("".join(c for c in row if c.isdigit()) for row in text)
    return Written(folder / line["file"], rows, line.get("writer") or "")


def _cut(folder: Path, lines: list[dict[str, str]], work: Path) -> Iterator[Written]:
    for line in lines:
        if "boxes_json" not in line:
            continue
        work.mkdir(exist_ok=True)
        with Image.open(folder / line["file"]) as image:
            for k, (text, (x, y, w, h)) in enumerate(json.loads(line["boxes_json"])):
                file = work / f"{Path(line['file']).stem}_{k}.png"
                image.crop((x, y, x + w, y + h)).save(file)
                yield Written(file, (str(text),), writer=line["file"])


def _others(folder: Path, work: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _SUFFIXES:
            yield path
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                yield from _files(arrays["images"], work / f"{OTHER}_{path.stem}")


def _files(images: Images, folder: Path) -> list[Path]:
    folder.mkdir()
    files = [folder / f"{i:05}.png" for i in range(len(images))]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image).save(file)
    return files


def _paper(image: Images, side: int) -> Image.Image:
    large = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    return ImageOps.invert(large)
