"""``torchrun … -m mnistry train --model convnet``: ranks killed, stopped and gone on with."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mnistry.data.sources import load_data
from mnistry.models.convnet import ConvNet
from mnistry.models.file import load_model
from mnistry.training.checkpoint import read_checkpoint

TRAIN = ("-m", "mnistry", "train", "--model", "convnet")


def torchrun(count: int, *options: str) -> list[str]:
    start = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count))
    return [sys.executable, *start, *options, *TRAIN]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}  # torchrun warns where it sets it itself


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=240, check=False
    )


def ranks_of(launcher: int) -> list[int]:
    """Give the processes that a launcher has started."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(launcher)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in found.stdout.split()]


def wait_for(checkpoint: Path, process: subprocess.Popen[str], step: int = 1) -> None:
    """Wait until a run has kept a step."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be disturbed"
        if checkpoint.exists() and read_checkpoint(checkpoint)[1]["now.step"][0] >= step:
            return
        time.sleep(0.02)
    raise AssertionError("there was no checkpoint")


def alike(one: Path, other: Path, small: Path) -> bool:
    """Say whether two models are equal but for what the order of sums does in a hundred steps."""
    images = load_data(str(small)).test.images
    a, b = load_model(one), load_model(other)
    assert isinstance(a, ConvNet)
    d = float(np.abs(a.predict_proba(images) - b.predict_proba(images)).mean())
    print("DIFF", d)
    return d < 0.02


@pytest.fixture(scope="module")
def whole(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of one process that nobody disturbs."""
    out = tmp_path_factory.mktemp("whole") / "m.onnx"
    done = run([sys.executable, *TRAIN, "--data", str(small), "--epochs", "4", "--out", str(out)])
    assert done.returncode == 0, done.stderr
    return out


def test_one_command_for_many(small: Path, whole: Path, tmp_path: Path) -> None:
    """Two ranks print one JSON object, write one file, and it answers as one process's does."""
    out = tmp_path / "m.onnx"
    arguments = ["--data", str(small), "--epochs", "4", "--out", str(out), "--json"]
    done = run([*torchrun(2), *arguments])
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["path"].startswith("2 ranks, ")
    assert result["data"]["test"] == 500
    assert list(tmp_path.iterdir()) == [out]
    assert alike(out, whole, small)


def test_a_killed_rank_is_started_again(small: Path, whole: Path, tmp_path: Path) -> None:
    """SIGKILL for a rank at a random moment: torchrun starts all again, and they go on."""
    out = tmp_path / "m.onnx"
    arguments = ["--data", str(small), "--epochs", "4", "--out", str(out), "--save-every", "0.1"]
    command = [*torchrun(2, "--max-restarts", "2"), *arguments]
    with subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        wait_for(tmp_path / "m.checkpoint.npz", process)
        time.sleep(random.uniform(0, 0.1))  # noqa: S311 - any moment will do
        victims = ranks_of(process.pid)
        assert len(victims) == 2
        os.kill(random.choice(victims), signal.SIGKILL)  # noqa: S311
        out_, told = process.communicate(timeout=240)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert out_.count("model file") == 1
    assert list(tmp_path.iterdir()) == [out]
    assert alike(out, whole, small)


def test_stopped_and_gone_on_with_by_others(small: Path, whole: Path, tmp_path: Path) -> None:
    """Stopped with two ranks, gone on with and stopped again with three, finished by one."""
    out, checkpoint = tmp_path / "m.onnx", tmp_path / "m.checkpoint.npz"
    arguments = ["--data", str(small), "--epochs", "4", "--out", str(out), "--save-every", "0.1"]
    step = 0
    for count, number in ((2, signal.SIGINT), (3, signal.SIGTERM)):
        command = [*torchrun(count), *arguments, *(["--resume"] if step else [])]
        with subprocess.Popen(
            command, env=environment(), stderr=subprocess.PIPE, text=True
        ) as process:
            wait_for(checkpoint, process, step + 1)
            process.send_signal(number)
            _, told = process.communicate(timeout=60)
        assert process.returncode != 0
        [said] = re.findall(r"^mnistry: .*$", told, re.MULTILINE)
        assert re.search(r"stopped after \d+%; nothing is lost\. Go on with the same command", said)
        assert list(tmp_path.iterdir()) == [checkpoint]
        before, step = step, int(read_checkpoint(checkpoint)[1]["now.step"][0])
        assert step > before
    done = run([sys.executable, *TRAIN, *arguments, "--resume"])
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [out]
    assert alike(out, whole, small)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "convnet", "--resume"], "There is no checkpoint m.checkpoint.npz"),
        (["--model", "softmax"], "Softmax regression is trained by one process"),
    ],
)
def test_bad_input_is_told_once(
    arguments: list[str], sentence: str, small: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """All ranks leave with exit code 2, and one of them says why."""
    monkeypatch.chdir(tmp_path)
    done = run([*torchrun(2), "--data", str(small), "--out", "m.onnx", *arguments])
    assert done.returncode != 0
    assert done.stdout == ""
    [said] = re.findall(r"^mnistry: .*$", done.stderr, re.MULTILINE)
    assert sentence in said
    assert set(re.findall(r"exitcode +: (-?\d+)", done.stderr)) <= {"2", "-15"}
    assert list(tmp_path.iterdir()) == []
