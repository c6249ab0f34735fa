"""The whole way: a picture -> ink -> candidates -> 28x28 -> probabilities -> a reading."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mnistry.errors import DataWarning, InputError
from mnistry.models.base import softmax
from mnistry.models.file import shipped_model
from mnistry.models.line import read_lines
from mnistry.ocr.alignment import align
from mnistry.ocr.constraints import expected, read_values
from mnistry.ocr.ctc import class_posteriors
from mnistry.ocr.recognizer import BLANK, OTHER, recognize, with_other
from mnistry.pictures import form
from mnistry.pictures.decode import decode, settled
from mnistry.pictures.find import Found
from mnistry.pictures.frame import SIDE, frame_many
from mnistry.pictures.ink import Inked, find_ink
from mnistry.pictures.item import content, several
from mnistry.pictures.layout import Box, Row
from mnistry.pictures.line import line_of
from mnistry.pictures.lost import with_loose_strokes, with_lost_strokes, with_only_stroke
from mnistry.pictures.pages import count_pages
from mnistry.pictures.pale import pieces_of
from mnistry.pictures.paths import Path, best_path
from mnistry.pictures.stream import stream
from mnistry.pictures.thicken import thickened
from mnistry.probability.measure import credible_sets
from mnistry.probability.straight_through import acceptance_threshold
from mnistry.reader.candidates import Candidates, look_at
from mnistry.reader.many import Named, Workers, read_stream
from mnistry.reader.rows import (
    NEGLIGIBLE,
    RowEvidence,
    alternatives,
    choose,
    combine_readings,
    digit_probabilities,
    hypotheses,
)
from mnistry.reader.windows import (
    Window,
    darkness,
    digit_boxes,
    has_contrast,
    whole,
    whole_row,
    window_of,
)
from mnistry.reading import Mark, Outcome, Reading, digits_of, outcome_of, unsure
from mnistry.runtime import load_cv2

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL.Image import Image

    from mnistry.models.base import Model

    Source = str | os.PathLike[str] | bytes | BinaryIO | Image | ArrayLike
    Floats = NDArray[np.floating[Any]]

# A row's part of a reading: a path through its candidates, its digits' probabilities (None if they
# are the candidates' own), and its text; or the marks themselves, if no path has room for the text.
_Part = tuple[Path, "Floats | None", tuple[int, ...]] | list[Mark]
ALPHA = 0.01
LEVEL = 0.001
_STRANGE = 0.003  # judge's probability below which a mark by itself is no digit
# What must be true of a mark to be read at once: its digit's probability, its typicality, and the
# same where it is so wide, in heights of its row, that it may be two.
_CERTAIN, _CLEAR, _CLEAR_WIDE, _WIDE = 0.95, 0.05, 0.9, 1.2
_LINES_PART = 0.5  # the line's part of what is known of a digit
# Probability that ink left out of a text is no digit, below which the reading is ambiguous. In 833
# boxed fields that were sure before, it catches 15 of 24 errors for 18 of 809 right readings.
_LEFT_OUT = 0.95
# Probability that a loose stroke is a digit; see `with_loose_strokes`. Of 22 development images
# with one, 7 had lost a digit, mostly a 1.
_LOOSE = 1 / 3
# A reading with loose strokes is preferred from this share of the other's probability on, since it
# explains more ink. Of drawn rows on ruled paper it reads 135 of 200, and at 1.0 102.
_PREFERRED = 0.7
_ONLY = 0.5  # probability that an image's only stroke is a digit, a guess; see `with_only_stroke`
_MOST_ALTERNATIVES = 10  # texts of a reading
MOST_COUNT = 50  # digits of a picture that may be asked for


class Reader:
    r"""Reads pictures of handwritten digits.

    Parameters
    ----------
    model : knows the ten digits in 28×28. None: the convnet that ships, together with what the
        judge of candidates and the line recognizer know of digits; they have seen forms that
        MNIST's writers seldom wrote.
    alpha : how often the sets of digits may miss the truth.
    level : typicality up to which a mark by itself is no digit, and one of several is ambiguous;
        as many of the digits that are like the model's own are lost so.
    count : how many digits each picture has, where that is known; none is refused then.
    keep : keep points, commas and dashes in the text.
    pattern : a regular expression over digits that each row matches, such as ``r"\d{4}|\d{6}"``.
    between : least and greatest value of each row.
    allowed : all values that a row may have, or the path of a file with one on each line.
    check : the rule of a check digit, "luhn", "mod97", "ean", "isbn13" or "isbn10"; or a function
        of the text. With any of these four, a text that does not fit is read only if nothing that
        fits is plausible; the reading is ambiguous then, and its `fits` is False.
    risk : greatest share of the accepted texts that may be wrong, between 0 and 1. If given,
        `Reading.accepted` tells which readings can be accepted without review.
    threshold : probability from which a text is accepted; None: 1 - `risk`. The function
        `mnistry.probability.straight_through.acceptance_threshold` takes one from your own images.

    Raises
    ------
    InputError : a number is out of range, or the model is for other pictures or classes.
    MachineError : OpenCV or ONNX Runtime can't be loaded.
    """

    def __init__(
        self,
        model: Model | None = None,
        *,
        alpha: float = ALPHA,
        level: float = LEVEL,
        count: int | None = None,
        keep: bool = False,
        pattern: str | None = None,
        between: tuple[int, int] | None = None,
        allowed: Iterable[str] | os.PathLike[str] | None = None,
        check: str | Callable[[str], bool] | None = None,
        risk: float | None = None,
        threshold: float | None = None,
    ) -> None:
        load_cv2()  # fail here, once, and not for each image
        self.model = shipped_model("convnet") if model is None else model
        if self.model.shape != (SIDE, SIDE) or self.model.classes != tuple("0123456789"):
            h, w = self.model.shape
            raise InputError(
                f"Reading needs a model of the ten digits in {SIDE}x{SIDE} pixels; this one has "
                f"{len(self.model.classes)} classes in {h}x{w}."
            )
        for name, value in (("alpha", alpha), ("level", level)):
            if isinstance(value, bool) or not isinstance(value, Real):
                raise InputError(f"`{name}` must be a number; got {value!r}.")
        if not 0 < alpha < 1:
            raise InputError(f"`alpha` must be between 0 and 1; got {alpha}.")
        if not 0 <= level < 1:
            raise InputError(f"`level` must be at least 0 and below 1; got {level}.")
        whole = isinstance(count, Integral) and not isinstance(count, bool)
        if count is not None and not (whole and 1 <= count <= MOST_COUNT):
            raise InputError(
                f"`count` must be a whole number from 1 to {MOST_COUNT}, or None; got {count!r}."
            )
        self.alpha, self.level, self.keep = alpha, level, keep
        self.count = None if count is None else int(count)
        if isinstance(allowed, os.PathLike):
            allowed = read_values(allowed)
        elif allowed is not None:
            allowed = tuple(allowed)
        self._known = {
            "pattern": pattern, "between": between, "allowed": allowed, "check": check
        }  # fmt: skip
        self._expected = expected(pattern=pattern, between=between, allowed=allowed, check=check)
        if risk is not None and threshold is None:
            threshold = acceptance_threshold(risk)
        if threshold is not None:
            is_number = isinstance(threshold, Real) and not isinstance(threshold, bool)
            if not (is_number and threshold >= 0):
                raise InputError(f"`threshold` must be a number from 0 on; got {threshold!r}.")
        self.threshold = threshold
        self._judge = shipped_model("segments")
        self._all = model is None
        self._workers: Workers | None = None  # once they are asked for

    @property
    def made_by(self) -> tuple[Model | None, dict[str, Any]]:
        """What makes another reader like this one: the model, and the other arguments."""
        named = ("alpha", "level", "count", "keep", "threshold")
        options = {name: getattr(self, name) for name in named} | self._known
        return None if self._all else self.model, options

    def read(self, source: Source) -> Reading:
        """Read one picture.

        Of a document of several pages the first is read. A warning says so, and `Reading.pages`
        how many there are; `read_many` reads all of them.

        Parameters
        ----------
        source : a file's path, its bytes, an open file, a Pillow image, or an array as `to_ink`
            takes it.

        Raises
        ------
        InputError : it is no picture, or too large.
        OSError : the file is missing or unreadable.
        """
        name = repr(source) if isinstance(source, str) else "The document"
        source = _path_or_content(source)
        [reading] = self.read_batch([source])
        pages = count_pages(source) if isinstance(source, str | bytes) else 1
        if pages == 1:
            return reading
        warnings.warn(
            f"{name} has {pages:,} pages, of which the first was read; `Reader.read_many` reads "
            "all of them.",
            DataWarning,
            stacklevel=2,
        )
        return replace(reading, pages=pages)

    def read_batch(self, sources: Source | Iterable[Source]) -> list[Reading]:
        """Read pictures together, which is quicker; they are all held in memory. See `read`."""
        return self.answer([self.look(source) for source in several(sources)])

    def read_many(
        self,
        sources: Source | Iterable[Source],
        stdin: BinaryIO | None = None,
        *,
        workers: int = 1,
    ) -> Iterator[Named]:
        """Read whatever is named or given: files, folders, globs, archives, Parquet, "-"; images.

        Few pictures are in memory at a time, and all pages of documents are read.

        Parameters
        ----------
        sources : one or several, each the name of a file, folder, pattern, archive or URL (see
            `stream`), or an image as `read` takes it.
        workers : processes that read; they are kept for the next time, as long as the reader is.
            With more than one, a program must keep what it does under
            ``if __name__ == "__main__"``, and the readings come without `inked` and `found`.

        Yields
        ------
        name, found : in order; what can't be read is an error here and stops nothing. A page's
            name ends in "#" and its number, from 1; what has no name is "image 1", and so on, by
            its place among the sources.
        """
        wanted = workers, *self.made_by
        if workers > 1 and not (self._workers and self._workers.are(*wanted)):
            self._workers = Workers(*wanted)
        own = self._workers if workers > 1 else None
        return read_stream(self, stream(sources, stdin), own)

    def look(self, source: Source) -> tuple[Inked, Found]:
        """Find the ink and the pieces of it: the part of reading that needs no model for digits."""
        image = _path_or_content(source)
        if isinstance(image, str | bytes):
            image = decode(image)
        elif hasattr(image, "getexif"):
            image = settled(image)
        inked = find_ink(image)
        return inked, pieces_of(inked)

    def answer(self, seen: Sequence[tuple[Inked, Found]]) -> list[Reading]:
        """Read images from their ink and its pieces, as `look` returns them.

        Where strokes may have been taken for lines, an image is read with them as well, and the two
        readings are combined; see `_combine`. Where a stroke could be a whole
        digit, the reading is ambiguous.
        """
        readings = self._answer(seen)
        fuller = {i: more for i, one in enumerate(seen) if (more := with_lost_strokes(*one))}
        others = self._answer([(inked, pieces_of(inked)) for inked in fuller.values()])
        for i, other in zip(fuller, others, strict=True):
            readings[i] = self._combine(readings[i], other)
        empty = [i for i, one in enumerate(readings) if not (one.text and seen[i][1].rows)]
        loose = {i: more for i in empty if (more := with_only_stroke(seen[i][0]))}
        loose |= {i: more for i, one in enumerate(seen) if (more := with_loose_strokes(*one))}
        others = self._answer([(inked, pieces_of(inked)) for inked in loose.values()])
        for i, other in zip(loose, others, strict=True):
            readings[i] = self._with_loose(readings[i], other)
        if self.threshold is not None:
            readings = [
                replace(one, accepted=self._is_accepted(one, self.threshold)) for one in readings
            ]
        return readings

    def _is_accepted(self, reading: Reading, threshold: float) -> bool:
        """Return whether a reading can be accepted without a person."""
        count = sum(mark.digit is not None for mark in reading.digits)
        complete = self.count is None or count == self.count
        likely = reading.probability >= threshold
        return bool(reading.text) and reading.fits is not False and complete and likely

    def _combine(self, without: Reading, other: Reading) -> Reading:
        """Choose between the readings of two inks, the second of which includes more strokes.

        A reading's probability is conditional on its ink, and often higher for the emptier ink. So
        the grey image weighs the two inks: the weight of each is the mean likelihood of its texts
        in one lattice, of a window that shows all strokes. The probabilities have seen the grey
        image before, at a temperature, so the result is not an exact posterior. If a reading has no
        text or several rows, the more probable one is kept. An empty one never replaces digits.
        """
        says = other.text or not without.text
        digits = [digits_of(one.text) for one in (without, other)]
        comparable = all(digits) and "\n" not in without.text + other.text
        if not (comparable and without.alternatives and other.alternatives):
            return other if says and other.probability > without.probability else without
        assert other.inked is not None  # noqa: S101 - this process has read it
        assert other.found is not None  # noqa: S101
        rows = other.found.rows
        window = (
            window_of(other.inked, other.found, rows[0]) if len(rows) == 1 else whole(other.inked)
        )
        [lattice] = recognize([window.grey])
        shares = combine_readings(lattice, [without.alternatives, other.alternatives])
        # With `keep`, texts also have points and dashes; the alternatives never do.
        own = [shares.get(text, 0.0) for text in digits]
        chosen, probability = (without, own[0]) if own[0] >= own[1] else (other, own[1])
        order = sorted(shares.items(), key=lambda item: -item[1])[:_MOST_ALTERNATIVES]
        doubtful = probability < 1 - self.alpha
        return replace(
            chosen,
            probability=probability,
            outcome=unsure(chosen.outcome) if doubtful else chosen.outcome,
            alternatives=tuple((text, p) for text, p in order if p > NEGLIGIBLE),
        )

    def _with_loose(self, without: Reading, other: Reading) -> Reading:
        """Choose between two readings, the second of which includes loose strokes.

        How well a reading explains its own ink does not show whether such strokes are digits. So
        the result is ambiguous, and its probability is multiplied by that of a loose stroke being
        a digit, or none.
        """
        if not (without.text or other.text):
            return without
        if self.count is not None:
            better = other.probability > without.probability or not without.text
            return other if other.text and better else without
        if not without.text:
            return _unsure(other, _ONLY)
        if other.text and other.probability > _PREFERRED * without.probability:
            return _unsure(other, _LOOSE)
        return _unsure(without, 1 - _LOOSE)

    def _answer(self, seen: Sequence[tuple[Inked, Found]]) -> list[Reading]:
        """Read pictures from their pieces.

        What is one digit for sure is read at once. Of anything else, pieces are cut wherever a
        digit may end, and rows are read whole as well.
        """
        as_seen, seen = seen, [thickened(*one) for one in seen]
        readings = [
            self._reading_at_once(one) if len(one.known) else self._reading_of_no_ink(one)
            for one in self._candidates(seen)
        ]
        hard = [i for i, reading in enumerate(readings) if reading is None]
        cut = self._candidates([(seen[i][0], seen[i][1].cut()) for i in hard])
        for i, one in zip(hard, cut, strict=True):
            readings[i] = self._reading_by_hypotheses(one)
        found_nothing = None if self._expected is None else self._expected.allows(())
        return [
            replace(
                reading, inked=inked, found=found,
                fits=found_nothing if reading.fits is None else reading.fits,
            )
            for reading, (inked, found) in zip(readings, as_seen, strict=True)
            if reading is not None
        ]  # fmt: skip

    def _candidates(self, seen: Sequence[tuple[Inked, Found]]) -> list[Candidates]:
        return look_at(seen, self.model, self._judge, together=self._all, alpha=self.alpha)

    def _reading_at_once(self, seen: Candidates) -> Reading | None:
        """Read a picture that is one digit for sure."""
        if self.count not in (None, 1) or len(seen.groups) != 1 or self._expected is not None:
            return None
        spans, digit, other = seen.scores(0, slice(0, len(seen.whole)))
        path = best_path(spans, digit, other)
        if len(path.taken) != 1:
            return None
        [i] = path.taken
        box, tall = seen.groups[0][i].box, seen.found.rows[0].tall
        clear = _CLEAR if box.w <= _WIDE * tall else _CLEAR_WIDE
        sure = seen.probabilities[i].max() > _CERTAIN and seen.whole[i] > clear
        if not path.digit[0] or not sure:
            return None
        reading = self._reading(seen, [(path, None, ())], path.probability)
        # The image shows one digit, so the alternatives are the classifier's other digits.
        p = path.probability * seen.probabilities[i]
        order = [int(d) for d in (-p).argsort(kind="stable") if p[d] > NEGLIGIBLE]
        return replace(reading, alternatives=tuple((str(d), float(p[d])) for d in order))

    def _reading_of_no_ink(self, seen: Candidates) -> Reading:
        """Read an image in which binarization finds nothing, as a row of its own.

        A lone 1 can be taken for a line, and faint digits for paper.
        """
        blank = self._reading(seen, [], 1.0)
        window = whole(seen.inked)
        if not has_contrast(window.grey):
            return blank
        [lattice] = recognize([window.grey])
        none = np.zeros(0)
        evidence = RowEvidence([], none, none, np.zeros((0, 10)), lattice)
        row = hypotheses(evidence, self.count, self._expected)
        [chosen], probability = choose([row], self.count)
        if not chosen.text:
            return replace(blank, probability=probability)
        marks = self._aligned(seen, whole_row(window), window, lattice, chosen.text)
        return Reading(
            "".join(map(str, chosen.text)), probability, tuple(marks), Outcome.AMBIGUOUS,
            seen.inked, seen.found,
            alternatives=tuple(alternatives([row], [chosen], self.count, _MOST_ALTERNATIVES)),
            fits=None if self._expected is None else chosen.fits,
        )  # fmt: skip

    def _reading_by_hypotheses(self, seen: Candidates) -> Reading:
        windows = [window_of(seen.inked, seen.found, row) for row in seen.found.rows]
        lattices = recognize([window.grey for window in windows])
        depth = seen.inked.depth
        inks = read_lines([line_of(seen.found, row, depth) for row in seen.found.rows])
        rows = []
        for k, own in seen.rows():
            row = seen.found.rows[k]
            told = RowEvidence(
                *seen.scores(k, own),
                seen.known[own],
                lattices[k],
                with_other(inks[k]),
                row.is_one,
                row.broken,
            )
            rows.append(hypotheses(told, self.count, self._expected))
        chosen, probability = choose(rows, self.count)
        parts: list[_Part] = []
        for k, own in seen.rows():
            one, lattice = chosen[k], lattices[k]
            if one.path is None:
                row = seen.found.rows[k]
                parts.append(self._aligned(seen, row, windows[k], lattice, one.text))
                continue
            pairs = zip(one.path.taken, one.path.digit, strict=True)
            known = seen.known[own][[i for i, is_digit in pairs if is_digit]]
            if self._all:
                known = (1 - _LINES_PART) * known + _LINES_PART * _marginals(lattice, one.text)
            alone = np.asarray(softmax(known), np.float64)
            parts.append((one.path, digit_probabilities(rows[k], one, alone), one.text))
        reading = self._reading(seen, parts, probability)
        doubtful = bool(reading.text) and probability < 1 - self.alpha
        outcome = unsure(reading.outcome) if doubtful else reading.outcome
        fits = None if self._expected is None else all(one.fits for one in chosen)
        # `reading.probability` is lower if a mark that was left out could be a digit.
        share = reading.probability / probability if probability else 1.0
        others = alternatives(rows, chosen, self.count, _MOST_ALTERNATIVES)
        return replace(
            reading,
            outcome=unsure(outcome) if fits is False else outcome,
            alternatives=tuple((text, p * share) for text, p in others),
            fits=fits,
        )

    def _aligned(
        self, seen: Candidates, row: Row, window: Window, lattice: Floats, text: tuple[int, ...]
    ) -> list[Mark]:
        """Return the marks of a text that no path says, located by its CTC alignment."""
        spans = align(lattice, text) if text else []
        if not spans:
            return []
        boxes = digit_boxes(seen.inked, window, row, spans, len(lattice))
        images = frame_many([darkness(seen.inked, box) for box in boxes])
        _, typical = self.model.answer(images)
        probabilities = np.asarray(softmax(_marginals(lattice, text)), np.float64)
        sets = credible_sets(probabilities, self.alpha)
        return [
            Mark(
                digit, p, tuple(int(d) for d in np.flatnonzero(members)),
                Outcome.DIGIT if members.sum() == 1 else Outcome.AMBIGUOUS,
                float(p_value), _in_picture(box, seen.inked.scale), "", image,
            )
            for digit, p, members, p_value, box, image in zip(
                text, probabilities, sets, typical, boxes, images, strict=True
            )
        ]  # fmt: skip

    def _reading(self, seen: Candidates, parts: Sequence[_Part], likely: float) -> Reading:
        """Make the reading of what was chosen for each row."""
        lines: list[str] = []
        marks: list[Mark] = []
        no_digit = 1.0  # over all marks left out, the least probability of being no digit
        alone = len(parts) == 1 and isinstance(parts[0], tuple) and len(parts[0][0].taken) == 1
        for part, (k, own) in zip(parts, seen.rows(), strict=True):
            if isinstance(part, list):
                marks += part
                if part:
                    lines.append("".join(str(mark.digit) for mark in part))
                continue
            path, together, row_text = part
            _, as_digit, as_other = seen.scores(k, own)
            said: list[str] = []
            digits = 0
            for i, is_digit in zip(path.taken, path.digit, strict=True):
                box, j = seen.groups[k][i].box, own.start + i
                p, chosen = seen.probabilities[j], seen.sets[j]
                if is_digit and together is not None:
                    p = together[digits]
                    [chosen] = credible_sets(p[None], self.alpha)
                digits += is_digit
                typical = float(seen.typical[j])
                strange = typical <= self.level or seen.whole[j] < _STRANGE
                strange &= self.count is None
                digit: int | None = int(p.argmax())
                if is_digit and together is not None:
                    digit = row_text[digits - 1]
                sign = ""
                if not is_digit or (alone and strange):
                    digit, outcome = None, Outcome.NOT_A_DIGIT
                    none = float(1 / (1 + np.exp(as_digit[i] - as_other[i])))
                    no_digit = min(no_digit, none)
                    sign = form.sign(box, seen.found.rows[k])
                    if self.keep:
                        said.append(sign)
                else:
                    sure = chosen.sum() == 1 and not strange
                    outcome = Outcome.DIGIT if sure else Outcome.AMBIGUOUS
                    said.append(str(digit))
                    if together is None:  # otherwise it is in the text's probability
                        likely *= float(p[digit])
                members = tuple(int(d) for d in np.flatnonzero(chosen))
                box = _in_picture(seen.found.as_written(box), seen.inked.scale)
                marks.append(Mark(digit, p, members, outcome, typical, box, sign, seen.images[j]))
            if said:  # what was no broken digit, is one above the other
                lines.append(("\n" if seen.found.rows[k].broken else "").join(said))
        outcome = outcome_of(marks)
        text = "\n".join(lines)
        digits_said = sum(mark.digit is not None for mark in marks)
        if digits_said and self.count != digits_said:
            likely *= no_digit
            if no_digit < _LEFT_OUT:
                outcome = unsure(outcome)
        return Reading(text, likely, tuple(marks), outcome, seen.inked, seen.found)


def _marginals(lattice: Floats, text: tuple[int, ...]) -> Floats:
    """Return the log probability of each digit in each place of a text, (len(text), 10)."""
    classes = [*range(OTHER), BLANK]  # a place of a text is never a letter
    return class_posteriors(lattice[:, classes], text)


def _unsure(reading: Reading, share: float) -> Reading:
    """Return an ambiguous reading, its probability times the share of such readings."""
    outcome = unsure(reading.outcome)
    return replace(reading, probability=share * reading.probability, outcome=outcome)


def _path_or_content(source: Any) -> Any:
    """Return a path as a string, and the bytes of an open file; anything else as it is."""
    if isinstance(source, os.PathLike):
        return os.fsdecode(source)
    if hasattr(source, "read"):
        return content(source, "The file")
    return bytes(source) if isinstance(source, bytearray | memoryview) else source


def _in_picture(box: Box, scale: float) -> Box:
    """Give a box in the picture's own pixels."""
    if scale == 1:
        return box
    x, y = int(box.x / scale), int(box.y / scale)
    return Box(
        x, y, max(round((box.x + box.w) / scale) - x, 1), max(round((box.y + box.h) / scale) - y, 1)
    )
