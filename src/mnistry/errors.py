"""The tree of exceptions; each message states the fact, what was found, and the cure.

``InputError`` is the root: the same sentence reaches Python as an exception, the command
line as exit code 2 and HTTP as status 422. Anything else that is raised is our own bug
or an error of the operating system (``OSError``).

::

    ValueError
    └── InputError            the caller's input can't be used
        ├── DataError         a data file or folder is missing, broken or not what it says
        │   └── DownloadError a file could not be downloaded, or its checksum is wrong
        ├── ModelError        a model file is broken, unsafe or not ours
        ├── TrainingError     training diverged, or can't continue from its checkpoint
        ├── MachineError      the installation, or a limit of the machine, is at fault
        └── MissingExtra      (also ImportError) an optional dependency is not installed
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

# The packages that mnistry requires, by the names that are imported: title, name for pip.
_REQUIRED = {
    "PIL": ("Pillow", "pillow"),
    "cv2": ("OpenCV", "opencv-python-headless"),
    "matplotlib": ("Matplotlib", "matplotlib"),
    "numpy": ("NumPy", "numpy"),
    "onnx": ("onnx", "onnx"),
    "onnxruntime": ("ONNX Runtime", "onnxruntime"),
}
# Parts of the messages, in lower case, of loaders and libraries that lack memory or threads.
_SHORT_OF_MEMORY = ("failed to map segment", "cannot allocate memory", "unable to allocate")
_SHORT_OF_THREADS = ("failed to launch worker thread", "can't start new thread")
_LONGEST = 200  # characters; no suggestions are looked up for longer names
_MOST_BESIDE = 1000  # files of a folder that are looked at for a suggestion
_MOST_MESSAGE = 1000  # characters; messages of our own have at most some hundred
_JOINERS = "\u200c\u200d"  # invisible, and part of Persian words and of emoji
_LAST_SHARE = 3  # one third of a shortened text is the end of the original


def printable(text: str, most: int | None = None) -> str:
    r"""Return text from outside so that it can be shown in a terminal, a log or a sentence.

    File names, class names and headers may hold control characters that a terminal obeys, marks
    that turn the direction of writing, line breaks and halves of characters (surrogates), which
    can't be encoded. They become escapes, as in ``\x1b`` or ``\u202e``.

    Parameters
    ----------
    most : characters; a longer text loses its middle. None: any number.
    """
    if not text.isprintable():
        text = "".join(
            c if c.isprintable() or c in _JOINERS else c.encode("unicode_escape").decode()
            for c in text
        )
    if most is not None and len(text) > most:
        end = most // _LAST_SHARE
        text = f"{text[: most - end - 1]}…{text[len(text) - end :]}"
    return text


class InputError(ValueError):
    """The caller's input can't be used; the message says why, what was found and what to do.

    The message can be printed wherever the parts of it come from; see `printable`.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(printable(a, _MOST_MESSAGE) if isinstance(a, str) else a for a in args))


class DataError(InputError):
    """A data file or folder is missing, broken or not what it says it is."""


class DownloadError(DataError):
    """A file could not be fetched whole and with the right bytes."""


class ModelError(InputError):
    """A model file is broken, unsafe or not one of ours."""


class TrainingError(InputError):
    """Training diverged, or can't continue from a checkpoint."""


class MachineError(InputError):
    """The installation or a limit of the machine is at fault, not the caller's input."""


def unloadable(module: str, error: Exception) -> MachineError:
    """Return the error of a required package that is installed and can't be loaded.

    Parameters
    ----------
    module : the name that is imported, of one of the packages that mnistry requires.
    error : what the import raised.
    """
    title, package = _REQUIRED[module]
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if any(sign in reason.lower() for sign in _SHORT_OF_MEMORY):
        cure = "allow this process more memory (`ulimit -v`, or the container's limit)"
    else:
        cure = f"run `pip install --force-reinstall {package}`"
    return MachineError(f"{title} can't be loaded ({reason:.200}); {cure}.")


