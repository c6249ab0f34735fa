"""``mnistry evaluate``: the evaluation report of a model on a test split."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from mnistry.cli import choice
from mnistry.cli.console import bar, columns, table
from mnistry.cli.parser import whole
from mnistry.errors import InputError, printable

if TYPE_CHECKING:
    from mnistry.cli.parser import Subparsers
    from mnistry.data.dataset import DataSet
    from mnistry.models.base import Model
    from mnistry.probability.sheet import ScoreSheet

_MOST_MISTAKES = 20


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score a model on test images",
        description="Score a model on the test split: accuracy with its exact 95% interval, "
        "accuracy by class, calibration (NLL, Brier score, ECE) and the confusion matrix; on MNIST "
        "also for both groups of writers, and with the labels that reviewers corrected. Of data "
        "without a test split, a model of yours is scored on the images that train held out by the "
        "same --seed, and the one in the package on all. --all adds prediction sets, selective "
        "prediction (the error rate if only the surest are answered) and out-of-distribution (OOD) "
        "rejection.",
        epilog="Examples:\n  mnistry evaluate digits.onnx --json\n  mnistry evaluate --corrupt\n"
        "  mnistry evaluate --images fields/ --labels fields.csv\n",
    )
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="model file; default: the one in the package"
    )
    parser.add_argument(
        "--data", default="mnist", metavar="SOURCE", help="as for train; default: MNIST"
    )
    choice.add_invert(parser)
    parser.add_argument(
        "--all",
        action="store_true",
        help="also report prediction sets, selective prediction and OOD rejection",
    )
    parser.add_argument(
        "--corrupt",
        action="store_true",
        help="also score under the fifteen kinds of corruption of MNIST-C, drawn by --seed",
    )
    parser.add_argument(
        "--seed",
        type=whole(0),
        default=0,
        help="seed for drawing a test split if the data has none, and corruptions; default 0",
    )
    parser.add_argument(
        "--images",
        metavar="FOLDER",
        help="score reading instead, on the images of a folder and the texts that they show: exact "
        "match, straight-through rate at several risks, calibration",
    )
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="with --images: CSV with the columns file and text; default: those in the folder",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load, score, report."""
    if args.images is not None:
        from mnistry.cli import evaluate_texts

        return evaluate_texts.run(args)
    if args.labels is not None:
        raise InputError("`--labels` goes with `--images FOLDER`.")
    from mnistry.data.sources import all_images, load_data
    from mnistry.models.file import load_model, shipped_model
    from mnistry.probability.sheet import score

    model = shipped_model() if args.model is None else load_model(args.model)
    data = load_data(args.data, seed=args.seed, invert=args.invert)
    test, split = data.test, "test"
    if data.is_test_drawn and args.model is None:
        # The model in the package was trained on MNIST, so that none of these need be held out.
        test, split = all_images(data), "all"
    elif data.is_test_drawn:
        split = "drawn"
    sheet = score(model, test)
    name = args.model or "convnet (in the package)"
    corrupted = _corrupted(model, test, args.seed) if args.corrupt else {}
    if args.json:
        more = {"corrupted": {k: v.to_dict() for k, v in corrupted.items()}} if corrupted else {}
        about = {"model": name, "data": data.name, "split": split}
        print(json.dumps({**about, **sheet.to_dict(), **more}))
        return 0
    what = "images" if split == "all" else "test images"
    print(f"{name} on {printable(data.name)}, {sheet.pictures:,} {what}")
    if split == "drawn":
        total = len(data.train) + len(data.validation) + len(data.test)
        print(
            f"(of {total:,} images without a test split, drawn by --seed as `mnistry train` holds "
            "them out)"
        )
    print()
    report(sheet, everything=args.all)
    print(f"\n{_confusion(sheet)}")
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
    head = f"{'corrupted by':<14} {'accuracy':>8} {'NLL':>7} {'ECE':>6} "
    head += f"{f'sets {1 - float(tight):.0%}':>9}"
    level = next(iter(sheets["none"].refused), None)
    if level is not None:
        head += f" {f'rejected, {level}':>16}"
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


