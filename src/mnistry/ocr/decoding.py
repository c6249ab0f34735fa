"""CTC lattice -> the most probable texts and their probabilities.

Prefix beam search (Graves & Jaitly 2014, ICML; Hannun et al. 2014) sums over all alignments of a
text. Where the form says what a field may hold, the search keeps only prefixes that the
constraint's automaton still allows.
"""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING

import numpy as np

from mnistry.ocr.recognizer import BLANK, OTHER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.ocr.constraints import Constraint, State

    Text = tuple[int, ...]

_BEAM = 32  # prefixes kept from column to column
_BEAM_OF_CONSTRAINED = 256  # more, since many prefixes have no allowed end
_LEAST = 1e-6  # share of the best prefix's probability below which others are dropped
_PASSED_OVER = 1e-4  # probability below which a class is not considered in a column


def decode(
    columns: NDArray[np.floating], most: int = 10, constraint: Constraint | None = None
) -> dict[Text, float]:
    """Find the most probable texts of a lattice.

    Parameters
    ----------
    columns : (t, 12), log probabilities of the ten digits, `OTHER` and `BLANK` in each column.
    most : greatest number of texts returned.
    constraint : if given, only texts that it allows are returned; these consist of digits alone.

    Returns
    -------
    texts : the probability of each text, which does not depend on the constraint, the most
        probable first; digits, and `OTHER` for a letter or sign that is no digit. Empty if the
        constraint allows none of the texts found.
    """
    beam = _BEAM if constraint is None else _BEAM_OF_CONSTRAINED
    # For each prefix: the probability of its alignments that end in a blank, and in its last class.
    kept: dict[Text, tuple[float, float]] = {(): (1.0, 0.0)}
    states: dict[Text, State] = {(): None if constraint is None else constraint.start}
    for column in np.exp(np.asarray(columns, np.float64)):
        p = column.tolist()
        blank = p[BLANK]
        likely = [(c, p[c]) for c in range(BLANK) if p[c] > _PASSED_OVER]
        found: dict[Text, list[float]] = {
            text: [(in_blank + in_class) * blank, in_class * p[text[-1]] if text else 0.0]
            for text, (in_blank, in_class) in kept.items()
        }
        if not likely:  # as most columns are; the order of prefixes stays as it is
            kept = {text: (ends[0], ends[1]) for text, ends in found.items()}
            continue
        for text, (in_blank, in_class) in kept.items():
            both = in_blank + in_class
            last = text[-1] if text else -1
            for c, of_class in likely:
                longer = (*text, c)
                if constraint is not None:
                    if longer not in states:
                        state = states[text]
                        known = c != OTHER and state is not None
                        states[longer] = constraint.step(state, c) if known else None
                    if states[longer] is None:
                        continue
                # The same class again is a new digit only after a blank.
                gain = (in_blank if c == last else both) * of_class
                ends = found.get(longer)
                if ends is None:
                    found[longer] = [0.0, gain]
                else:
                    ends[1] += gain
        sums = {text: ends[0] + ends[1] for text, ends in found.items()}
        least = _LEAST * max(sums.values())
        best = [text for text, total in sums.items() if total > least]
        if len(best) > beam:
            best = nlargest(beam, best, key=sums.__getitem__)
        kept = {text: (found[text][0], found[text][1]) for text in best}
    totals = {text: in_blank + in_class for text, (in_blank, in_class) in kept.items()}
    if constraint is not None:
        totals = {t: p for t, p in totals.items() if constraint.accepts(states[t])}
    return {text: totals[text] for text in nlargest(most, totals, key=totals.__getitem__)}
