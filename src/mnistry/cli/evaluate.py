"""``mnistry evaluate``: the score sheet of a model on a test split."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnistry.probability.sheet import ScoreSheet


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="the score sheet of a model",
        description="Score a model on the test split: accuracy with its exact 95% interval, how "
        "true its\nprobabilities are, what it takes for what; on MNIST also the two halves of "
        "writers\nand the labels as reviewers corrected them.",
        epilog="Example:\n  mnistry evaluate digits.onnx --json\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="model file; default: the one in the package"
    )
    parser.add_argument(
        "--data", default="mnist", metavar="SOURCE", help="as for train; default: MNIST"
    )
    parser.add_argument("--seed", type=int, default=0, help="draws a test split where none is")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load, score, report."""
    from mnistry.data.sources import load_data
    from mnistry.models.file import load_model, shipped_model
    from mnistry.probability.sheet import score

    model = shipped_model() if args.model is None else load_model(args.model)
    data = load_data(args.data, seed=args.seed)
    sheet = score(model, data.test)
    name = args.model or "convnet (in the package)"
    if args.json:
        print(json.dumps({"model": name, "data": data.name, **sheet.to_dict()}))
        return 0
    print(f"{name} on {data.name}, {sheet.pictures:,} test pictures\n")
    report(sheet)
    print("\nconfusion   rows: label; columns: answer")
    print(_table(sheet))
    return 0


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
    print(f"nll         {sheet.nll:.4f}    mean -log p(truth), nats; 0 is perfect")
    print(f"brier       {sheet.brier:.4f}    squared distance to the truth; 0 is perfect")
    print(f"ece         {sheet.ece:.4f}    gap between what it claims and what happens")
    for alpha, found in sheet.coverage.items():
        print(
            f"sets {1 - float(alpha):<6.1%} {found['coverage']:>7.2%}   hold the truth; "
            f"{found['size']:.2f} classes each"
        )
    print("\nright, by class")
    width = max(len(name) for name in sheet.classes)
    for i, name in enumerate(sheet.classes):
        total = sum(sheet.confusion[i])
        right = sheet.confusion[i][i] / total if total else 0.0
        print(f"{name:>{width}}  {'█' * round(40 * right):░<40} {right:>6.1%}")


def _table(sheet: ScoreSheet) -> str:
    """Lay out the confusion matrix; zeros as dots, so that errors stand out."""
    names = [name[:6] for name in sheet.classes]
    width = max(3, *(len(str(n)) for row in sheet.confusion for n in row), *map(len, names)) + 1
    lines = [" " * width + "".join(f"{name:>{width}}" for name in names)]
    for name, row in zip(names, sheet.confusion, strict=True):
        lines.append(f"{name:>{width}}" + "".join(f"{n or '·':>{width}}" for n in row))
    return "\n".join(lines)
