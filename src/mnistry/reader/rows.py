"""Hypotheses for the text of a row, scored by its lattices and its candidates.

The line recognizer sees the row's grey image; candidates are pieces of its binarization, which the
single-digit network sees one by one. The recognizer can find digits that binarization has lost; the
candidates know where each digit is. A text's score adds the evidence of both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mnistry.ocr.ctc import log_likelihoods
from mnistry.ocr.decoding import decode
from mnistry.ocr.recognizer import OTHER
from mnistry.pictures.paths import Path, best_path, counted_paths, text_paths
from mnistry.reading import digits_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.ocr.constraints import Expected

    Floats = NDArray[np.floating]
    Text = tuple[int, ...]

_MOST, _MOST_OF_INK = 12, 8  # texts taken from the lattices of the grey image and of the ink
# Weights of the recognizers' log probabilities of a text against the candidates', which are 1. A
# component that is surely one digit is seen better alone; the recognizers know nothing of two
# pieces one above the other.
_LINE, _LINE_OF_BROKEN = 1.0, 0.1
_GREY_OF_ONE, _INK_OF_ONE = 0.5, 0.25
# The three kinds of evidence are correlated, so their sum is overconfident. Without scaling, 30 of
# 2,803 development texts are wrong at a claim of 0.99 or more, and 5 at this one.
_TEMPERATURE = 2.0
_ALONE = 0.05  # weight of what a digit looks like alone; see `digit_probabilities`
NEGLIGIBLE = 1e-6  # probability of an alternative that is not worth naming
# Floors of the recognizers' log probabilities. Each recognizer has blind spots (the grey one misses
# strokes that look like rulings), so neither may exclude a text that all other evidence supports.
_LEAST, _LEAST_OF_INK = -10.0, -8.0
# Log prior of one given lost or invented digit, before tempering: 0.01 for any loss or invention,
# times 0.1 for which digit it is. See `_through_another`.
_LOST = math.log(0.001)
# Log of the prior probability that a field breaks its rule, because the writer made a mistake or
# the form is a different one. With this prior, a text that fits is never forced.
_UNEXPECTED = math.log(0.01)


@dataclass(frozen=True)
class RowEvidence:
    """What is known of a row's candidates, and its lattice.

    Parameters
    ----------
    spans, digit, other : see `best_path`.
    known : (n, 10), log probabilities of the digits for each candidate, if it is one.
    lattice : (t, 12), log probabilities from the grey image; see `mnistry.ocr.recognizer`.
    ink : (t, 12), the same from the row's ink; see `mnistry.models.line`. None: there is no ink.
    single : whether all of it is one component.
    broken : whether it may be one digit, broken across.
    """

    spans: Sequence[tuple[int, int]]
    digit: Floats
    other: Floats
    known: Floats
    lattice: Floats
    ink: Floats | None = None
    single: bool = False
    broken: bool = False

    @property
    def whole(self) -> float:
        """How likely all of it is one digit, as its candidate looks."""
        last = max(end for _, end in self.spans)
        scores = zip(self.spans, self.digit, strict=True)
        return max((math.exp(score) for span, score in scores if span == (0, last)), default=0.0)


@dataclass(frozen=True)
class Hypothesis:
    """A text that a row may say.

    Parameters
    ----------
    text : its digits. path : where they are among the candidates; None if these have no room.
    score : log of its unnormalized posterior probability.
    fits : whether the field may hold it.
    """

    text: Text
    path: Path | None
    score: float
    fits: bool = True


def digit_texts(lattice: Floats, expected: Expected | None = None) -> dict[Text, float]:
    """Return the log probability of a lattice's most probable texts, letters left out.

    Parameters
    ----------
    expected : if given, the most probable texts that the field may hold are added.
    """
    found: dict[Text, float] = {}
    for text, p in decode(lattice, _MOST).items():
        digits = tuple(k for k in text if k != OTHER)
        found[digits] = float(np.logaddexp(found.get(digits, -np.inf), math.log(max(p, 1e-300))))
    if expected is not None and expected.automaton is not None:
        _add(found, lattice, decode(lattice, _MOST, expected.automaton))
    return found


def _add(found: dict[Text, float], lattice: Floats, texts: Iterable[Text]) -> None:
    """Add the log probabilities of texts that are not there yet."""
    new = [text for text in dict.fromkeys(texts) if text not in found]
    if new:
        found.update(zip(new, log_likelihoods(lattice, new).tolist(), strict=True))


def hypotheses(
    row: RowEvidence, count: int | None = None, expected: Expected | None = None
) -> list[Hypothesis]:
    """Return the texts that the row may say, of at most `count` digits, at least one."""
    found = digit_texts(row.lattice, expected)
    scores = row.spans, row.digit, row.other
    seen: list[Text] = []
    for path in [best_path(*scores)] if count is None else counted_paths(*scores, count):
        taken = [i for i, is_digit in zip(path.taken, path.digit, strict=True) if is_digit]
        seen.append(tuple(int(k) for k in row.known[taken].argmax(axis=1)))
    if row.ink is not None:
        seen += decode(row.ink, _MOST_OF_INK)
    _add(found, row.lattice, seen)
    texts = [text for text in found if count is None or len(text) <= count]
    paths = text_paths(*scores, row.known, texts)
    best = max((path for path in paths if path is not None), key=lambda own: own.score)
    of_ink = np.zeros(len(texts)) if row.ink is None else log_likelihoods(row.ink, texts)
    grey_weight, ink_weight = _weights(row)
    binarized = []  # log probability of each text from the ink: its candidates and recognizer
    for text, way, ink in zip(texts, paths, of_ink.tolist(), strict=True):
        missing = max(len(text) - sum(best.digit), 1)
        score = best.score + missing * _LOST if way is None else way.score
        binarized.append(score + ink_weight * max(ink, _LEAST_OF_INK))
    out = []
    for i, (text, way) in enumerate(zip(texts, paths, strict=True)):
        score, as_seen = _through_another(texts, binarized, i)
        # A text that the ink does not show has no path; its digits are located by CTC alignment.
        own = way if as_seen else None
        score += grey_weight * max(found[text], _LEAST)
        fits = expected is None or expected.allows(text)
        score = score / _TEMPERATURE + _left_out(row, own) + (0.0 if fits else _UNEXPECTED)
        out.append(Hypothesis(text, own, score, fits))
    return out


def _through_another(texts: Sequence[Text], scores: Sequence[float], i: int) -> tuple[float, bool]:
    """Return the score of a text if binarization may have lost or invented some of its digits.

    The ink of such a text looks like another text, which lacks these digits or has more.

    Returns
    -------
    score : the greatest of the text's own score and of the others', less the prior of each digit
        by which they differ.
    as_seen : whether it is the text's own score.
    """
    best, as_seen = scores[i], True
    for other, score in zip(texts, scores, strict=True):
        score += abs(len(other) - len(texts[i])) * _LOST
        if score > best and len(other) != len(texts[i]):
            short, long = sorted((other, texts[i]), key=len)
            rest = iter(long)
            if all(digit in rest for digit in short):  # the one is a subsequence of the other
                best, as_seen = score, False
    return best, as_seen


def _left_out(row: RowEvidence, way: Path | None) -> float:
    """Return the log probability that no candidate which a path leaves out is a digit.

    The candidate most like a digit decides.
    """
    if way is None:
        return 0.0
    left = [i for i, is_digit in zip(way.taken, way.digit, strict=True) if not is_digit]
    odds = max((float(row.digit[i] - row.other[i]) for i in left), default=-np.inf)
    return -float(np.logaddexp(0.0, odds))


def _weights(row: RowEvidence) -> tuple[float, float]:
    """Return the weights of the lattices of the grey image and of the ink."""
    if row.broken:
        return _LINE_OF_BROKEN, _LINE_OF_BROKEN
    grey = ink = _LINE
    if row.single:
        doubt = 1 - row.whole
        grey = _GREY_OF_ONE + (_LINE - _GREY_OF_ONE) * doubt
        ink = _INK_OF_ONE + (_LINE - _INK_OF_ONE) * doubt
    return grey, ink


def digit_probabilities(row: Sequence[Hypothesis], chosen: Hypothesis, alone: Floats) -> Floats:
    """Return the probabilities of the ten digits in each place of the chosen text, (n, 10).

    They are sums over the hypotheses of as many digits, so that they agree with the text's
    probability, and for a small part what each digit looks like alone, since hypotheses are few.

    Parameters
    ----------
    alone : (n, 10), probabilities of the digits in each place, the rest being as it is.
    """
    same = [one for one in row if len(one.text) == len(chosen.text)]
    scores = np.array([one.score for one in same])
    sums = np.zeros_like(alone)
    for one, share in zip(same, np.exp(scores - np.logaddexp.reduce(scores)), strict=True):
        sums[np.arange(len(one.text)), list(one.text)] += share
    return (1 - _ALONE) * sums + _ALONE * alone


def alternatives(
    rows: Sequence[Sequence[Hypothesis]], chosen: Sequence[Hypothesis], count: int | None, most: int
) -> list[tuple[str, float]]:
    """Return the most probable texts of all rows, a line for each row, with their probabilities.

    They differ from the chosen text in one row: what differs in two is far less probable.
    """
    _, total = _ways(rows, count)
    score = sum(one.score for one in chosen)
    said = [one.text for one in chosen]
    choices: dict[tuple[Text, ...], float] = {}
    for k, row in enumerate(rows):
        for other in row:
            texts = (*said[:k], other.text, *said[k + 1 :])
            if count is None or sum(map(len, texts)) == count:
                choices[texts] = math.exp(score - chosen[k].score + other.score - total)
    found: dict[str, float] = {}
    for texts, p in choices.items():  # rows without digits leave no line: several choices may agree
        text = "\n".join("".join(map(str, text)) for text in texts if text)
        found[text] = found.get(text, 0.0) + p
    order = sorted(found.items(), key=lambda item: -item[1])
    return [(text, p) for text, p in order[:most] if p > NEGLIGIBLE]


def combine_readings(
    lattice: Floats, readings: Sequence[Sequence[tuple[str, float]]]
) -> dict[str, float]:
    """Combine readings of one row from different binarizations.

    Parameters
    ----------
    lattice : (t, 12), of a window of the grey image that shows all of the ink.
    readings : texts and probabilities of each reading, given its ink.

    Returns
    -------
    shares : probability of each text.
    """
    texts = list(dict.fromkeys(text for reading in readings for text, _ in reading))
    # A text of several rows is compared as one row, since the window shows all of them.
    digits = [tuple(map(int, digits_of(text))) for text in texts]
    scores = np.maximum(log_likelihoods(lattice, digits), _LEAST) / _TEMPERATURE
    grey = dict(zip(texts, np.exp(scores).tolist(), strict=True))
    weights = np.array([sum(p * grey[text] for text, p in reading) for reading in readings])
    weights /= weights.sum()
    shares = dict.fromkeys(texts, 0.0)
    for reading, weight in zip(readings, weights.tolist(), strict=True):
        for text, p in reading:
            shares[text] += p * weight
    return shares


def choose(
    rows: Sequence[Sequence[Hypothesis]], count: int | None
) -> tuple[list[Hypothesis], float]:
    """Choose what each row says, so that there are `count` digits in all, where that can be.

    Returns
    -------
    chosen : one of each row's. probability : that the rows say exactly this, among all choices
        with `count` digits.
    """
    chosen, total = _ways(rows, count)
    return chosen, math.exp(sum(one.score for one in chosen) - total)


def _ways(
    rows: Sequence[Sequence[Hypothesis]], count: int | None
) -> tuple[list[Hypothesis], float]:
    """Return the best choice, and the log of the sum over all with as many digits.

    If no choice has `count` digits, the count is ignored.
    """
    # For each number of digits so far: the best score, the log of the sum over all choices, and the
    # best choice.
    ways: dict[int, tuple[float, float, list[Hypothesis]]] = {0: (0.0, 0.0, [])}
    for row in rows:
        found: dict[int, tuple[float, float, list[Hypothesis]]] = {}
        for before, (best, total, chosen) in ways.items():
            for one in row:
                n = 0 if count is None else before + len(one.text)
                if count is not None and n > count:
                    continue
                old = found.get(n, (-np.inf, -np.inf, []))
                sum_ = float(np.logaddexp(old[1], total + one.score))
                if best + one.score > old[0]:
                    found[n] = (best + one.score, sum_, [*chosen, one])
                else:
                    found[n] = (old[0], sum_, old[2])
        ways = found
    if count is not None and count not in ways:
        return _ways(rows, None)
    _, total, chosen = ways[count or 0]
    return chosen, total