def machine_error(error: Exception) -> MachineError | None:
    """Return the `MachineError` that explains another error; None if there is none."""
    if isinstance(error, MachineError):
        return error
    if isinstance(error, ImportError):
        module = (error.name or "").partition(".")[0]
        return unloadable(module, error) if module in _REQUIRED else None
    if isinstance(error, AttributeError):  # a package that was partly removed lacks names
        module = getattr(error.obj, "__name__", "") if isinstance(error.obj, ModuleType) else ""
        return unloadable(module, error) if module in _REQUIRED else None
    reason = " ".join(str(error).split())
    if any(sign in reason.lower() for sign in _SHORT_OF_THREADS):
        return MachineError(
            f"No more threads can be started ({reason:.200}); allow this process more memory and "
            "threads (`ulimit -v`, `ulimit -u`, or the container's limits)."
        )
    return None


class MissingExtra(InputError, ImportError):  # noqa: N818 - it names what is missing
    """An optional dependency is not installed.

    Parameters
    ----------
    task : what needs it, the subject of the sentence.
    package : the name that people know it by.
    extra : the extra of this package that installs it.
    """

    def __init__(self, task: str, package: str, extra: str) -> None:
        self._about = task, package, extra
        clone = f"`pip install '.[{extra}]'` in a clone of mnistry's repository"
        missing = " ".join(f"'{requirement}'" for requirement in _requirements(extra))
        cure = f"run `pip install {missing}`, or {clone}" if missing else f"run {clone}"
        super().__init__(f"{task} needs {package}, which is not installed; {cure}.")

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str, str]]:
        """Return how to copy the error, as it is sent from one process to another."""
        return MissingExtra, self._about


def _requirements(extra: str) -> list[str]:
    """Return the requirements of an extra that are not installed; all, if none is missing.

    The third-party packages are named rather than ``mnistry[extra]``, since pip would look that
    name up in the public registry, where it may belong to someone else.
    """
    import re
    from importlib import metadata

    try:
        declared = metadata.requires("mnistry") or []
    except metadata.PackageNotFoundError:  # imported from a source tree
        return []
    found: dict[str, str] = {}
    for line in declared:
        requirement, _, marker = line.partition("; ")
        condition = re.sub(rf"( and )?extra == ['\"]{re.escape(extra)}['\"]", "", marker)
        if condition != marker:
            rest = f"; {condition}" if condition else ""  # for example of the operating system
            found[(requirement + rest).replace("'", '"')] = re.split(r"[^\w.-]", requirement)[0]
    return [text for text, name in found.items() if not _is_installed(name)] or list(found)


def _is_installed(name: str) -> bool:
    from importlib import metadata

    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return "did you mean `x`?" for the known name most like the one given, or "".

    Case, and `_` for `-`, make no difference.
    """
    like = _most_like(given, known)
    return f"did you mean `{like}`?" if like else ""


def did_you_mean_path(given: str, known: Iterable[str] = ()) -> str:
    """Return what `did_you_mean` does, with the files and folders beside `given` as names too."""
    from contextlib import suppress
    from itertools import islice
    from pathlib import Path

    path = Path(given[:_LONGEST])
    beside: list[str] = []
    with suppress(OSError, ValueError):  # a folder that can't be listed suggests no names
        beside = [entry.name for entry in islice(path.parent.iterdir(), _MOST_BESIDE)]
    # Only the names without suffixes are compared, since a folder and a suffix that all paths have
    # would make any two of them alike.
    shown = [name for name in sorted(beside) if not name.startswith(".")]
    names = {Path(name).stem: str(path.parent / name) for name in shown}
    names.update({name: name for name in known})
    like = _most_like(path.stem, names)
    return f"did you mean `{names[like]}`?" if like else ""


def _most_like(given: str, known: Iterable[str]) -> str:
    """Return the known name that is most like the one given, or ""."""
    from difflib import get_close_matches

    folded = {_folded(name): name for name in known}
    like = get_close_matches(_folded(given), folded, n=1, cutoff=0.8)
    # An option without its first word, such as `--rate`, resembles others of its length more, so
    # the last words are compared first.
    last_word = f"-{_folded(given).lstrip('-')}"
    like = like or [name for name in folded if name[:2] == "--" and name.endswith(last_word)]
    like = like or get_close_matches(_folded(given), folded, n=1)
    return folded[like[0]] if like else ""


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")


class DataWarning(UserWarning):
    """Data can be used, but probably not as the user expects; the message says why."""
