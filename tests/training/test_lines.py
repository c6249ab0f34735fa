"""The line recogniser learns from rows that say what they are labelled with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from mnistry.data.dataset import DataSets
from mnistry.pictures.line import HEIGHT
from mnistry.training import lines
from mnistry.training.__main__ import main
from mnistry.training.scene import Mark, Scene, Scenes


@pytest.fixture(scope="module")
def made(mnist: DataSets) -> list[lines.Line]:
    """The rows of a hundred scenes."""
    return lines.make_lines(mnist.train, 100, seed=3, workers=1)


@pytest.mark.slow
def test_rows_of_clean_ink_say_what_was_written(mnist: DataSets) -> None:
    """Of scenes with nothing at their edges, all digits are in the rows, in order."""
    scenes = Scenes(mnist.train, np.random.default_rng(0), most=300)
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(60):
        scene = scenes.make(rng, (80, 200))
        if any(mark.part < 0.99 for mark in scene.marks):
            continue
        rows = lines.lines_of(scene, scene.ink, None)
        said = sorted(digit for _, digits in rows for digit in digits)
        written = sorted(mark.label for mark in scene.marks if mark.label >= 0)
        left_out = len(written) - len(said)  # rows of which it isn't certain
        assert left_out >= 0
        if left_out == 0:
            assert said == written
            seen += len(said) > 0
    assert seen > 10


@pytest.mark.parametrize(("part", "said"), [(1.0, [(3, 7)]), (0.4, [(3,)]), (0.6, [])])
def test_what_the_edge_leaves_little_of_is_not_said(part: float, said: list[Any]) -> None:
    """A digit of which more than half is outside isn't read; one cut at its middle is unclear."""
    ink = np.zeros((2, 40, 50), np.float32)
    ink[0, 10:34, 8:20] = 1
    ink[1, 10:34, 34:50] = 1
    marks = Mark(3, ink[0], float(ink[0].sum())), Mark(7, ink[1], float(ink[1].sum()) / part)
    both = ink.max(axis=0)
    scene = Scene(1 - both, both, marks, 24.0)
    assert [digits for _, digits in lines.lines_of(scene, both, None)] == said


@pytest.mark.slow
def test_lines_have_one_height_and_room_for_their_digits(made: list[lines.Line]) -> None:
    """A line is 32 pixels high, with ink in it, and a few columns for each digit."""
    assert len(made) > 25
    for image, digits in made:
        assert image.shape[:2] == (2, HEIGHT)
        assert image[0].max() > 0
        assert image.shape[2] / 2 >= 2 * len(digits) + 1


@pytest.mark.slow
def test_lines_do_not_depend_on_the_workers(mnist: DataSets, made: list[lines.Line]) -> None:
    """One process or two make the same lines of the same seed."""
    again = lines.make_lines(mnist.train, 100, seed=3, workers=2)
    assert [digits for _, digits in again] == [digits for _, digits in made]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(again, made, strict=True))


@pytest.mark.slow
def test_it_learns_and_its_file_answers_as_it_does(made: list[lines.Line]) -> None:
    """Twenty-five epochs make the loss of the same lines smaller; ONNX gives the same to 1e-4."""
    nets = [lines.train(made, epochs, seed=0) for epochs in (1, 25)]
    images = [image for image, _ in made[:8]]
    x = torch.from_numpy(lines._stacked(images))
    session = onnxruntime.InferenceSession(
        lines.graph(nets[1]).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    with torch.no_grad():
        expected = nets[1](x).permute(0, 2, 1).numpy()
        losses = [
            torch.nn.functional.ctc_loss(
                net(x).permute(2, 0, 1),
                torch.tensor([d for _, digits in made[:8] for d in digits]),
                torch.full((8,), x.shape[3] // 2),
                torch.tensor([len(digits) for _, digits in made[:8]]),
                blank=10,
                zero_infinity=True,
            ).item()
            for net in nets
        ]
    pixels = np.round(255 * x.numpy()).astype(np.uint8)
    [found] = session.run(["log_probabilities"], {"lines": pixels})
    assert np.abs(found - expected).max() < 1e-4
    assert losses[1] < losses[0]


@pytest.mark.slow
def test_training_repeats(made: list[lines.Line]) -> None:
    """The same lines and seed give the same network, bit for bit."""
    one, two = (lines.train(made, 1, seed=1).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_command_writes_a_file(tmp_path: Path) -> None:
    """The command makes a whole file that ONNX Runtime opens."""
    out = tmp_path / "line.onnx"
    assert main(["line", str(out), "--scenes", "64", "--epochs", "1"]) == 0
    onnxruntime.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
