"""A whole run: ensembles, calibration, and no way to lose it."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError, TrainingError
from mnistry.models.base import cross_entropy
from mnistry.models.convnet import ConvNet
from mnistry.training import run as run_module
from mnistry.training.checkpoint import read_checkpoint
from mnistry.training.recipe import Recipe
from mnistry.training.run import Run, Stopped, train_convnet


def same(one: ConvNet, other: ConvNet) -> bool:
    return all(
        a.arrays[name].tobytes() == b.arrays[name].tobytes()
        for a, b in zip(one.members, other.members, strict=True)
        for name in a.arrays
    )


@pytest.mark.slow
def test_ensemble_is_its_members_alone(little: DataSet, quick: Recipe) -> None:
    """Three members are three different networks; the first is what a run of one gives."""
    three = Run(quick, little, members=3, views="nine", seed=1).finish()
    alone = Run(quick, little, seed=1).finish()
    assert len(three.members) == 3
    assert len(three.views) == 9
    assert same(ConvNet(three.members[:1]), alone)
    assert not same(ConvNet(three.members[:1]), ConvNet(three.members[1:2]))


@pytest.mark.slow
def test_validation_calibrates(mnist: DataSets, quick: Recipe) -> None:
    """The temperature is the best on the validation pictures, and there alone is it found."""
    data, held_out = mnist.train.take(slice(3000)), mnist.validation.take(slice(1000))
    model = Run(replace(quick, epochs=4), data, validation=held_out).finish()
    assert model.temperature != 1
    logits = model.logits(held_out.images)
    best = cross_entropy(logits, held_out.labels)
    for factor in (0.9, 1.1):
        assert best <= cross_entropy(logits * factor, held_out.labels)
    assert Run(quick, data).finish().temperature == 1


@pytest.mark.slow
def test_folds_calibrate_and_nothing_is_held_out(
    mnist: DataSets, quick: Recipe, tmp_path: Path
) -> None:
    """The network is that of all pictures; four stopped and resumed give the same file."""
    data, path = mnist.train.take(slice(2000)), tmp_path / "c.npz"
    alone = Run(quick, data, seed=1).finish()
    run = Run(quick, data, folds=3, seed=1, checkpoint=path)
    steps = []

    def stop(run: Run) -> None:
        if run.trainer.step == 1:
            steps.append(run.trainer.steps)
        run.stop = len(run.done) == 2 and run.trainer.step == 5

    with pytest.raises(Stopped):
        run.finish(stop)
    again = Run(quick, data, folds=3, seed=1, checkpoint=path, resume=True)
    assert 0.5 < again.share < 0.75
    model = again.finish(stop)
    assert len(steps) == 4
    assert np.ptp(steps) <= 1  # a fold's network learns as long as the one it stands for
    assert len(model.members) == 1
    assert model.calibration is not None
    assert model.calibration.pictures == len(data)
    np.testing.assert_allclose(
        model.logits(mnist.test.images[:50]) * model.temperature,
        alone.logits(mnist.test.images[:50]), atol=1e-4,
    )  # fmt: skip
    whole = Run(quick, data, folds=3, seed=1).finish()
    assert same(model, whole)
    assert model.calibration.to_dict() == whole.calibration.to_dict()  # type: ignore[union-attr]
    assert again.provenance()["recipe"]["folds"] == 3
    with pytest.raises(TrainingError, match="another `folds`"):
        Run(quick, data, seed=1, checkpoint=path, resume=True)


@pytest.mark.slow
def test_train_convnet_is_one_call(mnist: DataSets) -> None:
    """Data in, calibrated model out."""
    few = DataSets(mnist.train.take(slice(2000)), mnist.validation, mnist.test, "few")
    model = train_convnet(few, 3.0, seed=2)
    assert (model.predict(mnist.validation.images) == mnist.validation.labels).mean() > 0.85


@pytest.mark.slow
def test_stop_and_resume_to_the_same_bits(little: DataSet, quick: Recipe, tmp_path: Path) -> None:
    """Stopped in the second member and gone on with, the model is the one never stopped."""
    whole = Run(quick, little, members=2, seed=3).finish()
    path = tmp_path / "c.npz"
    run = Run(quick, little, members=2, seed=3, checkpoint=path)

    def stop(run: Run) -> None:
        run.stop = len(run.done) == 1 and run.trainer.step == 5

    with pytest.raises(Stopped):
        run.finish(stop)
    facts, arrays = read_checkpoint(path)
    assert (facts["done"], arrays["now.step"][0]) == (1, 5)
    again = Run(quick, little, members=2, seed=3, checkpoint=path, resume=True)
    assert 0.5 < again.share < 1
    assert same(again.finish(), whole)
    assert list(tmp_path.iterdir()) == [path]  # until the model is kept
    again.forget()
    assert list(tmp_path.iterdir()) == []


def test_resume_refuses_another_run(little: DataSet, quick: Recipe, tmp_path: Path) -> None:
    """Other data, seed or recipe; no checkpoint; a broken one."""
    path = tmp_path / "c.npz"
    with pytest.raises(TrainingError, match="There is no checkpoint"):
        Run(quick, little, checkpoint=path, resume=True)
    with pytest.raises(InputError, match="`resume` needs the `checkpoint`"):
        Run(quick, little, resume=True)
    Run(quick, little, checkpoint=path).save(path)
    with pytest.raises(TrainingError, match=r"is the checkpoint of a run that was interrupted"):
        Run(quick, little, checkpoint=path)
    with pytest.raises(TrainingError, match=r"is of a run with another `seed`; give the options"):
        Run(quick, little, seed=1, checkpoint=path, resume=True)
    with pytest.raises(TrainingError, match=r"another `data`"):
        Run(quick, little.take(slice(500)), checkpoint=path, resume=True)
    with pytest.raises(TrainingError, match=r"another `recipe`"):
        Run(replace(quick, rate=0.1), little, checkpoint=path, resume=True)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TrainingError, match=r"is damaged or not one of mnistry's"):
        Run(quick, little, checkpoint=path, resume=True)


@pytest.mark.slow
def test_full_disk_keeps_the_checkpoint_before(
    little: DataSet, quick: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a checkpoint finds no room, the one before is still there and is gone on from."""
    path = tmp_path / "c.npz"
    run = Run(quick, little, seed=3, checkpoint=path, every=0)
    write = np.savez

    def full(file: BinaryIO, **arrays: Any) -> None:
        if run.trainer.step > 9:
            file.write(b"PK half a file")
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, **arrays)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left on device"):
        run.finish()
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    assert read_checkpoint(path)[1]["now.step"][0] == 9
    again = Run(quick, little, seed=3, checkpoint=path, resume=True).finish()
    assert same(again, Run(quick, little, seed=3).finish())


