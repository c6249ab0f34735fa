"""What can go wrong, as a tree; every message is one sentence of fact, finding and cure.

``InputError`` is the root: the same sentence reaches Python as an exception, the command
line as exit code 2 and HTTP as status 422. Anything else that is raised is our own bug
or the operating system's word (``OSError``).

::

    ValueError
    └── InputError            what the caller gave can't be used
        ├── DataError         a data file or folder is missing, broken or not what it says
        │   └── DownloadError a file could not be fetched whole and true
        ├── ModelError        a model file is broken, unsafe or not ours
        ├── TrainingError     training ran away, or can't go on from its checkpoint
        └── MissingExtra      (also ImportError) an optional dependency is not installed
"""

from __future__ import annotations


class InputError(ValueError):
    """What the caller gave can't be used; the message says what, what was found, what to do."""


class DataError(InputError):
    """A data file or folder is missing, broken or not what it says it is."""


class DownloadError(DataError):
    """A file could not be fetched whole and with the right bytes."""


class ModelError(InputError):
    """A model file is broken, unsafe or not one of ours."""


class TrainingError(InputError):
    """Training ran away, or a checkpoint can't be gone on from."""


class MissingExtra(InputError, ImportError):  # noqa: N818 - it names what is missing
    """An optional dependency is not installed."""

    def __init__(self, task: str, package: str, extra: str) -> None:
        super().__init__(
            f"{task} needs {package}, which is not installed; run: pip install 'mnistry[{extra}]'"
        )
