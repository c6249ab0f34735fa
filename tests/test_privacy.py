"""Nothing leaves the machine, and nothing is written behind the user's back.

The commands run as a user's do: without the variable CI, which turns telemetry off in some
libraries, and with an empty home folder.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

import mnistry
from mnistry.data.dataset import DataSets
from system_calls import Observed, strace_works, traced

pytestmark = pytest.mark.slow

MNISTRY = [sys.executable, "-m", "mnistry"]
# Matplotlib keeps a list of the installed fonts; docs/privacy.md says so.
MATPLOTLIB = (".config/matplotlib", ".cache/matplotlib")
# PyTorch creates this folder for temporary files with its first optimizer, and leaves it empty.
TORCH = "torchinductor_"


class User:
    """A user with an empty home folder, an empty folder for temporary files and one to work in."""

    def __init__(self, root: Path) -> None:
        self.home, self.temporary, self.work = (root / name for name in ("home", "tmp", "work"))
        for folder in (self.home, self.temporary, self.work):
            folder.mkdir()
        hidden = ("CI", "MNISTRY_", "ORT_", "XDG_", "MPL", "PYTEST", "COV_")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(hidden)},
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, *command: str) -> Observed:
        """Run a command to its end; observe it if strace works here."""
        if not strace_works():
            done = subprocess.run(
                command, cwd=self.work, env=self.environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            return Observed()
        log = self.work.parent / "strace.log"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with traced(list(command), log, self.work, env=self.environment, **pipes) as traced_command:
            process, observed = traced_command
            _, err = process.communicate()
            assert process.returncode == 0, err
        return observed

    def left(self) -> set[str]:
        """Return all that lies in the folders for temporary files and in the home folder."""
        return {
            str(path.relative_to(folder))
            for folder in (self.home, self.temporary)
            for path in folder.rglob("*")
        }


@pytest.fixture
def user(tmp_path: Path, mnist: DataSets) -> User:
    user = User(tmp_path)
    Image.fromarray(255 - np.pad(mnist.test.images[0], 20)).save(user.work / "seven.png")
    return user


@pytest.fixture(autouse=True)
def _required() -> None:
    if not strace_works() and os.environ.get("MNISTRY_REQUIRE_STRACE"):
        pytest.fail("strace is required here, and does not work")


def skip_unless_traced() -> None:
    """Skip a test whose sockets could not be observed, once all else in it has been checked."""
    if not strace_works():
        pytest.skip("strace is not installed or may not trace: sockets were not observed")


def check(user: User, observed: Observed, *documented: str) -> None:
    """Check that only loopback was contacted, and that only documented files were written."""
    assert not observed.remote_addresses
    allowed = [user.home / name for name in documented]
    outside = observed.files_outside(user.work, user.temporary, *allowed)
    # The folders above a documented one are created with it.
    assert not {path for path in outside if not any(path in a.parents for a in allowed)}
    left = {path for path in user.left() if not path.startswith(documented)}
    assert not {path for path in left if not any(d.startswith(path) for d in documented)}
    skip_unless_traced()


@pytest.mark.parametrize(
    "arguments",
    [
        ["read", "seven.png"],
        ["read", "seven.png", "--out", "readings"],
        ["evaluate"],
        ["train"],
        ["train", "--model", "convnet", "--data", "small", "--epochs", "1"],
        ["data", "list"],
        ["predict", "test.csv"],
        ["train", "--data", "a.mat"],
    ],
    ids=" ".join,
)
def test_commands_contact_nobody_and_write_only_in_the_working_folder(
    user: User, small: Path, arguments: list[str]
) -> None:
    """Each command opens no socket but to loopback, and leaves no file outside its folder."""
    (user.work / "small").symlink_to(small)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 784))
    np.savetxt(user.work / "test.csv", pixels, "%d", ",")
    savemat(user.work / "a.mat", {"data": pixels.T, "label": np.arange(40)[None] % 4.0})
    check(user, user.run(*MNISTRY, *arguments), *([TORCH] if "convnet" in arguments else []))


def test_figures_leave_only_the_font_list_of_matplotlib(user: User) -> None:
    """Drawing a figure writes nothing outside the folder but Matplotlib's documented files."""
    user.run(*MNISTRY, "train")
    check(user, user.run(*MNISTRY, "show", "weights", "--model", "softmax.onnx"), *MATPLOTLIB)


