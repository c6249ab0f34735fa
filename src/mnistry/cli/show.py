"""``mnistry show``: the tutorial's pictures, as PNG or SVG."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistry.cli import choice, receipt
from mnistry.errors import InputError, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mnistry.cli.parser import Subparsers
    from mnistry.evidence.attribute import Account

Shown = tuple["Figure", dict[str, Any]]  # a figure, and what to tell of it


def add_parser(subparsers: Subparsers) -> None:
    """Add the command, with a parser for each picture."""
    parser = subparsers.add_parser(
        "show",
        help="draw the data, the weights, the evidence and the mistakes",
        description="Draw one of the tutorial's pictures into a PNG or SVG file.",
        epilog="Examples:\n"
        "  mnistry show weights --model digits.onnx --out weights.svg\n"
        "  mnistry show evidence --index 8\n"
        "  mnistry show evidence --picture nine.jpg --why 9 --not 8\n\n"
        "Each picture has its own options: mnistry show evidence --help\n",
    )
    commands = parser.add_subparsers(title="pictures", metavar="WHAT")

    digits = _add(
        commands, "digits", _digits, "samples of each class",
        "Draw some pictures of each class; --seed decides which.",
        "mnistry show digits --seed 7 --out digits.png",
    )  # fmt: skip
    choice.add_data(digits, split="train")

    matrix = _add(
        commands, "matrix", _matrix, "one picture beside its numbers",
        "Draw one picture beside the numbers that it is.",
        "mnistry show matrix --class 1",
    )  # fmt: skip
    choice.add_data(matrix, split="train")
    choice.add_picture(matrix, "the first picture of this class")

    tensors = _add(
        commands, "tensors", _tensors, "the data as [55000, 784] and [55000, 10]",
        "Draw images and labels as the two tensors that they are, from their first and last rows.",
        "mnistry show tensors --data fashion",
    )  # fmt: skip
    choice.add_data(tensors, split="train")

    weights = _add(
        commands, "weights", _weights, "what each pixel says for each class",
        "Draw each class's weights: red speaks against the class, blue for it.",
        "mnistry show weights --model digits.onnx --out weights.svg",
    )  # fmt: skip
    choice.add_model(weights)

    evidence = _add(
        commands, "evidence", _evidence, "how the evidence adds up",
        "Draw weights times pixels: of one picture for every class or, with --class, of one\n"
        "picture of each class for that class. A map's sum plus the bias is the logit.\n"
        "With --why or --not, of any model, a convnet too: why one class and not another.",
        "mnistry show evidence --index 8\n  mnistry show evidence --class 3\n"
        "  mnistry show evidence --picture seven.jpg --json\n"
        "  mnistry show evidence --picture nine.jpg --why 9 --not 8",
    )  # fmt: skip
    choice.add_model(evidence)
    choice.add_data(evidence, split="test")
    choice.add_picture(
        evidence,
        "the class whose evidence is drawn, in one picture of each class; with --why, the first "
        "picture of this class",
    )
    receipt.add_question(evidence)

    nearest = _add(
        commands, "nearest", receipt.nearest, "the training pictures most like one",
        "Draw the training pictures that the model finds most like one picture, with index and\n"
        "label. A convnet compares what its last layer reads, softmax regression the pixels.",
        "mnistry show nearest --index 8\n  mnistry show nearest --picture nine.jpg --count 10",
    )  # fmt: skip
    choice.add_model(nearest)
    choice.add_data(nearest, split="test")
    choice.add_picture(nearest, "the first picture of this class")
    receipt.add_count(nearest)

    confusion = _add(
        commands, "confusion", _confusion, "what is taken for what",
        "Draw how often the model takes each class for each.",
        "mnistry show confusion --model digits.onnx",
    )  # fmt: skip
    choice.add_model(confusion)
    choice.add_data(confusion, split="test")

    reliability = _add(
        commands, "reliability", _reliability, "what the model claims against what happens",
        "Draw how often the model is right where it claims to be so sure, in bins of equal mass\n"
        "with exact 95% intervals; and the same for how often it is wrong, on logarithmic scales.",
        "mnistry show reliability --model digits.onnx",
    )  # fmt: skip
    choice.add_model(reliability)
    choice.add_data(reliability, split="test")

    coverage = _add(
        commands, "coverage", _coverage, "what sets promise; what an answer risks",
        "Draw how often the model's sets hold the truth for every promise, and how many answers\n"
        "are wrong if only the surest are given.",
        "mnistry show coverage --model digits.onnx",
    )  # fmt: skip
    choice.add_model(coverage)
    choice.add_data(coverage, split="test")

    training = _add(
        commands, "training", _training, "how a convnet's loss and accuracy went",
        "Draw the loss on the training pictures and the accuracy on the validation pictures,\n"
        "epoch by epoch, as they stand in the file of a convnet.",
        "mnistry show training --model convnet.onnx",
    )  # fmt: skip
    choice.add_model(training)


def run(args: argparse.Namespace) -> int:
    """Draw, write, report."""
    from mnistry.evidence.page import kind_of, save

    out = Path(args.out)
    kind_of(out)
    if not out.parent.is_dir():
        raise InputError(f"The folder of `--out`, {out.parent}, does not exist; make it first.")
    figure, facts = args.draw(args)
    save(figure, out)
    if args.json:
        print(json.dumps({"what": args.what, "file": str(out), **facts}))
        return 0
    print(out)
    if "evidence" in facts:
        print(f"\n{_table(facts['evidence'])}")
    elif args.what in ("evidence", "nearest"):
        print(f"\n{receipt.told(facts)}")
    return 0


def _digits(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.samples import digits

    source, data = choice.split(args)
    title = f"{source.name}: {len(data):,} {choice.SPLITS[args.split]} pictures, some of each class"
    return digits(data, seed=args.seed, title=title), choice.about(source, args)


def _matrix(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.samples import matrix

    image, title, facts = choice.picture(args)
    return matrix(image, title=title), facts


def _tensors(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.samples import tensors

    source, data = choice.split(args)
    title = f"{source.name}: the {choice.SPLITS[args.split]} pictures as tensors"
    shapes = {"images": [len(data), data.images[0].size], "labels": [len(data), len(data.classes)]}
    return tensors(data, title=title), {**choice.about(source, args), **shapes}


def _weights(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.draw import weights

    model, facts = choice.load(args)
    _check_linear(model, facts)
    return weights(model), {**facts, "classes": list(model.classes)}


def _evidence(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.attribute import account
    from mnistry.evidence.draw import evidence_for_class, evidence_in_picture

    if receipt.is_asked(args):
        return receipt.evidence(args)
    model, facts = choice.load(args)
    _check_linear(model, facts)
    if args.class_name is None:
        image, title, about = choice.picture(args, model)
        figure = evidence_in_picture(model, image, title=f"{title}: the evidence for each class")
        rows = _rows([{"class": name} for name in model.classes], account(model, image[None]))
        return figure, {**facts, **about, "evidence": rows}
    source, data = choice.split(args, model)
    label = choice.label(args.class_name, model.classes)
    drawn = choice.examples(data, args.seed)
    images, names = data.images[drawn], [data.classes[i] for i in data.labels[drawn]]
    title = (
        f"The evidence for {args.class_name} in a {choice.SPLITS[args.split]} picture of each class"
    )
    figure = evidence_for_class(model, label, images, names, title=title)
    whose = [{"index": i, "label": name} for i, name in zip(drawn, names, strict=True)]
    rows = _rows(whose, account(model, images, [label]))
    return figure, {
        **facts,
        "class": args.class_name,
        **choice.about(source, args),
        "evidence": rows,
    }


def _confusion(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.draw import confusion
    from mnistry.probability import measure

    model, facts = choice.load(args, "convnet")
    source, data = choice.split(args, model)
    counts = measure.confusion(model.predict_proba(data.images), data.labels)
    right = counts.trace() / counts.sum()
    title = f"{source.name}: {len(data):,} {choice.SPLITS[args.split]} pictures, {right:.2%} right"
    figure = confusion(counts, model.classes, title=title)
    about = {"classes": list(model.classes), "confusion": counts.tolist()}
    return figure, {**facts, **choice.about(source, args), **about}


def _reliability(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.trust import reliability
    from mnistry.probability import measure

    model, facts = choice.load(args, "convnet")
    source, data = choice.split(args, model)
    p = model.predict_proba(data.images)
    found = measure.reliability(p, data.labels)
    right = (found.accuracy * found.pictures).round().astype(int)
    intervals = [
        measure.binomial_interval(int(some), int(all_))
        for some, all_ in zip(right, found.pictures, strict=True)
    ]
    bins = {name: values.tolist() for name, values in found._asdict().items()}
    ece, floor = measure.ece(p, data.labels), measure.ece_floor(p)
    title = f"{source.name}: calibration error {ece:.4f}, of which {floor:.4f} would be noise"
    figure = reliability(bins, intervals, title=title)
    about = {"ece": ece, "ece_floor": floor, **bins, "intervals": intervals}
    return figure, {**facts, **choice.about(source, args), **about}


def _coverage(args: argparse.Namespace) -> Shown:
    import numpy as np

    from mnistry.evidence.trust import coverage
    from mnistry.probability import measure
    from mnistry.probability.conformal import prediction_sets

    model, facts = choice.load(args, "convnet")
    source, data = choice.split(args, model)
    p_values = model.p_values(data.images)
    alphas = np.geomspace(0.001, 0.3, 60)
    held = [measure.coverage(prediction_sets(p_values, float(a)), data.labels) for a in alphas]
    curve = measure.risk_coverage(model.predict_proba(data.images), data.labels)
    risk = {"answered": curve.answered.tolist(), "risk": curve.risk.tolist()}
    title = f"{source.name}: what sets promise, and what an answer risks"
    figure = coverage((1 - alphas).tolist(), held, risk, title=title)
    about = {"promised": (1 - alphas).tolist(), "held": held}
    return figure, {**facts, **choice.about(source, args), **about}


def _training(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.curve import training

    model, facts = choice.load(args, "convnet")
    histories = model.provenance.get("histories", [])
    figure = training(histories, title=f"Training of {facts['model']}")
    return figure, {**facts, "histories": histories}


def _check_linear(model: Any, facts: dict[str, Any]) -> None:
    """Refuse a convnet, which has no weights on pixels."""
    from mnistry.models.softmax import SoftmaxRegression

    if not isinstance(model, SoftmaxRegression):
        raise InputError(
            f"{facts['model']} is a convnet, whose evidence is no sum of pixels times weights; "
            "ask it why one class and not another: `mnistry show evidence --why 9 --not 8`."
        )


def _rows(whose: list[dict[str, Any]], found: Account) -> list[dict[str, Any]]:
    """Tell how evidence adds up, a row a picture or a class."""
    names = ("sum", "bias", "logit", "probability")
    columns = (values.ravel().tolist() for values in found[1:])
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return [{**one, **row} for one, row in zip(whose, rows, strict=True)]


def _table(rows: list[dict[str, Any]]) -> str:
    """Lay out the rows for a person."""
    head = "class" if "class" in rows[0] else "label"
    names = [printable(row[head], 30) for row in rows]
    width = max(len(head), *map(len, names))
    lines = [f"{head:<{width}}  {'sum':>9} {'bias':>9} {'logit':>9}  probability"]
    for name, row in zip(names, rows, strict=True):
        numbers = " ".join(f"{row[name]:>+9.3f}" for name in ("sum", "bias", "logit"))
        index = f"   picture {row['index']}" if "index" in row else ""
        lines.append(f"{name:<{width}}  {numbers}  {row['probability']:>11.4%}{index}")
    return "\n".join(lines)


def _add(
    commands: Subparsers,
    what: str,
    draw: Callable[[argparse.Namespace], Shown],
    brief: str,
    description: str,
    examples: str,
) -> argparse.ArgumentParser:
    """Add the parser of one picture."""
    parser = commands.add_parser(
        what,
        help=brief,
        description=description,
        epilog=f"Examples:\n  {examples}\n",
    )
    parser.add_argument(
        "--out",
        default=f"{what}.png",
        metavar="FILE",
        help="a .png or .svg file; default %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run, draw=draw, what=what)
    return parser
