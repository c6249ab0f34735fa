"""The inker learns, and its file answers as the network that learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from mnistry.data.dataset import DataSets
from mnistry.pictures.inker import padded
from mnistry.training import inking
from mnistry.training.__main__ import main


@pytest.fixture(scope="module")
def scenes(mnist: DataSets) -> list[np.ndarray]:
    """Sixty-four scenes."""
    return inking.make_scenes(mnist.train, 64, seed=3, workers=1)


@pytest.mark.slow
def test_scenes_do_not_depend_on_the_workers(mnist: DataSets, scenes: list[np.ndarray]) -> None:
    """One process or two make the same scenes of the same seed."""
    others = inking.make_scenes(mnist.train, 64, seed=3, workers=2)
    assert all(np.array_equal(one, other) for one, other in zip(scenes, others, strict=True))


@pytest.mark.slow
def test_some_scenes_are_cut_down(scenes: list[np.ndarray]) -> None:
    """A part of the scenes is smaller, with more ink along the edges."""
    small = [scene[1] for scene in scenes if scene.shape[1:] != (96, 128)]
    large = [scene[1] for scene in scenes if scene.shape[1:] == (96, 128)]
    assert 0.2 * len(scenes) < len(small) < 0.6 * len(scenes)

    def rim(ink: np.ndarray) -> float:
        return float(np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]]).mean() / 255)

    assert np.median([rim(ink) for ink in small]) > 1.5 * np.median([rim(ink) for ink in large])


def test_batches_are_of_one_size_and_miss_little(scenes: list[np.ndarray]) -> None:
    """A batch's scenes are padded to one size; no scene is in an epoch twice."""
    batches = inking._batches(np.random.default_rng(0), scenes * 20)
    for batch in batches:
        assert 8 <= len(batch) <= 32
        assert len({padded(scenes[i % 64]).shape for i in batch}) == 1
    drawn = np.concatenate(batches)
    assert len(np.unique(drawn)) == len(drawn) > 0.9 * 20 * 64


@pytest.mark.slow
def test_file_answers_as_the_network(scenes: list[np.ndarray]) -> None:
    """Folded into ONNX, a trained network gives the same probabilities to 1e-5."""
    net = inking.train(scenes, epochs=1, seed=0)
    session = onnxruntime.InferenceSession(
        inking.graph(net).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.random.default_rng(0).standard_normal((1, 2, 48, 80)).astype(np.float32)
    [ink] = session.run(["ink"], {"planes": x})
    with torch.no_grad():
        expected = torch.sigmoid(net(torch.from_numpy(x))).numpy()
    assert ink.shape == (1, 1, 48, 80)
    assert np.abs(ink - expected).max() < 1e-5


@pytest.mark.slow
def test_training_repeats(scenes: list[np.ndarray]) -> None:
    """The same scenes and seed give the same network, bit for bit."""
    one, two = (inking.train(scenes, epochs=1, seed=1).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_command_writes_a_file(tmp_path: Path) -> None:
    """The command makes a whole file that ONNX Runtime opens."""
    out = tmp_path / "ink.onnx"
    assert main(["ink", str(out), "--scenes", "64", "--epochs", "1"]) == 0
    onnxruntime.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
