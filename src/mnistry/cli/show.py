"""``mnistry show``: the tutorial's pictures, as PNG or SVG."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistry.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mnistry.data.dataset import DataSet, DataSets
    from mnistry.models.softmax import SoftmaxRegression

Shown = tuple["Figure", dict[str, Any]]  # a figure, and what --json says of it
_NAMES = {"train": "training", "test": "test"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command, with a parser for each picture."""
    parser = subparsers.add_parser(
        "show",
        help="draw the data, the weights, the evidence and the mistakes",
        description="Draw one of the tutorial's pictures into a PNG or SVG file.",
        epilog="Examples:\n"
        "  mnistry show weights --model digits.onnx --out weights.svg\n"
        "  mnistry show evidence --index 8\n\n"
        "Each picture has its own options: mnistry show evidence --help\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="pictures", metavar="WHAT", required=True)

    digits = _add(
        commands, "digits", _digits, "samples of each class",
        "Draw some pictures of each class; --seed decides which.",
        "mnistry show digits --seed 7 --out digits.png",
    )  # fmt: skip
    _add_data(digits, split="train")

    matrix = _add(
        commands, "matrix", _matrix, "one picture beside its numbers",
        "Draw one picture beside the numbers that it is.",
        "mnistry show matrix --class 1",
    )  # fmt: skip
    _add_data(matrix, split="train")
    _add_choice(matrix, "the first picture of this class")

    tensors = _add(
        commands, "tensors", _tensors, "the data as [55000, 784] and [55000, 10]",
        "Draw images and labels as the two tensors that they are, from their first and last rows.",
        "mnistry show tensors --data fashion",
    )  # fmt: skip
    _add_data(tensors, split="train")

    weights = _add(
        commands, "weights", _weights, "what each pixel says for each class",
        "Draw each class's weights: red speaks against the class, blue for it.",
        "mnistry show weights --model digits.onnx --out weights.svg",
    )  # fmt: skip
    _add_model(weights)

    evidence = _add(
        commands, "evidence", _evidence, "how the evidence adds up",
        "Draw weights times pixels: of one picture for every class or, with --class, of one\n"
        "picture of each class for that class. A map's sum plus the bias is the logit.",
        "mnistry show evidence --index 8\n  mnistry show evidence --class 3\n"
        "  mnistry show evidence --picture seven.jpg --json",
    )  # fmt: skip
    _add_model(evidence)
    _add_data(evidence, split="test")
    _add_choice(evidence, "the class whose evidence is drawn, in one picture of each class")

    confusion = _add(
        commands, "confusion", _confusion, "what is taken for what",
        "Draw how often the model takes each class for each.",
        "mnistry show confusion --model digits.onnx",
    )  # fmt: skip
    _add_model(confusion)
    _add_data(confusion, split="test")


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
    if args.what == "evidence":
        print(f"\n{_table(facts['evidence'])}")
    return 0


def _digits(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.samples import digits

    source, data = _split(args)
    title = f"{source.name}: {len(data):,} {_NAMES[args.split]} pictures, some of each class"
    return digits(data, seed=args.seed, title=title), _about(source, args)


def _matrix(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.samples import matrix

    image, title, facts = _picture(args)
    return matrix(image, title=title), facts


def _tensors(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.samples import tensors

    source, data = _split(args)
    title = f"{source.name}: the {_NAMES[args.split]} pictures as tensors"
    shapes = {"images": [len(data), data.images[0].size], "labels": [len(data), len(data.classes)]}
    return tensors(data, title=title), {**_about(source, args), **shapes}


def _weights(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.draw import weights

    model, facts = _model(args)
    return weights(model), {**facts, "classes": list(model.classes)}


def _evidence(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.draw import evidence_for_class, evidence_in_picture

    model, facts = _model(args)
    if args.name is None:
        image, title, about = _picture(args, model)
        rows = [{"class": name} for name in model.classes]
        figure = evidence_in_picture(model, image, title=f"{title}: the evidence for each class")
        return figure, {**facts, **about, "evidence": _sums(rows, model, image[None], None)}
    source, data = _split(args, model)
    label = _label(args.name, model.classes)
    chosen = _examples(data, args.seed)
    names = [model.classes[i] for i in data.labels[chosen]]
    rows = [{"index": i, "label": name} for i, name in zip(chosen, names, strict=True)]
    title = f"The evidence for {args.name} in {_NAMES[args.split]} pictures of each class"
    figure = evidence_for_class(model, label, data.images[chosen], names, title=title)
    about = {"class": args.name, **_about(source, args)}
    return figure, {**facts, **about, "evidence": _sums(rows, model, data.images[chosen], [label])}


def _confusion(args: argparse.Namespace) -> Shown:
    from mnistry.evidence.draw import confusion
    from mnistry.probability import measure

    model, facts = _model(args)
    source, data = _split(args, model)
    counts = measure.confusion(model.predict_proba(data.images), data.labels)
    right = counts.trace() / counts.sum()
    title = f"{source.name}: {len(data):,} {_NAMES[args.split]} pictures, {right:.2%} right"
    figure = confusion(counts, model.classes, title=title)
    about = {"classes": list(model.classes), "confusion": counts.tolist()}
    return figure, {**facts, **_about(source, args), **about}


def _model(args: argparse.Namespace) -> tuple[SoftmaxRegression, dict[str, Any]]:
    from mnistry.models.file import load_model, shipped_model

    if args.model is None:
        return shipped_model(), {"model": "softmax (in the package)"}
    return load_model(args.model), {"model": args.model}


def _split(
    args: argparse.Namespace, model: SoftmaxRegression | None = None
) -> tuple[DataSets, DataSet]:
    """Load the data and the split asked for, which must be what `model` reads."""
    from mnistry.data.sources import load_data

    source = load_data(args.data, seed=args.seed)
    data = source.train if args.split == "train" else source.test
    if len(data) == 0:
        raise InputError(f"{source.name} has no {_NAMES[args.split]} pictures; choose `--split`.")
    if model is not None and data.images.shape[1:] != model.shape:
        (h, w), (height, width) = model.shape, data.images.shape[1:]
        raise InputError(
            f"The model reads pictures of {h}x{w}, the data's are {height}x{width}; give data "
            "of the model's own size."
        )
    if model is not None and data.classes != model.classes:
        raise InputError(
            f"The model knows the classes {_some(model.classes)}, the data has "
            f"{_some(data.classes)}; give data of the model's own classes."
        )
    return source, data


def _picture(
    args: argparse.Namespace, model: SoftmaxRegression | None = None
) -> tuple[NDArray[np.uint8], str, dict[str, Any]]:
    """Give the picture asked for, what to call it, and what --json says of it."""
    if args.picture is not None:
        return _read_picture(args.picture, model), args.picture, {"picture": args.picture}
    source, data = _split(args, model)
    index = args.index or 0
    if args.name is not None:
        index = _examples(data, None)[_label(args.name, data.classes)]
    if not 0 <= index < len(data):
        raise InputError(
            f"`--index` must be in 0..{len(data) - 1}, the {_NAMES[args.split]} pictures; "
            f"got {index}."
        )
    name = data.classes[data.labels[index]]
    about = {**_about(source, args), "index": index, "label": name}
    return data.images[index], f"{_NAMES[args.split]} picture {index}, a {name}", about
