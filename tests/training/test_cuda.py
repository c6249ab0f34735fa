"""On a GPU: steps as one graph, the same bits each time, and what a processor would say of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from mnistry.data.dataset import DataSet, DataSets
from mnistry.training.augment import Augmentation
from mnistry.training.recipe import Recipe
from mnistry.training.run import Run, Stopped
from mnistry.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
BENT = Augmentation(shift=2, rotation=10, elastic=1, stroke=0.5, clutter=0.2, noise=0.05)


def weights(trainer: Trainer) -> dict[str, np.ndarray]:
    return dict(trainer.member().arrays)


def recipes() -> dict[str, Recipe]:
    plain = Recipe.for_epochs(0.3)
    return {
        "plain": plain,
        "moved": replace(plain, augmentation=Augmentation(shift=2)),
        "bent": replace(plain, augmentation=BENT),
        "dropped": replace(plain, dropout=0.3),
    }


@pytest.mark.parametrize("kind", recipes())
def test_a_graph_takes_the_steps_that_single_operations_take(
    kind: str, mnist: DataSets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the same recipe without the graph, to the bit."""
    recipe = recipes()[kind]
    data = mnist.train.take(slice(10_000))
    graphed = Trainer(recipe, data, seed=1, device="cuda")
    graphed.run()
    assert graphed._replay is not None
    monkeypatch.setattr(Trainer, "_record", lambda _: None)
    single = Trainer(recipe, data, seed=1, device="cuda")
    single.run()
    assert single._replay is None
    for name, array in weights(single).items():
        np.testing.assert_array_equal(weights(graphed)[name], array, err_msg=name)


@pytest.mark.parametrize("kind", recipes())
def test_same_seed_same_bits(kind: str, mnist: DataSets) -> None:
    """A seed decides everything; warming up changes nothing."""
    data = mnist.train.take(slice(10_000))
    one, same, other = (
        Trainer(recipes()[kind], data, seed=seed, device="cuda") for seed in (4, 4, 5)
    )
    same.warm_up()
    for trainer in (one, same, other):
        trainer.run()
    assert all((weights(one)[k] == array).all() for k, array in weights(same).items())
    assert any((weights(one)[k] != array).any() for k, array in weights(other).items())


def test_a_run_that_was_stopped_ends_in_the_same_bits(mnist: DataSets, tmp_path: Path) -> None:
    """Stopped in the middle, gone on with by a new process' worth of objects."""
    recipe = replace(recipes()["bent"], dropout=0.2)
    data = mnist.train.take(slice(10_000))

    def run_of(checkpoint: Path | None = None, *, resume: bool = False) -> Run:
        return Run(
            recipe, data, validation=mnist.validation, seed=2, device="cuda",
            checkpoint=checkpoint, resume=resume,
        )  # fmt: skip

    whole = run_of()
    whole.learn()

    def stop(run: Run) -> None:
        run.stop = run.trainer.step == 17

    checkpoint = tmp_path / "run.npz"
    with pytest.raises(Stopped):
        run_of(checkpoint).learn(stop)
    again = run_of(checkpoint, resume=True)
    assert again.trainer.step == 17
    again.learn()
    for name, array in whole.done[0].arrays.items():
        np.testing.assert_array_equal(again.done[0].arrays[name], array, err_msg=name)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_seconds_give_99_percent(
    precision: str, mnist: DataSets, agree_in_onnx: Callable[[Trainer], None]
) -> None:
    """What a GPU learns is as good, and ONNX on the processor answers the same."""
    trainer = Trainer(
        Recipe.for_epochs(0.5), mnist.train, seed=0, device="cuda", precision=precision
    )
    trainer.run()
    assert trainer.path.startswith("cuda, ")
    assert trainer.path.endswith(precision)
    assert trainer.accuracy(mnist.validation) > 0.987
    agree_in_onnx(trainer)


def test_little_data_and_odd_sizes(mnist: DataSets) -> None:
    """A few pictures, of another size and two classes."""
    two = mnist.train.take(np.flatnonzero(mnist.train.labels < 2)[:70])
    data = DataSet(two.images[:, 2:-3, 1:], two.labels, ("no", "yes"))
    trainer = Trainer(Recipe.for_epochs(20, (23, 27), 2), data, seed=0, device="cuda")
    trainer.run()
    assert trainer.accuracy(data) > 0.9


def test_the_command_trains_on_it(tmp_path: Path) -> None:
    """`--device cuda`, compiled too, and what is there by default."""
    command = [sys.executable, "-m", "mnistry", "train", "--model", "convnet", "--epochs", "0.3"]
    for more in (["--device", "cuda"], []):
        out = tmp_path / f"{len(more)}.onnx"
        done = subprocess.run(
            [*command, *more, "--out", str(out)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "cuda" in done.stdout + done.stderr
        assert out.stat().st_size > 100_000


def test_ranks_need_a_gpu_each(tmp_path: Path) -> None:
    """Two ranks on a machine with fewer: one sentence, not NCCL's."""
    count = torch.cuda.device_count() + 1
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone",
            "--nproc-per-node", str(count), "-m", "mnistry", "train", "--model", "convnet",
            "--epochs", "0.1", "--device", "cuda", "--out", str(tmp_path / "m.onnx"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Each rank needs a GPU of its own" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr.split("Each rank needs")[0]
