"""The inker learns, and its file answers as the network that learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from mnistry.data.dataset import DataSets
from mnistry.training import inking
from mnistry.training.__main__ import main


@pytest.fixture(scope="module")
def scenes(mnist: DataSets) -> np.ndarray:
    """Sixty-four scenes."""
    return inking.make_scenes(mnist.train, 64, seed=3, workers=1)


def test_scenes_do_not_depend_on_the_workers(mnist: DataSets, scenes: np.ndarray) -> None:
    """One process or two make the same scenes of the same seed."""
    assert np.array_equal(inking.make_scenes(mnist.train, 64, seed=3, workers=2), scenes)


def test_file_answers_as_the_network(scenes: np.ndarray) -> None:
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


def test_training_repeats(scenes: np.ndarray) -> None:
    """The same scenes and seed give the same network, bit for bit."""
    one, two = (inking.train(scenes, epochs=1, seed=1).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_command_writes_a_file(tmp_path: Path) -> None:
    """The command makes a whole file that ONNX Runtime opens."""
    out = tmp_path / "ink.onnx"
    assert main(["ink", str(out), "--scenes", "64", "--epochs", "1"]) == 0
    onnxruntime.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
