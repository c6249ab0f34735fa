"""``mnistry train``: data in, a model file and its score out."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import nullcontext
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistry.cli import choice, convnet
from mnistry.cli.parser import real, whole
from mnistry.cli.progress import Progress
from mnistry.errors import InputError, printable

if TYPE_CHECKING:
    from mnistry.cli.parser import Subparsers
    from mnistry.data.dataset import DataSets
    from mnistry.training.ranks import Ranks

_NAMES = {"softmax": "softmax regression", "convnet": "convnet"}
_SAMPLE = 5000  # training images whose loss tells whether training diverged
_SOFTMAX: dict[str, Any] = {"solver": "sgd", "rate": 0.5, "steps": 1000, "batch": 100, "l2": None}


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a model, score it on the test split, write its file",
        description="Train a model, score it on the test split and write it as one ONNX file. "
        "The defaults are the tutorial's: softmax regression, 1000 batches of 100 images at "
        "learning rate 0.5. For a convnet, --epochs also sets the architecture, the learning "
        "rate's schedule and the strength of the augmentation; 0.5 gives 99% in seconds.",
        epilog="Examples:\n"
        "  mnistry train --out digits.onnx\n"
        "  mnistry train --solver lbfgs --l2 1e-4 --data my-pictures/\n"
        "  mnistry train --model convnet --epochs 8\n",
    )
    parser.add_argument(
        "--model",
        choices=["softmax", "convnet"],
        default="softmax",
        help="kind of model; default softmax",
    )
    parser.add_argument(
        "--data",
        default="mnist",
        metavar="SOURCE",
        help="a data set's name (see `mnistry data list`), or a folder, file, ZIP or tar of your "
        "own: IDX, a folder of images per class, CSV, .npz, .mat, Parquet; default: the embedded "
        "MNIST",
    )
    choice.add_invert(parser)
    parser.add_argument(
        "--validation",
        metavar="N|writer",
        help="images held out of training for calibration: the first N of the training file, or "
        "'writer' for a split that shares no writer; default: writer if writers are known, else "
        "5000 as in the tutorial",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="model file; default softmax.onnx or convnet.onnx"
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, help="seed of every random choice; default 0"
    )
    parser.add_argument(
        "--epochs",
        type=real(above=0, most=1_000_000),
        metavar="E",
        help="passes over the data; default: 1000 batches for softmax, 1 for a convnet",
    )
    group = parser.add_argument_group("softmax regression")
    group.add_argument(
        "--solver",
        choices=["sgd", "lbfgs"],
        help="sgd: stochastic gradient descent; lbfgs: L-BFGS to the optimum, with a proven bound "
        "on the distance to it; default sgd",
    )
    group.add_argument("--steps", type=whole(1), metavar="N", help="batches of sgd; default 1000")
    group.add_argument(
        "--learning-rate",
        dest="rate",
        type=real(above=0, most=1e12),
        metavar="RATE",
        help="learning rate of sgd; default 0.5",
    )
    group.add_argument(
        "--batch-size",
        dest="batch",
        type=whole(1),
        metavar="N",
        help="images in a batch of sgd; default 100",
    )
    group.add_argument(
        "--l2",
        type=real(least=0, most=1e12),
        metavar="LAMBDA",
        help="weight decay: the objective is cross-entropy + LAMBDA/2 · Σ weights²; default 0 for "
        "sgd, 1/n for lbfgs",
    )
    convnet.add_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, score, write, report; as one of several processes, where ``torchrun`` started us."""
    if not convnet.launched():
        return _run(args, None)
    if args.model == "softmax":
        if os.environ["RANK"] != "0":
            return 2
        raise InputError(
            "Softmax regression is trained by one process, in a second; start `mnistry train` "
            "without `torchrun`, or choose `--model convnet`."
        )
    from mnistry.training.ranks import Agreed, cut, joined

    with joined() as ranks:
        try:
            return _run(args, ranks)
        except Agreed:
            return 2  # rank 0 tells it
        except convnet.OneOfMany:
            return 0
        except RuntimeError as error:
            if not cut(error):
                raise
            print(
                f"mnistry: Rank {ranks.number} of {ranks.count} stops, since another is gone.",
                file=sys.stderr,
            )
            return 1


def _run(args: argparse.Namespace, ranks: Ranks | None) -> int:
    from mnistry.models.file import save_model
    from mnistry.probability.sheet import score

    start = time.perf_counter()
    with nullcontext() if ranks is None else ranks.as_one():
        out, data = _read(args, writes=ranks is None or ranks.leads)
    loaded = time.perf_counter()
    try:
        if args.model == "softmax":
            model, provenance, done = _softmax(args, data)
        else:
            model, provenance, done = convnet.train(args, data, ranks)
    except convnet.Interrupted as stop:
        if ranks is None or ranks.leads:
            print(f"mnistry: {stop}", file=sys.stderr)
        return 128 + stop.number
    trained = time.perf_counter()
    sheet = score(model, data.test)
    counts = {part: len(getattr(data, part)) for part in ("train", "validation", "test")}
    scores: dict[str, Any] = {"accuracy": sheet.accuracy, "nll": sheet.nll, "ece": sheet.ece}
    evaluated = time.perf_counter()
    about = {"name": data.name, "fingerprint": data.train.fingerprint, "counts": counts}
    save_model(model, out, provenance={"data": about, **provenance, "scores": scores})
    done()
    optimum = _optimum(model)
    seconds = {
        "data": loaded - start,
        "train": trained - loaded,
        "evaluate": evaluated - trained,
    }
    result = {
        "model": str(out),
        "kind": args.model,
        "data": counts,
        **scores,
        "accuracy_interval": sheet.accuracy_interval,
        "seconds": seconds,
        **({"optimum": optimum} if optimum else {}),
        **({"device": provenance["device"]} if "device" in provenance else {}),
    }
    if args.json:
        print(json.dumps(result))
        return 0
    from mnistry.cli.evaluate import report

    print(
        f"{_NAMES[args.model]} on {printable(data.name)}: {counts['train']:,} training and "
        f"{counts['test']:,} test images\ntrained in {seconds['train']:.2f} s"
        + (f" on {provenance['device']}\n" if "device" in provenance else "\n")
    )
    report(sheet)
    if optimum:
        print(_certificate(optimum))
    shown = "weights" if args.model == "softmax" else "training"
    print(f"\nmodel file  {out}\nnext        mnistry show {shown} --model {out}")
    return 0


