"""Make synthetic rows, train the line recognizer, or make the benchmark of numbers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mnistry.atomic import replacing
from mnistry.errors import InputError
from mnistry.synthesis import line_training
from mnistry.synthesis.numbers import write_numbers


def main(argv: Sequence[str] | None = None) -> int:
    """Make rows, train on them, or make the public benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m mnistry.synthesis",
        description="Make synthetic rows of digits (rows), train the line recognizer on them "
        "(train), or make a benchmark of numbers from MNIST's test split (numbers).",
        epilog="Examples:\n  python -m mnistry.synthesis rows ROWS --files 100 --strokes STROKES\n"
        "  python -m mnistry.synthesis train ROWS --out src/mnistry/ocr/line.onnx\n"
        "  python -m mnistry.synthesis numbers NUMBERS --count 900\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["rows", "train", "numbers"])
    parser.add_argument("folder", metavar="FOLDER", help="folder of rows or numbers")
    parser.add_argument("--files", type=int, default=100, help="files of 2,500 rows (default 100)")
    parser.add_argument("--count", type=int, default=900, help="number of images (default 900)")
    parser.add_argument("--seed", type=int, default=0, help="of every draw (default 0)")
    parser.add_argument("--strokes", metavar="DIR", help="pen strokes (default: MNIST's alone)")
    parser.add_argument("--steps", type=int, default=11_000, help="of 64 rows (default 11000)")
    parser.add_argument("--start", metavar="FILE", help="a trained .onnx network to go on from")
    parser.add_argument(
        "--rate", type=float, default=3e-3, help="peak learning rate; default 0.003"
    )
    parser.add_argument("--out", metavar="FILE", help="the .onnx file to write")
    args = parser.parse_args(argv)
    try:
        if args.what == "rows":
            Path(args.folder).mkdir(parents=True, exist_ok=True)
            line_training.write_rows(args.folder, args.files, args.seed, args.strokes)
            return 0
        if args.what == "numbers":
            write_numbers(args.folder, args.count, args.seed)
            return 0
        if not args.out:
            raise InputError("`train` needs --out FILE.")
        checkpoint = f"{args.out}.checkpoint.npz"
        net = line_training.train(
            args.folder, checkpoint, args.steps, seed=args.seed, start=args.start,
            highest_rate=args.rate,
        )  # fmt: skip
        with replacing(args.out) as file:
            file.write(line_training.graph(net).SerializeToString())
    except InputError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