def test_a_ray_of_our_own_stays_on_this_machine(user: User) -> None:
    """`--ray` without an address contacts loopback; Ray's logs are in its documented folder."""
    user.environment["no_proxy"] = "metadata.google.internal,169.254.169.254"
    with TemporaryDirectory(dir="/tmp") as short:  # as the names of sockets must be
        user.environment["TMPDIR"] = short
        observed = user.run(*MNISTRY, "read", "seven.png", "--out", "readings", "--ray")
        assert os.listdir(short) in ([], ["ray"])
    # Ray finds its address by connecting a datagram socket to this one, and sends nothing.
    observed.addresses.discard("8.8.8.8")
    # Its object store listens on all addresses and asks for the token.
    observed.addresses -= {"0.0.0.0", "::"}  # noqa: S104
    assert not observed.remote_addresses
    assert not user.left()
    skip_unless_traced()


def test_server_contacts_nobody_and_writes_nothing(user: User) -> None:
    """A server that has read an image and shown its page has contacted loopback at most."""
    if not strace_works():
        pytest.skip("strace does not work here")
    command = [*MNISTRY, "serve", "--port", "0"]
    log = user.work.parent / "strace.log"
    environment, pipe = user.environment, subprocess.PIPE
    with traced(command, log, user.work, env=environment, stdout=pipe) as (process, observed):
        assert process.stdout is not None
        address = re.search(r"http://\S+?(?=/ )", process.stdout.readline())
        assert address
        with httpx.Client(base_url=address[0], timeout=60) as client:
            for path in ("/", "/models", "/v2/health/ready", "/metrics"):
                assert client.get(path).status_code == 200
            image = (user.work / "seven.png").read_bytes()
            answer = client.post("/read", content=image, headers={"content-type": "image/png"})
            assert json.loads(answer.text)["readings"][0]["text"] == "7"
    assert observed.addresses == {"127.0.0.1"}  # which it listens on
    check(user, observed)


def test_python_use_contacts_nobody(user: User) -> None:
    """A program that reads, also by several processes, contacts nobody and writes nothing."""
    program = """
import mnistry
if __name__ == "__main__":
    reader = mnistry.Reader()
    assert reader.read("seven.png").text == "7"
    for _, reading in reader.read_many(["seven.png"] * 4, workers=2):
        assert reading.text == "7"
"""
    (user.work / "program.py").write_text(program)
    check(user, user.run(sys.executable, "program.py"))


def test_what_is_watched_is_seen(user: User) -> None:
    """A file in the home folder and a socket to another machine are both observed."""
    if not strace_works():
        pytest.skip("strace does not work here")
    program = """
import os, pathlib, socket
pathlib.Path.home().joinpath("id").write_text("1")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    try:
        s.connect(("192.0.2.1", 53))  # no datagram is sent
    except OSError:
        pass
"""
    observed = user.run(sys.executable, "-c", program)
    assert observed.remote_addresses == {"192.0.2.1"}
    assert observed.files_outside(user.work, user.temporary) == {user.home / "id"}
    assert user.left() == {"id"}


def test_onnxruntime_is_imported_in_one_place() -> None:
    """No module but `mnistry.runtime` imports ONNX Runtime, so none can forget its telemetry."""
    package = Path(mnistry.__file__).parent
    importing = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            if any(name.split(".")[0] == "onnxruntime" for name in names):
                importing.add(path.relative_to(package).as_posix())
    assert importing == {"runtime.py"}


def test_a_choice_of_the_user_is_kept() -> None:
    """Who has set ORT_DISABLE_TELEMETRY finds it unchanged; else child processes inherit 1."""
    program = (
        "import json, os; from mnistry.runtime import load_onnxruntime as load; load();"
        "print(json.dumps(os.environ['ORT_DISABLE_TELEMETRY']))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    for given, wanted in (({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0", "CI": "true"}, "0")):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**environment, **given},
            capture_output=True,
            check=True,
        )
        assert json.loads(done.stdout) == wanted
