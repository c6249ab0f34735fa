"""Jobs as a user runs them: whatever is killed, each picture is in the output exactly once."""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.reader import Reader
from mnistry.reader.job import job as job_module
from mnistry.reader.job import read_into
from mnistry.reader.job.hand import Refusal, Tally
from mnistry.reader.job.plan import Part, read_plan

pytestmark = pytest.mark.slow

pytest.importorskip("pyarrow")
Rows = list[dict[str, Any]]
FILES = 160
# Seconds after which a test gives up: far more than a busy machine needs.
HANG = 300
SOURCES = ("pictures", "more.zip", "rows.parquet")
# Every Python that finds this file imports it: pictures take their time, one of them kills whatever
# reads it, as one too large for memory would, one finds a fault of ours, and a file can't be read
# now.
ARMED = """
import os, sys, time
if "NO_PDF" in os.environ:
    sys.modules["pypdfium2"] = None
import mnistry.pictures.decode as module
whole = module.decode
def decode(source, name=None, *more):
    time.sleep(float(os.environ["SLOW"]))
    if "deadly" in str(name):
        os.kill(os.getpid(), 9)
    if "fault" in str(name):
        raise KeyError("a fault")
    return whole(source, name, *more)
module.decode = decode
if "BROKEN" in os.environ:
    from multiprocessing import parent_process
    from mnistry.pictures import remote
    from mnistry.reader.job import way
    def opened(name, mode):
        if parent_process() and name.endswith(os.environ["BROKEN"]):
            raise OSError(5, "no luck")
        return open(name, mode)
    way.open = opened
    remote.PAUSES = 0.01, 0.01
"""


