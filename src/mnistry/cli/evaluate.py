"""``mnistry evaluate``: the score sheet of a model on a test split."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from mnistry.cli import choice
from mnistry.cli.parser import whole
from mnistry.errors import printable

if TYPE_CHECKING:
    from mnistry.cli.parser import Subparsers
    from mnistry.data.dataset import DataSet
    from mnistry.models.base import Model
    from mnistry.probability.sheet import ScoreSheet

_MOST_NAME = 30  # characters of a class's name in a table


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="the score sheet of a model",
        description="Score a model on the test split: accuracy with its exact 95% interval, how "
        "true its\nprobabilities are, how often its sets hold the truth, what it costs to answer "
        "always,\nwhat it takes for what; on MNIST also the two halves of writers and the labels "
        "as\nreviewers corrected them.",
        epilog="Examples:\n  mnistry evaluate digits.onnx --json\n  mnistry evaluate --corrupt\n",
    )
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="model file; default: the one in the package"
    )
    parser.add_argument(
        "--data", default="mnist", metavar="SOURCE", help="as for train; default: MNIST"
    )
    choice.add_invert(parser)
    parser.add_argument(
        "--corrupt",
        action="store_true",
        help="the same under fifteen families of corruption (MNIST-C's, drawn anew by --seed)",
    )
    parser.add_argument(
        "--seed",
        type=whole(0),
        default=0,
        help="seed for drawing a test split if the data has none, and corruptions; default 0",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load, score, report."""
    from mnistry.data.sources import load_data
    from mnistry.models.file import load_model, shipped_model
    from mnistry.probability.sheet import score

    model = shipped_model() if args.model is None else load_model(args.model)
    data = load_data(args.data, seed=args.seed, invert=args.invert)
    sheet = score(model, data.test)
    name = args.model or "convnet (in the package)"
    corrupted = _corrupted(model, data.test, args.seed) if args.corrupt else {}
    if args.json:
        more = {"corrupted": {k: v.to_dict() for k, v in corrupted.items()}} if corrupted else {}
        print(json.dumps({"model": name, "data": data.name, **sheet.to_dict(), **more}))
        return 0
    print(f"{name} on {data.name}, {sheet.pictures:,} test pictures\n")
    report(sheet)
    print("\nconfusion   rows: label; columns: answer")
    print(_table(sheet))
    if corrupted:
        print(f"\n{_corruptions({'none': sheet, **corrupted})}")
    return 0


def _corrupted(model: Model, data: DataSet, seed: int) -> dict[str, ScoreSheet]:
    """Score the model on each family of corruption."""
    from dataclasses import replace

    from mnistry.cli.progress import Progress
    from mnistry.data.corrupt import FAMILIES, corrupt
    from mnistry.probability.sheet import score

    sheets = {}
    with Progress("corrupting") as progress:
        for done, family in enumerate(FAMILIES):
            changed = replace(data, images=corrupt(data.images, family, seed))
            sheets[family] = score(model, changed)
            progress.update(done + 1, len(FAMILIES), sheets[family].nll)
    return sheets


def _corruptions(sheets: dict[str, ScoreSheet]) -> str:
    """Lay out what corruption does, a line a family, and their mean."""
    tight = next(iter(sheets["none"].coverage))
    head = f"{'corrupted by':<14} {'right':>8} {'nll':>7} {'ece':>6} "
    head += f"{f'sets {1 - float(tight):.0%}':>9}"
    level = next(iter(sheets["none"].refused), None)
    if level is not None:
        head += f" {f'refused at {level}':>16}"
    rows = {
        name: [sheet.accuracy, sheet.nll, sheet.ece, sheet.coverage[tight]["coverage"]]
        + ([] if level is None else [sheet.refused[level]])
        for name, sheet in sheets.items()
    }
    families = [row for name, row in rows.items() if name != "none"]
    rows["mean of all"] = [sum(column) / len(families) for column in zip(*families, strict=True)]
    lines = [head]
    for name, (right, nll, ece, held, *refused) in rows.items():
        line = f"{name:<14} {right:>8.2%} {nll:>7.3f} {ece:>6.3f} {held:>9.2%}"
        lines.append(line + "".join(f" {share:>16.2%}" for share in refused))
    return "\n".join(lines)


def report(sheet: ScoreSheet) -> None:
    """Print the sheet for a person: a table, and a bar a class."""
    from mnistry.probability.sheet import Share

    whole = Share(
        sum(row[i] for i, row in enumerate(sheet.confusion)),
        sheet.pictures,
        sheet.accuracy,
        sheet.accuracy_interval,
    )
    for name, share in {"accuracy": whole, **sheet.parts}.items():
        low, high = share.interval
        print(
            f"{name:<11} {share.accuracy:>7.2%}   95% interval {low:.2%} to {high:.2%}   "
            f"{share.right:,} of {share.pictures:,}"
        )
    if sheet.light_borders > 0.5:
        print(
            f"note        {sheet.light_borders:.0%} of the images have light borders, but 0 must "
            "be paper and 255 ink"
        )
    print(f"nll         {sheet.nll:.4f}    mean -log p(truth), nats; 0 is perfect")
    print(f"brier       {sheet.brier:.4f}    squared distance to the truth; 0 is perfect")
    print(
        f"ece         {sheet.ece:.4f}    gap between what it claims and what happens; "
        f"{sheet.ece_floor:.4f} would be noise"
    )
    for alpha, found in sheet.coverage.items():
        low, high = found["interval"]
        print(
            f"sets {1 - float(alpha):<6.1%} {found['coverage']:>7.2%}   95% interval {low:.2%} to "
            f"{high:.2%}   hold the truth; {found['size']:.3f} classes each"
        )
    if sheet.sets == "claimed":
        print("            not calibrated: sets are what the probabilities claim, no more")
    for risk, answered in sheet.answered.items():
        print(f"{f'wrong {float(risk):.1%}':<11} {answered:>7.2%}   can be answered, surest first")
    for level, refused in sheet.refused.items():
        print(f"refused {float(level):<3.0%} {refused:>7.2%}   are less typical than the level")
    print("\nright, by class")
    names = [printable(name, _MOST_NAME) for name in sheet.classes]
    width = max(map(len, names))
    for name, right in zip(names, sheet.class_accuracy, strict=True):
        if right is None:
            print(f"{name:>{width}}  no test images")
            continue
        print(f"{name:>{width}}  {'█' * round(40 * right):░<40} {right:>6.1%}")


def _table(sheet: ScoreSheet) -> str:
    """Lay out the confusion matrix; zeros as dots, so that errors stand out."""
    names = [printable(name)[:6] for name in sheet.classes]
    width = max(3, *(len(str(n)) for row in sheet.confusion for n in row), *map(len, names)) + 1
    lines = [" " * width + "".join(f"{name:>{width}}" for name in names)]
    for name, row in zip(names, sheet.confusion, strict=True):
        lines.append(f"{name:>{width}}" + "".join(f"{n or '·':>{width}}" for n in row))
    return "\n".join(lines)
