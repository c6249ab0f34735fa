"""What tests of several rooms share."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

import watchdog
from mnistry.cores import be_one_of_many
from mnistry.data.idx import write_idx
from mnistry.data.sources import load_data

if TYPE_CHECKING:
    from mnistry.data.dataset import DataSet, DataSets
    from mnistry.training.recipe import Recipe
    from mnistry.training.trainer import Trainer

# Tests also import ONNX Runtime by themselves, and start programs that do.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Tests must not depend on the clock or on chance: no deadline, no check of how slowly examples are
# generated, and the same examples each time. Function-scoped fixtures are used as constants only.
settings.register_profile(
    "mnistry",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("mnistry")

Serve = Callable[..., AbstractContextManager[tuple[str, "subprocess.Popen[str]"]]]
OnTerminal = Callable[[list[str], Path], tuple[bytes, bytes]]


def pytest_configure() -> None:
    """Prepare a test process: its cores, its signals, and the end of what it starts.

    Each of several workers gets a core of its own, since their threads would wait for each other.
    SIGINT is ignored in processes that a shell runs in the background; tests interrupt the
    processes that they start, which inherit that.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        watchdog.start()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {mine[int(worker) % len(mine)]})
        be_one_of_many()


@pytest.fixture
def limited(tmp_path: Path) -> Callable[[], AbstractContextManager[None]]:
    """Give the context in which this is no administrator, to whom nothing is closed."""

    @contextmanager
    def a_user_with_limits() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        tmp_path.chmod(0o711)  # to be gone through from within
        os.seteuid(65_534)  # who owns nothing
        try:
            yield
        finally:
            os.seteuid(0)

    return a_user_with_limits


@pytest.fixture(scope="session")
def mnist() -> DataSets:
    """The embedded MNIST, split as the tutorial splits it; its arrays are read-only."""
    return load_data("mnist")


@pytest.fixture(scope="session")
def little(mnist: DataSets) -> DataSet:
    """The first 600 training pictures."""
    return mnist.train.take(slice(600))


@pytest.fixture(scope="session")
def small(mnist: DataSets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a little of MNIST: 3,000 training pictures and 500 to test."""
    folder = tmp_path_factory.mktemp("small")
    for part, data, n in (("train", mnist.train, 3000), ("t10k", mnist.test, 500)):
        write_idx(folder / f"{part}-images-idx3-ubyte", data.images[:n])
        write_idx(folder / f"{part}-labels-idx1-ubyte", data.labels[:n].astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def quick() -> Recipe:
    """A recipe whose network is tiny: a step takes a millisecond."""
    from mnistry.models.network import Block, Network
    from mnistry.training.recipe import Recipe

    network = Network((28, 28), (Block(4, 6, 4), Block(8, 3)), 10)
    return replace(Recipe.for_epochs(2), network=network, batch=32)


@pytest.fixture
def agree_in_onnx(mnist: DataSets) -> Callable[[Trainer], None]:
    """Oracle: on all 10,000 test pictures PyTorch's digit, and its probabilities within 1e-5."""
    import torch

    from mnistry.training.feed import as_ink

    def check(trainer: Trainer) -> None:
        trainer.layers.eval().cpu()
        with torch.no_grad():
            x = as_ink(torch.from_numpy(mnist.test.images.copy()))
            theirs = torch.softmax(trainer.layers(x).double(), dim=1).numpy()
        ours = trainer.model().predict_proba(mnist.test.images)
        np.testing.assert_array_equal(ours.argmax(axis=1), theirs.argmax(axis=1))
        assert np.abs(ours - theirs).max() <= 1e-5

    return check


@pytest.fixture
def on_terminal() -> OnTerminal:
    """Run a command in a folder, its standard error a terminal; give what it wrote, and there."""

    def run(arguments: list[str], folder: Path) -> tuple[bytes, bytes]:
        ours, theirs = pty.openpty()
        with (
            TemporaryFile() as out,
            subprocess.Popen(arguments, stdout=out, stderr=theirs, cwd=folder) as process,
        ):
            os.close(theirs)
            seen = b""
            try:
                while piece := os.read(ours, 4096):
                    seen += piece
            except OSError:  # the terminal's other end is closed
                pass
            assert process.wait() == 0
            out.seek(0)
            told = out.read()
        os.close(ours)
        return told, seen

    return run


@contextmanager
def serving(
    home: Path, *arguments: str, key: str | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start `mnistry serve` on a free port; give its address and its process."""
    environment = {**os.environ, "MNISTRY_HOME": str(home)}
    environment.pop("MNISTRY_KEY", None)
    if key is not None:
        environment["MNISTRY_KEY"] = key
    command = [sys.executable, "-m", "mnistry", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"http://\S+?(?=/ )", said)
            assert found, said
            yield found[0], process
        finally:
            process.kill()


@pytest.fixture(scope="session")
def serve() -> Serve:
    """What starts a server: call it with a home folder and the command's arguments."""
    return serving


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that all tests of a process share."""
    with serving(tmp_path_factory.mktemp("home")) as (address, _):
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    """An HTTP client of that server."""
    with httpx.Client(base_url=url, timeout=60) as made:
        yield made


@pytest.fixture(scope="session")
def inks(mnist: DataSets) -> list[NDArray[np.float64]]:
    """Digits at any size and place, blots of any form, specks, a single pixel, and blank paper."""
    rng = np.random.default_rng(5)
    made = []
    for image in mnist.test.images[:300]:
        side = int(rng.integers(12, 300))
        large = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if side < 28 else 1)
        paper = np.zeros((side + rng.integers(0, 90), side + rng.integers(0, 90)))
        y, x = (rng.integers(0, d - side + 1) for d in paper.shape)
        paper[y : y + side, x : x + side] = large / 255
        made.append(paper)
    for _ in range(100):
        h, w = rng.integers(1, 60, 2)
        made.append(rng.random((h, w)) * (rng.random((h, w)) < rng.uniform(0.02, 1)))
    for place in ((0, 0), (40, 3), (59, 59)):
        dot = np.zeros((60, 60))
        dot[place] = 0.4
        made.append(dot)
    return [*made, np.zeros((5, 9))]