def report(sheet: ScoreSheet, *, everything: bool = False) -> None:
    """Print the report for a person: accuracy and classes first; the rest under headings."""
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
    print("\naccuracy by class")
    names = [printable(name, 30) for name in sheet.classes]
    width = max(map(len, names))
    for i, name in enumerate(names):
        total = sum(sheet.confusion[i])
        if total:
            right = sheet.confusion[i][i] / total
            print(f"{name:>{width}}  {bar(right, 40)} {right:>6.1%}")
        else:
            print(f"{name:>{width}}  no test images")
    print("\nprobabilities")
    for name, value, meaning in (
        ("NLL", sheet.nll, "negative log-likelihood of the labels, nats; 0 is best"),
        ("Brier", sheet.brier, "squared error of the probabilities; 0 is best"),
        (
            "ECE",
            sheet.ece,
            f"expected calibration error; chance alone gives {sheet.ece_floor:.4f}",
        ),
    ):
        print(f"{name:<11} {value + 0.0:>7.4f}   {meaning}")  # + 0.0 turns -0.0 into 0.0
    if everything:
        _report_decisions(sheet)
    else:
        print("\nPrediction sets, selective prediction, OOD rejection: mnistry evaluate --all")


def _report_decisions(sheet: ScoreSheet) -> None:
    """Print prediction sets, selective prediction and OOD rejection."""
    print("\nprediction sets: how often they hold the label, and how many classes they have")
    for alpha, found in sheet.coverage.items():
        low, high = found["interval"]
        print(
            f"asked {1 - float(alpha):<6.1%}{found['coverage']:>7.2%}   95% interval {low:.2%} to "
            f"{high:.2%}   {found['size']:.3f} classes"
        )
    if sheet.sets == "claimed":
        print("            not calibrated: the sets are what the probabilities claim, no more")
    print("\nselective prediction: share answered, surest first, at an error rate")
    for risk, answered in sheet.answered.items():
        print(f"{f'error {float(risk):.1%}':<11} {answered:>7.2%}")
    if sheet.refused:
        print("\nOOD rejection: share of these images that is rejected at a threshold")
    for level, refused in sheet.refused.items():
        print(f"{f'p <= {float(level):g}':<11} {refused:>7.2%}")


def _confusion(sheet: ScoreSheet) -> str:
    """Return the confusion matrix, or its most frequent mistakes if it is too wide."""
    names = [printable(name, 6) for name in sheet.classes]
    width = max(3, *(len(str(n)) for row in sheet.confusion for n in row), *map(len, names)) + 1
    if width * (len(names) + 1) > columns():
        return _mistakes(sheet)
    lines = ["confusion matrix   rows: label; columns: prediction"]
    lines.append(" " * width + "".join(f"{name:>{width}}" for name in names))
    for name, row in zip(names, sheet.confusion, strict=True):
        # Zeros are dots, so that mistakes stand out.
        lines.append(f"{name:>{width}}" + "".join(f"{n or '·':>{width}}" for n in row))
    return "\n".join(lines)


def _mistakes(sheet: ScoreSheet) -> str:
    wrong = [
        (count, i, j)
        for i, row in enumerate(sheet.confusion)
        for j, count in enumerate(row)
        if i != j and count
    ]
    rows: list[tuple[str, ...]] = [("IMAGES", "LABEL", "PREDICTION")]
    for count, i, j in sorted(wrong, key=lambda one: (-one[0], *one[1:]))[:_MOST_MISTAKES]:
        label, prediction = (printable(sheet.classes[k], 20) for k in (i, j))
        rows.append((f"{count:,}", label, prediction))
    return f"most frequent mistakes (the whole confusion matrix: --json)\n{table(rows, (0,))}"
