"""Connectionist temporal classification: what a line's columns say of texts.

A text is read where its classes appear in order, each in one column or several, with any number of
columns of nothing between; two of the same class in a row need one (Graves et al. 2006, ICML).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Text = tuple[int, ...]
_BEAM = 24  # texts kept from column to column
_UNLIKELY = 1e-4  # probability below which a class is passed over in a column
_LEAST = -30.0  # log probability, against the likeliest class, that no alternative goes below


def log_likelihoods(
    columns: NDArray[np.floating[Any]], texts: Sequence[Text]
) -> NDArray[np.float64]:
    """Give the log probability that a line says each text and nothing else.

    Parameters
    ----------
    columns : (t, k + 1), log probabilities of the k classes and, last, of nothing.
    texts : of classes from 0 to k - 1; of any lengths.

    Returns
    -------
    (n,), -inf where a text has no room.
    """
    *_, reached = _reached(columns, texts)
    at = 2 + 2 * np.array([len(text) for text in texts], np.intp)
    rows = np.arange(len(texts))
    last = np.where(at > 2, reached[rows, at - 1], -np.inf)
    return np.asarray(np.logaddexp(reached[rows, at], last))


def _reached(
    columns: NDArray[np.floating[Any]], texts: Sequence[Text]
) -> Iterator[NDArray[np.float64]]:
    """Give, before the first column and after each, how likely each text is read up to each state.

    Yields
    ------
    (n, 2 + 2 · longest + 1), log probabilities: two walls, then nothing, a text's first class,
    nothing, its second class and so on; the same array each time.
    """
    columns = np.asarray(columns, np.float64)
    nothing = columns.shape[1] - 1
    longest = max((len(text) for text in texts), default=0)
    states = np.full((len(texts), 2 * longest + 1), nothing)
    for row, text in zip(states, texts, strict=True):
        row[1 : 2 * len(text) : 2] = text
    skips = np.zeros(states.shape, bool)  # over the nothing between two that differ
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    reached = np.full((len(texts), 2 + states.shape[1]), -np.inf)  # two walls on the left
    reached[:, 2] = 0  # as if a column of nothing had gone before
    yield reached
    for column in columns:
        stay, step, skip = reached[:, 2:], reached[:, 1:-1], reached[:, :-2]
        with np.errstate(invalid="ignore"):
            came = np.logaddexp(stay, step)
            came = np.where(skips, np.logaddexp(came, skip), came)
        reached[:, 2:] = came + column[states]
        yield reached


def likely_texts(columns: NDArray[np.floating[Any]], most: int) -> list[Text]:
    """Find the texts that a line most likely says, the likeliest first; see `log_likelihoods`.

    A search by prefixes that keeps the likeliest, so that unlikely ones may be missing.
    """
    probabilities = np.exp(np.asarray(columns, np.float64))
    nothing = probabilities.shape[1] - 1
    # Of each prefix: the probability of its having ended in nothing, and in its last class.
    beam: dict[Text, tuple[float, float]] = {(): (1.0, 0.0)}
    for column in probabilities:
        likely = [int(c) for c in np.flatnonzero(column[:nothing] > _UNLIKELY)]
        blank = float(column[nothing])
        found: dict[Text, list[float]] = {}
        for text, (empty, full) in beam.items():
            here = found.setdefault(text, [0.0, 0.0])
            here[0] += (empty + full) * blank
            if text:
                here[1] += full * float(column[text[-1]])
            for c in likely:
                before = empty if text and text[-1] == c else empty + full
                found.setdefault((*text, c), [0.0, 0.0])[1] += before * float(column[c])
        kept = sorted(found.items(), key=lambda item: -sum(item[1]))[:_BEAM]
        scale = sum(sum(ends) for _, ends in kept) or 1.0
        beam = {text: (ends[0] / scale, ends[1] / scale) for text, ends in kept}
    return [text for text, _ in sorted(beam.items(), key=lambda item: -sum(item[1]))][:most]


def alternatives(columns: NDArray[np.floating[Any]], text: Text) -> NDArray[np.float64]:
    """Give what a line says of each class in each place of a text, the rest being as it is.

    Returns
    -------
    (len(text), k), log probabilities; every row's probabilities sum to 1. Where the line has no
    room for the text, all are alike.
    """
    k = columns.shape[1] - 1
    columns = np.asarray(columns, np.float64)
    # How likely the text is read up to each state and column; and from there on, which is the same
    # backwards. Of a place, what is on either side is as it is, whatever class is in the place.
    before = np.array([one[0].copy() for one in _reached(columns, [text])])
    after = np.array([one[0].copy() for one in _reached(columns[::-1], [text[::-1]])])[::-1, ::-1]
    own = np.array([-1, *text, -1])[:, None]
    follows, leads = own[:-2] != np.arange(k), own[2:] != np.arange(k)  # without nothing between
    here = found = np.full((len(text), k), -np.inf)  # up to a column in each place, and in all
    with np.errstate(invalid="ignore"):
        for column, came, left in zip(columns, before[:-1], after[1:], strict=True):
            enter = np.logaddexp(came[2:-1:2, None], np.where(follows, came[1:-2:2, None], -np.inf))
            leave = np.logaddexp(left[2:-1:2, None], np.where(leads, left[3::2, None], -np.inf))
            here = np.logaddexp(here, enter) + column[:k]
            found = np.logaddexp(found, here + leave)
    found = np.maximum(found, found.max(axis=1, initial=_LEAST)[:, None] + _LEAST)
    return np.asarray(found - np.logaddexp.reduce(found, axis=1)[:, None])
