"""Errors: what a missing extra's sentence advises to install."""

from __future__ import annotations

from importlib import metadata

import pytest

from mnistry.errors import MissingExtra

DECLARED = [
    "numpy>=2.0",
    "torch>=2.6; extra == 'train'",
    "uvicorn>=0.30; extra == 'serve'",
    "ray[client]>=2.52; extra == 'serve'",
    "uvloop>=0.20; (sys_platform != 'win32') and extra == 'serve'",
    "uvloop>=9; extra == 'serve-more'",
]


def test_missing_extra_names_the_packages_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """It advises what is not installed of the extra's requirements, or the extra in a clone."""

    def version(name: str) -> str:
        if name == "uvicorn":
            return "1.0"
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", lambda _: DECLARED)
    monkeypatch.setattr(metadata, "version", version)
    assert str(MissingExtra("Training", "PyTorch", "train")) == (
        "Training needs PyTorch, which is not installed; run `pip install 'torch>=2.6'`, or "
        "`pip install '.[train]'` in a clone of mnistry's repository."
    )
    assert (
        "run `pip install 'ray[client]>=2.52' 'uvloop>=0.20; (sys_platform != \"win32\")'`, or "
    ) in str(MissingExtra("Serving", "uvloop", "serve"))


def test_missing_extra_without_metadata_advises_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is not installed, its requirements are not known."""

    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    assert str(MissingExtra("Serving", "uvicorn", "serve")) == (
        "Serving needs uvicorn, which is not installed; run `pip install '.[serve]'` in a clone of "
        "mnistry's repository."
    )


@pytest.mark.parametrize("extra", ["train", "serve", "ray", "parquet", "sklearn"])
def test_no_advice_names_this_package_on_the_registry(extra: str) -> None:
    """`mnistry[...]` may belong to someone else on the public registry."""
    assert "mnistry[" not in str(MissingExtra("This", "that", extra))
    assert "run `pip install '" in str(MissingExtra("This", "that", extra))
