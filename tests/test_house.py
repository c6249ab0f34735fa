"""The house: its rooms import one way, its face is complete and costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mnistry

PACKAGE = Path(mnistry.__file__).parent

# Each room may import itself and those named; `atomic`, `cores`, `errors`, `notebook` and `runtime`
# are the ground floor.
MAY_IMPORT = {
    "atomic": set[str](),
    "cores": set[str](),
    "errors": set[str](),
    "notebook": set[str](),
    "runtime": {"cores", "errors"},
    "pictures": {"errors", "cores", "runtime"},
    "data": {"pictures", "errors", "atomic", "cores", "notebook"},
    "input_data": {"data", "errors"},
    "models": {"data", "errors", "atomic", "cores", "notebook", "runtime"},
    "probability": {"models", "data", "pictures", "errors", "notebook"},
    "training": {"probability", "models", "data", "pictures", "errors", "atomic", "cores"},
    "ocr": {"pictures", "errors", "cores", "runtime"},
    "synthesis": {"ocr", "training", "data", "errors", "atomic", "cores"},
    "sklearn": {"training", "models", "data", "errors"},
    "evidence": {
        "probability",
        "models",
        "data",
        "pictures",
        "errors",
        "atomic",
        "cores",
        "runtime",
    },
    "reading": {"pictures", "notebook"},
    "reader": {
        "ocr",
        "reading",
        "probability",
        "models",
        "pictures",
        "errors",
        "atomic",
        "cores",
        "runtime",
    },
    "serving": {
        "ocr",
        "cores",
        "reader",
        "reading",
        "evidence",
        "probability",
        "models",
        "data",
        "pictures",
        "errors",
        "runtime",
    },
    "cli": {
        "ocr",
        "serving",
        "reader",
        "reading",
        "training",
        "evidence",
        "probability",
        "models",
        "data",
        "pictures",
        "errors",
        "atomic",
        "cores",
    },
}


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("mnistry.")}
    return rooms


@pytest.mark.slow
def test_rooms_import_one_way() -> None:
    """No room imports one that lies after it in the flow of data."""
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        extra = imported_rooms(path) - MAY_IMPORT[room] - {room}
        assert not extra, f"{path.relative_to(PACKAGE)} imports {extra}"


def test_face_is_complete() -> None:
    """Every public name can be had, is listed, and nothing else is."""
    for name in mnistry.__all__:
        assert getattr(mnistry, name) is not None
        assert name in dir(mnistry)
    with pytest.raises(AttributeError, match="module 'mnistry' has no attribute 'nothing'"):
        mnistry.nothing  # noqa: B018


HEAVY = (
    *("onnx", "onnxruntime", "matplotlib", "PIL", "cv2", "torch", "sklearn", "scipy", "pyarrow"),
    *("ssl", "ray", "fsspec"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import mnistry",
        "import mnistry; mnistry.SoftmaxRegression",
        "import mnistry; mnistry.ConvNet",
        "from mnistry.models import file",
        "import mnistry; mnistry.load_data()",
        "from mnistry import input_data; input_data.read_data_sets('nowhere')",
        "import mnistry.cli; mnistry.cli.build_parser()",
    ],
)
def test_import_is_light(code: str) -> None:
    """Data and softmax regression load NumPy and the standard library only."""
    check = f"{code}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_import_alone_does_not_load_numpy() -> None:
    """``import mnistry`` costs next to nothing: even NumPy waits until it is used."""
    code = "import mnistry, sys; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_package_is_typed_and_carries_mnist() -> None:
    """The installed package has its type marker and the four files of MNIST."""
    assert (PACKAGE / "py.typed").is_file()
    assert len(list((PACKAGE / "data" / "mnist").glob("*.gz"))) == 4