def png(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(255 - image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def place(mnist: DataSets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder, an archive and a Parquet file of pictures; a few are none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    top = tmp_path_factory.mktemp("job")
    images = mnist.test.images
    for i in range(FILES):
        file = top / "pictures" / f"{i // 50}" / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(images[i]))
    (top / "pictures/1/70.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    (top / "pictures/2/empty.png").write_bytes(b"")
    os.symlink("nowhere", top / "pictures/2/lost.png")
    with zipfile.ZipFile(top / "more.zip", "w") as archive:
        for i in range(70):
            archive.writestr(f"{i}.png", png(images[i]))
    rows = [png(images[i]) if i != 3 else None for i in range(50)]
    pq.write_table(pa.table({"image": pa.array(rows, pa.binary())}), top / "rows.parquet")
    return top


@pytest.fixture(scope="module")
def expected(place: Path) -> list[dict[str, Any]]:
    """What one process reads there, a picture after the other, without any job."""
    found = Reader().read_many([str(place / name) for name in SOURCES])
    return in_order(
        {"picture": relative(name, place), "error": relative(str(one), place)}
        if isinstance(one, InputError)
        else {"picture": relative(name, place), **one.to_dict()}
        for name, one in found
    )


def relative(text: str, place: Path) -> str:
    return text.replace(f"{place}/", "")


def in_order(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort rows, and leave out what they don't have."""
    return sorted(
        ({key: value for key, value in row.items() if value is not None} for row in rows),
        key=lambda row: str(row["picture"]),
    )


def rows_in(out: Path) -> list[dict[str, Any]]:
    """Give a job's rows, as anyone would read them."""
    import pyarrow.dataset as ds

    return in_order(iter(ds.dataset(out).to_table().to_pylist()))


class Jobs:
    """Runs `mnistry read` in the folder of pictures, and sees what comes of it."""

    def __init__(self, place: Path, folder: Path) -> None:
        self.place, self.out, self._folder = place, folder / "out", folder
        self._started: list[subprocess.Popen[str]] = []
        (folder / "armed").mkdir()
        (folder / "armed" / "sitecustomize.py").write_text(ARMED)

    def start(
        self, *arguments: object, slow: float = 0.0, **environment: str
    ) -> subprocess.Popen[str]:
        """Start it; each picture takes `slow` seconds more."""
        paths = [str(self._folder / "armed"), os.environ.get("PYTHONPATH", "")]
        own = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "SLOW": f"{slow}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "mnistry", "read", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=self.place, env={**os.environ, **own, **environment},
        )  # fmt: skip
        self._started.append(process)
        return process

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows that are there, as anyone would read them."""
        import pyarrow.dataset as ds

        return in_order(iter(ds.dataset(self.out).to_table().to_pylist()))

    def parts(self) -> int:
        """Count the parts that are there."""
        return sum(path.name.startswith("part-") for path in self.out.glob("*"))

    def await_parts(self, count: int, process: subprocess.Popen[str]) -> bool:
        """Wait for so many parts; False if the process ends first."""
        until = time.monotonic() + HANG
        while self.parts() < count:
            assert time.monotonic() < until, "it took too long"
            if process.poll() is not None:
                return False
            time.sleep(0.005)
        return True

    def hands(self, process: subprocess.Popen[str]) -> list[int]:
        """Wait for processes that read for one, and give them."""
        until = time.monotonic() + HANG
        while not (found := [p for p, result in below(process.pid).items() if is_hand(result)]):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "no process reads"
        return found

    def are_gone(self, pids: Iterable[int], seconds: float = HANG) -> bool:
        """Wait for processes to end."""
        until = time.monotonic() + seconds
        while left := [pid for pid in pids if is_alive(pid)]:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return not left

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def messages(stderr: str) -> str:
    """Return standard error without the lines of progress, which a busy machine has time for."""
    return re.sub(r"(?m)^[\d,]+ images?  [\d,]+ a second\n", "", stderr)


def is_hand(result: str) -> bool:
    return "spawn_main" in result or result.startswith(("ray::_work", "ray::IDLE"))


def is_alive(pid: int) -> bool:
    result = subprocess.run(["ps", "-o", "stat=", "-p", f"{pid}"], capture_output=True, text=True)
    return result.stdout.strip()[:1] not in ("", "Z")


def below(pid: int) -> dict[int, str]:
    """Give the processes that a process started, and those started: their command lines."""
    result = subprocess.run(["ps", "-ewwo", "pid=,ppid=,args="], capture_output=True, text=True)
    listed = [line.split(None, 2) for line in result.stdout.splitlines()]
    found: dict[int, str] = {}
    wanted = {pid}
    while more := {int(p[0]): p[-1] for p in listed if int(p[1]) in wanted} | found:
        if more == found:
            break
        found, wanted = more, {pid, *more}
    return found


@pytest.fixture
def jobs(place: Path, tmp_path: Path) -> Iterator[Jobs]:
    """What runs jobs in the folder of pictures, their output in one of its own."""
    made = Jobs(place, tmp_path)
    yield made
    made.end()


def test_a_job_gives_what_reading_gives(jobs: Jobs, expected: Rows) -> None:
    """Rows are those of reading without a job, errors among them; a second run adds nothing."""
    process = jobs.start(*SOURCES, "--out", jobs.out, "--per-file", 30, "--json")
    result, _ = process.communicate()
    assert process.returncode == 0
    assert jobs.rows() == expected
    summary = json.loads(result)
    assert (summary["pictures"], summary["errors"]) == (len(expected), 4)
    assert (summary["before"], summary["parts"]) == (0, jobs.parts())
    there = {path.name for path in jobs.out.iterdir()}
    assert there > {"_SUCCESS", "_job.json"}
    assert [name for name in there if name.startswith("_plan")] == [
        json.loads((jobs.out / "_job.json").read_text())["plan"]
    ]
    process = jobs.start(*SOURCES, "--out", jobs.out, "--per-file", 30, "--json")
    again = json.loads(process.communicate()[0])
    assert (again["pictures"], again["errors"], again["before"]) == (len(expected), 4, 282)
    assert jobs.rows() == expected


def documents(folder: Path) -> list[Path]:
    """A TIFF of three pages and a PDF of two."""
    found = [folder / "a.tif", folder / "b.pdf"]
    for path, count in zip(found, (3, 2), strict=True):
        first, *others = (Image.new("L", (40, 40), 255) for _ in range(count))
        first.save(path, save_all=True, append_images=others)
    return found


def test_a_job_reads_all_pages(jobs: Jobs, tmp_path: Path) -> None:
    """Pages are rows with numbers in their names, the same ones where a part is read again."""
    pytest.importorskip("pypdfium2")
    found = documents(tmp_path)
    for _ in range(2):
        process = jobs.start(*found, "--out", jobs.out, "--per-file", 1, "--json")
        summary = json.loads(process.communicate()[0])
        assert (summary["pictures"], summary["errors"], summary["skipped"]) == (5, 0, 0)
        names = [Path(row["picture"]).name for row in jobs.rows()]
        assert names == ["a.tif#1", "a.tif#2", "a.tif#3", "b.pdf#1", "b.pdf#2"]
        (jobs.out / "_SUCCESS").unlink()
        (jobs.out / "part-00000000.parquet").unlink()


def test_a_job_without_the_extra_counts_what_it_skips(jobs: Jobs, tmp_path: Path) -> None:
    """A PDF is a row with an error then; one sentence names the extra and their count."""
    found = documents(tmp_path)
    process = jobs.start(*found, "--out", jobs.out, "--json", NO_PDF="1")
    result, wrong = process.communicate()
    assert process.returncode == 0
    assert json.loads(result)["skipped"] == 1
    wrong = messages(wrong)
    assert wrong.startswith("mnistry: Reading PDF (1 file skipped, each a row with an error) needs")
    assert wrong.count("\n") == 1
    assert ".[pdf]" in wrong
    *pages, last = jobs.rows()
    assert len(pages) == 3
    assert "Reading PDF needs pypdfium2" in last["error"]


# Two processes begin a job in one new folder, round for round; see the test of `put_new`.
RACE = """
import json, mmap, sys, time
from mnistry.errors import InputError
from mnistry.reader.job.job import begin
from mnistry.reader.job.store import Store

me, rounds, sources = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with open("barrier", "r+b") as file:
    slots = mmap.mmap(file.fileno(), 2)
results = []
for i in range(1, rounds + 1):
    slots[me] = i
    while slots[1 - me] < i:
        time.sleep(0)
    try:
        results.append(begin(Store(f"out{i}"), [sources], 1, {"sources": [sources]}))
    except InputError as error:
        results.append(str(error))
print(json.dumps(results))
"""


def race(folder: Path, rounds: int, names: tuple[str, str]) -> list[tuple[Any, Any]]:
    """Return what `begin` returned in each of two processes, or its error's message."""
    (folder / "barrier").write_bytes(bytes(2))
    for name in set(names):
        (folder / name).mkdir()
        for i in range(2 + int(name == "b")):
            (folder / name / f"{i}.png").touch()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, f"{me}", f"{rounds}", name],
            stdout=subprocess.PIPE, cwd=folder,
        )
        for me, name in enumerate(names)
    ]  # fmt: skip
    result = [json.loads(racer.communicate()[0]) for racer in racers]
    return list(zip(*result, strict=True))