def _read(args: argparse.Namespace, *, writes: bool) -> tuple[Path, DataSets]:
    """Check the arguments; give the file to write, if this process does, and the data."""
    from mnistry.data.dataset import check_trainable
    from mnistry.data.sources import load_data

    if args.out is None:
        args.out = f"{args.model}.onnx"
    out = Path(args.out)
    if out.suffix != ".onnx":
        raise InputError(f"`--out` must end in .onnx; got {args.out!r}.")
    if writes and not out.parent.is_dir():
        raise InputError(f"The folder of `--out`, {out.parent}, does not exist; make it first.")
    _refuse_strangers(args)
    if args.model == "convnet":
        convnet.check(args)
    validation = 0 if args.folds else _validation(args.validation)
    data = load_data(args.data, validation=validation, seed=args.seed, invert=args.invert)
    check_trainable(data.train.labels, data.classes)
    return out, data


def _refuse_strangers(args: argparse.Namespace) -> None:
    """Refuse options of the other kind of model rather than ignore them."""
    others = convnet.DEFAULTS if args.model == "softmax" else _SOFTMAX
    for name in others:
        if getattr(args, name) is not None:
            raise InputError(
                f"`{name}` is not an option of a {args.model} model; leave it out, or choose the "
                "other `--model`."
            )
    if args.solver == "lbfgs":
        for name in ("steps", "rate", "batch", "epochs"):
            if getattr(args, name) is not None:
                raise InputError(
                    f"`{name}` is an option of gradient descent; leave it out, or leave out "
                    "`--solver lbfgs`."
                )
    if args.steps is not None and args.epochs is not None:
        raise InputError("`--steps` and `--epochs` both set the number of batches; give only one.")


def _softmax(args: argparse.Namespace, data: DataSets) -> tuple[Any, dict[str, Any], convnet.Done]:
    """Train softmax regression as the arguments ask; see `convnet.train`."""
    from mnistry.models.softmax import SoftmaxRegression
    from mnistry.probability.calibrate import calibrate

    given = dict(_SOFTMAX)
    given |= {name: value for name in _SOFTMAX if (value := getattr(args, name)) is not None}
    n = len(data.train)
    if args.epochs is not None:
        size = max(1, min(given["batch"], n))  # no batch is larger than the data
        given["steps"] = max(round(args.epochs * n / size), 1)
    if given["solver"] == "lbfgs":
        l2 = 1 / max(n, 1) if given["l2"] is None else given["l2"]
        recipe: dict[str, Any] = {"solver": "lbfgs", "l2": l2, "seed": args.seed}
    else:
        recipe = {**given, "l2": given["l2"] or 0.0, "seed": args.seed}
    model = SoftmaxRegression(**recipe)
    with Progress("training") as progress:
        model.fit(
            data.train.images, data.train.labels, classes=data.classes, progress=progress.update
        )
    if given["solver"] == "sgd":
        _warn_if_diverged(model, data, given["rate"])
    calibrate(model, data.train, data.validation)
    return model, {"recipe": recipe}, lambda: None


def _warn_if_diverged(model: Any, data: DataSets, rate: float) -> None:
    """Warn if the loss on the training images is above that of guessing."""
    from mnistry.models.base import cross_entropy

    sample = data.train.take(slice(None, None, max(1, len(data.train) // _SAMPLE)))
    loss, guess = cross_entropy(model.logits(sample.images), sample.labels), log(len(data.classes))
    if loss > guess > 0:
        print(
            f"mnistry: The training loss of {loss:,.2f} nats is above the {guess:.2f} of guessing: "
            "the steps are too large, so that the weights oscillate and the probabilities are "
            f"overconfident. Lower `--learning-rate`, which was {rate:g}.",
            file=sys.stderr,
        )


def _optimum(model: Any) -> dict[str, Any] | None:
    """Return the certificate of L-BFGS, JSON-ready, or None if there is none."""
    found = getattr(model, "optimum", None)
    if found is None:
        return None
    return {k: v for k, v in vars(found).items() if k not in ("weights", "biases")}


def _validation(text: str | None) -> Any:
    if text in ("writer", None):
        return text
    try:
        return int(str(text))
    except ValueError:
        raise InputError(f"`--validation` must be a number or 'writer'; got {text!r}.") from None


def _certificate(optimum: dict[str, Any]) -> str:
    """Say in a line how near the optimum is."""
    near = f"proven within {optimum['gap']:.1e} nats of the best" if optimum["gap"] < 1e300 else ""
    end = near or f"gradient norm {optimum['gradient_norm']:.1e}"
    state = "" if optimum["converged"] else "; stopped before the tolerance was reached"
    return (
        f"\nobjective   {optimum['objective']:.6f} nats after {optimum['iterations']} iterations,\n"
        f"            {end}{state}"
    )
