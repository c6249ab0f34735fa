"""CTC lattice -> the most probable texts, with probabilities that add up.

Prefix beam search (Graves & Jaitly 2014, ICML; Hannun et al. 2014) sums over all alignments of a
text. Where the form says what a field may hold, the search keeps only prefixes that the
constraint's automaton still allows.
"""

from __future__ import annotations

from dataclasses import dataclass
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
# Prior probability that a field does not keep to its constraint: the writer made a mistake, or
# the constraint is wrong. It decides when the constrained answer is called implausible.
_BROKEN = 0.01


@dataclass(frozen=True)
class Decoded:
    """The texts that a lattice supports.

    Parameters
    ----------
    texts : most probable first; digits, and `OTHER` for a letter or sign that is no digit.
    probabilities : of each text, (n,). They add up to 1 less what other texts have, and with a
        constraint less the probability that the field does not keep to it.
    allowed : probability, without the constraint, of all texts that it allows; 1 without one.
    """

    texts: tuple[Text, ...]
    probabilities: NDArray[np.float64]
    allowed: float = 1.0


def decode(
    columns: NDArray[np.floating], most: int = 10, constraint: Constraint | None = None
) -> Decoded:
    """Find the most probable texts of a lattice.

    Parameters
    ----------
    columns : (t, 12), log probabilities of the ten digits, `OTHER` and `BLANK` in each column.
    most : number of texts returned.
    constraint : keeps to texts that it allows; these consist of digits alone.

    Returns
    -------
    decoded : without texts if the constraint allows none of those found.
    """
    found, dropped = _search(np.exp(np.asarray(columns, np.float64)), constraint)
    texts = sorted(found, key=found.__getitem__, reverse=True)
    likely = np.array([found[text] for text in texts[:most]])
    if constraint is None:
        return Decoded(tuple(texts[:most]), likely)
    allowed = float(sum(found.values()))
    # What was dropped could have been allowed; to count it keeps the probability honest.
    total = allowed + dropped
    whole = total + _BROKEN * max(1 - total, 0.0)
    return Decoded(tuple(texts[:most]), likely / max(whole, 1e-300), allowed)


def _search(
    columns: NDArray[np.float64], constraint: Constraint | None
) -> tuple[dict[Text, float], float]:
    """Return the probability of each text found, and the probability of all dropped prefixes."""
    beam = _BEAM if constraint is None else _BEAM_OF_CONSTRAINED
    # For each prefix: the probability of its alignments that end in a blank, and in its last class.
    kept: dict[Text, tuple[float, float]] = {(): (1.0, 0.0)}
    states: dict[Text, State] = {(): None if constraint is None else constraint.start}
    dropped = 0.0
    for column in columns:
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
        dropped += sum(sums.values()) - sum(sums[text] for text in best)
        kept = {text: (found[text][0], found[text][1]) for text in best}
    totals = {text: in_blank + in_class for text, (in_blank, in_class) in kept.items()}
    if constraint is not None:
        totals = {t: p for t, p in totals.items() if constraint.accepts(states[t])}
    return totals, dropped
