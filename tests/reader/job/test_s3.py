"""A job from an object store to an object store: a real client, and a server that speaks as S3."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from mnistry.data.dataset import DataSets

pytestmark = pytest.mark.slow

pytest.importorskip("pyarrow")
pytest.importorskip("moto", reason="moto, a server that speaks as S3, is not installed")
pytest.importorskip("flask", reason="moto's server needs flask")
KEYS = {
    "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
}  # fmt: skip
FILES = 60


def png(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(255 - image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def options(mnist: DataSets) -> Iterator[str]:
    """A server with pictures in a bucket; what a URL must say to find it."""
    from pyarrow.fs import FileSystem

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", f"{port}"]
    with (
        pytest.MonkeyPatch.context() as patch,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server,
    ):
        try:
            for key, value in KEYS.items():
                patch.setenv(key, value)
            until = time.monotonic() + 300
            while time.monotonic() < until and server.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            told = f"?endpoint_override=127.0.0.1:{port}&scheme=http&allow_bucket_creation=true"
            files, _ = FileSystem.from_uri(f"s3://scans/{told}")
            for bucket in ("scans", "readings"):
                files.create_dir(bucket)
            pictures = {f"{i // 20}/{i}.png": png(mnist.test.images[i]) for i in range(FILES)}
            pictures["2/bad.png"] = b"no picture"
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                for i in range(20):
                    archive.writestr(f"{i}.png", png(mnist.test.images[i]))
            for name, data in {**pictures, "more.zip": packed.getvalue()}.items():
                with files.open_output_stream(f"scans/in/{name}") as out:
                    out.write(data)
            yield told
        finally:
            server.kill()


def test_a_job_between_buckets_goes_on_after_a_kill(options: str) -> None:
    """Killed in the middle and run again: a row a picture, named by URL; nothing is half there."""
    import pyarrow.dataset as ds
    from pyarrow.fs import FileSelector, FileSystem

    sources = [f"s3://scans/in{options}", f"s3://scans/in/*.zip{options}"]
    command = [sys.executable, "-m", "mnistry", "read", *sources, "--per-file", "6", "--json"]
    command += ["--out", f"s3://readings/a{options}"]
    files, folder = FileSystem.from_uri(f"s3://readings/a{options}")
    chosen = FileSelector(folder, allow_not_found=True)

    def parts() -> int:
        return sum(one.base_name.startswith("part-") for one in files.get_file_info(chosen))

    with subprocess.Popen(command, stdout=subprocess.PIPE) as job:
        until = time.monotonic() + 300
        while parts() < 2:
            assert time.monotonic() < until
        job.kill()
    assert parts() < 12
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["pictures"], told["errors"], told["parts"]) == (FILES + 21, 1, 12)
    assert told["before"] >= 12
    rows = ds.dataset(folder, filesystem=files, format="parquet").to_table().to_pylist()
    names = {f"s3://scans/in/{i // 20}/{i}.png" for i in range(FILES)} | {
        f"s3://scans/in/more.zip/{i}.png" for i in range(20)
    }
    assert sorted(row["picture"] for row in rows) == sorted({*names, "s3://scans/in/2/bad.png"})
    [bad] = [row for row in rows if row["error"]]
    assert bad["picture"] == "s3://scans/in/2/bad.png"
