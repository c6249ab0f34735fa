"""Connectionist temporal classification: probabilities of given texts, summed over alignments.

A text is read where its classes appear in order, each in one column or several, with any number of
blanks between; two of the same class in a row need a blank (Graves et al. 2006, ICML). The forward
algorithm sums over all such alignments. The last class of the columns is the blank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Text = tuple[int, ...]
_LEAST = -30.0  # log probability, against the most probable class, that no posterior goes below


def log_likelihoods(
    columns: NDArray[np.floating[Any]], texts: Sequence[Text]
) -> NDArray[np.float64]:
    """Return the log probability of each text.

    Parameters
    ----------
    columns : (t, k + 1), log probabilities of the k classes and, last, of the blank.
    texts : of classes from 0 to k - 1; of any lengths.

    Returns
    -------
    (n,), -inf where a text has no room in so few columns.
    """
    *_, forward = _forward(columns, texts)
    at = 2 + 2 * np.array([len(text) for text in texts], np.intp)
    rows = np.arange(len(texts))
    last = np.where(at > 2, forward[rows, at - 1], -np.inf)
    return np.asarray(np.logaddexp(forward[rows, at], last))


def _forward(
    columns: NDArray[np.floating[Any]], texts: Sequence[Text]
) -> Iterator[NDArray[np.float64]]:
    """Yield the forward variables before the first column and after each.

    Yields
    ------
    (n, 2 + 2 · longest + 1), log probabilities of each state: two that are never reached, so that
        every state has two before it; then a blank, a text's first class, a blank, its second
        class and so on. It is the same array each time.
    """
    columns = np.asarray(columns, np.float64)
    blank = columns.shape[1] - 1
    longest = max((len(text) for text in texts), default=0)
    states = np.full((len(texts), 2 * longest + 1), blank)
    for row, text in zip(states, texts, strict=True):
        row[1 : 2 * len(text) : 2] = text
    skips = np.zeros(states.shape, bool)  # over the blank between two classes that differ
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    forward = np.full((len(texts), 2 + states.shape[1]), -np.inf)
    forward[:, 2] = 0  # as if a blank column had gone before
    yield forward
    for column in columns:
        stay, step, skip = forward[:, 2:], forward[:, 1:-1], forward[:, :-2]
        with np.errstate(invalid="ignore"):
            came = np.logaddexp(stay, step)
            came = np.where(skips, np.logaddexp(came, skip), came)
        forward[:, 2:] = came + column[states]
        yield forward


def class_posteriors(columns: NDArray[np.floating[Any]], text: Text) -> NDArray[np.float64]:
    """Return the log posterior of each class in each place of a text, the others being as they are.

    It takes one forward and one backward pass, whatever the text's length.

    Returns
    -------
    (len(text), k), log probabilities; each row's probabilities sum to 1. Where the text has no room
    in so few columns, all classes are equally probable.
    """
    k = columns.shape[1] - 1
    columns = np.asarray(columns, np.float64)
    # The backward variables are the forward ones of the reversed text in the reversed columns.
    before = np.array([one[0].copy() for one in _forward(columns, [text])])
    after = np.array([one[0].copy() for one in _forward(columns[::-1], [text[::-1]])])[::-1, ::-1]
    own = np.array([-1, *text, -1])[:, None]
    follows, leads = own[:-2] != np.arange(k), own[2:] != np.arange(k)  # without a blank between
    here = found = np.full((len(text), k), -np.inf)  # in a place at a column, and at any so far
    with np.errstate(invalid="ignore"):
        for column, came, left in zip(columns, before[:-1], after[1:], strict=True):
            enter = np.logaddexp(came[2:-1:2, None], np.where(follows, came[1:-2:2, None], -np.inf))
            leave = np.logaddexp(left[2:-1:2, None], np.where(leads, left[3::2, None], -np.inf))
            here = np.logaddexp(here, enter) + column[:k]
            found = np.logaddexp(found, here + leave)
    found = np.maximum(found, found.max(axis=1, initial=_LEAST)[:, None] + _LEAST)
    return np.asarray(found - np.logaddexp.reduce(found, axis=1)[:, None])
