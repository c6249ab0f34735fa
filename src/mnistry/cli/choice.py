"""What a command works on: the options for model, data and picture, and what they choose."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistry.cli.parser import whole
from mnistry.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistry.data.dataset import DataSet, DataSets
    from mnistry.models.base import Model

SPLITS = {"train": "training", "test": "test"}


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option that `load` reads."""
    parser.add_argument(
        "--model", metavar="FILE", help="file of `mnistry train`; default: the one in the package"
    )


def add_data(parser: argparse.ArgumentParser, *, split: str) -> None:
    """Add the options that `split` reads, with its default."""
    parser.add_argument(
        "--data", default="mnist", metavar="SOURCE", help="as for train; default: MNIST"
    )
    add_invert(parser)
    parser.add_argument(
        "--split", choices=list(SPLITS), default=split, help="of the data; default %(default)s"
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, help="seed of every random choice; default 0"
    )


def add_invert(parser: argparse.ArgumentParser) -> None:
    """Add the option that inverts the images."""
    parser.add_argument(
        "--invert",
        action="store_true",
        help="invert the data's images: for dark ink on light paper (255 = paper)",
    )


def add_picture(parser: argparse.ArgumentParser, by_class: str) -> None:
    """Add the options that `picture` reads, of which one at most may be given."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--index", type=whole(0), metavar="I", help="which picture; default 0")
    choice.add_argument("--class", "--digit", dest="class_name", metavar="NAME", help=by_class)
    choice.add_argument(
        "--picture", metavar="FILE", help="your own picture of one digit, framed as MNIST's were"
    )


def load(args: argparse.Namespace, kind: str = "softmax") -> tuple[Any, dict[str, Any]]:
    """Load the model, or the one of that kind in the package; tell what to call it."""
    from mnistry.models.file import load_model, shipped_model

    if args.model is None:
        return shipped_model(kind), {"model": f"{kind} (in the package)"}
    return load_model(args.model), {"model": args.model}


def split(args: argparse.Namespace, model: Model | None = None) -> tuple[DataSets, DataSet]:
    """Load the data, and give the split asked for, which must be what `model` reads."""
    from mnistry.data.classes import with_classes
    from mnistry.data.sources import load_data

    source = load_data(args.data, seed=args.seed, invert=args.invert)
    data = source.train if args.split == "train" else source.test
    if len(data) == 0:
        raise InputError(
            f"{source.name} has no {SPLITS[args.split]} pictures; choose another `--split`."
        )
    if model is not None and data.images.shape[1:] != model.shape:
        (h, w), (height, width) = model.shape, data.images.shape[1:]
        raise InputError(
            f"The model reads pictures of {h}x{w}, the data's are {height}x{width}; give data "
            "of the model's own size."
        )
    if model is not None:
        data = with_classes(data, model.classes)
    return source, data


def picture(
    args: argparse.Namespace, model: Model | None = None
) -> tuple[NDArray[np.uint8], str, dict[str, Any]]:
    """Return the image that was asked for, (h, w), its title and its metadata."""
    if args.picture is not None:
        image = _read_picture(args.picture, model)
        return image, Path(args.picture).name, {"picture": args.picture}
    source, data = split(args, model)
    index = args.index or 0
    if args.class_name is not None:
        found = (data.labels == label(args.class_name, data.classes)).nonzero()[0]
        if not len(found):
            raise InputError(
                f"No {SPLITS[args.split]} picture of {source.name} has the class "
                f"{args.class_name!r}; choose another class or `--split`."
            )
        index = int(found[0])
    if not 0 <= index < len(data):
        raise InputError(
            f"`--index` must be in 0..{len(data) - 1}, the {SPLITS[args.split]} pictures; "
            f"got {index}."
        )
    name = data.classes[data.labels[index]]
    facts = {**about(source, args), "index": index, "label": name}
    return (
        data.images[index],
        f"{SPLITS[args.split].capitalize()} picture {index}, labelled {name}",
        facts,
    )


def _read_picture(path: str, model: Model | None) -> NDArray[np.uint8]:
    """Read a picture of one digit and frame it as MNIST's were."""
    from mnistry.pictures.decode import decode
    from mnistry.pictures.frame import SIDE, frame
    from mnistry.pictures.ink import to_ink

    if model is not None and model.shape != (SIDE, SIDE):
        h, w = model.shape
        raise InputError(
            f"`--picture` is framed to {SIDE}x{SIDE}, the model reads pictures of {h}x{w}; "
            "choose one of its data with `--data` and `--index`."
        )
    image = frame(to_ink(decode(path)))
    if not image.any():
        raise InputError(f"{path!r} shows no ink; give a picture of one digit.")
    return image


def examples(data: DataSet, seed: int) -> list[int]:
    """Draw a picture of each class that has any; give their indices."""
    import numpy as np

    rng = np.random.default_rng(seed)
    return [int(rng.choice(np.flatnonzero(data.labels == i))) for i in np.unique(data.labels)]


def label(name: str, classes: tuple[str, ...], option: str = "--class") -> int:
    """Find the class of that name."""
    if name not in classes:
        cure = f": {like}" if (like := did_you_mean(name, classes)) else "."
        raise InputError(f"`{option}` must be one of {_some(classes)}; got {name!r}{cure}")
    return classes.index(name)


def about(source: DataSets, args: argparse.Namespace) -> dict[str, Any]:
    """Return the data set's name and split as metadata."""
    return {"data": source.name, "split": args.split}


def _some(names: tuple[str, ...]) -> str:
    """Name a few of many."""
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} … ({len(names)} in all)"


def check_target(option: str, path: str, suffix: str = "") -> None:
    """Check a file that is to be written, before the work whose result it is to hold.

    Raises
    ------
    InputError : the name has another suffix, is that of a folder, or its folder does not exist.
    """
    if not path.lower().endswith(suffix):
        raise InputError(f"`{option}` must end in {suffix}; got {path!r}.")
    if Path(path).is_dir():
        raise InputError(f"`{option}` must name a file; {path!r} is a folder.")
    folder = Path(path).parent
    if not folder.is_dir():
        raise InputError(f"The folder of `{option}`, {folder}, does not exist; make it first.")
