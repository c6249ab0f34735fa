"""``mnistry read``: pictures of handwritten digits to text, with how sure each digit is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from mnistry.cli import choice, job
from mnistry.cli.console import bar, columns
from mnistry.cli.progress import Counter
from mnistry.cores import cores
from mnistry.errors import InputError, printable
from mnistry.ocr.constraints import CHECKS, parse_range

if TYPE_CHECKING:
    from mnistry.cli.parser import Subparsers
    from mnistry.evidence.strip import Shot
    from mnistry.pictures.doctor import Finding
    from mnistry.reading import Mark, Reading

_LEAST = 0.01  # probability of a runner-up that is worth a word
_WIDE = 105  # columns that the whole table takes


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "read",
        help="read images of handwritten digits",
        description="Read images of handwritten digits, photographed, scanned or drawn: one "
        "digit, rows of them or a page. Each digit gets its probability and its alternatives. "
        "Errors of single files go to standard error; the other files are read all the same.",
        epilog="Examples:\n"
        "  mnistry read photo.jpg\n"
        "  mnistry read scans/ more.zip --json\n"
        "  mnistry read meter.png --digits 5 --show strip.png --doctor\n"
        "  mnistry read cards/ --check luhn --pattern '4\\d{15}' --json\n"
        "  mnistry read forms/ --risk 0.01 --csv forms.csv --review check.html\n"
        "  mnistry read s3://bucket/scans --out readings/ --ray auto\n",
    )
    parser.add_argument(
        "pictures",
        nargs="*",
        metavar="PICTURE",
        help="a file, a folder, a pattern such as 'scans/*.png', an archive, a Parquet file, a URL "
        "of any of them such as s3://bucket/folder, or - for standard input",
    )
    choice.add_model(parser)
    parser.add_argument(
        "--alpha",
        type=float,
        metavar="A",
        help="allowed error rate of prediction sets; digits with more than one candidate are "
        "reported as ambiguous; default 0.01",
    )
    parser.add_argument(
        "--level",
        type=float,
        metavar="L",
        help="reject marks less typical than this; about the same share of real digits is "
        "rejected too; default 0.001",
    )
    parser.add_argument(
        "--digits", type=int, metavar="N", help="number of digits in each image, if it is known"
    )
    parser.add_argument(
        "--pattern",
        metavar="P",
        help="regular expression over digits that each row matches as a whole, such as "
        "'\\d{4}|\\d{6}'",
    )
    parser.add_argument("--range", metavar="LOW-HIGH", help="least and greatest value of each row")
    parser.add_argument(
        "--allowed",
        metavar="FILE",
        help="text file with all values that a row may have",
    )
    parser.add_argument(
        "--check",
        choices=sorted(CHECKS),
        metavar="NAME",
        help="rule of the check digit: luhn, mod97 (IBAN), ean, isbn13 or isbn10",
    )
    parser.add_argument(
        "--risk",
        type=float,
        metavar="R",
        help="greatest share of accepted readings that may be wrong, such as 0.01; the others are "
        "marked for review",
    )
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help="report of `evaluate --images FOLDER --labels FILE --json` on your own images, from "
        "which --risk takes its threshold",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep points, commas and dashes in the text"
    )
    parser.add_argument(
        "--show",
        metavar="FILE",
        help="draw the steps from image to answer into a .png or .svg file",
    )
    parser.add_argument("--csv", metavar="FILE", help="write one row per image into a .csv file")
    parser.add_argument(
        "--review",
        metavar="FILE",
        help="write an .html page of the readings marked for review, with their images, "
        "alternatives and a corrected CSV file to download",
    )
    parser.add_argument(
        "--doctor", action="store_true", help="report problems of image quality, and their cure"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per image; with --out, a summary",
    )
    job.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, report; 2 if any picture could not be read, or, of a job, none."""
    job.settle(args)
    if args.show is not None:
        from mnistry.evidence.page import kind_of

        kind_of(args.show)
        choice.check_target("--show", args.show)
    for option, path, suffix in (("--csv", args.csv, ".csv"), ("--review", args.review, ".html")):
        if path is not None:
            choice.check_target(option, path, suffix)
    from mnistry.probability.straight_through import acceptance_threshold
    from mnistry.reader import ALPHA, LEVEL, MOST_COUNT, Reader

    if args.digits is not None and not 1 <= args.digits <= MOST_COUNT:
        raise InputError(f"`--digits` must be from 1 to {MOST_COUNT}; got {args.digits}.")
    args.alpha = ALPHA if args.alpha is None else args.alpha
    level = LEVEL if args.level is None else args.level
    threshold = None
    if args.risk is not None:
        threshold = acceptance_threshold(args.risk, args.calibration)
    elif args.calibration is not None:
        raise InputError("`--calibration` needs `--risk`, the share of errors that is allowed.")
    model = None if args.model is None else choice.load(args, "convnet")[0]
    reader = Reader(
        model, alpha=args.alpha, level=level, count=args.digits, keep=args.keep,
        pattern=args.pattern, check=args.check,
        between=None if args.range is None else parse_range(args.range, "--range"),
        allowed=None if args.allowed is None else Path(args.allowed),
        threshold=threshold,
    )  # fmt: skip
    if args.out is not None:
        return job.run(args, reader)
    shots: list[Shot] = []
    review = None
    if args.review is not None or args.csv is not None:
        from mnistry.cli.review import Review

        review = Review(images=args.review is not None)
    read = failed = 0
    with Counter(wanted=not sys.stdout.isatty()) as counter:
        # What is shown of a reading is made here; other processes send only what it says.
        alone = args.doctor or args.show is not None or args.review is not None
        workers = 1 if alone else cores()
        stdin = getattr(sys.stdin, "buffer", None)  # there is none where it is closed
        found = reader.read_many(args.pictures, stdin=stdin, workers=workers)
        first = list(islice(found, 2))
        if not first:
            raise InputError("No picture was found in what was given; name files of pictures.")
        for name, one in chain(first, found):
            if isinstance(one, InputError):
                failed += 1
                counter.wipe()
                _refuse(args, name, one)
                if review is not None:
                    review.add_error(name, str(one))
            else:
                read += 1
                _tell(args, name, one, alone=len(first) == 1)
                if args.show is not None:
                    _keep(shots, name, one)
                if review is not None:
                    review.add(name, one)
            counter.update(read + failed)
    if review is not None:
        if args.csv is not None:
            review.write_csv(args.csv)
        if args.review is not None:
            review.write_page(args.review)
            if not args.json:
                print(f"\n{args.review}: {review.summary()}")
    if shots:
        from mnistry.evidence.page import save
        from mnistry.evidence.strip import strip

        save(strip(shots, total=read, alpha=args.alpha), args.show)
        if not args.json:
            more = f" (the first {len(shots)} of {read:,} pictures)" if read > len(shots) else ""
            print(f"\n{args.show}{more}")
    return 2 if failed else 0


