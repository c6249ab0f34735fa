"""Archives are unpacked into a folder of their own, whatever they hold."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from mnistry.data.unpack import unpacked
from mnistry.errors import DataError
from mnistry.pictures import archive as archive_module

EVIL = ["../up.txt", "/abs.txt", "a/../../b.txt", "..\\win.txt", "C:/x.txt", "C:\\y.txt"]


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def make_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_unpacked_files_lie_inside_the_folder(make: object, tmp_path: Path) -> None:
    """Paths that lead outside, hidden files and Apple's are left out; the rest is there."""
    members = {"a/b/1.txt": b"one", "2.txt": b"two", ".hidden": b"", "__MACOSX/x": b"", "./3": b"3"}
    members |= dict.fromkeys(EVIL, b"evil")
    path = make(tmp_path / "a.archive", members)  # type: ignore[operator]
    with unpacked(path) as folder:
        inside = files(folder)
        assert {name: data for name, data in inside.items() if data != b"evil"} == {
            "a/b/1.txt": b"one",
            "2.txt": b"two",
            "3": b"3",
        }
        # An absolute path is taken below the folder, as tar does it.
        assert set(inside) - {"a/b/1.txt", "2.txt", "3"} <= {"abs.txt"}
        assert files(folder.parent).keys() == {f"data/{name}" for name in inside}
    assert not folder.exists()
    assert sorted(os.listdir(tmp_path)) == ["a.archive"]


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    """Symbolic links and devices are not followed or made."""
    with tarfile.open(tmp_path / "a.tar", "w") as packed:
        for kind in (tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"link{kind!r}")
            info.type, info.linkname = kind, "/etc/passwd"
            packed.addfile(info)
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    for name in ("a.tar", "a.zip"):
        with unpacked(tmp_path / name) as folder:
            assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [(tarfile.LNKTYPE, "a hard link"), (tarfile.GNUTYPE_SPARSE, "a sparse file")],
)
def test_files_that_are_no_plain_ones_are_refused(
    kind: bytes, sentence: str, tmp_path: Path
) -> None:
    """Files that a tar holds as a hard link or with holes are not left out in silence."""
    with tarfile.open(tmp_path / "a.tar", "w") as packed:
        info = tarfile.TarInfo("train-images-idx3-ubyte")
        info.type, info.linkname = kind, "other"
        packed.addfile(info)
    with (
        pytest.raises(DataError, match=f"holds {sentence}; unpack it"),
        unpacked(tmp_path / "a.tar"),
    ):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_bombs_are_stopped(make: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that unpacks to much more than its size is refused while it is unpacked."""
    monkeypatch.setattr(archive_module, "_LEAST_TOTAL", 2**20)
    path = make(tmp_path / "a.archive", {"a": bytes(2**24), "b": bytes(2**24)})  # type: ignore[operator]
    with (
        pytest.raises(DataError, match=r"a\.archive' unpacks to more than 200 times its size"),
        unpacked(path),
    ):
        pass


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_damage_is_a_sentence(make: object, tmp_path: Path) -> None:
    """A truncated archive, and one with two files of the same name, are errors."""
    path = make(tmp_path / "a.archive", {"a": os.urandom(10_000)})  # type: ignore[operator]
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(DataError, match=r"a\.archive' is a damaged archive \("), unpacked(path):
        pass
    path = make(tmp_path / "b.archive", {"a": b"1", "./a": b"2"})  # type: ignore[operator]
    with pytest.raises(DataError, match=r"b\.archive' holds 'a' twice; unpack it"), unpacked(path):
        pass