def test_a_state_that_ran_away_is_never_kept(
    little: DataSet, quick: Recipe, tmp_path: Path
) -> None:
    """NaN ends the run before it reaches a checkpoint."""
    path = tmp_path / "c.npz"
    recipe = replace(quick, rate=1e6, epochs=30, weight_decay=0.1)
    with pytest.raises(TrainingError, match="Training ran away"):
        Run(recipe, little, checkpoint=path, every=0).finish()
    _, arrays = read_checkpoint(path)
    assert all(np.isfinite(array).all() for array in arrays.values())


@pytest.mark.slow
def test_killed_a_dozen_times_and_whole_at_the_end(tmp_path: Path) -> None:
    """SIGKILL at 12 random moments: never a broken file, never a step back, the same bytes."""
    program = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, program, tmp_path, "12", "11"],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["died"] >= 9
    assert found["broken"] == []
    assert found["lost"] == []
    assert len(set(found["steps"])) > 5  # most children advanced
    assert found["same"]
    assert found["left"] == ["killed.onnx", "warm.onnx", "whole.onnx"]


def test_refusals(little: DataSet, quick: Recipe) -> None:
    """Numbers out of range get a sentence."""
    with pytest.raises(InputError, match=r"`members` must be from 1 to 64; got 0"):
        Run(quick, little, members=0)
    with pytest.raises(InputError, match=r"`views` must be 'one', 'five' or 'nine'; got 'ten'"):
        Run(quick, little, views="ten")
    for options in ({"folds": 1}, {"folds": 2, "members": 2}, {"folds": 2, "validation": little}):
        with pytest.raises(
            InputError, match=r"`folds` must be 2 or more, for one of `members`, with no"
        ):
            Run(quick, little, **options)
    with pytest.raises(InputError, match=r"`every` must be 0 seconds or more; got -1"):
        Run(quick, little, every=-1)


def test_module_takes_nothing_from_the_test_split() -> None:
    """Nothing in a run reads `test`: it gets training and validation pictures only."""
    assert run_module.__file__ is not None
    text = Path(run_module.__file__).read_text("utf-8")
    assert ".test" not in text


def test_one_class_is_not_learnt(mnist: DataSets) -> None:
    """Labels that are all the same are refused."""
    ones = mnist.train.take(mnist.train.labels == 1)
    with pytest.raises(InputError, match=r"two classes or more; all [\d,]+ are of the class '1'"):
        Run(Recipe.for_epochs(1, mnist.shape, 10), ones)
