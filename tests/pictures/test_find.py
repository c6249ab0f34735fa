"""Finding: rows in reading order, every piece of ink once, cuts where digits touch."""

from __future__ import annotations

import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mnistry.data.dataset import DataSets
from mnistry.pictures import find as find_module
from mnistry.pictures.cut import cuts, notches, seams
from mnistry.pictures.find import MOST_PIECES, Found, find, groups
from mnistry.pictures.layout import Box, Piece, Row

Ink = NDArray[Any]


def page(mnist: DataSets, rows: list[list[int]], gap: int = 8, apart: int = 50) -> Ink:
    """Write test digits, by their index, in rows; each 20 pixels tall."""
    ink = np.zeros((apart * len(rows) + 20, 20 + (28 + gap) * max(map(len, rows))))
    for r, row in enumerate(rows):
        for c, i in enumerate(row):
            y, x = 10 + apart * r, 10 + (20 + gap) * c
            np.maximum(
                ink[y : y + 28, x : x + 28],
                mnist.test.images[i] / 255,
                out=ink[y : y + 28, x : x + 28],
            )
    return ink


def test_find_gives_rows_in_reading_order(mnist: DataSets) -> None:
    """Three rows are found from the top, their digits from left to right."""
    found = find(page(mnist, [[0, 1, 2, 3], [6, 7], [9, 10, 11]]))
    assert [len(row.pieces) for row in found.rows] == [4, 2, 3]
    tops = [min(p.box.y for p in row.pieces) for row in found.rows]
    assert tops == sorted(tops)
    for row in found.rows:
        middles = [p.box.x + p.box.w / 2 for p in row.pieces]
        assert middles == sorted(middles)
        assert row.tall == pytest.approx(20, abs=2)


@pytest.mark.parametrize("tilt", [-3, 3])
def test_find_follows_a_tilted_row(tilt: int, mnist: DataSets) -> None:
    """A row that rises or falls by its own height along its length is one row."""
    ink = np.zeros((140, 420))
    for c, i in enumerate(range(12)):
        y, x = 50 + tilt * c, 10 + 33 * c
        ink[y : y + 28, x : x + 28] = mnist.test.images[i] / 255
    assert len(find(ink).rows) == 1


def test_find_gives_each_ink_to_one_piece(mnist: DataSets) -> None:
    """The candidates of one piece hold all clear ink, each pixel once; cut or not."""
    whole = find(page(mnist, [[0, 1, 2], [4, 5, 6]], gap=-4))
    for found in (whole, whole.cut()):
        total = np.zeros_like(found.ink)
        for row in found.rows:
            for group in groups(row):
                if group.first == group.last:
                    x, y, w, h = group.box
                    total[y : y + h, x : x + w] += found.crop(row, group)
        clear = found.ink > 0.4
        assert np.allclose(total[clear], found.ink[clear])
        assert (total <= found.ink + 1e-9).all()


def test_cutting_parts_digits_that_touch(mnist: DataSets) -> None:
    """Two zeros that touch are one piece, and of the candidates after cutting two are they."""
    zero = mnist.test.images[3] / 255
    box = np.flatnonzero(zero.any(axis=0))
    zero = zero[:, box[0] : box[-1] + 1]
    ink = np.zeros((40, 2 * zero.shape[1] + 19))
    ink[6:34, 10 : 10 + zero.shape[1]] = zero
    second = 10 + zero.shape[1] - 1
    room = ink[6:34, second : second + zero.shape[1]]
    np.maximum(room, zero, out=room)
    whole = find(ink)
    assert [len(row.pieces) for row in whole.rows] == [1]
    found = whole.cut()
    [row] = found.rows
    widths = [(g.box.x, g.box.x + g.box.w) for g in groups(row)]
    middle = second
    assert any(a <= 12 and abs(b - middle) <= 2 for a, b in widths)
    assert any(abs(a - middle) <= 2 and b >= ink.shape[1] - 12 for a, b in widths)


def test_groups_are_runs_of_few_pieces(mnist: DataSets) -> None:
    """A candidate is a run of neighbours, at most `MOST_PIECES`, and every piece is one alone."""
    found = find(page(mnist, [[1, 2, 3, 4, 5, 6, 7, 8]], gap=-2)).cut()
    for row in found.rows:
        made = groups(row)
        spans = [(g.first, g.last) for g in made]
        assert len(set(spans)) == len(spans)
        assert {(i, i) for i in range(len(row.pieces))} <= set(spans)
        assert all(b - a < MOST_PIECES for a, b in spans)


