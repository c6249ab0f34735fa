"""A whole run: one network or several, checkpoints on the way, a calibrated model at its end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mnistry.data.dataset import DataSet, DataSets, check_trainable, fold_numbers
from mnistry.errors import InputError, TrainingError
from mnistry.models.convnet import MOST, VIEWS, ConvNet, Member
from mnistry.probability.calibrate import calibrate, cross_calibrate
from mnistry.training.checkpoint import (
    checkpoint_bytes,
    parse_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from mnistry.training.feed import mixed
from mnistry.training.ranks import ALONE, Ranks
from mnistry.training.recipe import Recipe
from mnistry.training.trainer import Trainer

_BETWEEN_MEETINGS = 0.2  # seconds, of several ranks, to agree whether to stop or to save
_MOST_STEPS = 50  # between two meetings

Watch = Callable[["Run"], None]


class Stopped(Exception):  # noqa: N818 - it is no error: the user asked for it
    """The run was asked to stop; its checkpoint, if it keeps one, has all that was done."""


def train_convnet(data: DataSets, epochs: float = 1.0, *, seed: int = 0, **options: Any) -> ConvNet:
    """Train a convnet on a data set with the recipe for so many epochs; calibrate it.

    Parameters
    ----------
    data : learns from `train`, watches and calibrates on `validation`; `test` is not touched.
    options : of `Run`: members, folds, views, device, precision, compile, checkpoint, every,
        resume. A checkpoint is left for the caller to delete once the model is kept.
    """
    recipe = Recipe.for_epochs(epochs, data.shape, len(data.classes))
    run = Run(recipe, data.train, validation=data.validation, seed=seed, **options)
    return run.finish()


class Run:
    """Trains `members` networks one after the other and makes one model of them.

    With `folds`, the model of one network learns from all pictures, and as many more networks
    each learn without a fold of them, which it then answers: what they say calibrates the model
    by every writer that there is. See `mnistry.probability.calibrate.cross_calibrate`.

    Parameters
    ----------
    recipe, data, validation, device, precision, compile : see `Trainer`. The validation pictures
        also calibrate the model; without them it stays uncalibrated.
    members : networks in the ensemble; each has a seed of its own, made from `seed`.
    folds : networks that learn besides to calibrate it, at least 2; 0 for none. No picture may be
        held out as `validation` then.
    views : "one"; or for test-time augmentation "five", a shift by a pixel each way as well, or
        "nine", aslant too.
    checkpoint : where the state is kept while it runs, a path ending in ``.npz``; None for no
        such file. every : seconds between two.
    resume : go on from `checkpoint` instead of from the start.
    ranks : the processes that train together; each has the same arguments, and only rank 0
        reads and writes the checkpoint. Started again by ``torchrun``, they go on from it.

    Attributes
    ----------
    trainer : of the network that learns now. done : the members before it.
    stop : set it from a signal handler or another thread, of any rank: the step is finished, the
        state is kept, `finish` raises `Stopped`.

    Raises
    ------
    InputError : an argument is out of range.
    TrainingError : there is no checkpoint to resume, or it is of another run.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: DataSet,
        *,
        validation: DataSet | None = None,
        members: int = 1,
        folds: int = 0,
        views: str = "one",
        seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
        compile: bool = False,  # noqa: A002 - PyTorch's name for it
        checkpoint: str | os.PathLike[str] | None = None,
        every: float = 30.0,
        resume: bool = False,
        ranks: Ranks = ALONE,
    ) -> None:
        with ranks.as_one():
            if not 1 <= members <= MOST:
                raise InputError(f"`members` must be from 1 to {MOST}; got {members}.")
            if views not in VIEWS:
                raise InputError(f"`views` must be 'one', 'five' or 'nine'; got {views!r}.")
            if not every >= 0:
                raise InputError(f"`every` must be 0 seconds or more; got {every}.")
            if folds and (folds < 2 or members > 1 or (validation is not None and len(validation))):
                raise InputError(
                    "`folds` must be 2 or more, for one of `members`, with no picture in "
                    f"`validation`, since each is held out in turn; got {folds}, {members} and "
                    f"{0 if validation is None else len(validation)}."
                )
            if resume and checkpoint is None:
                raise InputError("`resume` needs the `checkpoint` to go on from; got None.")
            check_trainable(data.labels, data.classes)
            self._fold = fold_numbers(data, folds, seed) if folds else None
        self.recipe, self.data, self.validation = recipe, data, validation
        self.members, self.views, self.seed, self.every = members, views, seed, every
        self.networks = members + folds
        self.ranks, self._meeting = ranks, 0
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.stop = False
        self.done: list[Member] = []
        self.histories: list[list[dict[str, float | None]]] = []
        self._options: dict[str, Any] = {
            "device": device, "precision": precision, "compile": compile
        }  # fmt: skip
        self._saved = time.monotonic()
        if ranks.count > 1:
            ranks.same(**{name: json.dumps(fact) for name, fact in self._identity().items()})
        self.trainer = self._next()
        if self.checkpoint is not None:
            with ranks.as_one():
                found = self._found(self.checkpoint, resume) if ranks.leads else b""
            if kept := ranks.from_lead(found):
                with ranks.as_one():
                    self._load(self.checkpoint, kept)

    @property
    def path(self) -> str:
        """Where it runs and in which precision, in words."""
        return self.trainer.path

    @property
    def share(self) -> float:
        """How much of the run is done, from 0 to 1."""
        now = self.trainer.step / max(self.trainer.steps, 1)
        return min(1.0, (len(self.done) + now) / self.networks)

    def finish(self, watch: Watch | None = None) -> ConvNet:
        """Train what is left; give the calibrated model. See `learn` and `model`."""
        self.learn(watch)
        return self.model()

    def learn(self, watch: Watch | None = None) -> None:
        """Train what is left.

        `watch` is called after each step. The checkpoint stays until `forget` is called, lest
        the run be lost where the model can't be written.

        Raises
        ------
        Stopped : `stop` was set.
        TrainingError : training ran away. OSError : a checkpoint can't be written.
        """

        def after_step(_: Trainer) -> None:
            if watch is not None:
                watch(self)
            stop, due = self._wishes()
            if self.checkpoint is not None and (due or stop):
                self.save(self.checkpoint)
            if stop:
                raise Stopped

        while len(self.done) < self.networks:
            self.trainer.run(after_step)
            self.done.append(self.trainer.member())
            self.histories.append(self.trainer.history)
            if len(self.done) < self.networks:
                self.trainer = self._next()

    def model(self) -> ConvNet:
        """Give the model of the members that are done, calibrated; one rank can do it alone.

        Raises
        ------
        TrainingError : a fold's network is not done.
        """
        model = self._model(self.done[: self.members])
        if self._fold is not None:
            if len(self.done) < self.networks:
                raise TrainingError(
                    f"{len(self.done)} of {self.networks} networks are trained, and the model is "
                    "calibrated by all of them; call `learn` first."
                )
            others = enumerate(self.done[self.members :])
            folds = [(self._model([other]), *self._split(i)) for i, other in others]
            cross_calibrate(model, self.data, folds)
        elif self.validation is not None:
            calibrate(model, self.data, self.validation)
        return model

    def forget(self) -> None:
        """Delete the checkpoint: what came of the run is safe elsewhere."""
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)

    def save(self, checkpoint: Path) -> None:
        """Write the checkpoint now; a state that is no longer finite is never written."""
        self.trainer.check()
        with self.ranks.as_one():
            if self.ranks.leads:
                self._write(checkpoint)
        self._saved = time.monotonic()

    def provenance(self) -> dict[str, Any]:
        """Tell how the model came about, JSON-ready: the recipe, the path, the curves.

        No clock is in it, so that the same run gives the same file.
        """
        told = ("epoch", "loss", "accuracy")
        histories = [
            [{k: row[k] for k in told} for row in own] for own in self.histories[: self.members]
        ]
        return {
            "recipe": {
                **self.recipe.to_dict(),
                "members": self.members,
                "folds": self.networks - self.members,
                "seed": self.seed,
                "views": self.views,
            },
            "device": self.path,
            "torch": torch.__version__,
            "histories": histories,
        }

    def _next(self) -> Trainer:
        """Make the trainer of the next network; one alone has the run's own seed."""
        i = len(self.done)
        seed = mixed(self.seed, 5, i) if i else self.seed
        recipe, data = self.recipe, self.data
        if i >= self.members:  # as many steps as the network that it stands for
            data, _ = self._split(i - self.members)
            recipe = replace(recipe, epochs=recipe.epochs * len(self.data) / len(data))
        self._meeting = 0
        return Trainer(
            recipe,
            data,
            validation=self.validation,
            seed=seed,
            ranks=self.ranks,
            **self._options,
        )

    def _split(self, fold: int) -> tuple[DataSet, DataSet]:
        """Give the pictures outside of a fold, and those in it."""
        inside = self._fold == fold
        return self.data.take(~inside), self.data.take(inside)

    def _model(self, members: list[Member]) -> ConvNet:
        return ConvNet(members, classes=self.data.classes, views=VIEWS[self.views])

    def _wishes(self) -> tuple[bool, bool]:
        """Say whether to stop, and whether a checkpoint is due; all ranks say the same.

        One alone is asked after each step. Several meet a few times a second, at steps that rank
        0 chooses, since its clock and the others' signals are known to nobody else.
        """
        due = time.monotonic() - self._saved >= self.every
        trainer, ranks = self.trainer, self.ranks
        if ranks.count == 1:
            return self.stop, due
        if trainer.step < min(self._meeting, trainer.steps):
            return False, False
        pause = round(_BETWEEN_MEETINGS * trainer.step / max(trainer.seconds, 1e-9))
        told = [due, max(1, min(pause, _MOST_STEPS))] if ranks.leads else [0, 0]
        stop, saving, pause = ranks.add(
            torch.tensor([self.stop, *told], dtype=torch.int64)
        ).tolist()
        self._meeting = trainer.step + pause
        return stop > 0, saving > 0

    def _identity(self) -> dict[str, Any]:
        """Tell what must be the same for a run to be gone on with."""
        validation = None if self.validation is None else self.validation.fingerprint
        told = {
            "recipe": self.recipe.to_dict(),
            "seed": self.seed,
            "members": self.members,
            "folds": self.networks - self.members,
            "data": self.data.fingerprint,
            "validation": validation,
        }
        again: dict[str, Any] = json.loads(json.dumps(told))  # as it comes back from a file
        return again

    def _write(self, checkpoint: Path) -> None:
        arrays: dict[str, Any] = {
            f"now.{key}": array for key, array in self.trainer.state().items()
        }
        for i, member in enumerate(self.done):
            arrays |= {f"done.{i}.{key}": array for key, array in member.arrays.items()}
        facts = {
            **self._identity(),
            "threads": torch.get_num_threads(),
            "device": self.path,
            "job": self.ranks.job,
            "done": len(self.done),
            "histories": [*self.histories, self.trainer.history],
        }
        write_checkpoint(checkpoint, facts, arrays)

    def _found(self, checkpoint: Path, resume: bool) -> bytes:
        """Give the checkpoint to go on from, or nothing for a run from the start."""
        if not resume:
            if not checkpoint.exists():
                return b""
            again = self.ranks.again
            if not (again and read_checkpoint(checkpoint)[0].get("job") == self.ranks.job):
                raise TrainingError(
                    f"{checkpoint} is the checkpoint of a run that was interrupted; go on with it "
                    "by `--resume` (in Python `resume=True`), or delete it."
                )
        for stale in checkpoint.parent.glob(f".{checkpoint.name}.*.part"):
            stale.unlink(missing_ok=True)  # a run that was killed while it wrote left it
        return checkpoint_bytes(checkpoint)

    def _load(self, checkpoint: Path, kept: bytes) -> None:
        def check(facts: dict[str, Any]) -> None:
            for name, ours in self._identity().items():
                if facts.get(name) != ours:
                    raise TrainingError(
                        f"The checkpoint {checkpoint} is of a run with another `{name}`; give "
                        "the options that it was started with, or start without `--resume`."
                    )

        facts, arrays = parse_checkpoint(checkpoint, kept, check)
        try:
            self.histories = facts["histories"][:-1]
            for i in range(facts["done"]):
                named = {k: arrays[f"done.{i}.{k}"] for k in self.recipe.network.arrays}
                self.done.append(Member(self.recipe.network, named))
            self.trainer = self._next()
            state = {k.removeprefix("now."): v for k, v in arrays.items() if k.startswith("now.")}
            self.trainer.load(state)
            self.trainer.history = facts["histories"][-1]
        except (KeyError, TypeError, IndexError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"The checkpoint {checkpoint} is damaged ({error}); delete it and train again."
            ) from error
