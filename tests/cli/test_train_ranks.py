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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from mnistry.cli import main
from mnistry.models.convnet import ConvNet
from mnistry.models.file import load_model
from mnistry.training.checkpoint import read_checkpoint

pytestmark = pytest.mark.slow

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


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a command that must not outlive its test."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment(), stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()  # torchrun ends its ranks


def ranks_of(launcher: int) -> list[int]:
    """Give the processes that a launcher has started."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(launcher)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in found.stdout.split()]


def wait_for(checkpoint: Path, process: subprocess.Popen[str], step: int = 1) -> None:
    """Wait until a run has kept a step."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be disturbed"
        if checkpoint.exists() and read_checkpoint(checkpoint)[1]["now.step"][0] >= step:
            return
        time.sleep(0.02)
    raise AssertionError("there was no checkpoint")


def same(one: Path, other: Path) -> bool:
    """Say whether two models have the same weights, to the bit."""
    a, b = load_model(one), load_model(other)
    assert isinstance(a, ConvNet)
    assert isinstance(b, ConvNet)
    ours, theirs = a.members[0].arrays, b.members[0].arrays
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def two(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The model of two ranks that nobody disturbs, and what they print."""
    out = tmp_path_factory.mktemp("two") / "m.onnx"
    arguments = ["--data", str(small), "--epochs", "4", "--out", str(out), "--json"]
    done = run([*torchrun(2), *arguments])
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_one_command_for_many(two: tuple[Path, str]) -> None:
    """Two ranks print one JSON object and write one file, which has learnt."""
    out, told = two
    result = json.loads(told)
    assert result["device"].startswith("2 ranks, ")
    assert result["data"]["test"] == 500
    assert result["accuracy"] > 0.9
    assert list(out.parent.iterdir()) == [out]


def test_a_killed_rank_is_started_again(small: Path, two: tuple[Path, str], tmp_path: Path) -> None:
    """SIGKILL for a rank at a random moment: all start again and go on, to the same weights."""
    out = tmp_path / "m.onnx"
    arguments = ["--data", str(small), "--epochs", "4", "--out", str(out), "--save-every", "0.1"]
    command = [*torchrun(2, "--max-restarts", "2"), *arguments]
    with started(command) as process:
        wait_for(tmp_path / "m.checkpoint.npz", process)
        time.sleep(random.uniform(0, 0.1))  # noqa: S311 - any moment will do
        victims = ranks_of(process.pid)
        assert len(victims) == 2
        os.kill(random.choice(victims), signal.SIGKILL)  # noqa: S311
        out_, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert out_.count("model file") == 1
    assert list(tmp_path.iterdir()) == [out]
    assert same(out, two[0])


def test_stopped_and_gone_on_with_by_others(small: Path, tmp_path: Path) -> None:
    """Stopped with two ranks, gone on with and stopped again with three, finished by one."""
    out, checkpoint = tmp_path / "m.onnx", tmp_path / "m.checkpoint.npz"
    arguments = ["--data", str(small), "--epochs", "4", "--out", str(out), "--save-every", "0.1"]
    step = 0
    for count, number in ((2, signal.SIGINT), (3, signal.SIGTERM)):
        command = [*torchrun(count), *arguments, *(["--resume"] if step else [])]
        with started(command) as process:
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
    model = load_model(out)
    assert [row["epoch"] for row in model.provenance["histories"][0]] == [1, 2, 3, 4]
    assert model.provenance["scores"]["accuracy"] > 0.9


def test_bad_input_is_told_once(small: Path, tmp_path: Path) -> None:
    """All ranks leave with exit code 2, and one of them says why."""
    arguments = ["--data", str(small), "--out", str(tmp_path / "m.onnx"), "--resume"]
    done = run([*torchrun(2), *arguments])
    assert done.returncode != 0
    assert done.stdout == ""
    [said] = re.findall(r"^mnistry: .*$", done.stderr, re.MULTILINE)
    assert "There is no checkpoint" in said
    assert set(re.findall(r"exitcode +: (-?\d+)", done.stderr)) <= {"2", "-15"}
    assert list(tmp_path.iterdir()) == []


def test_softmax_regression_is_for_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Started by torchrun, rank 0 says that it needs no ranks; the others are silent."""
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.setenv(name, "0")
    assert main(["train"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mnistry: Softmax regression is trained by one process")
    assert said.count("\n") == 1
    monkeypatch.setenv("RANK", "1")
    assert main(["train"]) == 2
    assert capsys.readouterr().err == ""
