"""A folder, here or in another file system, in which files appear when they are whole."""

from __future__ import annotations

import os
import secrets
import shutil
from typing import IO, Any

from mnistry.atomic import replacing
from mnistry.errors import MissingExtra
from mnistry.pictures.remote import is_url, system

_WHOLE_AT_ONCE = {"s3", "gcs", "abfs"}  # PyArrow's object stores: nothing is there until it is all
_BLOCK = 2**22


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

    def tidy(self) -> None:
        """Delete what was being written when its process was killed."""
        for name in self.names():
            if name.startswith(".") and name.endswith(".part"):
                self._files.delete_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _write(self, path: str, file: IO[bytes]) -> None:
        with self._files.open_output_stream(path) as out:
            while block := file.read(_BLOCK):
                out.write(block)