def _refuse(args: argparse.Namespace, name: str, error: InputError) -> None:
    """Say why a picture can't be read."""
    if args.json:
        print(json.dumps({"picture": name, "error": str(error)}), flush=True)
    sentence = str(error) if name in str(error) else f"{name}: {error}"
    print(f"mnistry: {printable(sentence)}", file=sys.stderr, flush=True)


def _tell(args: argparse.Namespace, name: str, reading: Reading, *, alone: bool) -> None:
    """Report one picture: as JSON, in detail where it is alone, or in a line."""
    findings = _examined(reading) if args.doctor else []
    if args.json:
        told = {"picture": name, **reading.to_dict()}
        if args.doctor:
            told["doctor"] = [{"code": f.code, "sentence": f.sentence} for f in findings]
        print(json.dumps(told), flush=True)
        return
    if alone:
        print("\n".join(_details(args, name, reading)))
        if args.doctor:
            print()
            print("\n".join(f.sentence for f in findings) or "The doctor finds nothing wrong.")
        return
    text = reading.text.replace("\n", " / ")
    sure = _percent(reading.probability) if reading.text else ""
    print(
        f"{text:<12} {sure:>8}  {_outcome(reading, args.digits):<13} {printable(name)}",
        *(f"    {f.sentence}" for f in findings),
        sep="\n", flush=True,
    )  # fmt: skip


