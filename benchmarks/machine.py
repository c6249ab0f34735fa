"""The machine: what a measurement was made on, so that the next one can be held against it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "mnistry", "numpy", "scipy", "scikit-learn", "torch", "tensorflow", "keras", "jax", "onnx",
    "onnxruntime", "opencv-python-headless", "pillow", "pyarrow", "rapidocr", "ray",
)  # fmt: skip
PROGRAMS = ("tesseract",)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def describe() -> dict[str, Any]:
    """Give the processor, memory, system, versions, BLAS, commit and date, JSON-ready."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "libraries": {
            name: found for name in (*LIBRARIES, *PROGRAMS) if (found := installed(name))
        },
        "threads": {name: os.environ[name] for name in _THREADS if name in os.environ},
        **_numpy(),
    }


def installed(name: str) -> str | None:
    """Give the version of a distribution, or of one of `PROGRAMS`; None where it isn't there."""
    if name in PROGRAMS:
        said = (_output(name, "--version") or "").split()
        return said[1] if len(said) > 1 else None
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def line(machine: dict[str, Any]) -> str:
    """Say a machine in one line, as it stands under a table."""
    commit = machine["commit"] or "no commit"
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['system']}; Python {machine['python']}, NumPy "
        f"{machine['libraries'].get('numpy')} ({machine['blas']}); {machine['date']}, {commit}"
    )


def _cpu() -> str:
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    names = [text.partition(":")[2] for text in facts.splitlines() if text[:10] == "model name"]
    return names[0].strip() if names else platform.machine()


def _numpy() -> dict[str, Any]:
    """Say what NumPy multiplies matrices with."""
    import numpy as np

    facts: Any = np.show_config(mode="dicts")
    blas = facts["Build Dependencies"]["blas"]
    return {
        "blas": f"{blas['name']} {blas.get('version', '')}".strip(),
        "simd": facts["SIMD Extensions"].get("found", []),
    }


def _commit() -> str | None:
    """Give the checked-out commit, with a + where what is measured differs from it."""
    commit = _output("git", "rev-parse", "--short=12", "HEAD")
    changed = _output("git", "status", "--porcelain", "--", "../src", "*.py")
    return commit and commit + ("+" if changed else "")


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parent, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
