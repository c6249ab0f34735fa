"""A reading: what a picture says, digit by digit, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistry.pictures.find import Found
from mnistry.pictures.ink import Inked
from mnistry.pictures.layout import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_ROWS = 40  # marks that a notebook shows


class Outcome(StrEnum):
    """What a mark, or a picture, turned out to be."""

    DIGIT = "digit"
    AMBIGUOUS = "ambiguous"
    BLANK = "blank"
    NOT_A_DIGIT = "not a digit"


@dataclass(frozen=True)
class Mark:
    """One thing that is written.

    Parameters
    ----------
    digit : the most probable one; None for what is no digit.
    probabilities : (10,), calibrated: what each digit's probability is, if it is one.
    set : the digits that together miss the truth at most as often as `alpha` allows.
    typicality : the share of true digits that look less like one to the model than this does.
    box : where it is in the picture, in pixels.
    sign : what it looks like where it is no digit: ".", ",", "-", or "?" for anything else.
    image : (28, 28), 0 = paper, 255 = ink: what the model saw.
    """

    digit: int | None
    probabilities: NDArray[np.float64]
    set: tuple[int, ...]
    outcome: Outcome
    typicality: float
    box: Box
    sign: str
    image: NDArray[np.uint8]

    def __repr__(self) -> str:
        sure = "" if self.digit is None else f", {self.probabilities[self.digit]:.2%}"
        return f"Mark({self.digit}{sure}, {str(self.outcome)!r}, set={self.set}, box={self.box[:]})"

    def _repr_html_(self) -> str:
        """Return HTML for notebooks: what the model saw, and a bar for each likely digit."""
        import mnistry.notebook as notebook

        title = self.sign if self.digit is None else str(self.digit)
        return notebook.box(f"{title}: {self.outcome}", notebook.table([self._cells()]))

    def _cells(self) -> list[str]:
        """Return the cells of a table's row as HTML: image, probabilities, outcome, set."""
        import mnistry.notebook as notebook

        name = "?" if self.digit is None else str(self.digit)
        p = np.nan_to_num(np.asarray(self.probabilities, float))
        likely = [int(d) for d in (-p).argsort(kind="stable")[:3] if p[d] > 0.01]
        bars = notebook.table((str(d), notebook.bar(float(p[d]))) for d in likely)
        among = ", ".join(map(str, self.set))
        seen = notebook.image(255 - np.asarray(self.image, np.uint8), f"what was read as {name}")
        return [seen, f"<b>{name}</b>", bars, escape(str(self.outcome)), among]

    def to_dict(self) -> dict[str, Any]:
        """Give it as the command line's contract says."""
        return {
            "digit": self.digit,
            "probabilities": [round(float(p), 6) for p in self.probabilities],
            "set": list(self.set),
            "outcome": str(self.outcome),
            "typicality": round(self.typicality, 6),
            "box": list(self.box),
        }


@dataclass(frozen=True)
class Reading:
    """What a picture says.

    Parameters
    ----------
    text : the digits in reading order, a line for each row.
    probability : that the picture says this, and nothing else.
    digits : every mark in reading order, also those that are no digits and not in the text.
    outcome : of the whole picture: blank; not a digit, where there is none; ambiguous, where one
        of the digits is; else digit.
    inked, found : the ink, and the pieces of it that were looked at; None where another process
        read the picture.
    pages : of the document of which `Reader.read` read the first.
    alternatives : the most probable texts with their probabilities, this one among them.
    fits : whether the text is one that the field may hold; None if nothing is known of the field.
    accepted : whether the text can be accepted without review, at the `risk` or `threshold` of the
        `Reader`; None if it has neither.
    """

    text: str
    probability: float
    digits: tuple[Mark, ...]
    outcome: Outcome
    inked: Inked | None = field(repr=False)
    found: Found | None = field(repr=False)
    pages: int = 1
    alternatives: tuple[tuple[str, float], ...] = ()
    fits: bool | None = None
    accepted: bool | None = None

    def __repr__(self) -> str:
        count = f"{len(self.digits)} mark{'s' * (len(self.digits) != 1)}"
        return f"Reading({self.text!r}, {self.probability:.2%}, {str(self.outcome)!r}, {count})"

    def _repr_html_(self) -> str:
        """Return HTML for notebooks: the image, and a row for each mark."""
        import mnistry.notebook as notebook

        parts = []
        if self.inked is not None:
            grey = (255 * np.clip(self.inked.grey, 0, 1)).round().astype(np.uint8)
            parts.append(f"<div>{notebook.image(grey, 'the image that was read')}</div>")
        if self.digits:
            head = ("seen", "digit", "probability", "outcome", "set")
            rows = [mark._cells() for mark in self.digits[:_MOST_ROWS]]
            parts.append(notebook.table(rows, head))
        if len(self.digits) > _MOST_ROWS:
            parts.append(f"<div>… {len(self.digits) - _MOST_ROWS:,} more</div>")
        title = self.text.replace("\n", " / ") or f"({self.outcome})"
        return notebook.box(f"{title}: {self.outcome}, {self.probability:.2%}", *parts)

    def to_dict(self) -> dict[str, Any]:
        """Give it as the command line's contract says."""
        known = {"fits": self.fits, "accepted": self.accepted}
        return {
            "text": self.text,
            "probability": round(self.probability, 6),
            "outcome": str(self.outcome),
            **{name: value for name, value in known.items() if value is not None},
            "alternatives": [
                {"text": text, "probability": round(p, 6)} for text, p in self.alternatives
            ],
            "digits": [mark.to_dict() for mark in self.digits],
        }


def outcome_of(marks: Sequence[Mark]) -> Outcome:
    """Give a picture's outcome from its marks'."""
    outcomes = {mark.outcome for mark in marks}
    if not outcomes:
        return Outcome.BLANK
    for outcome in (Outcome.AMBIGUOUS, Outcome.DIGIT):
        if outcome in outcomes:
            return outcome
    return Outcome.NOT_A_DIGIT


def digits_of(text: str) -> str:
    """Return the digits of a text, without points, letters and line breaks."""
    return "".join(c for c in text if c in "0123456789")


def unsure(outcome: Outcome) -> Outcome:
    """Return the outcome of a reading that left out ink which could be a digit."""
    return Outcome.AMBIGUOUS if outcome is Outcome.DIGIT else outcome
