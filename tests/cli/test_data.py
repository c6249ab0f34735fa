"""``mnistry data`` as its user sees it: lists, fetches and checks, in words and in JSON."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistry.cli import data
from mnistry.cli.parser import CommandParser
from mnistry.data.family import FAMILY, File, home, locate
from mnistry.data.idx import encode_idx
from mnistry.errors import DataError, DownloadError, InputError

Output = pytest.CaptureFixture[str]


def mnistry(*argv: str) -> int:
    """Parse and run, as the dispatcher does."""
    parser = CommandParser("mnistry")
    data.add_parser(parser.add_subparsers())
    args = parser.parse_args(["data", *argv])
    return int(args.run(args))


def printed(output: Output) -> Any:
    out, err = output.readouterr()
    assert err == ""
    return json.loads(out)


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNISTRY_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server that has a small Fashion-MNIST."""
    folder = tmp_path / "www"
    folder.mkdir()
    fashion = FAMILY["fashion"]
    files, rng = {}, np.random.default_rng(0)
    for key, file in fashion.files.items():
        shape = (3, 28, 28) if key.endswith("images") else (3,)
        noise = rng.integers(0, 256, shape, np.uint8)
        body = gzip.compress(encode_idx(noise), mtime=0)
        (folder / file.name).write_bytes(body)
        files[key] = File(file.name, len(body), sha256=hashlib.sha256(body).hexdigest())
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    ) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        small = replace(fashion, files=files, mirrors=(address,), counts=(3, 3))
        monkeypatch.setitem(FAMILY, "fashion", small)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield address
        server.shutdown()
        thread.join()


# data list


