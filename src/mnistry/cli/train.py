"""``mnistry train``: data in, a model file and its score out."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from mnistry.cli.progress import Progress
from mnistry.errors import InputError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a model, score it on the test split, write its file",
        description="Train a model, score it on the test split and write it as one ONNX file.\n"
        "The defaults are the tutorial's: softmax regression, 1000 batches of 100 at rate 0.5.",
        epilog="Examples:\n"
        "  mnistry train --out digits.onnx\n"
        "  mnistry train --solver newton --l2 1e-4 --data my-pictures/\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", choices=["softmax"], default="softmax", help="kind of model")
    parser.add_argument(
        "--data",
        default="mnist",
        metavar="SOURCE",
        help="a family name (mnistry data list), a folder of IDX files or of one folder of "
        "pictures a class, mnist.npz, or Parquet; default: the embedded MNIST",
    )
    parser.add_argument(
        "--validation",
        default="5000",
        metavar="N|writer",
        help="pictures kept out of training: the first N of the training file, as in the "
        "tutorial, or 'writer' for a split that shares no writer; default 5000",
    )
    parser.add_argument(
        "--out", default="softmax.onnx", metavar="FILE", help="model file; default %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides every draw; default 0")
    parser.add_argument(
        "--solver",
        choices=["sgd", "newton"],
        default="sgd",
        help="gradient descent, or second-order steps to the optimum with a certificate",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, metavar="N", help="batches for sgd; default 1000")
    length.add_argument("--epochs", type=float, metavar="E", help="instead: passes over the data")
    parser.add_argument("--rate", type=float, default=0.5, help="sgd's step length; default 0.5")
    parser.add_argument("--batch", type=int, default=100, help="pictures a step; default 100")
    parser.add_argument(
        "--l2",
        type=float,
        metavar="LAMBDA",
        help="the objective is cross-entropy + LAMBDA/2 · Σ weights²; default 0 for sgd, "
        "1/n for newton",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, score, write, report."""
    from mnistry.data.sources import load_data
    from mnistry.models.file import save_model
    from mnistry.probability.sheet import score

    out = Path(args.out)
    if out.suffix != ".onnx":
        raise InputError(f"`--out` must end in .onnx; got {args.out!r}.")
    if not out.parent.is_dir():
        raise InputError(f"The folder of `--out`, {out.parent}, does not exist; make it first.")
    start = time.perf_counter()
    data = load_data(args.data, validation=_validation(args.validation), seed=args.seed)
    loaded = time.perf_counter()
    model, recipe = _model(args, len(data.train))
    with Progress("training") as progress:
        model.fit(
            data.train.images, data.train.labels, classes=data.classes, progress=progress.update
        )
    trained = time.perf_counter()
    sheet = score(model, data.test)
    counts = {part: len(getattr(data, part)) for part in ("train", "validation", "test")}
    scores: dict[str, Any] = {"accuracy": sheet.accuracy, "nll": sheet.nll, "ece": sheet.ece}
    optimum = None
    if model.optimum is not None:
        optimum = {
            name: value
            for name, value in vars(model.optimum).items()
            if name not in ("weights", "biases")
        }
    evaluated = time.perf_counter()
    provenance = {
        "data": {"name": data.name, "fingerprint": data.train.fingerprint, "counts": counts},
        "recipe": recipe,
        "scores": scores,
    }
    save_model(model, out, provenance=provenance)
    result = {
        "model": str(out),
        "kind": "softmax",
        "data": counts,
        **scores,
        "accuracy_interval": sheet.accuracy_interval,
        "seconds": {
            "data": loaded - start,
            "train": trained - loaded,
            "evaluate": evaluated - trained,
        },
        **({"optimum": optimum} if optimum else {}),
    }
    if args.json:
        print(json.dumps(result))
        return 0
    from mnistry.cli.evaluate import report

    print(
        f"softmax regression on {data.name}: {counts['train']:,} pictures to train on, "
        f"{counts['test']:,} to test; trained in {trained - loaded:.2f} s\n"
    )
    report(sheet)
    if model.optimum is not None:
        print(_certificate(model.optimum))
    print(f"\nmodel file  {out}\nnext        mnistry show weights --model {out}")
    return 0


def _model(args: argparse.Namespace, n: int) -> tuple[Any, dict[str, Any]]:
    """Give the model that the arguments ask for, and its recipe for the record."""
    from mnistry.models.softmax import SoftmaxRegression

    steps = 1000 if args.steps is None else args.steps
    if args.epochs is not None:
        if not 0 <= args.epochs <= 1e6:
            raise InputError(f"`--epochs` must be from 0 to 1,000,000; got {args.epochs}.")
        steps = round(args.epochs * n / max(args.batch, 1))
    if args.solver == "newton":
        l2 = 1 / max(n, 1) if args.l2 is None else args.l2
        recipe: dict[str, Any] = {"solver": "newton", "l2": l2, "seed": args.seed}
    else:
        recipe = {
            "solver": "sgd",
            "rate": args.rate,
            "steps": steps,
            "batch": args.batch,
            "l2": args.l2 or 0.0,
            "seed": args.seed,
        }
    return SoftmaxRegression(**recipe), recipe


def _validation(text: str) -> Any:
    if text == "writer":
        return text
    try:
        return int(text)
    except ValueError:
        raise InputError(f"`--validation` must be a number or 'writer'; got {text!r}.") from None


def _certificate(optimum: Any) -> str:
    """Say in a line how near the optimum is."""
    near = f"proven within {optimum.gap:.1e} nats of the best" if optimum.gap < 1e300 else ""
    end = near or f"gradient norm {optimum.gradient_norm:.1e}"
    state = "" if optimum.converged else "; stopped before the tolerance was reached"
    return (
        f"\nobjective   {optimum.objective:.6f} nats after {optimum.iterations} iterations, "
        f"{end}{state}"
    )
