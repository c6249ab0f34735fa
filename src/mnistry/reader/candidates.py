"""A picture's candidates for a digit, and what models that look at each by itself say of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mnistry.models.base import log_softmax, softmax
from mnistry.pictures import form
from mnistry.pictures.find import Found, Group, groups
from mnistry.pictures.frame import frame_many
from mnistry.pictures.ink import Inked
from mnistry.probability.measure import credible_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.models.base import Model

    Floats = NDArray[np.float64]

_DOUBT = 0.02  # how often the judge is wrong where it is sure
_SURE = 1e-6  # probability that no judgement goes below


@dataclass(frozen=True)
class Candidates:
    """What a picture's candidates are, row by row, and what is known of them.

    Parameters
    ----------
    known : (n, 10), log probabilities of the digits; probabilities : the same, and sets : the sets
        that follow from them. whole : (n,), probability of being one whole digit. typical : (n,),
        p-value of being like the digits that the model learnt from.
    images : uint8 (n, 28, 28), framed.
    """

    inked: Inked
    found: Found
    groups: tuple[list[Group], ...]
    known: Floats
    probabilities: Floats
    sets: NDArray[np.bool_]
    whole: Floats
    typical: Floats
    images: NDArray[np.uint8]

    def rows(self) -> Iterator[tuple[int, slice]]:
        """Give each row's number and its candidates' places."""
        start = 0
        for k, some in enumerate(self.groups):
            yield k, slice(start, start + len(some))
            start += len(some)

    def scores(self, k: int, own: slice) -> tuple[list[tuple[int, int]], Floats, Floats]:
        """Give a row's spans, and its candidates' scores, as `best_path` takes them."""
        row, some = self.found.rows[k], self.groups[k]
        sizes = form.size(self.found, row, some)
        seldom = form.seldom(self.found, row, some, sizes)
        digit, other = [], []  # in Python's own numbers: candidates are few
        for whole, alone, size, rare in zip(
            self.whole[own].tolist(), form.alone(row, some), sizes, seldom, strict=True
        ):
            p = (_DOUBT + (1 - 2 * _DOUBT) * whole) * alone * size
            digit.append(math.log(max(p * (1 - rare), _SURE)))
            other.append(math.log(max((1 - p) * rare, _SURE)))
        spans = [(group.first, group.last) for group in some]
        return spans, np.array(digit), np.array(other)


def look_at(
    seen: Sequence[tuple[Inked, Found]],
    model: Model,
    judge: Model,
    *,
    together: bool,
    alpha: float,
) -> list[Candidates]:
    """Ask the models about the candidates of several pictures at once.

    Parameters
    ----------
    model : of the ten digits. judge : of them, and of no whole digit.
    together : whether what the judge knows of digits counts as much as what the model does.
    """
    made = [tuple(groups(row) for row in found.rows) for _, found in seen]
    crops = [
        found.crop(row, group)
        for (_, found), rows in zip(seen, made, strict=True)
        for row, some in zip(found.rows, rows, strict=True)
        for group in some
    ]
    images = frame_many(crops)
    known, whole, typical = np.zeros((len(crops), 10)), np.zeros(len(crops)), np.zeros(len(crops))
    if len(crops):
        judged = judge.predict_log_proba(images)
        whole = -np.expm1(np.asarray(judged[:, -1], np.float64))
        log_p, p_value = model.answer(images)
        typical = np.asarray(p_value, np.float64)
        known = np.asarray(log_p, np.float64)
        if together:
            known = np.asarray(log_softmax((known + log_softmax(judged[:, :-1])) / 2))
    probabilities = np.asarray(softmax(known), np.float64)
    sets = credible_sets(probabilities, alpha)
    out, start = [], 0
    for (inked, found), rows in zip(seen, made, strict=True):
        own = slice(start, start + sum(map(len, rows)))
        of_digits = known[own], probabilities[own], sets[own]
        out.append(
            Candidates(inked, found, rows, *of_digits, whole[own], typical[own], images[own])
        )
        start = own.stop
    return out