def test_of_two_jobs_begun_at_once_one_is_refused(tmp_path: Path) -> None:
    """One job gets the folder, with only its own plan; the other gets an error."""
    for i, result in enumerate(race(tmp_path, 30, ("a", "b")), 1):
        [kept] = [one for one in result if isinstance(one, dict)]
        [sentence] = [one for one in result if isinstance(one, str)]
        assert "holds a job with another `sources`" in sentence
        out = tmp_path / f"out{i}"
        assert json.loads((out / "_job.json").read_text()) == kept
        assert {path.name for path in out.iterdir()} == {"_job.json", kept["plan"]}
        [own] = kept["sources"]
        names = [name for part in read_plan(out / kept["plan"]) for name in part.names]
        assert names == [f"{own}/{k}.png" for k in range(kept["parts"])]
        assert kept["parts"] == 2 + int(own == "b")


def test_one_job_begun_twice_at_once_is_one(tmp_path: Path) -> None:
    """Two processes that begin the same job have the same description and plan."""
    for first, second in race(tmp_path, 20, ("a", "a")):
        assert first == second
        assert first["sources"] == ["a"]


def test_two_commands_at_once_do_not_mix(jobs: Jobs) -> None:
    """Of two commands with one new folder, one reads its images, and the other exits with 2."""
    sources = {"pictures/0": 50, "more.zip": 70}
    both = [jobs.start(name, "--out", jobs.out, "--per-file", 10) for name in sources]
    wrong = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 2]
    assert "holds a job with another `sources`" in wrong[codes.index(2)]
    won = list(sources)[codes.index(0)]
    rows = jobs.rows()
    assert len(rows) == sources[won]
    assert all(row["picture"].startswith(won) for row in rows)


