"""Text and figures of ``mnistry show evidence`` and ``nearest``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mnistry.cli import choice
from mnistry.errors import InputError, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 20  # neighbours
_MOST_DOTS = 64 * 64  # each asks the model once more


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add the options that `evidence` reads."""
    parser.add_argument(
        "--why",
        metavar="NAME",
        help="ask why this class; default with --not: the model's answer",
    )
    parser.add_argument(
        "--not",
        dest="against",
        metavar="NAME",
        help="ask why not this class; default with --why: the mean of all others",
    )


def add_count(parser: argparse.ArgumentParser) -> None:
    """Add the option that `nearest` reads."""
    parser.add_argument(
        "--count", type=int, default=5, metavar="N", help=f"how many, up to {_MOST}; default 5"
    )


def is_asked(args: argparse.Namespace) -> bool:
    """Return whether a contrast of two classes was requested."""
    return args.why is not None or args.against is not None


def evidence(args: argparse.Namespace) -> tuple[Figure, dict[str, Any]]:
    """Draw why one class and not another; by default of the convnet in the package."""
    from mnistry.evidence import receipt
    from mnistry.evidence.contrast import contrast, more_ink

    model, facts = choice.load(args, "convnet")
    why, against = (
        None if name is None else choice.label(name, model.classes, option)
        for name, option in ((args.why, "--why"), (args.against, "--not"))
    )
    if why is not None and why == against:
        raise InputError(f"`--why` and `--not` must be two classes; got {args.why} for both.")
    image, title, about = choice.picture(args, model)
    if why is None:
        why = int(model.predict(image[None])[0])
        if why == against:
            raise InputError(
                f"The model itself takes this picture for {args.against}; say by `--why` which "
                "class it should be instead."
            )
    found = contrast(model, image, why, against)
    one = model.classes[why]
    more = more_ink(model, image, why, against) if image.size <= _MOST_DOTS else None
    asked = receipt.question(one, args.against)
    figure = receipt.why(
        found, image, model.classes, more=more, title=f"{title}: {asked[0].lower()}{asked[1:]}"
    )
    told = {
        "why": one,
        "not": args.against,
        "sum": found.sum,
        "baseline": found.baseline,
        "residual": found.residual,
        "difference": found.difference,
        "logits": list(found.logits),
        "probabilities": list(found.probabilities),
        "steps": found.steps,
        "change": found.change,
    }
    return figure, {**facts, **about, **told}


def nearest(args: argparse.Namespace) -> tuple[Figure, dict[str, Any]]:
    """Draw the nearest training pictures; by default as the convnet in the package sees them."""
    from mnistry.data.sources import load_data
    from mnistry.evidence import receipt
    from mnistry.evidence.nearest import nearest as find

    if not 1 <= args.count <= _MOST:
        raise InputError(f"`--count` must be from 1 to {_MOST}; got {args.count}.")
    model, facts = choice.load(args, "convnet")
    image, title, about = choice.picture(args, model)
    source = load_data(args.data, seed=args.seed, invert=args.invert)
    train = source.train
    found = find(model, image, train, args.count + 1)
    # A picture is no precedent for itself.
    itself = about["index"] if about.get("split") == "train" else -1
    found = type(found)(*(each[found.indices != itself][: args.count] for each in found))
    title += f": the nearest of {len(train):,} training pictures"
    rows = [
        {"index": int(index), "label": train.classes[label], "distance": float(distance)}
        for index, distance, label in zip(*found, strict=True)
    ]
    answer = model.classes[int(model.predict(image[None])[0])]
    told = {"among": source.name, "answer": answer, "nearest": rows}
    return receipt.neighbours(found, image, train, title=title), {**facts, **about, **told}


def told(facts: dict[str, Any]) -> str:
    """Lay out the facts of `evidence` or `nearest` as text."""
    if "nearest" in facts:
        rows = [
            f"{r['index']:>8,}  {printable(r['label'], 30):<8}  {r['distance']:.3f}"
            for r in facts["nearest"]
        ]
        answer = printable(facts["answer"], 30)
        return "\n".join([f"answer {answer}", "   index  label     distance", *rows])
    one = printable(facts["why"], 30)
    other = None if facts["not"] is None else printable(facts["not"], 30)
    names = (one, "others: mean, sum" if other is None else other)
    what = f"{one} - {'mean of the others' if other is None else other}"
    width = max(len(name) for name in (*names, what, "not accounted for"))
    lines = [
        # No sign for what rounds to zero.
        f"{name:<{width}}  {round(number, places) + 0.0:>+10.{places}f}"
        for name, number, places in (
            ("ink", facts["sum"], 3),
            ("blank paper", facts["baseline"], 3),
            ("not accounted for", facts["residual"], 6),
            (what, facts["difference"], 3),
        )
    ]
    lines += ["", f"{'class':<{width}}  {'logit':>10}  probability"]
    lines += [
        f"{name:<{width}}  {logit:>+10.3f}  {probability:>11.4%}"
        for name, logit, probability in zip(
            names, facts["logits"], facts["probabilities"], strict=True
        )
    ]
    return "\n".join(lines)
