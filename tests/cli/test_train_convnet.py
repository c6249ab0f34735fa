"""``mnistry train --model convnet``: the contract, on the real command line, killed and full."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from mnistry.cli import main
from mnistry.models.convnet import ConvNet
from mnistry.models.file import load_model

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "mnistry"]

OnTerminal = Callable[[list[str], Path], tuple[bytes, bytes]]  # see conftest.py


def test_main_job_from_the_shell(tmp_path: Path) -> None:
    """One command, a model of 98.8% or more, the contract's JSON alone, no checkpoint left."""
    done = subprocess.run(
        [*COMMAND, "train", "--model", "convnet", "--epochs", "0.5", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)
    assert result["accuracy"] > 0.988
    assert (result["model"], result["kind"]) == ("convnet.onnx", "convnet")
    assert result["data"] == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert {"nll", "ece", "accuracy_interval"} <= set(result)
    assert result["device"].startswith(("cpu", "cuda", "mps"))
    assert result["nll"] < 0.06  # calibrated: smoothed labels alone would leave it near 0.1
    assert os.listdir(tmp_path) == ["convnet.onnx"]
    model = load_model(tmp_path / "convnet.onnx")
    assert isinstance(model, ConvNet)
    assert model.provenance["scores"]["accuracy"] == result["accuracy"]
    assert model.provenance["recipe"]["epochs"] == 0.5
    assert main(["show", "training", "--model", str(tmp_path / "convnet.onnx"),
                 "--out", str(tmp_path / "curve.png")]) == 0  # fmt: skip
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_line_of_progress(small: Path, tmp_path: Path, on_terminal: OnTerminal) -> None:
    """The line has the device, loss, validation accuracy, images a second and time left."""
    arguments = [
        *COMMAND, "train", "--model", "convnet", "--epochs", "4", "--data", str(small), "--json",
    ]  # fmt: skip
    told, seen = on_terminal(arguments, tmp_path)
    assert json.loads(told)["kind"] == "convnet"
    assert re.match(rb"training on (cpu|cuda|mps)", seen)
    full = rb"loss \d\.\d{4}  validation \d+\.\d\d%  [\d,]+ images/s  \d+ s left"
    assert re.search(full, seen)


def test_ensemble_with_views_is_one_file(small: Path, tmp_path: Path) -> None:
    """Members and views stand in the one file."""
    out = tmp_path / "m.onnx"
    arguments = ["--data", str(small), "--epochs", "2", "--members", "2", "--views", "nine"]
    assert main(["train", "--model", "convnet", "--out", str(out), *arguments]) == 0
    model = load_model(out)
    assert isinstance(model, ConvNet)
    assert (len(model.members), len(model.views)) == (2, 9)
    assert list(tmp_path.iterdir()) == [out]


def test_folds_hold_nothing_out(small: Path, tmp_path: Path) -> None:
    """All pictures are learnt from, all calibrate, and the file says so."""
    out = tmp_path / "m.onnx"
    arguments = ["--data", str(small), "--epochs", "2", "--folds", "3", "--out", str(out)]
    assert main(["train", "--model", "convnet", *arguments]) == 0
    model = load_model(out)
    assert isinstance(model, ConvNet)
    assert model.calibration is not None
    assert model.calibration.pictures == 3000
    assert model.provenance["data"]["counts"] == {"train": 3000, "validation": 0, "test": 500}
    assert model.provenance["recipe"]["folds"] == 3
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_of_pictures_with_classes_of_its_own(tmp_path: Path) -> None:
    """The same command learns three classes from a folder of picture files."""
    rng = np.random.default_rng(0)
    for name, box in (("top", np.s_[2:10]), ("middle", np.s_[11:18]), ("bottom", np.s_[19:27])):
        (tmp_path / "own" / name).mkdir(parents=True)
        for i in range(60):
            picture = rng.integers(200, 256, (28, 28), dtype=np.uint8)
            picture[box, 2 + i % 5 : 22 + i % 5] = 0
            picture[12:16, 12:16] = 0
            Image.fromarray(picture).save(tmp_path / "own" / name / f"{i}.png")
    out = tmp_path / "own.onnx"
    arguments = ["--data", str(tmp_path / "own"), "--epochs", "12", "--out", str(out)]
    assert main(["train", "--model", "convnet", *arguments]) == 0
    model = load_model(out)
    assert model.classes == ("bottom", "middle", "top")
    assert model.provenance["scores"]["accuracy"] > 0.8


def interrupted(command: list[str], number: signal.Signals, checkpoint: Path) -> str:
    """Stop a run by a signal once it has a checkpoint; give what it says."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 600
        while not checkpoint.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    return said


def test_a_polite_kill_is_an_interruption(small: Path, tmp_path: Path) -> None:
    """SIGTERM: state kept, the way on told."""
    command = [*COMMAND, "train", "--model", "convnet", "--data", str(small), "--epochs", "6"]
    command += ["--out", str(tmp_path / "m.onnx"), "--save-every", "0.05"]
    checkpoint = tmp_path / "m.checkpoint.npz"
    assert "--resume" in interrupted(command, signal.SIGTERM, checkpoint)
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_interrupted_run_goes_on_to_the_same_bytes(small: Path, tmp_path: Path) -> None:
    """Ctrl-C: state kept, the way on told; followed, it gives the file of a run left alone."""
    arguments = ["train", "--model", "convnet", "--data", str(small), "--epochs", "6"]
    command = [*COMMAND, *arguments, "--out", str(tmp_path / "m.onnx"), "--save-every", "0.05"]
    checkpoint = tmp_path / "m.checkpoint.npz"
    said = interrupted(command, signal.SIGINT, checkpoint)
    assert said.startswith("mnistry: stopped after ")
    assert "nothing is lost. Go on with:\n  mnistry train --model convnet" in said
    assert list(tmp_path.iterdir()) == [checkpoint]
    anew = subprocess.run(command, capture_output=True, text=True, check=False)
    assert anew.returncode == 2
    assert "is the checkpoint of a run that was interrupted; go on with it" in anew.stderr
    again = shlex.split(said.splitlines()[1])
    assert again[-1] == "--resume"
    subprocess.run([*COMMAND, *again[1:]], check=True, capture_output=True)
    whole = tmp_path / "whole.onnx"
    subprocess.run([*COMMAND, *arguments, "--out", str(whole)], check=True, capture_output=True)
    assert (tmp_path / "m.onnx").read_bytes() == whole.read_bytes()
    assert not checkpoint.exists()


def test_full_disk_is_one_sentence(small: Path, tmp_path: Path) -> None:
    """Where files may not grow, the checkpoint says so, exit code 2, and nothing is left."""
    command = [
        *COMMAND, "train", "--model", "convnet", "--data", str(small), "--epochs", "3",
        "--out", str(tmp_path / "m.onnx"), "--save-every", "0",
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("mnistry: The checkpoint ")
    assert "can't be written: File too large." in done.stderr
    assert "--resume" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--learning-rate", "0.1"], "`--learning-rate` is not an option of a convnet model; lea"),
        (["--solver", "lbfgs"], "`--solver` is not an option of a convnet model"),
        (["--epochs", "-1"], "`--epochs` must be more than 0, up to 1,000,000; got -1."),
        (["--epochs", "2e5"], "`--epochs` must be at most 100,000 for a convnet; got 200000."),
        (["--members", "65"], "`--members` must be from 1 to 64; got 65."),
        (["--folds", "2", "--members", "2"], "`--folds` must be 2 or more, for one of `--members`"),
        (["--folds", "3", "--validation", "9"], "With `--folds` every image is held out once; le"),
        (["--device", "abacus"], "`--device` must be one of auto, cpu, cuda, mps; got 'abacus'."),
        (["--precision", "int4"], "`--precision` must be one of auto, float32, bfloat16"),
        (["--resume"], "There is no checkpoint m.checkpoint.npz to go on from"),
        (["--save-every", "-1"], "`--save-every` must be from 0 to 1,000,000,000; got -1."),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str],
    sentence: str,
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output, no file."""
    monkeypatch.chdir(tmp_path)
    base = ["train", "--model", "convnet", "--data", str(small), "--out", "m.onnx"]
    assert main([*base, *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_convnet_options_are_not_for_softmax(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option of the other kind of model is refused, not ignored."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--members", "3"]) == 2
    assert "`--members` is not an option of a softmax model" in capsys.readouterr().err


def test_without_pytorch_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    """A bare install asked for a convnet names the extra."""
    code = (
        "import sys; sys.modules['torch'] = None; from mnistry.cli import main; "
        "sys.exit(main(['train', '--model', 'convnet']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Training a convnet needs PyTorch" in done.stderr
    assert "run `pip install 'torch>=" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_evaluate_needs_no_pytorch(tmp_path: Path) -> None:
    """The shipped convnet answers where PyTorch is not installed."""
    code = (
        "import sys; sys.modules['torch'] = None; from mnistry.cli import main; "
        "sys.exit(main(['evaluate', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["accuracy"] >= 0.9955