def comb(heights: int, tall: int = 20) -> Ink:
    """Draw what hangs together and may be cut everywhere, so many heights wide."""
    ink = np.zeros((tall + 4, heights * tall + 4), np.float32)
    ink[2:-2, 2:-2] = np.tile([1, 1, 0, 0, 0], heights * tall // 5)
    ink[tall // 2 : tall // 2 + 2, 2:-2] = 1
    return ink


def test_what_is_too_long_for_digits_is_not_cut() -> None:
    """A band of 100 heights stays one piece; of 40 it is cut, in memory of a few times its own."""
    assert len(find(comb(100)).cut().rows[0].pieces) == 1
    found = find(comb(40))
    tracemalloc.start()
    [row] = found.cut().rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(row.pieces) > 150
    assert peak < 16 * found.ink.nbytes


def test_parts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a picture has as many parts as it may, pieces stay whole, and no ink is lost."""
    ink = np.concatenate([comb(5)] * 9, axis=1)
    every = sum(len(row.pieces) for row in find(ink).cut().rows)
    monkeypatch.setattr(find_module, "_MOST_PARTS", 50)
    found = find(ink).cut()
    [row] = found.rows
    assert every > 9 * 20
    assert len(row.pieces) <= 50 + 9
    assert {piece.whole for piece in row.pieces} == set(range(1, 10))


@pytest.mark.slow
def test_candidates_of_a_long_row_take_time_by_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that hangs together is a candidate, and its parts aren't gone through from each."""
    around, calls = Box.around, []

    def counted(box: Box, other: Box) -> Box:
        calls.append(box)
        return around(box, other)

    monkeypatch.setattr(Box, "around", counted)
    whole = [i // 500 for i in range(1000)]
    pieces = tuple(Piece(i, whole[i], Box(10 * i, 0, 9, 20), 9.0) for i in range(1000))
    spans = [(g.first, g.last) for g in groups(Row(pieces, 20.0)) if g.entire]
    assert spans == [(0, 499), (500, 999)]
    assert len(calls) < 12 * 1000


def test_seams_cross_least_ink() -> None:
    """Between two bars the seam runs through the gap, from the top to the bottom, step by step."""
    ink = np.zeros((20, 21))
    ink[:, 2:5] = ink[:, 16:19] = 1
    ink[9:11] = 1
    paths = seams(ink, 20, 3)
    assert len(paths)
    for path in paths:
        assert (np.abs(np.diff(path)) <= 1).all()
        assert ink[np.arange(20), path].sum() <= 3


def test_notches_lie_between_rings_that_share_a_wall() -> None:
    """Two rings that share a wall have one cut, through the wall, which crosses most ink."""
    y, x = np.mgrid[:40, :80]
    rings = [np.abs(np.hypot((x - c) / 1.0, y - 20) - 15) < 2 for c in (24, 54)]
    ink = np.maximum(*rings).astype(float)
    paths = notches(ink, 34)
    assert len(paths) == 1
    assert (np.abs(paths[0] - 39) <= 1).all()
    assert any(np.abs(path[20] - 39) <= 1 for path in cuts(ink, 34, 4))


def test_find_leaves_specks_out(mnist: DataSets) -> None:
    """A pixel of noise far from the digits founds no row and joins none."""
    ink = page(mnist, [[0, 1]])
    ink[2, 2] = 1
    assert sum(len(row.pieces) for row in find(ink).rows) == 2


@pytest.mark.parametrize("ink", [np.zeros((9, 9)), np.full((9, 9), 0.3), np.zeros((1, 1))])
def test_find_finds_nothing_in_nothing(ink: Ink) -> None:
    """Paper, and ink too pale to be any, have no rows."""
    found = find(ink)
    assert found.rows == ()
    assert found.cut().rows == ()


def broken_across(image: Ink, gap: int) -> Ink:
    """Draw a digit twice as large, its lower half `gap` pixels further down and to the right."""
    ink = np.zeros((90, 90))
    large = np.kron(image / 255, np.ones((2, 2)))
    ink[10:38, 15:71] = large[:28]
    ink[38 + gap : 66 + gap, 15 + gap : 71 + gap] = large[28:]
    return ink


@pytest.mark.parametrize("index", [1, 18, 32, 2004])
def test_a_digit_broken_across_is_one_row(index: int, mnist: DataSets) -> None:
    """From top to bottom; the whole is a candidate, as tall as the row, and nothing is cut."""
    [row] = find(broken_across(mnist.test.images[index], 3)).rows
    assert row.broken
    assert len(row.pieces) > 1
    assert [p.box.y for p in row.pieces] == sorted(p.box.y for p in row.pieces)
    assert (0, len(row.pieces) - 1) in [(g.first, g.last) for g in groups(row)]
    assert row.tall == row.box.h
    assert find(broken_across(mnist.test.images[index], 3)).cut().rows[0] == row


def test_rows_that_are_apart_or_wide_stay_rows(mnist: DataSets) -> None:
    """Two digits one above the other with room between, and two rows that are close, but long."""
    assert [row.broken for row in find(page(mnist, [[0], [1]])).rows] == [False, False]
    ink = np.zeros((60, 120))
    ink[5:25, 10:110] = ink[30:50, 10:110] = np.tile([1, 1, 0, 0, 0], 20)
    assert [row.broken for row in find(ink).rows] == [False, False]


@pytest.mark.slow
def test_find_is_bounded() -> None:
    """A large image full of noise gives a bounded number of components."""
    ink = (np.random.default_rng(0).random((1500, 1500)) > 0.7).astype(np.float32)
    found = find(ink)
    assert isinstance(found, Found)
    assert sum(len(row.pieces) for row in found.rows) <= 2_000


def test_boxes_join() -> None:
    """The box around two boxes holds both and is as small as can be."""
    assert Box(1, 2, 3, 4).around(Box(2, 0, 5, 3)) == Box(1, 0, 6, 6)


def test_a_speck_by_itself_is_kept_and_beside_others_is_not() -> None:
    """One dark pixel is a piece where nothing else is dark, and none beside a digit."""
    ink = np.zeros((60, 60))
    ink[30, 10] = 1
    for pale in (0, 0.5):  # alone, and with what is too pale to be a piece
        ink[40, 40] = pale
        [row] = find(ink).rows
        assert [piece.box for piece in row.pieces] == [(10, 30, 1, 1)]
    ink[5:25, 30:40] = 1
    assert [piece.box for row in find(ink).rows for piece in row.pieces] == [(30, 5, 10, 20)]


def framed(mnist: DataSets, frame: str, thick: int) -> Ink:
    """Draw something around three test digits, or around the second of them."""
    ink = np.pad(page(mnist, [[0, 1, 2]], gap=30), 12)
    h, w = 75, ink.shape[1]
    if frame == "box":
        return np.asarray(cv2.rectangle(ink, (3, 3), (w - 4, h - 4), 1.0, thick))
    if frame == "boxes":
        for x in (6, 56, 106):
            cv2.rectangle(ink, (x, 5), (x + 46, h - 6), 1.0, thick)
        return ink
    return np.asarray(cv2.circle(ink, (89, 36), 22, 1.0, thick, cv2.LINE_AA))


@pytest.mark.slow
@pytest.mark.parametrize("frame", ["box", "boxes", "ring"])
@pytest.mark.parametrize("thick", [1, 3])
def test_what_is_drawn_around_digits_is_left_out(frame: str, thick: int, mnist: DataSets) -> None:
    """A box, boxes and a ring: the digits are found as they are without, and nothing else."""
    plain = find(np.pad(page(mnist, [[0, 1, 2]], gap=30), 12))
    found = find(framed(mnist, frame, thick))
    assert [piece.box for row in found.rows for piece in row.pieces] == [
        piece.box for row in plain.rows for piece in row.pieces
    ]
    assert found.ink == pytest.approx(plain.ink, abs=0.3)  # but for soft edges that touch


def test_what_surrounds_little_is_a_digit(mnist: DataSets) -> None:
    """A 0 with a dot in it stays; so does a 6 or a bent stroke that only reaches around."""
    ink = np.zeros((60, 60))
    cv2.ellipse(ink, (30, 30), (15, 22), 0, 0, 360, 1.0, 4)
    dotted = cv2.circle(ink.copy(), (30, 30), 3, 1.0, -1)
    assert max(p.box.h for row in find(dotted).rows for p in row.pieces) > 40
    hooked = np.zeros((60, 60))
    cv2.ellipse(hooked, (30, 30), (20, 24), 0, 40, 320, 1.0, 4)
    cv2.line(hooked, (28, 20), (28, 40), 1.0, 4)
    assert max(p.box.h for row in find(hooked).rows for p in row.pieces) > 40
    for image in mnist.test.images[:300]:
        large = cv2.resize(image, (84, 84), interpolation=cv2.INTER_CUBIC) / 255
        assert find(large).ink is large
