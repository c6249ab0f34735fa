"""Are the probabilities true, are the promises kept, and does the model decline what is no digit?

On MNIST's test split: calibration, and how often sets hold the truth. On pictures of other things
(noise, blanks, scribbles, characters of other alphabets, Fashion-MNIST where it was fetched): how
many are refused where 1% of true digits may be. On MNIST-C's fifteen families of corruption, drawn
anew, and with --pictures on strangers' single digits: calibration where nothing is promised.
Nothing here is chosen or calibrated by these pictures.

Last answer: see results/trust.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import machine
from compare import RESULTS
from handwriting import OTHER, gather
from mnistry import Reader, Reading, load_data, score, shipped_model
from mnistry.data.corrupt import FAMILIES, corrupt
from mnistry.errors import DataError
from mnistry.models.base import Model
from mnistry.pictures.decode import decode
from mnistry.pictures.frame import frame_many
from mnistry.pictures.ink import find_ink
from mnistry.probability import measure

LEVEL = 0.01
SIDE = 28
Images = NDArray[np.uint8]


def strange(digits: Images, n: int) -> dict[str, Images]:
    """Make n pictures of each kind of thing that is no digit, by other means than training has."""
    import cv2

    rng = np.random.default_rng(2026)
    smooth = np.empty((n, SIDE, SIDE))
    for i, sigma in enumerate(rng.uniform(0.7, 4, n)):
        field = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)), (0, 0), sigma)
        smooth[i] = (field - field.min()) / np.ptp(field)
    parts = zip(smooth, rng.uniform(0.6, 0.95, n), strict=True)
    bars = [np.quantile(one, share) for one, share in parts]
    shuffled = rng.permuted(digits[:n].reshape(n, -1), axis=1).reshape(n, SIDE, SIDE)
    made = {
        "uniform noise": rng.random((n, SIDE, SIDE)),
        "smooth noise": smooth,
        "blots": smooth > np.array(bars)[:, None, None],
        "grains": rng.random((n, SIDE, SIDE)) < rng.uniform(0.01, 0.5, (n, 1, 1)),
        "blank, in any shade": np.repeat(np.linspace(0, 1, n), SIDE * SIDE).reshape(n, SIDE, SIDE),
        "shuffled pixels": shuffled / 255,
        "digits, light and dark swapped": 1 - digits[:n] / 255,
    }
    found = {
        name: np.round(255 * np.asarray(x, float)).astype(np.uint8) for name, x in made.items()
    }
    return {**found, "scribbles": frame_many([scribble(rng) for _ in range(n)])}


def scribble(rng: np.random.Generator) -> NDArray[np.float32]:
    """Go to and fro with a pen along a smooth random path."""
    import cv2

    steps = np.cumsum(np.cumsum(rng.standard_normal((400, 2)), axis=0), axis=0)
    waves = np.sin(np.linspace(0, rng.uniform(2, 9) * np.pi, 400)[:, None] + rng.uniform(0, 6, 2))
    path = steps / np.ptp(steps, axis=0) + rng.uniform(0, 0.6) * waves
    path = 16 + 64 * (path - path.min(axis=0)) / np.ptp(path, axis=0)
    canvas = np.zeros((96, 96), np.uint8)
    thick = int(rng.integers(2, 8))
    cv2.polylines(canvas, [np.round(path).astype(np.int32)], False, 255, thick, cv2.LINE_AA)
    return np.asarray(canvas / np.float32(255), np.float32)


def framed(files: list[Path]) -> Images:
    """Frame pictures of one thing each as MNIST's were."""
    inks = [find_ink(decode(file)).ink for file in files]
    return frame_many([ink for ink in inks if ink.any()])


def refusals(model: Model, usual: Images, others: dict[str, Images]) -> dict[str, dict[str, Any]]:
    """Tell of each kind how many are refused, and how well strangeness parts it from digits."""
    strangeness = model.strangeness(usual)
    rows = {}
    for name, images in others.items():
        refused = int((model.typicality(images) <= LEVEL).sum())
        rows[name] = {
            "pictures": len(images),
            "refused": refused / len(images),
            "interval": measure.binomial_interval(refused, len(images)),
            "auroc": measure.auroc(strangeness, model.strangeness(images)),
        }
    return rows


