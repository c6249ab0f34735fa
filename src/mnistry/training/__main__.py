"""``python -m mnistry.training``: make the two networks that reading needs besides the convnet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mnistry.atomic import replacing
from mnistry.data.sources import load_data
from mnistry.models.file import save_model
from mnistry.training import inking, segments


def main(argv: Sequence[str] | None = None) -> int:
    """Train one of them and write its file."""
    parser = argparse.ArgumentParser(
        prog="python -m mnistry.training",
        description="Train the inker, which tells handwriting from paper, or the judge of\n"
        "candidates, on made scenes. The judge looks at what the inker in the package finds.",
        epilog="Examples:\n  python -m mnistry.training ink src/mnistry/pictures/ink.onnx\n"
        "  python -m mnistry.training segments src/mnistry/models/segments.onnx\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["ink", "segments"])
    parser.add_argument("out", metavar="FILE", help="the .onnx file to write")
    parser.add_argument("--scenes", type=int, help="default 20000 for ink, 10000 for segments")
    parser.add_argument("--epochs", type=int, help="default 6 for ink, 9 for segments")
    parser.add_argument("--seed", type=int, help="every draw; default 1 for ink, 0 for segments")
    args = parser.parse_args(argv)
    defaults = (20_000, 6, 1) if args.what == "ink" else (10_000, 9, 0)
    given = (args.scenes, args.epochs, args.seed)
    scenes, epochs, seed = (
        default if one is None else one for one, default in zip(given, defaults, strict=True)
    )
    data = load_data("mnist")
    if args.what == "ink":
        net = inking.train(inking.make_scenes(data.train, scenes, seed), epochs, seed)
        with replacing(args.out) as file:
            file.write(inking.graph(net).SerializeToString())
    else:
        model, provenance = segments.train(data, scenes, epochs, seed)
        save_model(model, args.out, provenance=provenance)
    return 0


if __name__ == "__main__":
    sys.exit(main())
