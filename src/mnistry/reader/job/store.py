"""A folder, here or in another file system, in which files appear when they are whole."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import time
from contextlib import suppress
from typing import IO, Any

from mnistry.atomic import replacing
from mnistry.errors import InputError, MissingExtra
from mnistry.pictures.remote import is_url, system

_WHOLE_AT_ONCE = {"s3", "gcs", "abfs"}  # PyArrow's object stores: nothing is there until it is all
_BLOCK = 2**22
_ATTEMPTS, _PAUSE = 6, 0.2  # to create a file that others create, too; seconds after the first


class Store:
    """A folder that holds a job's output; it need not be there.

    Parameters
    ----------
    name : a path, or a URL as `mnistry.pictures.remote` takes it.

    Raises
    ------
    DataError : there is no such file system, or it can't be reached.
    MissingExtra : pyarrow is not installed.
    """

    def __init__(self, name: str) -> None:
        try:
            from pyarrow.fs import LocalFileSystem
        except ImportError:
            raise MissingExtra("Writing Parquet", "pyarrow", "parquet") from None
        self.name = name
        self._files: Any
        if is_url(name):
            self._files, self._folder, _ = system(name)
        else:
            self._files, self._folder = LocalFileSystem(), os.path.abspath(name)

    @property
    def place(self) -> str:
        """The same folder, wherever a process works."""
        return self.name if is_url(self.name) else self._folder

    def make(self) -> None:
        """Make the folder, if it is not there."""
        self._files.create_dir(self._folder, recursive=True)

    def names(self) -> set[str]:
        """Give the names of what lies in it; of nothing, if it is not there."""
        from pyarrow.fs import FileSelector

        chosen = FileSelector(self._folder, allow_not_found=True)
        return {about.base_name for about in self._files.get_file_info(chosen)}

    def has(self, name: str) -> bool:
        """Say whether a file is there."""
        from pyarrow.fs import FileType

        return bool(self._files.get_file_info(self._path(name)).type == FileType.File)

    def open(self, name: str) -> Any:
        """Open a file, to be read from any place in it."""
        return self._files.open_input_file(self._path(name))

    def put(self, name: str, file: IO[bytes]) -> None:
        """Write a file, from where `file` stands to its end; it appears whole or not at all.

        Raises
        ------
        OSError : it can't be written.
        """
        kind = self._files.type_name
        if kind == "local":
            with replacing(self._path(name)) as out:
                shutil.copyfileobj(file, out, _BLOCK)
        elif kind in _WHOLE_AT_ONCE:
            self._write(self._path(name), file)
        else:
            aside = self._path(f".{name}.{secrets.token_hex(6)}.part")
            self._write(aside, file)
            self._files.move(aside, self._path(name))

    def put_new(self, name: str, file: IO[bytes]) -> bool:
        """Write a file unless there is one of that name; it appears whole or not at all.

        If several processes do so at once, at most one of them succeeds.

        Returns
        -------
        written : False if the file exists, so that another process has written it.

        Raises
        ------
        InputError : others kept trying it, too. OSError : it can't be written.
        """
        if self._files.type_name == "local":
            return self._link_new(name, file)
        for attempt in range(_ATTEMPTS):
            if self.has(name):
                return False
            if self._claimed(name, file):
                return True
            # A random pause, so that processes which met here do not meet again.
            time.sleep(secrets.SystemRandom().uniform(0, _PAUSE * (attempt + 1)))
        if self.has(name):
            return False
        claims = [repr(one) for one in sorted(self.names()) if one.endswith(".claim")]
        raise InputError(
            f"Another job is starting in {self.name!r}; run the same command again, or, if no job "
            f"is running, delete {', '.join(claims) or 'files that end in .claim'} there."
        )

    def delete(self, name: str) -> None:
        """Delete a file."""
        self._files.delete_file(self._path(name))

    def tidy(self) -> None:
        """Delete what was being written when its process was killed."""
        for name in self.names():
            if name.startswith(".") and name.endswith((".part", ".claim")):
                self.delete(name)

    def _link_new(self, name: str, file: IO[bytes]) -> bool:
        """Write a local file under another name, then link it to its own name if that is free."""
        aside = self._path(f".{name}.{secrets.token_hex(6)}.part")
        try:
            with replacing(aside) as out:
                shutil.copyfileobj(file, out, _BLOCK)
            try:
                os.link(aside, self._path(name))
            except FileExistsError:
                return False
            except OSError:  # a file system without hard links
                return self._create_new(name, aside)
            return True
        finally:
            with suppress(OSError):
                os.unlink(aside)

    def _create_new(self, name: str, aside: str) -> bool:
        """Create a file unless it exists; other processes may see it half written for a moment."""
        try:
            with open(self._path(name), "xb") as out, open(aside, "rb") as file:
                shutil.copyfileobj(file, out, _BLOCK)
        except FileExistsError:
            return False
        return True

    def _claimed(self, name: str, file: IO[bytes]) -> bool:
        """Write a file unless another process claims it at the same time.

        Object stores have no common way to create a file only if it isn't there. Each process
        writes a claim under its own name before it looks for those of others, so that of any two,
        at least the one that looks last sees the other. A claim is deleted after the file has
        been written, so a process that finds no claim finds the file.
        """
        claim = f".{name}.{secrets.token_hex(6)}.claim"
        self._write(self._path(claim), io.BytesIO(b"claim"))
        try:
            mine = f".{name}."
            claims = {
                one for one in self.names() if one.startswith(mine) and one.endswith(".claim")
            }
            if claims != {claim} or self.has(name):
                return False
            self.put(name, file)
            return True
        finally:
            with suppress(OSError):
                self.delete(claim)

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _write(self, path: str, file: IO[bytes]) -> None:
        with self._files.open_output_stream(path) as out:
            while block := file.read(_BLOCK):
                out.write(block)
