"""MNIST and its relatives: what they are, where their files lie, where they are published.

Nothing here touches the network; `mnistry.data.fetch` does, when it is asked to.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mnistry.data.members import FAMILY, KEYS, File, Member
from mnistry.errors import DataError, InputError, did_you_mean

__all__ = ["FAMILY", "KEYS", "File", "Member", "find", "home", "locate", "shelf"]

_EMBEDDED = Path(__file__).parent / "mnist"


def find(name: str) -> Member:
    """Look a member up by its name.

    Raises
    ------
    DataError : the family has no member of that name.
    """
    if name in FAMILY:
        return FAMILY[name]
    cure = did_you_mean(name, FAMILY) or f"choose one of {', '.join(FAMILY)}."
    raise DataError(f"`name` must be a data set of the family; got {name!r}: {cure}")


def home() -> Path:
    """Say where fetched data lie; the folder need not exist.

    `$MNISTRY_HOME`, or else `mnistry` in the user's data folder: `$XDG_DATA_HOME` or
    `~/.local/share`, on macOS `~/Library/Application Support`, on Windows `%LOCALAPPDATA%`.

    Raises
    ------
    InputError : this user has no home folder and `$MNISTRY_HOME` is not set.
    """
    try:
        if chosen := os.environ.get("MNISTRY_HOME"):
            return Path(chosen).expanduser()
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "mnistry"
        if sys.platform == "darwin":
            return Path.home() / "Library/Application Support/mnistry"
        shared = os.environ.get("XDG_DATA_HOME", "")  # to be ignored unless absolute
        return Path(shared if os.path.isabs(shared) else Path.home() / ".local/share") / "mnistry"
    except RuntimeError:
        raise InputError(
            "There is no home folder to keep data sets in for this user; "
            "set the environment variable MNISTRY_HOME to a folder."
        ) from None


def shelf(name: str) -> Path:
    """Say which folder a member lies in unless another is named: `mnist` is in the package."""
    return _EMBEDDED if name == "mnist" else home() / name


def locate(name: str, folder: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """Find a member's four files on this machine.

    Parameters
    ----------
    folder : where to look; None: in its `shelf`.
        In a folder, a file may also have lost its `.gz` or be called `.idx…` for `-idx…`.

    Returns
    -------
    paths : one of each of `KEYS`. They are there; what they hold has not been looked at.

    Raises
    ------
    DataError : a file is not there, or the family has no member of that name.
    """
    member = find(name)
    place = shelf(name) if folder is None else Path(folder)
    paths = {}
    for key, file in member.files.items():
        path = next((place / n for n in _spellings(file.name) if (place / n).is_file()), None)
        if path is None:
            import shlex

            to = "" if folder is None else f" --to {shlex.quote(str(place))}"
            raise DataError(
                f"{member.title}'s {file.name} is not in {str(place)!r}; "
                f"fetch it with: mnistry data fetch {name}{to}"
            )
        paths[key] = path
    return paths


def _spellings(name: str) -> tuple[str, ...]:
    bare = name.removesuffix(".gz")
    dotted = bare.replace("-idx", ".idx")
    return name, bare, dotted + ".gz", dotted
