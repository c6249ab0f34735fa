"""Form and place: what they say of a candidate before a model looks."""

from __future__ import annotations

import numpy as np

from mnistry.pictures import form
from mnistry.pictures.find import Found, find, groups


def blocks(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (100, 200)) -> Found:
    """Ink that fills some boxes: x, y, width, height."""
    ink = np.zeros(shape)
    for x, y, w, h in boxes:
        ink[y : y + h, x : x + w] = 1
    return find(ink)


def test_wide_ink_is_rather_several() -> None:
    """The wider what hangs together, the less is it one digit; as wide as two, it is not."""
    shares = []
    for width in (20, 40, 60, 100):
        [row] = blocks((20, 20, width, 50)).rows
        [share] = form.alone(row, groups(row))
        shares.append(share)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.9
    assert shares[-1] < 0.1


def test_gaps_part_digits() -> None:
    """Two things are together one digit where they are close, and not where they are apart."""
    together = []
    for gap in (2, 30):
        found = blocks((20, 20, 20, 50), (40 + gap, 20, 20, 50))
        [row] = found.rows
        pair = [i for i, group in enumerate(groups(row)) if group.last > group.first]
        together += [form.alone(row, groups(row))[i] for i in pair]
    assert together[0] > 0.9
    assert together[1] < 0.1


def test_points_and_lines_at_the_edge_may_be_none() -> None:
    """A point, and a thin line where the picture ends, are often no digit; a tall mark seldom."""
    found = blocks((60, 20, 30, 50), (100, 64, 6, 6), (198, 10, 2, 60))
    rare = {
        group.box.x: rare[0]
        for row in found.rows
        for group in groups(row)
        if group.first == group.last
        for rare in [form.seldom(found, row, [group], form.size(found, row, [group]))]
    }
    assert rare[60] < 0.05
    assert rare[100] > 0.9
    assert rare[198] > 0.8


def test_signs_are_named_by_place() -> None:
    """A point lies low and is small, a comma is taller, a dash is flat."""
    for box, name in (((60, 64, 6, 6), "."), ((60, 56, 6, 20), ","), ((60, 44, 30, 6), "-")):
        [row] = blocks((20, 20, 30, 50), box, (100, 20, 30, 50)).rows
        named = {piece.box.x: form.sign(piece.box, row) for piece in row.pieces}
        assert named[60] == name
