"""Errors: what a missing extra's message advises to install, and printable text."""

from __future__ import annotations

import pickle
from importlib import metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.errors import DataError, InputError, MissingExtra, printable

DECLARED = [
    "numpy>=2.0",
    "torch>=2.6; extra == 'train'",
    "uvicorn>=0.30; extra == 'serve'",
    "ray[client]>=2.52; extra == 'serve'",
    "uvloop>=0.20; (sys_platform != 'win32') and extra == 'serve'",
    "uvloop>=9; extra == 'serve-more'",
]


def test_missing_extra_names_the_packages_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the missing requirements of the extra, and the extra in a clone."""

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
    """Without metadata the requirements are unknown, so only the clone is advised."""

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


@given(st.text(st.characters(codec=None)), st.integers(3, 40))
def test_printable_text_has_nothing_that_a_terminal_obeys(text: str, most: int) -> None:
    """Whatever the text, it is one line, can be encoded, and is not too long; plain text stays."""
    shown = printable(text)
    assert shown.replace("\u200c", "").replace("\u200d", "").isprintable()
    shown.encode()
    assert len(printable(text, most)) <= most
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;pwned\x07", r"\x1b[2J\x1b]0;pwned\x07"),
        ("7\u202e3\u2066", r"7\u202e3\u2066"),
        ("a\nb\u2028c", r"a\nb\u2028c"),
        ("\ud800", r"\ud800"),
        ("数字 é 😀 \u200d", "数字 é 😀 \u200d"),
    ],
)
def test_control_characters_become_escapes(text: str, shown: str) -> None:
    """Control characters of all kinds are escaped; letters of any script are not."""
    assert printable(text) == shown


def test_long_text_loses_its_middle() -> None:
    """A long text keeps its beginning and its end."""
    assert printable("abcdefghij" * 10, 9) == "abcde…hij"
    assert printable("abcdefghi", 9) == "abcdefghi"


def test_messages_can_be_printed_whatever_is_in_them() -> None:
    """Every error of ours escapes and shortens its message, and survives a process's pipe."""
    error = DataError(f"{'x' * 10**6}\x1b holds nothing; get it again.")
    assert len(str(error)) == 1000
    assert str(error).endswith(r"\x1b holds nothing; get it again.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301
    assert InputError().args == ()
