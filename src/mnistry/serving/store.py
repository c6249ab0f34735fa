"""Models by name and version: those in the package, and a folder's, as its files come and go."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistry.errors import InputError, printable
from mnistry.models.file import load_model, shipped_model
from mnistry.models.graph import build
from mnistry.runtime import open_session
from mnistry.serving.batcher import Batcher
from mnistry.serving.errors import Refused
from mnistry.serving.protocol import MOST_PICTURES
from mnistry.serving.statistics import Statistics

if TYPE_CHECKING:
    from mnistry.models.convnet import ConvNet
    from mnistry.models.softmax import SoftmaxRegression

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_SHIPPED = ("convnet", "softmax")
_MOST = 100  # models at a time
_log = logging.getLogger("mnistry.serving")

Key = tuple[str, str]
Mark = tuple[int, int, int]  # of a file: when it was changed, its size, which one it is


@dataclass(frozen=True, eq=False)
class Served:
    """A model that answers.

    Attributes
    ----------
    name, version : in URLs. kind : "convnet" or "softmax".
    model : for access to its weights. batcher : for its predictions.
    load : a number unique to this load. statistics : of its requests.
    """

    name: str
    version: str
    model: SoftmaxRegression | ConvNet
    batcher: Batcher
    load: int = field(default_factory=count(1).__next__)
    statistics: Statistics = field(default_factory=Statistics)

    @property
    def kind(self) -> str:
        """Say what kind of model it is."""
        return str(self.model.provenance.get("kind", "model"))

    @classmethod
    def of(cls, name: str, version: str, model: SoftmaxRegression | ConvNet) -> Served:
        """Make a model ready to answer."""
        graph = build(model, {}).SerializeToString()
        return cls(name, version, model, Batcher(open_session(graph)))


@dataclass
class ModelStore:
    """The models that are served.

    A folder's files are `NAME.onnx` (version 1), `NAME/VERSION.onnx` or
    `NAME/VERSION/model.onnx`. A file that appears is served once it is whole; one that changes
    takes its own place; one that goes is served no more, but for requests already begun.

    Parameters
    ----------
    folder : None for the models in the package alone.

    Raises
    ------
    InputError : there is no such folder.
    """

    folder: Path | None = None
    broken: dict[Key, str] = field(default_factory=dict)
    _served: dict[Key, Served] = field(default_factory=dict)
    _marks: dict[Path, Mark] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.folder is not None and not self.folder.is_dir():
            raise InputError(f"{str(self.folder)!r} is not a folder; name one with model files.")
        self._package = {
            (name, "1"): Served.of(name, "1", shipped_model(name)) for name in _SHIPPED
        }
        self.refresh()

    def get(self, name: str, version: str | None = None) -> Served:
        """Give a model; without a version, the latest that is ready.

        Raises
        ------
        Refused : 404, there is none of that name or version.
        """
        served = self._served
        if version is not None and (found := served.get((name, version))):
            return found
        versions = self.versions(name)
        if not versions:
            raise Refused(
                404, f"There is no model {name[:100]!r} here; ask /v2/repository/index for all."
            )
        if version is not None:
            raise Refused(
                404,
                f"Model {name!r} has no version {version[:20]!r}, but {', '.join(versions)}.",
            )
        return served[name, versions[-1]]

    def versions(self, name: str) -> list[str]:
        """Give a model's versions that are ready, the latest last."""
        return sorted((v for n, v in self._served if n == name), key=int)

    def all(self) -> list[Served]:
        """Give every model that is ready, by name and version."""
        return [self._served[k] for k in sorted(self._served, key=lambda k: (k[0], int(k[1])))]

    def refresh(self) -> None:
        """Look at the folder again. It may be called from another thread, one at a time."""
        found = self._found()
        served, broken, marks = dict(self._package), {}, {}
        for key, path in found.items():
            mark = _mark(path)
            if mark is None:  # it has just gone
                continue
            marks[path] = mark
            known = self._served.get(key)
            if self._marks.get(path) == mark and (known is not None or key in self.broken):
                if known is not None:
                    served[key] = known
                if key in self.broken:
                    broken[key] = self.broken[key]
                continue
            try:
                served[key] = Served.of(*key, load_model(path))
            except Exception as error:  # noqa: BLE001 - one odd file must not keep the others out
                # Half-copied, perhaps; it is looked at again when it has changed.
                if isinstance(error, InputError | OSError):
                    sentence = printable(str(error))
                    _log.warning("%s", sentence)
                    broken[key] = sentence.replace(str(path), path.name)
                else:
                    _log.exception("%s can't be served", printable(str(path)))
                    broken[key] = f"{path.name} can't be served; the server's log says why."
                if known is not None and known is not self._package.get(key):
                    served[key] = known  # better the old one than none
        self._served, self.broken, self._marks = served, broken, marks

    def _found(self) -> dict[Key, Path]:
        """Find the folder's model files."""
        found: dict[Key, Path] = {}
        if self.folder is None:
            return found
        for path in _listed(self.folder):
            if path.suffix == ".onnx" and _NAME.fullmatch(path.stem):
                found[path.stem, "1"] = path
            elif _NAME.fullmatch(path.name) and path.is_dir():
                for inner in _listed(path):
                    file = inner / "model.onnx" if inner.is_dir() else inner
                    version = inner.stem if file is inner else inner.name
                    if file.suffix == ".onnx" and _VERSION.fullmatch(version):
                        found[path.name, version] = file
        return dict(list(found.items())[:_MOST])


def _listed(folder: Path) -> list[Path]:
    """Give what is in a folder; of one that can't be read, nothing, which ends nothing else."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        _log.warning("%s: %s.", printable(str(error.filename)), error.strerror)
        return []


def _mark(path: Path) -> Mark | None:
    """Give what changes when a file does."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


def metadata(served: Served, versions: list[str]) -> dict[str, Any]:
    """Describe a model as the Open Inference Protocol does."""
    h, w = served.model.shape
    k = len(served.model.classes)
    outputs = [
        {"name": name, "datatype": "FP32", "shape": [-1, *([k] if wide else [])]}
        for name, wide in served.batcher.outputs
    ]
    return {
        "name": served.name,
        "versions": versions,
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, h, w]}],
        "outputs": outputs,
    }


def configuration(served: Served) -> dict[str, Any]:
    """Describe a model as Triton's model configuration extension does."""
    h, w = served.model.shape
    k = len(served.model.classes)
    outputs: list[dict[str, Any]] = []
    for name, wide in served.batcher.outputs:
        # Triton's outputs have a dimension besides the batch; a reshape removes it.
        dims = {"dims": [k]} if wide else {"dims": [1], "reshape": {"shape": []}}
        outputs.append({"name": name, "data_type": "TYPE_FP32", **dims})
    return {
        "name": served.name,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "version_policy": {"all": {}},
        "max_batch_size": MOST_PICTURES,
        "input": [{"name": "images", "data_type": "TYPE_UINT8", "dims": [h, w]}],
        "output": outputs,
        "dynamic_batching": {},
    }


def statistics(served: Served) -> dict[str, Any]:
    """Return a model's statistics in the form of Triton's statistics extension."""
    return {
        "name": served.name,
        "version": served.version,
        "last_inference": served.statistics.last,
        "inference_count": served.batcher.pictures,
        "execution_count": served.batcher.batches,
        "inference_stats": served.statistics.to_dict(),
        "batch_stats": [],
    }
