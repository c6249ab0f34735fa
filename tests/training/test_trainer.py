"""The trainer learns, repeats to the bit, stops anywhere and says when it runs away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError, TrainingError
from mnistry.training.recipe import Recipe
from mnistry.training.trainer import Trainer


def arrays(trainer: Trainer) -> bytes:
    return b"".join(array.tobytes() for array in trainer.member().arrays.values())


@pytest.mark.slow
def test_seconds_give_99_percent(mnist: DataSets) -> None:
    """Half an epoch's worth of pictures is enough for 98.7% of the validation pictures."""
    trainer = Trainer(Recipe.for_epochs(0.5), mnist.train, seed=0)
    trainer.run()
    assert trainer.accuracy(mnist.validation) > 0.987


@pytest.mark.slow
def test_onnx_answers_as_pytorch_does(
    mnist: DataSets, agree_in_onnx: Callable[[Trainer], None]
) -> None:
    """Oracle: on all 10,000 test pictures the same digit, probabilities within 1e-5."""
    trainer = Trainer(Recipe.for_epochs(0.3), mnist.train.take(slice(20_000)), seed=0)
    trainer.run()
    agree_in_onnx(trainer)


@pytest.mark.slow
def test_same_seed_same_bits(little: DataSet, quick: Recipe) -> None:
    """A seed decides everything; another gives other weights."""
    one, same, other = (Trainer(quick, little, seed=seed) for seed in (4, 4, 5))
    for trainer in (one, same, other):
        trainer.run()
    assert arrays(one) == arrays(same)
    assert arrays(one) != arrays(other)


@pytest.mark.slow
def test_dropout_repeats_to_the_bit_too(little: DataSet, quick: Recipe) -> None:
    """What is dropped follows from seed and step."""
    recipe = replace(quick, dropout=0.5)
    one, same = (Trainer(recipe, little, seed=1) for _ in range(2))
    one.run()
    same.run()
    assert arrays(one) == arrays(same)


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 7, 18])
def test_state_goes_on_to_the_same_bits(at: int, little: DataSet, quick: Recipe) -> None:
    """A trainer that loads another's state at any step ends with the same weights."""
    whole = Trainer(quick, little, seed=2)
    states = []
    whole.run(lambda t: states.append(t.state()) if t.step == at else None)
    again = Trainer(quick, little, seed=2)
    again.load(states[0])
    assert again.step == at
    again.run()
    assert arrays(again) == arrays(whole)


@pytest.mark.slow
def test_warm_up_leaves_no_trace(little: DataSet, quick: Recipe) -> None:
    """After a warm-up the run is what it would have been."""
    cold, warm = Trainer(quick, little), Trainer(quick, little)
    warm.warm_up()
    assert warm.step == 0
    cold.run()
    warm.run()
    assert arrays(cold) == arrays(warm)


def test_history_tells_each_epoch(little: DataSet, quick: Recipe) -> None:
    """A row an epoch with loss, accuracy on validation and pictures a second; it learns."""
    trainer = Trainer(replace(quick, epochs=4, focus=1.0), little, validation=little)
    trainer.run()
    assert [row["epoch"] for row in trainer.history] == [1, 2, 3, 4]
    numbers = {k: [float(row[k] or 0) for row in trainer.history] for k in trainer.history[0]}
    assert 0 < numbers["loss"][-1] < numbers["loss"][0]
    assert numbers["accuracy"][-1] == trainer.accuracy(little) > 0.5
    assert min(numbers["rate"]) > 0
    assert min(numbers["seconds"]) > 0


def test_zero_epochs_is_an_untrained_network(little: DataSet, quick: Recipe) -> None:
    """No steps: the model answers all the same."""
    trainer = Trainer(replace(quick, epochs=0), little)
    trainer.run()
    assert trainer.model().predict_proba(little.images[:3]).shape == (3, 10)


def test_running_away_is_diagnosed(little: DataSet, quick: Recipe) -> None:
    """A rate beyond reason ends with a sentence: where, what was lost, what to do."""
    trainer = Trainer(replace(quick, rate=1e6, epochs=30, weight_decay=0.1), little)
    with pytest.raises(
        TrainingError,
        match=r"Training ran away: by step \d+ of [\d,]+ the loss is \S+ \(.*"
        r"arrays of weights gone; lower the recipe's `rate`",
    ):
        trainer.run()


@pytest.mark.slow
def test_any_classes_and_sizes() -> None:
    """Three classes of 8×11 pictures are learnt, and 70×20 ones too."""
    rng = np.random.default_rng(0)
    for shape in ((8, 11), (70, 20)):
        labels = np.arange(300) % 3
        images = rng.integers(0, 60, (300, *shape), dtype=np.uint8)
        images[labels == 1, : shape[0] // 2] += 150
        images[labels == 2, :, : shape[1] // 2] += 150
        data = DataSet(images, labels, ("none", "upper", "left"))
        trainer = Trainer(Recipe.for_epochs(12, shape, 3), data)
        trainer.run()
        assert trainer.accuracy(data) > 0.95
        assert trainer.model().classes == ("none", "upper", "left")


@pytest.mark.slow
def test_bfloat16_learns_too(mnist: DataSets) -> None:
    """The path of processors with AMX gives the same kind of network (slowly here)."""
    data = mnist.train.take(slice(3000))
    trainer = Trainer(Recipe.for_epochs(2), data, precision="bfloat16", device="cpu")
    trainer.run()
    assert "bfloat16" in trainer.path
    assert trainer.accuracy(mnist.validation) > 0.9


def test_refusals(little: DataSet, quick: Recipe) -> None:
    """Data of another size or other classes, too little of it, a negative seed."""
    with pytest.raises(InputError, match=r"network is for pictures of 28x28 in 10 classes; the"):
        Trainer(quick, DataSet(little.images[:, 1:], little.labels, little.classes))
    with pytest.raises(InputError, match=r"at least two pictures to learn from; got 1"):
        Trainer(quick, little.take([0]))
    with pytest.raises(InputError, match=r"`seed` must be 0 or more; got -1"):
        Trainer(quick, little, seed=-1)
