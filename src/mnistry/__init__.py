"""mnistry: handwritten digits to probabilities you can trust, with the evidence shown.

The face: every public name, imported when it is first used, so that ``import mnistry``
costs nothing and only what is used is loaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mnistry import input_data as input_data
    from mnistry.data.dataset import DataSet as DataSet
    from mnistry.data.dataset import DataSets as DataSets
    from mnistry.data.idx import read_idx as read_idx
    from mnistry.data.idx import write_idx as write_idx
    from mnistry.data.sources import load_data as load_data
    from mnistry.data.sources import load_images as load_images
    from mnistry.errors import DataError as DataError
    from mnistry.errors import DataWarning as DataWarning
    from mnistry.errors import DownloadError as DownloadError
    from mnistry.errors import InputError as InputError
    from mnistry.errors import MissingExtra as MissingExtra
    from mnistry.errors import ModelError as ModelError
    from mnistry.errors import TrainingError as TrainingError
    from mnistry.evidence.attribute import evidence_maps as evidence_maps
    from mnistry.evidence.contrast import contrast as contrast
    from mnistry.evidence.contrast import more_ink as more_ink
    from mnistry.evidence.nearest import nearest as nearest
    from mnistry.models.base import Model as Model
    from mnistry.models.base import softmax as softmax
    from mnistry.models.convnet import ConvNet as ConvNet
    from mnistry.models.file import load_model as load_model
    from mnistry.models.file import save_model as save_model
    from mnistry.models.file import shipped_model as shipped_model
    from mnistry.models.softmax import SoftmaxRegression as SoftmaxRegression
    from mnistry.pictures.frame import frame as frame
    from mnistry.pictures.ink import to_ink as to_ink
    from mnistry.probability.calibrate import calibrate as calibrate
    from mnistry.probability.conformal import prediction_sets as prediction_sets
    from mnistry.probability.sheet import ScoreSheet as ScoreSheet
    from mnistry.probability.sheet import score as score
    from mnistry.reader import Reader as Reader
    from mnistry.reading import Reading as Reading
    from mnistry.training.recipe import Recipe as Recipe
    from mnistry.training.run import train_convnet as train_convnet

_HOME = {
    "ConvNet": "models.convnet",
    "DataError": "errors",
    "DataSet": "data.dataset",
    "DataSets": "data.dataset",
    "DataWarning": "errors",
    "DownloadError": "errors",
    "InputError": "errors",
    "MissingExtra": "errors",
    "Model": "models.base",
    "ModelError": "errors",
    "Reader": "reader",
    "Reading": "reading",
    "Recipe": "training.recipe",
    "ScoreSheet": "probability.sheet",
    "SoftmaxRegression": "models.softmax",
    "TrainingError": "errors",
    "calibrate": "probability.calibrate",
    "contrast": "evidence.contrast",
    "evidence_maps": "evidence.attribute",
    "frame": "pictures.frame",
    "load_data": "data.sources",
    "load_images": "data.sources",
    "load_model": "models.file",
    "more_ink": "evidence.contrast",
    "nearest": "evidence.nearest",
    "prediction_sets": "probability.conformal",
    "read_idx": "data.idx",
    "save_model": "models.file",
    "score": "probability.sheet",
    "shipped_model": "models.file",
    "softmax": "models.base",
    "to_ink": "pictures.ink",
    "train_convnet": "training.run",
    "write_idx": "data.idx",
}

__all__ = ["__version__", "input_data", *_HOME]


def __getattr__(name: str) -> object:
    if name == "input_data":
        return import_module("mnistry.input_data")
    if name in _HOME:
        return getattr(import_module(f"mnistry.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mnistry' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
