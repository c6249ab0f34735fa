"""The judge of candidates learns: is this crop one whole digit, or a part, a pair, anything else?

Its examples are the candidates that `mnistry.pictures.find` makes of scenes, of which it is known
what was written.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.data.dataset import DataSet, DataSets
from mnistry.models.convnet import ConvNet
from mnistry.models.network import Block, Network
from mnistry.pictures.find import find, groups
from mnistry.pictures.frame import SIDE, frame_many
from mnistry.probability.calibrate import fit_temperature
from mnistry.training.augment import Augmentation
from mnistry.training.many import by_many
from mnistry.training.recipe import Recipe
from mnistry.training.run import Run
from mnistry.training.scene import NOT_A_DIGIT, Scene, Scenes
from mnistry.training.strange import strangers

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

CLASSES = (*"0123456789", "not a digit")
NETWORK = Network(
    (SIDE, SIDE),
    (Block(24, 4, 2), Block(48, 3, pool=2), Block(64, 3, 1, 1), Block(96, 3)),
    len(CLASSES),
)
_OTHER = len(CLASSES) - 1
_MOST_DIGITS = 10_000  # that scenes are written with
_FOUND = 0.6  # of a digit's ink; with less it may be whole or not
_WHOLE, _PART = 0.85, 0.72  # of a digit's ink: from here on it is one; below it is a part
_OUTSIDE = 0.5  # what the edge leaves less of is a part
_EXCERPTS = 0.35  # share of the scenes that are cut down to a few digits
_STRANGE = 0.15  # letters, scribbles and the like to one candidate
# What a scene doesn't do already; clutter and gaps would make wholes into parts.
_MILD = Augmentation(shift=1, rotation=6, slant=5, scale=0.05, stroke=0.5, blur=0.6, contrast=0.3)
_SHAPES = ((64, 96), (80, 200), (96, 128), (120, 120), (64, 64))


def candidates(
    scene: Scene, ink: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Give the candidates in a scene's ink, framed, and what each is.

    Returns
    -------
    images : uint8 (n, 28, 28). labels : (n,) indices into `CLASSES`.
    """
    whole = find(ink)
    crops, labels = [], []
    totals = [float(np.minimum(ink, mark.ink).sum()) for mark in scene.marks]
    lost = [t < _FOUND * float(mark.ink.sum()) for t, mark in zip(totals, scene.marks, strict=True)]
    for found in (whole, whole.cut()):
        pairs = [(row, group) for row in found.rows for group in groups(row)]
        for row, group in pairs:
            crop = found.crop(row, group)
            mass = float(crop.sum())
            x, y, w, h = group.box
            best, kind = 0.0, _OTHER
            skip = point = False
            for mark, total, gone in zip(scene.marks, totals, lost, strict=True):
                shared = float(np.minimum(crop, mark.ink[y : y + h, x : x + w]).sum())
                if shared == 0:
                    continue
                part, purity = mark.part * shared / total, shared / mass
                if mark.label == NOT_A_DIGIT and part > _PART:
                    point = True  # a digit with its point is no digit, as two digits aren't
                if purity > 0.5 and (gone or _OUTSIDE < mark.part < _WHOLE):
                    skip = True  # what paper hides, or the edge cuts off, may be whole or not
                good = min(part, purity)
                if good > best:
                    best, kind = good, mark.label if mark.label >= 0 else _OTHER
            if skip or (kind != _OTHER and _PART < best < _WHOLE):
                continue
            crops.append(crop)
            labels.append(_OTHER if point or best < _WHOLE else kind)
    return frame_many(crops), np.array(labels, np.intp)


def make_candidates(data: DataSet, n: int, seed: int, workers: int | None = None) -> DataSet:
    """Make the candidates of n scenes, in several processes, and what is no digit besides."""
    made = by_many(_some, data, n, seed, chunk=100, digits=_MOST_DIGITS, workers=workers)
    images, labels = (np.concatenate([part[i] for part in made]) for i in (0, 1))
    strange = strangers(data, round(_STRANGE * len(images)), seed)
    images = np.concatenate([images, strange])
    labels = np.concatenate([labels, np.full(len(strange), _OTHER)])
    return DataSet(images, labels.astype(np.int64), CLASSES)


def train(data: DataSets, scenes: int, epochs: float, seed: int) -> tuple[ConvNet, dict[str, Any]]:
    """Train the judge on candidates of so many scenes, and calibrate it on those of others.

    Returns
    -------
    model, provenance : what to write into the file.
    """
    learnt = make_candidates(data.train, scenes, seed)
    others = make_candidates(data.validation, scenes // 10, seed + 1)
    recipe = Recipe(epochs, NETWORK, augmentation=_MILD)
    run = Run(recipe, learnt, validation=others, seed=seed)
    run.learn()
    model = ConvNet(run.done, classes=CLASSES)
    model.cool(fit_temperature(model.logits(others.images), others.labels))  # it promises nothing
    accuracy = float((model.predict(others.images) == others.labels).mean())
    told = f"{len(learnt):,} candidates; {accuracy:.2%} of {len(others):,} others right\n"
    sys.stderr.write(told)
    return model, {"scenes": scenes, **run.provenance()}


def _some(scenes: Scenes, rng: Generator, n: int) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    made = [_one(scenes, rng) for _ in range(n)]
    return np.concatenate([m[0] for m in made]), np.concatenate([m[1] for m in made])


def _one(scenes: Scenes, rng: Generator) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    from mnistry.pictures.inker import answer

    shape = _SHAPES[rng.integers(len(_SHAPES))]
    scene = scenes.make(rng, shape, (16, 64), excerpts=_EXCERPTS)
    ink = scene.ink if rng.random() < 0.3 else answer(scene.grey)
    return candidates(scene, ink)
