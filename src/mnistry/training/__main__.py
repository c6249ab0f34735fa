"""``python -m mnistry.training``: make the networks that reading needs besides the convnet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mnistry.atomic import replacing
from mnistry.data.sources import load_data
from mnistry.models.file import save_model
from mnistry.training import inking, lines, segments

DEFAULTS = {"ink": (40_000, 6, 1), "segments": (20_000, 9, 0), "line": (120_000, 6, 0)}


def main(argv: Sequence[str] | None = None) -> int:
    """Train one of them and write its file."""
    parser = argparse.ArgumentParser(
        prog="python -m mnistry.training",
        description="Train, on made scenes: ink, the inker, which tells handwriting from paper;\n"
        "segments, the judge of candidates; line, the line recogniser. The last two look at what\n"
        "the inker in the package finds.",
        epilog="Examples:\n  python -m mnistry.training ink src/mnistry/pictures/ink.onnx\n"
        "  python -m mnistry.training segments src/mnistry/models/segments.onnx\n"
        "  python -m mnistry.training line src/mnistry/models/line.onnx\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=list(DEFAULTS))
    parser.add_argument("out", metavar="FILE", help="the .onnx file to write")
    for i, (name, what) in enumerate(
        [("scenes", "how many are made"), ("epochs", "over them"), ("seed", "of every draw")]
    ):
        by_kind = ", ".join(f"{kind} {numbers[i]}" for kind, numbers in DEFAULTS.items())
        parser.add_argument(f"--{name}", type=int, help=f"{what}; default: {by_kind}")
    args = parser.parse_args(argv)
    given = (args.scenes, args.epochs, args.seed)
    scenes, epochs, seed = (
        default if one is None else one
        for one, default in zip(given, DEFAULTS[args.what], strict=True)
    )
    data = load_data("mnist")
    if args.what == "segments":
        model, provenance = segments.train(data, scenes, epochs, seed)
        save_model(model, args.out, provenance=provenance)
        return 0
    if args.what == "ink":
        net = inking.train(inking.make_scenes(data.train, scenes, seed), epochs, seed)
        graph = inking.graph(net)
    else:
        net = lines.train(lines.make_lines(data.train, scenes, seed), epochs, seed)
        graph = lines.graph(net)
    with replacing(args.out) as file:
        file.write(graph.SerializeToString())
    return 0


if __name__ == "__main__":
    sys.exit(main())