def test_killed_processes_lose_nothing(jobs: Jobs, expected: Rows) -> None:
    """A process is killed each time that a part is there: every picture has one row in the end."""
    process = jobs.start(*SOURCES, "--out", jobs.out, "--per-file", 20, slow=0.02)
    killed, rng = 0, random.Random(0)  # noqa: S311 - chance decides who is killed
    while killed < 5 and jobs.await_parts(2 * killed + 1, process):
        os.kill(rng.choice(jobs.hands(process)), signal.SIGKILL)
        killed += 1
    result, wrong = process.communicate()
    assert (process.returncode, messages(wrong), killed) == (0, "", 5)
    assert re.search(r"^processes killed: [1-5]; what", result, re.MULTILINE)
    assert jobs.rows() == expected


def test_a_killed_job_goes_on(jobs: Jobs, expected: Rows) -> None:
    """The whole job is killed again and again; the same command goes on, and nothing is twice.

    The processes that read for it end too, and what they were writing is gone in the end.
    """
    command = (*SOURCES, "--out", jobs.out, "--per-file", 20)
    hands = set[int]()
    for wanted in (0, 3, 8):
        process = jobs.start(*command, slow=0.02)
        assert jobs.await_parts(wanted, process)
        hands.update(jobs.hands(process))
        process.kill()
        process.wait()
    (jobs.out / ".part-00000001.parquet.0123456789ab.part").write_bytes(b"PAR1")  # half of one
    last = jobs.start(*command)
    result, wrong = last.communicate()
    assert (last.returncode, messages(wrong)) == (0, "")
    assert "were read before" in result
    assert jobs.rows() == expected
    assert not [path for path in jobs.out.iterdir() if path.name.startswith(".")]
    assert jobs.are_gone(hands)


def test_pictures_that_kill_stop_nothing(jobs: Jobs) -> None:
    """What every process dies over, and what makes us fail, are errors; the rest is read."""
    folder = jobs.out.parent / "bad"
    folder.mkdir()
    whole = (jobs.place / "pictures/0/0.png").read_bytes()
    for name in ("1", "2-deadly", "3", "4-fault", "5"):
        (folder / f"{name}.png").write_bytes(whole)
    process = jobs.start(folder, "--out", jobs.out, "--json")
    summary = json.loads(process.communicate()[0])
    assert (process.returncode, summary["errors"]) == (0, 2)
    result = {Path(row["picture"]).stem: row for row in jobs.rows()}
    assert [result[name]["text"] for name in "135"] == ["7"] * 3
    assert "was killed; is the picture too large for memory?" in result["2-deadly"]["error"]
    assert "made mnistry fail (KeyError: 'a fault')" in result["4-fault"]["error"]


