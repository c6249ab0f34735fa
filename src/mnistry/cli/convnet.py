"""``mnistry train --model convnet``: its options, its progress, and how it is interrupted."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistry.cli.parser import real, whole
from mnistry.cli.progress import Progress
from mnistry.errors import InputError

if TYPE_CHECKING:
    from mnistry.data.dataset import DataSets
    from mnistry.models.convnet import ConvNet
    from mnistry.training.ranks import Ranks
    from mnistry.training.run import Run

DEFAULTS: dict[str, Any] = {
    "recipe": "mnist", "members": 1, "folds": 0, "views": "one", "device": "auto",
    "precision": "auto", "compile": False, "resume": False, "save_every": 30.0,
}  # fmt: skip


Done = Callable[[], None]


class OneOfMany(Exception):  # noqa: N818 - all went well
    """This process was one of several that trained, and rank 0 does the rest."""


class Interrupted(Exception):  # noqa: N818 - the user's wish, no error
    """Training was interrupted by a signal; the message says how to go on."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of convnets; an option that is not given is None."""
    group = parser.add_argument_group("convnet (needs the extra `train`)")
    group.add_argument(
        "--recipe",
        choices=["mnist", "robust"],
        help="train for images like MNIST's own, or robustly for anyone's handwriting; default "
        "mnist",
    )
    group.add_argument(
        "--members", type=whole(1), metavar="N", help="networks in the ensemble; default 1"
    )
    group.add_argument(
        "--folds",
        type=whole(2),
        metavar="K",
        help="train on all images; calibrate with K extra networks, each trained with 1/K of the "
        "images left out (split by writer if known); default: hold some images out",
    )
    group.add_argument(
        "--views",
        choices=["one", "five", "nine"],
        help="test-time augmentation: average over five or nine copies of each image, shifted by "
        "a pixel; default one",
    )
    group.add_argument("--device", metavar="NAME", help="auto, cpu, cuda or mps; default auto")
    group.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16"],
        help="number format of training; default auto",
    )
    group.add_argument(
        "--compile", action="store_true", default=None, help="compile the network with PyTorch"
    )
    group.add_argument(
        "--resume", action="store_true", default=None, help="continue an interrupted run"
    )
    group.add_argument(
        "--save-every",
        type=real(least=0, most=1e9),
        metavar="SECONDS",
        help="interval between checkpoints, which are written beside --out; default 30",
    )


def check(args: argparse.Namespace) -> None:
    """Refuse options that can be checked before the data is loaded."""
    if args.epochs is not None and args.epochs > 100_000:
        raise InputError(f"`--epochs` must be at most 100,000 for a convnet; got {args.epochs:g}.")
    if args.folds and args.validation is not None:
        raise InputError("With `--folds` every image is held out once; leave out `--validation`.")


def launched() -> bool:
    """Say whether ``torchrun`` started this process as one of several."""
    return {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR"} <= set(os.environ)


def train(
    args: argparse.Namespace, data: DataSets, ranks: Ranks | None = None
) -> tuple[ConvNet, dict[str, Any], Done]:
    """Train as the arguments ask; give the model, its provenance, and what to do once it is kept.

    Raises
    ------
    Interrupted : the user pressed Ctrl-C; the state is kept.
    OneOfMany : all is learnt, and rank 0 has the rest to do.
    """
    chosen = {k: v if (v := getattr(args, k)) is not None else d for k, d in DEFAULTS.items()}
    epochs = 1.0 if args.epochs is None else args.epochs
    from mnistry.training.ranks import ALONE
    from mnistry.training.recipe import Recipe
    from mnistry.training.run import Run, Stopped

    ranks = ranks or ALONE
    make = Recipe.robust if chosen["recipe"] == "robust" else Recipe.for_epochs
    checkpoint = Path(args.out).with_suffix(".checkpoint.npz")
    run = Run(
        make(epochs, data.shape, len(data.classes)),
        data.train,
        validation=None if chosen["folds"] else data.validation,
        seed=args.seed,
        checkpoint=checkpoint,
        every=chosen["save_every"],
        ranks=ranks,
        **{
            k: chosen[k]
            for k in ("members", "folds", "views", "device", "precision", "compile", "resume")
        },
    )
    if ranks.leads and sys.stderr.isatty():
        print(f"training on {run.path}", file=sys.stderr)
    with Progress("training") as progress, _until_interrupted(run) as signals:
        try:
            run.learn((lambda run: _tell(run, progress)) if ranks.leads else None)
            if not ranks.leads:
                raise OneOfMany
            model = run.model()
        except Stopped:
            # Another rank may have got the signal.
            number = signals[0] if signals else int(signal.SIGTERM)
            raise Interrupted(_stopped(run), number) from None
        except OSError as error:
            raise InputError(
                f"The checkpoint {checkpoint} can't be written: {error.strerror or error}. The one "
                "before it, if there was one, is whole: make room, then go on with `--resume`."
            ) from error
    return model, run.provenance(), run.forget


def _stopped(run: Run) -> str:
    """Say how far it came and how to go on."""
    told = f"stopped after {run.share:.0%}; nothing is lost. Go on with"
    if run.ranks.count > 1:
        return f"{told} the same command and `--resume`, by any number of processes."
    again = [a for a in sys.argv[1:] if a != "--resume"]
    return f"{told}:\n  mnistry {shlex.join([*again, '--resume'])}"


def _tell(run: Run, progress: Progress) -> None:
    trainer = run.trainer
    latest = trainer.history[-1] if trainer.history else None
    more = ""
    if latest is not None and latest["accuracy"] is not None:
        more += f"validation {latest['accuracy']:.2%}  "
    if trainer.seconds > 0:
        more += f"{trainer.step * trainer.feed.size / trainer.seconds:,.0f} images/s  "
    done = len(run.done) * trainer.steps + trainer.step
    progress.update(done, run.networks * trainer.steps, trainer.loss or 0.0, more)


@contextmanager
def _until_interrupted(run: Run) -> Iterator[list[int]]:
    """Let Ctrl-C, or a polite kill, finish the step and keep the state; the second one kills.

    Of several ranks it does not: torchrun passes on what they may have got already, and has its
    own patience. The list that is given holds the signal's number then.
    """
    seen: list[int] = []

    def ask(number: int, _: object) -> None:
        run.stop = True
        seen.append(number)
        if run.ranks.count == 1:
            signal.signal(number, before[number])

    before: dict[int, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[int(number)] = signal.signal(number, ask)
    try:
        yield seen
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
