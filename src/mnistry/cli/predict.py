"""``mnistry predict``: the classes of images that have no labels, as a CSV file."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from typing import TYPE_CHECKING, Any

from mnistry.cli import choice
from mnistry.errors import printable

if TYPE_CHECKING:
    from mnistry.cli.parser import Subparsers

_HEADER = ("ImageId", "Label", "Probability")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "predict",
        help="classify a file of images without labels",
        description="Classify each image in a file of arrays: a CSV file with a column per pixel, "
        "as Kaggle's\ntest.csv, .npz, .npy, .mat, IDX or Parquet. The output is CSV with the "
        "columns\nImageId (from 1), Label and Probability. Image files are read by `mnistry read`.",
        epilog="Examples:\n"
        "  mnistry predict test.csv --out answers.csv\n"
        "  mnistry predict images.npy --model digits.onnx --json\n",
    )
    parser.add_argument("source", metavar="FILE", help="the images, with or without labels")
    choice.add_model(parser)
    choice.add_invert(parser)
    parser.add_argument("--out", metavar="FILE", help="a .csv file; default: standard output")
    parser.add_argument(
        "--submission",
        action="store_true",
        help="leave out the probability, as Kaggle's digit-recognizer requires",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load the images, classify them and write the predictions."""
    import numpy as np

    from mnistry.data.sources import load_images

    if args.out is not None:
        choice.check_target("--out", args.out, ".csv")
    images = load_images(args.source, invert=args.invert)
    model, about = choice.load(args, "convnet")
    probabilities = model.predict_proba(images)
    labels = probabilities.argmax(axis=1)
    sure = probabilities[np.arange(len(labels)), labels]
    shown = [printable(name) for name in model.classes]  # a model file may name its classes at will
    names = [shown[label] for label in labels]
    answers: list[dict[str, Any]] = [
        {"image": i, "label": name, "probability": float(p)}
        for i, (name, p) in enumerate(zip(names, sure, strict=True), 1)
    ]
    if args.out is not None:
        from mnistry.atomic import replacing

        with replacing(args.out) as file:
            for line in _lines(answers, args.submission):
                file.write(line.encode())
    if args.json:
        print(json.dumps({**about, "images": len(images), "answers": answers}))
    elif args.out is not None:
        print(f"{args.out}: predictions of {about['model']} for {len(images):,} images")
    else:
        sys.stdout.writelines(_lines(answers, args.submission))
    return 0


def _lines(answers: list[dict[str, Any]], submission: bool) -> list[str]:
    """Return the predictions as lines of CSV."""
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = 2 if submission else 3
    writer.writerow(_HEADER[:columns])
    for answer in answers:
        cells = (answer["image"], answer["label"], f"{answer['probability']:.6f}")
        writer.writerow(cells[:columns])
    return text.getvalue().splitlines(keepends=True)