def test_what_cannot_be_read_now_is_read_later(jobs: Jobs, expected: Rows) -> None:
    """A file that the system doesn't let us read is no error for ever.

    All else is read, then the job says so, and another time it goes on with that file.
    """
    command = (*SOURCES, "--out", jobs.out, "--per-file", 30)
    process = jobs.start(*command, BROKEN="rows.parquet")
    result, wrong = process.communicate()
    assert (process.returncode, result) == (2, "")
    assert messages(wrong) == (
        "mnistry: 'rows.parquet' can't be read: no luck; when it can, run the same command again.\n"
    )
    assert not (jobs.out / "_SUCCESS").exists()
    assert jobs.rows() == [row for row in expected if "rows.parquet" not in row["picture"]]
    process = jobs.start(*command)
    _, wrong = process.communicate()
    assert (process.returncode, messages(wrong)) == (0, "")
    assert jobs.rows() == expected


class Crew:
    """One hand, who can't read some parts."""

    most = 1

    def __init__(self, *refused: int) -> None:
        self.refused, self.sent = refused, list[Part]()
        self.busy = 0

    def send(self, part: Part, *, careful: bool) -> None:
        assert not careful
        self.sent.append(part)
        self.busy = 1

    def next(self) -> tuple[Part, Tally | Refusal | None]:
        part, self.busy = self.sent[-1], 0
        wrong = part.number in self.refused
        return part, Refusal(f"No {part.number}.", passing=True) if wrong else Tally(1, 0, 0.0)

    def close(self) -> None:
        """Nothing is open."""


def test_parts_that_cannot_be_read_now_keep_no_others() -> None:
    """Others are read all the same, unless there are very many such parts."""
    parts = [Part(i, "files", "", ["a"], [""]) for i in range(100)]
    crew = Crew(3, 50)
    with pytest.raises(InputError, match=r"No 3\."):
        list(job_module._carried_out(parts, crew))
    assert crew.sent == parts
    crew = Crew(*range(40, 100))
    with pytest.raises(InputError, match=r"No 59\."):
        list(job_module._carried_out(parts, crew))
    assert crew.sent == parts[:60]


def test_a_job_that_reads_nothing_says_so(jobs: Jobs) -> None:
    """Where not one picture could be read, the exit code is 2; the rows say why."""
    process = jobs.start("pictures/2/empty.png", "--out", jobs.out)
    _, wrong = process.communicate()
    assert process.returncode == 2
    assert messages(wrong) == "mnistry: Not one picture could be read; see the column `error`.\n"
    assert "is empty" in jobs.rows()[0]["error"]


def test_a_job_takes_one_source_by_itself(place: Path, tmp_path: Path) -> None:
    """A path that is in no list is a list of one, and the same job as its name."""
    reader, one = Reader(), place / "pictures/0/0.png"
    assert read_into(str(tmp_path / "out"), one, reader).pictures == 1
    assert read_into(str(tmp_path / "out"), str(one), reader).before == 1


def test_an_interrupted_job_ends_at_once(jobs: Jobs, expected: Rows) -> None:
    """Ctrl-C ends a job and its processes; it goes on later."""
    command = (*SOURCES, "--out", jobs.out, "--per-file", 20)
    process = jobs.start(*command, slow=0.02)
    assert jobs.await_parts(2, process)
    hands = jobs.hands(process)
    process.send_signal(signal.SIGINT)
    _, wrong = process.communicate(timeout=20)
    assert (process.returncode, messages(wrong)) == (130, "mnistry: stopped.\n")
    assert jobs.are_gone(hands, seconds=1)
    assert jobs.start(*command).wait() == 0
    assert jobs.rows() == expected


# With Ray: a cluster of two machines, both this one; and a Ray of our own.

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "ab" * 32}  # else it writes one at home
CLUSTER = """
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
other = cluster.add_node(num_cpus=2)
print(cluster.address, flush=True)
input()
cluster.remove_node(other, allow_graceful=False)
print("removed", flush=True)
input()
cluster.shutdown()
"""


