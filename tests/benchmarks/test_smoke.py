"""Each benchmark works from start to end; nothing is timed here."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import answering
from compare import answer

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SOFTMAX = answering.models() / "softmax.onnx"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("script", "peers", "needs"),
    [
        ("tutorial_training.py", ["mnistry_training", "mnistry_batches", "numpy_training"], []),
        ("tutorial_process.py", ["mnistry_program", "numpy_program"], []),
        ("optimum.py", ["mnistry_optimum", "sklearn_optimum"], []),
        ("convnet.py", ["mnistry_990"], ["torch", "mnistry.training"]),
        ("convnet.py", ["torch_convnet"], ["torch"]),
        ("gpu.py", ["fast", "single"], ["torch", "mnistry.training"]),
        ("records.py", ["one", "five"], ["torch", "mnistry.training"]),
        ("ranks.py", ["one_0.5", "two_0.5"], ["torch", "mnistry.training"]),
        ("convnet.py", ["keras_convnet"], ["keras", "tensorflow"]),
        (f"answering.py --model {SOFTMAX}", ["batch_1", "batch_64"], ["onnxruntime"]),
        ("reading.py", ["mnistry", "mnistry_known", "resize"], ["mnistry.reader"]),
        ("reading.py", ["rapidocr", "rapidocr_narrow"], ["rapidocr"]),
        ("whole_numbers.py", ["mnistry"], ["mnistry.reader"]),
        ("whole_numbers.py", ["rapidocr"], ["rapidocr"]),
        ("large.py", ["softmax_file", "softmax_memory"], []),
        ("windows.py", ["softmax_memory", "softmax_file"], []),
        ("windows.py", ["convnet_file"], ["torch"]),
        ("large.py", ["torch_stream", "convnet_file"], ["torch"]),
        ("archive.py", ["json", "here", "steps"], ["pyarrow"]),
        ("archive.py", ["ray"], ["pyarrow", "ray"]),
        ("serving.py", ["mnistry"], ["mnistry.serving"]),
        ("framing.py", [f"{name}_framing_24_64" for name in ("mnistry", "numpy", "memory")], []),
    ],
)
def test_benchmark_measures_each_peer_and_its_machine(
    script: str, peers: list[str], needs: list[str], tmp_path: Path
) -> None:
    """A smoke run measures every peer, prints a table that warns, and leaves results/ alone."""
    for module in needs:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    before = sorted((BENCHMARKS / "results").glob("*"))
    out = tmp_path / "result.json"
    done = run(*script.split(), "--smoke", "--out", str(out), "--peers", *peers)
    assert done.returncode == 0, done.stderr
    assert "these numbers mean nothing" in done.stdout
    result = json.loads(out.read_text("utf-8"))
    assert result["smoke"] is True
    assert [peer["key"] for peer in result["peers"]] == peers
    for peer in result["peers"]:
        assert peer["seconds"]["min"] > 0
        assert 0.5 < peer["accuracy"]["median"] <= 1
    assert {"cpu", "cores", "commit", "date", "blas", "libraries"} <= result["machine"].keys()
    assert sorted((BENCHMARKS / "results").glob("*")) == before


def test_load_is_borne(tmp_path: Path) -> None:
    """Twice the load, a kill and a stop, for seconds: nothing wrong, nothing lost that had come."""
    done = run("load.py", "--smoke", "--seconds", "1", "--out", str(tmp_path / "load.json"))
    assert done.returncode == 0, done.stderr
    parts = json.loads((tmp_path / "load.json").read_text("utf-8"))["parts"]
    assert list(parts) == ["capacity", "overload", "killed", "stopped"]
    assert all(part["statuses"]["200"] > 0 for part in parts.values())
    assert {name for part in parts.values() for name in part["statuses"]} <= {"200", "503"}
    assert sum(part["without_retry_after"] for part in parts.values()) == 0
    assert parts["stopped"]["exit_code"] == 0
    assert parts["stopped"]["lost"] == 0


def test_benchmark_keeps_smoke_out_of_the_results() -> None:
    """What a smoke run measures can't get among the results."""
    done = run("optimum.py", "--smoke", "--out", str(BENCHMARKS / "results" / "smoke.json"))
    assert done.returncode == 2
    assert "--smoke results mean nothing; give --out a place outside results/" in done.stderr


def test_benchmark_tells_why_a_peer_failed(tmp_path: Path) -> None:
    """A peer that fails ends the run with what it said."""
    with pytest.raises(RuntimeError, match=r"(?s)failed:.*no such luck"):
        answer([sys.executable, "-c", "raise SystemExit('no such luck')"], tmp_path)


def test_meter_gives_seconds_and_memory() -> None:
    """The meter sees the memory that a process held, and passes its exit code on."""
    hold = "import sys; held = b'x' * 100_000_000; print(len(held)); sys.exit(3)"
    done = run("meter.py", sys.executable, "-c", hold)
    found = json.loads(done.stdout)
    assert done.returncode == 3
    assert found["output"].strip() == "100000000"
    assert 100e6 < found["peak_bytes"] < 200e6
    assert found["seconds"] > 0