def _details(args: argparse.Namespace, name: str, reading: Reading) -> Iterator[str]:
    """Lay out one reading for a person."""
    yield reading.text or f"({reading.outcome})"
    yield ""
    sure = f", {_percent(reading.probability)} sure of the whole text" if reading.text else ""
    yield f"{printable(name)}: {_outcome(reading, args.digits)}{sure}"
    if reading.digits:
        yield ""
        yield from _rows(reading.digits)
    others = [one for one in reading.alternatives if one[0] != reading.text and one[1] > _LEAST]
    if len(reading.text) > 1 and others:
        said = [
            f"{text or '(nothing)'} {_percent(p)}".replace("\n", " / ") for text, p in others[:4]
        ]
        yield ""
        yield f"Other texts: {', '.join(said)}"
    if any(mark.digit is not None and len(mark.set) > 1 for mark in reading.digits):
        yield ""
        yield f"A set holds the right digit {100 * (1 - args.alpha):.4g}% of the time."


def _rows(marks: Sequence[Mark]) -> Iterator[str]:
    """Yield a line for each digit: probability, alternatives, outcome, and its box if it fits."""
    wide = columns() >= _WIDE
    size = 20 if wide else 10  # of the bar
    others = 22 if wide else 18
    head = f"digit  {'probability':<{size + 9}} {'alternatives':<{others}} {'set':<9} outcome     "
    yield f"{head} box: x, y, width × height" if wide else head.rstrip()
    for mark in marks:
        if mark.digit is None:
            name, more, chosen = mark.sign, "", ""
            likely = f"{'like a digit:':<{size - 1}} {_percent(mark.typicality):>9}"
        else:
            p, name = mark.probabilities, str(mark.digit)
            likely = f"{bar(float(p[mark.digit]), size)} {_percent(float(p[mark.digit])):>8}"
            ranked = (-p).argsort(kind="stable").tolist()
            seconds = [d for d in ranked if d != mark.digit and p[d] > _LEAST]
            more = _fit([f"{d} {p[d]:.1%}" for d in seconds], others)
            chosen = " ".join(map(str, mark.set)) if len(mark.set) > 1 else ""
            if len(chosen) > 9:
                chosen = f"{len(mark.set)} digits"
        row = f"{name:<6} {likely:<{size + 9}} {more:<{others}} {chosen:<9} {mark.outcome:<12}"
        box = f" {mark.box.x}, {mark.box.y}, {mark.box.w} × {mark.box.h}" if wide else ""
        yield (row + box).rstrip()


def _fit(words: list[str], width: int) -> str:
    """Join as many words as fit, and end with "…" if some are left out."""
    for count in range(len(words), 0, -1):
        text = ", ".join(words[:count]) + (" …" if count < len(words) else "")
        if len(text) <= width:
            return text
    return ""


def _outcome(reading: Reading, wanted: int | None) -> str:
    """Return the outcome, whether all digits are there, whether the text fits and is accepted."""
    count = sum(mark.digit is not None for mark in reading.digits)
    if wanted is not None and count != wanted:
        return f"{reading.outcome}, {count} of {wanted} digits"
    if reading.fits is False:
        return f"{reading.outcome}, does not fit"
    if reading.accepted is not None:
        return f"{reading.outcome}, {'accepted' if reading.accepted else 'to check'}"
    return str(reading.outcome)


def _examined(reading: Reading) -> list[Finding]:
    from mnistry.pictures.doctor import examine

    assert reading.inked is not None  # noqa: S101 - one process reads
    assert reading.found is not None  # noqa: S101
    return examine(reading.inked, reading.found)


def _keep(shots: list[Shot], name: str, reading: Reading) -> None:
    """Keep what the film strip shows of a picture, as long as there is room."""
    from mnistry.evidence.strip import MOST_PICTURES, Shot, thumbnail

    if len(shots) == MOST_PICTURES:
        return
    import numpy as np

    marks, inked = reading.digits, reading.inked
    assert inked is not None  # noqa: S101 - one process reads
    h, w = (side / inked.scale for side in inked.grey.shape)
    shots.append(
        Shot(
            name=name,
            text=reading.text,
            note=f"{_percent(reading.probability)}, {reading.outcome}"
            if reading.text
            else str(reading.outcome),
            grey=thumbnail(inked.grey),
            ink=thumbnail(inked.ink),
            boxes=np.array([mark.box for mark in marks], float).reshape(-1, 4) / (w, h, w, h),
            images=np.array([mark.image for mark in marks], np.uint8).reshape(-1, 28, 28),
            probabilities=np.array([mark.probabilities for mark in marks]).reshape(-1, 10),
            sets=[mark.set for mark in marks],
            answers=["" if mark.digit is None else str(mark.digit) for mark in marks],
        )
    )


def _percent(share: float) -> str:
    from mnistry.evidence.page import percent

    return percent(share, 2)