@pytest.fixture
def cluster() -> Iterator[subprocess.Popen[str]]:
    """A cluster of two machines; a line to it takes one away."""
    pytest.importorskip("ray")
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        env={**os.environ, **TOKEN, "RAY_USAGE_STATS_ENABLED": "0"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    yield process
    process.communicate("\n\n", timeout=60)


def test_a_cluster_loses_nothing(
    jobs: Jobs, expected: Rows, cluster: subprocess.Popen[str]
) -> None:
    """Ray's workers are killed, then the job itself, then a machine: no picture is lost or twice.

    Pictures over which every worker dies are errors here too.
    """
    assert cluster.stdin
    assert cluster.stdout
    address = cluster.stdout.readline().strip()
    command = ("--ray", address, *SOURCES, "--out", jobs.out, "--per-file", 20)
    rng = random.Random(1)  # noqa: S311 - chance decides who is killed
    job = jobs.start(*command, slow=0.02, **TOKEN)
    for wanted in (1, 3, 5):
        assert jobs.await_parts(wanted, job)
        os.kill(rng.choice(jobs.hands(cluster)), signal.SIGKILL)
    assert jobs.await_parts(7, job)
    job.kill()
    job.wait()
    job = jobs.start(*command, "--json", slow=0.02, **TOKEN)
    assert jobs.await_parts(jobs.parts() + 1, job)
    print(file=cluster.stdin, flush=True)
    assert cluster.stdout.readline() == "removed\n"
    result, wrong = job.communicate()
    assert (job.returncode, messages(wrong)) == (0, "")
    assert 0 < json.loads(result)["before"] < len(expected)
    assert jobs.rows() == expected


def test_a_ray_of_our_own_reads_and_ends(jobs: Jobs) -> None:
    """`--ray` without ADDRESS starts one, reads around a picture that kills, and ends it.

    It tells no one that it is used, and listens to no one else.
    """
    pytest.importorskip("ray")
    folder = jobs.out.parent / "bad"
    folder.mkdir()
    whole = (jobs.place / "pictures/0/0.png").read_bytes()
    for name in ("1", "2-deadly", "3"):
        (folder / f"{name}.png").write_bytes(whole)
    job = jobs.start("--ray", folder, "--out", jobs.out, "--json", slow=0.1)
    hand = jobs.hands(job)[0]
    if sys.platform == "linux":
        told_to = Path(f"/proc/{hand}/environ").read_text().split("\0")
        assert "RAY_USAGE_STATS_ENABLED=0" in told_to
        assert "RAY_AUTH_MODE=token" in told_to
    rays = list(below(job.pid))
    result, _ = job.communicate()
    assert (job.returncode, json.loads(result)["errors"]) == (0, 1)
    assert [row.get("text") for row in jobs.rows()] == ["7", None, "7"]
    assert jobs.are_gone(rays)


def test_no_ray_is_one_sentence(jobs: Jobs) -> None:
    """An address at which there is no Ray is refused, and what was planned stays for later."""
    pytest.importorskip("ray")
    job = jobs.start("--ray", "127.0.0.1:1", "pictures", "--out", jobs.out)
    _, wrong = job.communicate()
    assert job.returncode == 2
    assert messages(wrong).startswith("mnistry: No Ray answers at '127.0.0.1:1' (")
    assert jobs.parts() == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": -1}, "`workers` must be a whole number from 1, or None for all cores; got -1"),
        ({"workers": 0}, "`workers` must be .* got 0"),
        ({"per_file": 2.5}, "`per_file` must be a whole number from 1 to 1,000,000; got 2.5"),
        ({"per_file": True}, "`per_file` must be .* got True"),
    ],
)
def test_numbers_out_of_range_begin_nothing(
    options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    """They are refused before a folder is made."""
    with pytest.raises(InputError, match=sentence):
        read_into(str(tmp_path / "out"), [str(tmp_path)], Reader(), **options)
    assert not (tmp_path / "out").exists()