@pytest.mark.usefixtures("mirror")
def test_list_fits_80_columns(capsys: Output) -> None:
    """On a narrow terminal or a pipe, two columns are left out, and cells wrap."""
    assert mnistry("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "TRAIN", "TEST", "CLASSES", "WHAT", "IT", "IS"]
    assert [line.split()[0] for line in lines if line.startswith(tuple(FAMILY))] == list(FAMILY)
    assert max(len(line) for line in lines if str(home()) not in line) <= 80


@pytest.mark.usefixtures("mirror")
def test_list_shows_every_member_and_its_state(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a wide terminal each data set has one aligned line with its state."""
    monkeypatch.setattr("mnistry.cli.data.columns", lambda: 120)
    monkeypatch.setattr("mnistry.cli.console.columns", lambda: 120)
    assert mnistry("list") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert re.split(" {2,}", lines[0])[:4] == ["NAME", "STATE", "TRAIN", "TEST"]
    assert [line.split()[0] for line in lines[1 : len(FAMILY) + 1]] == list(FAMILY)
    assert lines[1].startswith("mnist            embedded      60,000   10,000       10 ")
    assert "fashion          not fetched" in out
    assert str(home()) in out
    starts = {line.index(FAMILY[line.split()[0]].licence) for line in lines[1 : len(FAMILY) + 1]}
    assert len(starts) == 1
    mnistry("fetch", "fashion")
    capsys.readouterr()
    mnistry("list")
    assert "fashion          fetched    " in capsys.readouterr().out


def test_list_as_json(capsys: Output) -> None:
    """JSON has the facts that a program needs: state, folder, counts, classes, licence."""
    assert mnistry("list", "--json") == 0
    listed = printed(capsys)
    assert listed["home"] == str(home())
    members = {member["name"]: member for member in listed["members"]}
    assert list(members) == list(FAMILY)
    assert members["mnist"]["state"] == "embedded"
    assert Path(members["mnist"]["folder"]).is_dir()
    assert members["kmnist"]["folder"] is None
    assert members["emnist-letters"]["classes"][0] == "A"
    assert members["emnist-letters"]["train"] == 124_800
    assert members["fashion"]["licence"] == "MIT"
    assert members["qmnist"]["download_bytes"] is None


@pytest.mark.parametrize("argv", [("--json", "list"), ("list", "--json")])
def test_json_may_come_before_or_after(capsys: Output, argv: tuple[str, ...]) -> None:
    """`--json` is heard on either side of the sub-command."""
    assert mnistry(*argv) == 0
    assert printed(capsys)["members"]


# data fetch


@pytest.mark.usefixtures("mirror")
def test_fetch_says_where_it_is_and_whose(capsys: Output) -> None:
    """The place, the licence and the authors; no progress where there is no terminal."""
    assert mnistry("fetch", "fashion") == 0
    out, err = capsys.readouterr()
    assert f"Fashion-MNIST is in {home() / 'fashion'}" in out
    assert "licence: MIT" in out
    assert err == ""
    assert locate("fashion")


@pytest.mark.usefixtures("mirror")
def test_fetch_into_a_folder_as_json(capsys: Output, tmp_path: Path) -> None:
    """JSON says where each file is; a name given twice is fetched once."""
    assert mnistry("fetch", "fashion", "fashion", "--to", str(tmp_path / "to"), "--json") == 0
    fetched = printed(capsys)["fetched"]
    assert [each["name"] for each in fetched] == ["fashion"]
    assert fetched[0]["folder"] == str(tmp_path / "to")
    assert all(Path(path).is_file() for path in fetched[0]["files"].values())


def test_fetch_from_a_named_mirror(capsys: Output, mirror: str) -> None:
    """Mirrors that are named replace the published ones, and fail in their own name."""
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:\d+ answered 404 Not Found"):
        mnistry("fetch", "fashion", "--mirror", f"{mirror}nowhere/")
    assert capsys.readouterr().out == ""
    assert mnistry("fetch", "fashion", "--mirror", f"{mirror}nowhere/", "--mirror", mirror) == 0


def test_fetch_of_an_unknown_name(capsys: Output) -> None:
    """A wrong name is the user's, and nothing is printed on standard output."""
    with pytest.raises(DataError, match="got 'fashoin': did you mean `fashion`"):
        mnistry("fetch", "fashoin", "--json")
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("mirror")
def test_fetch_shows_progress_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """On a terminal a line grows to each file's end, and is wiped at the last."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    mnistry("fetch", "fashion", "--json")
    shown = terminal.getvalue()
    for file in FAMILY["fashion"].files.values():
        assert f"fashion/{file.name} {'█' * 20}" in shown
    assert shown.endswith("\r\033[K")
    assert json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("mirror")
def test_fetch_wipes_progress_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence that follows a failure stands on a clean line."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    fashion = FAMILY["fashion"]
    wrong = replace(fashion.files["test_labels"], sha256="0" * 64)
    files = dict(fashion.files, test_labels=wrong)
    monkeypatch.setitem(FAMILY, "fashion", replace(fashion, files=files))
    with pytest.raises(DownloadError, match="sent the wrong bytes"):
        mnistry("fetch", "fashion")
    assert terminal.getvalue().endswith("\r\033[K")


# data check


@pytest.mark.usefixtures("mirror")
def test_check_of_all_that_is_here(capsys: Output) -> None:
    """Without a folder, the embedded MNIST and what was fetched are looked at."""
    mnistry("fetch", "fashion")
    (home() / "kmnist").mkdir()  # what a fetch that got nothing leaves
    capsys.readouterr()
    assert mnistry("check") == 0
    out = capsys.readouterr().out
    assert "  whole  train-images-idx3-ubyte.gz  MNIST's 60,000 training images, gzip\n" in out
    assert "Fashion-MNIST's 3 test labels, gzip" in out
    assert "no files" not in out


def test_check_of_a_broken_folder_is_1(capsys: Output, tmp_path: Path) -> None:
    """A broken file makes the exit code 1 and has its line: what it is and what to do."""
    shutil.copy(locate("mnist")["test_labels"], tmp_path / "t10k-labels-idx1-ubyte.gz")
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(b"<html>403</html>")
    assert mnistry("check", str(tmp_path)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        str(tmp_path),
        "  broken  t10k-images-idx3-ubyte.gz  a web page under a data file's name; delete it, "
        f"then: mnistry data fetch mnist --to {tmp_path}",
        "  whole   t10k-labels-idx1-ubyte.gz  MNIST's 10,000 test labels, gzip",
    ]


def test_check_as_json(capsys: Output, tmp_path: Path) -> None:
    """JSON has a verdict for all, for each folder, and every finding."""
    (tmp_path / "train-images-idx3-ubyte").touch()
    place = str(locate("mnist")["test_labels"].parent)
    assert mnistry("check", place, str(tmp_path), "--json") == 1
    told = printed(capsys)
    assert told["whole"] is False
    assert [(each["folder"], each["whole"]) for each in told["folders"]] == [
        (place, True),
        (str(tmp_path), False),
    ]
    assert told["folders"][0]["findings"][0] == {
        "name": "t10k-images-idx3-ubyte.gz",
        "state": "whole",
        "what": "MNIST's 10,000 test images, gzip",
        "todo": "",
        "member": "mnist",
        "key": "test_images",
    }


def test_check_of_an_empty_folder(capsys: Output, tmp_path: Path) -> None:
    """An empty folder is not broken; how to fill it is said."""
    (tmp_path / "empty").mkdir()
    assert mnistry("check", str(tmp_path / "empty")) == 0
    cure = f"no files; mnistry data fetch NAME --to {tmp_path / 'empty'} puts some there"
    assert cure in capsys.readouterr().out


def test_check_of_a_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there is the user's mistake."""
    with pytest.raises(DataError, match="does not exist; name a folder of data files"):
        mnistry("check", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("fetch",), "required: NAME"),
        (("mend",), "`COMMAND` must be one of list, fetch, check, deform; got 'mend'"),
        (("fetch", "mnist", "--timeout", "x"), "`--timeout` must be a number more than 0"),
        (("fetch", "mnist", "--timeout", "nan"), "`--timeout` must be more than 0"),
    ],
)
def test_wrong_usage_is_refused(argv: tuple[str, ...], sentence: str) -> None:
    """A missing or unknown command, or a wrong argument, is the user's mistake."""
    with pytest.raises(InputError, match=sentence):
        mnistry(*argv)


@pytest.mark.parametrize("argv", [(), ("list",), ("fetch",), ("check",)])
def test_help_has_an_example(argv: tuple[str, ...], capsys: Output) -> None:
    """Every help says what the command does and shows it."""
    with pytest.raises(SystemExit) as caught:
        mnistry(*argv, "--help")
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "Example:\n  mnistry data " in out
    assert "--json" in out