def strangers(source: Path, most: int | None) -> tuple[dict[str, Any], dict[str, Images]]:
    """Measure the reader on strangers' single digits; and frame what is none."""
    reader, rows, pooled = Reader(), {}, []
    others: dict[str, Images] = {}
    with tempfile.TemporaryDirectory() as work:
        sets = gather(source, Path(work), most)
        for name, pictures in sets.items():
            if name == OTHER:
                others["other alphabets"] = framed([one.file for one in pictures])
                continue
            if any(len(one.text) != 1 for one in pictures) or name == "printed":
                continue
            found = [reading for _, reading in reader.read_many([p.file for p in pictures])]
            digits = [
                (reading.digits[0], int(one.text))
                for one, reading in zip(pictures, found, strict=True)
                if isinstance(reading, Reading) and len(reading.digits) == 1
            ]
            p = np.array([mark.probabilities for mark, _ in digits])
            y = np.array([label for _, label in digits])
            sets_ = np.array([[k in mark.set for k in range(10)] for mark, _ in digits])
            refused = np.array([mark.digit is None for mark, _ in digits])
            pooled.append((p, y, sets_, refused))
            rows[name] = judged(p, y, sets_, refused)
    if pooled:
        rows["all"] = judged(*(np.concatenate(part) for part in zip(*pooled, strict=True)))
    return rows, others


def judged(p: Any, y: Any, sets: Any, refused: Any) -> dict[str, Any]:
    """Tell how true probabilities and sets are, of pictures in which one mark was found."""
    held = int(sets[np.arange(len(y)), y].sum())
    return {
        "pictures": len(y),
        "accuracy": measure.accuracy(p, y),
        "ece": measure.ece(p, y),
        "ece_floor": measure.ece_floor(p),
        "nll": measure.nll(p, y),
        "coverage": held / len(y),
        "coverage_interval": measure.binomial_interval(held, len(y)),
        "size": float(sets.sum(axis=1).mean()),
        "refused": float(refused.mean()),
    }


def corrupted(model: Model, images: Images, labels: Any) -> dict[str, dict[str, float]]:
    """Tell how true probabilities are under each family, of all and of those not refused."""
    rows = {}
    for family in FAMILIES:
        changed = corrupt(images, family, seed=0)
        p, typicality = model.predict_proba(changed), model.typicality(changed)
        kept = typicality > LEVEL
        rows[family] = {
            "accuracy": measure.accuracy(p, labels),
            "ece": measure.ece(p, labels),
            "refused": float(1 - kept.mean()),
        }
        if kept.sum() >= 100:
            rows[family]["accuracy_kept"] = measure.accuracy(p[kept], labels[kept])
            rows[family]["ece_kept"] = measure.ece(p[kept], labels[kept])
    return rows


def main() -> int:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="handwriting; see handwriting")
    parser.add_argument("--fashion", default="fashion", metavar="SOURCE", help="Fashion-MNIST")
    parser.add_argument("--smoke", action="store_true", help="few pictures, nothing written")
    args = parser.parse_args()
    test = load_data().test
    n = 20 if args.smoke else 2000
    if args.smoke:
        test = test.take(slice(300))
    others = strange(test.images, n)
    try:
        others["Fashion-MNIST"] = load_data(args.fashion).test.images[: n * 5]
    except DataError as error:
        print(error, file=sys.stderr)
    real: dict[str, Any] = {}
    if args.pictures is not None:
        real, letters = strangers(args.pictures, n if args.smoke else None)
        others |= letters
    models = {}
    for name in ("convnet", "softmax"):
        model = shipped_model(name)
        sheet = score(model, test).to_dict()
        kept = ("accuracy", "nll", "brier", "ece", "ece_floor", "coverage", "answered", "refused")
        models[name] = {
            "mnist": {key: sheet[key] for key in kept},
            "others": refusals(model, test.images, others),
            "corrupted": corrupted(model, test.images, test.labels),
        }
    result = {
        "benchmark": "trust", "question": str(__doc__).splitlines()[0], "smoke": args.smoke,
        "models": models, "strangers": real, "machine": machine.describe(),
    }  # fmt: skip
    if not args.smoke:
        (RESULTS / "trust.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
