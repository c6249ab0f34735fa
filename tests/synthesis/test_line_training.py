"""Synthetic rows, and the network that learns from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.ocr.decoding import decode
from mnistry.ocr.line_image import HEIGHT, normalized, resized, stacked
from mnistry.ocr.recognizer import CLASSES, OTHER, recognize
from mnistry.runtime import open_session
from mnistry.synthesis.__main__ import main
from mnistry.synthesis.line_training import (
    graph,
    network,
    read_rows,
    start_from,
    train,
    write_rows,
)
from mnistry.synthesis.strokes import StrokeSet
from mnistry.synthesis.text_lines import TextLines, _legible
from mnistry.training.pen import polyline

TINY = (4, 6, 8, 12)
BAR = polyline((0.0, -0.5), (0.0, 0.5))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files of 80 rows."""
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder, 2, seed=3, strokes=None, rows=80)
    return folder


@pytest.mark.slow
def test_rows_are_images_and_texts(rows: Path) -> None:
    """Rows are 48 px high; most have digits, some nothing; files of one seed are the same."""
    paths = sorted(rows.iterdir())
    assert [path.name for path in paths] == ["rows-00003.npz", "rows-00004.npz"]
    lines = [line for path in paths for line in read_rows(path)]
    assert len(lines) == 160
    for image, text in lines:
        assert image.dtype == np.uint8
        assert image.shape[0] == HEIGHT
        assert 16 <= image.shape[1] <= 520
        assert set(text) <= set(range(10))  # without strokes there are no letters
    lengths = [len(text) for _, text in lines]
    assert 0 < lengths.count(0) < 40
    assert max(lengths) >= 8
    before = paths[1].read_bytes()
    write_rows(rows, 2, seed=3, strokes=None, rows=80)  # what is there is kept
    assert paths[1].read_bytes() == before


@pytest.mark.slow
def test_rows_say_what_is_written(little: DataSet) -> None:
    """The recognizer that ships, which saw other rows, reads half of them as they are labelled.

    Many of the others are hard to read, on purpose; with wrong labels, hardly any would be right.
    """
    source = TextLines(little, np.random.default_rng(0))
    lines = list(source.lines(np.random.default_rng(1), 300))
    right = 0
    for lattice, (_, text) in zip(recognize([image for image, _ in lines]), lines, strict=True):
        right += next(iter(decode(lattice, 1))) == text
    assert right > 140


@pytest.mark.slow
def test_strokes_of_one_writer_and_letters_are_written(little: DataSet) -> None:
    """Letters are `OTHER`; digits are written with the strokes that are given."""
    hand = StrokeSet([BAR] * 12, np.array([*range(10), -1, -1]), np.zeros(12, np.intp))
    source = TextLines(little, np.random.default_rng(0), hand)
    assert len(source._hands) == 1
    texts = [text for _, text in source.lines(np.random.default_rng(1), 200)]
    assert any(set(text) == {OTHER} for text in texts)
    assert any(OTHER in text and len(set(text)) > 1 for text in texts)


@pytest.mark.slow
def test_training_learns_and_resumes(rows: Path, tmp_path: Path) -> None:
    """The loss falls; stopped half way, the run goes on from its checkpoint to the last step."""
    checkpoint = str(tmp_path / "c.npz")
    train(rows, checkpoint, 5, channels=TINY)
    with np.load(checkpoint) as state:
        assert state["step"] == 5
        before = state["net.last.weight"]
        assert state["optimizer.0.exp_avg"].any()
    net = train(rows, checkpoint, 10, channels=TINY)
    with np.load(checkpoint) as state:
        assert state["step"] == 10
        assert (state["net.last.weight"] != before).any()
    assert not net.training


@pytest.mark.slow
def test_the_file_answers_as_the_network() -> None:
    """The ONNX graph gives the network's log probabilities, normalization folded in."""
    import torch

    torch.manual_seed(0)
    net = network(TINY)
    for module in net.modules():  # as after training
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    net.eval()
    x = np.random.default_rng(0).standard_normal((3, 1, HEIGHT, 72)).astype(np.float32)
    [found] = open_session(graph(net).SerializeToString()).run(None, {"lines": x})
    expected = net(torch.from_numpy(x)).detach().numpy().transpose(0, 2, 1)
    assert found.shape == (3, 18, CLASSES)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_command_makes_rows_and_needs_an_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`train` without --out, and a folder without rows, are refused in a sentence."""
    assert main(["train", str(tmp_path)]) == 2
    assert "`train` needs --out FILE." in capsys.readouterr().err
    assert main(["train", str(tmp_path), "--out", str(tmp_path / "a.onnx")]) == 2
    assert "holds no rows" in capsys.readouterr().err


def test_contrast_and_size_are_normalized() -> None:
    """Height 48; median 0, deviation 1; brightness, contrast and size make little difference."""
    rng = np.random.default_rng(0)
    image = np.full((60, 200), 200, np.uint8)
    image[20:40, 50:150:9] = 90
    line = normalized(resized(image))
    assert line.shape == (HEIGHT, 160)
    assert abs(float(np.median(line))) < 1e-6
    paler = normalized(resized((0.5 * image + 60).astype(np.uint8)))
    np.testing.assert_allclose(line, paler, atol=0.05)
    noise = rng.integers(0, 2, (48, 90)).astype(np.uint8) + 200
    assert np.abs(normalized(noise)).max() < 0.3  # a blank sheet is not stretched
    batch = stacked([line, line[:, :50]])
    assert batch.shape == (2, 1, HEIGHT, 160)
    assert not batch[1, :, :, 50:].any()


def test_training_goes_on_from_an_exported_network(tmp_path: Path) -> None:
    """The network computes what the exported one did, in training and after it."""
    import torch

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    lines = rng.standard_normal((4, 1, HEIGHT, 64)).astype(np.float32)
    before, after = network(TINY), network(TINY)
    with torch.no_grad():
        before(torch.from_numpy(lines))  # moves the running statistics away from 0 and 1
        expected = before.eval()(torch.from_numpy(lines))
    path = tmp_path / "before.onnx"
    path.write_bytes(graph(before).SerializeToString())
    start_from(after, path, lines)
    path.with_name("other.onnx").write_bytes(b"none")
    for other, name in ((network((4, 6, 8, 10)), "before.onnx"), (after, "other.onnx")):
        with pytest.raises(InputError, match="is no line recognizer of this shape"):
            start_from(other, tmp_path / name, lines)
    after.drop.p = 0.0
    with torch.no_grad():
        for net in (after.train(), after.eval()):
            np.testing.assert_allclose(net(torch.from_numpy(lines)), expected, atol=2e-3)


def test_ink_is_legible_if_it_stands_out_from_the_paper() -> None:
    """A clear stroke is legible. Ink as pale as the paper or as its pattern is illegible."""
    rng = np.random.default_rng(0)
    ink = np.zeros((40, 40), np.float32)
    ink[8:32, 18:22] = 1
    paper = 0.8 + 0.01 * rng.standard_normal(ink.shape).astype(np.float32)
    pattern = paper - 0.3 * (np.indices(ink.shape)[0] % 6 < 3).astype(np.float32)
    assert _legible(paper - 0.3 * ink, ink, 24)
    assert not _legible(paper - 0.005 * ink, ink, 24)
    assert not _legible(pattern - 0.05 * ink, ink, 24)
    assert not _legible(paper, np.zeros_like(ink), 24)
