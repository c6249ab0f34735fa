"""What is measured of a picture and its ink: numbers alone; `mnistry.pictures.doctor` judges."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mnistry.pictures.layout import Box

if TYPE_CHECKING:
    from mnistry.pictures.find import Found
    from mnistry.pictures.ink import Inked

_INK = 0.4  # ink that counts as such
_SPECK = 0.15  # of the digits' height: what is smaller is no part of a digit
_TALL = 96  # pixels, the height at which pens are measured
_MOST = 12  # pieces at which they are
_BLOCKS = 6  # a side, in which the paper's shade is compared


class Measured:
    """A picture's measures; lengths are in pixels of the ink.

    Parameters
    ----------
    inked, found : as `find_ink` and `find` give them; something must have been found.

    Attributes
    ----------
    mask : bool (h, w), where ink is. paper : bool (h, w), where surely none is.
    tall : the digits' height, in the row with most ink.
    boxes : of the connected pieces of ink. main : the indices of those as high as a digit.
    contrast : of ink and the paper around it, of full scale.
    """

    def __init__(self, inked: Inked, found: Found) -> None:
        import cv2

        self.inked, self.found = inked, found
        self.mask = inked.ink > _INK
        row = max(found.rows, key=lambda row: sum(piece.mass for piece in row.pieces))
        self.tall = float(row.tall)
        mask = self.mask.astype(np.uint8)
        _, self._names, stats, _ = cv2.connectedComponentsWithStats(
            mask, connectivity=8, ltype=cv2.CV_32S
        )
        self.boxes = [Box(*map(int, row[:4])) for row in stats[1:]]
        order = np.argsort(-stats[1:, 4], kind="stable").tolist()
        self.main = [i for i in order if self.boxes[i].h > 0.5 * self.tall]
        near = cv2.dilate((inked.ink > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
        self.paper = near == 0
        side = 2 * max(round(0.3 * self.tall), 4) + 1
        around = self.paper & (cv2.dilate(mask, np.ones((side, side), np.uint8)) == 1)
        shade = np.median(inked.grey[around]) if around.any() else float(inked.dark)
        full = inked.ink >= min(0.8, 0.9 * float(inked.ink.max()))
        self.contrast = abs(float(shade) - float(np.median(inked.grey[full])))

    def in_picture(self, length: float) -> float:
        """Give a length in pixels of the picture itself."""
        return length / self.inked.scale

    def place(self, x: float, y: float) -> str:
        """Name a place in the picture itself."""
        return f"x = {self.in_picture(x):.0f}, y = {self.in_picture(y):.0f}"

    @cached_property
    def pen(self) -> float:
        """The pen's width as a share of the digits' height; 0 where it can't be told."""
        import cv2

        shares, weights = [], []
        for i in self.main[:_MOST]:
            x, y, w, h = self.boxes[i]
            if w > 8 * h:
                continue
            own = self._names[y : y + h, x : x + w] == i + 1
            ink = np.pad(np.where(own, self.inked.ink[y : y + h, x : x + w], 0), 1)
            scale = _TALL / h
            size = max(round((w + 2) * scale), 1), max(round((h + 2) * scale), 1)
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            large = cv2.resize(ink.astype(np.float32), size, interpolation=how) > 0.5
            deep = cv2.distanceTransform(large.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            ridge = large & (deep >= cv2.dilate(deep, np.ones((3, 3), np.uint8)))
            if ridge.any():
                wide = 2 * float(np.quantile(deep[ridge], 0.75)) - 1
                shares.append(wide / scale / self.tall)
                weights.append(h)
        return float(np.average(shares, weights=weights)) if shares else 0.0

    @cached_property
    def edge(self) -> float:
        """The width over which ink becomes paper: the contrast by the steepest of the slopes."""
        import cv2

        grey = self.inked.grey.astype(np.float32)
        across, down = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx, ksize=3) / 8 for dx in (1, 0))
        inner = cv2.erode(self.mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
        rim = self.mask & (inner == 0)
        steep = float(np.quantile(np.hypot(across[rim], down[rim]), 0.75)) if rim.any() else 0.0
        return self.contrast / steep if steep > 0 else 0.0

    @cached_property
    def grain(self) -> float:
        """The paper's noise, as a standard deviation, of full scale."""
        import cv2

        grey = self.inked.grey.astype(np.float32)
        off = np.abs(grey - cv2.medianBlur(grey, 5))[self.paper]
        return 1.48 * float(np.median(off)) if off.size else 0.0

    @cached_property
    def shading(self) -> float:
        """How far the paper's shade differs between places, of full scale."""
        h, w = self.mask.shape
        shades = []
        for rows in np.array_split(np.arange(h), min(_BLOCKS, h)):
            for columns in np.array_split(np.arange(w), min(_BLOCKS, w)):
                block = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
                paper = self.inked.grey[block][self.paper[block]]
                if paper.size > 0.2 * rows.size * columns.size:
                    shades.append(float(np.median(paper)))
        return float(np.ptp(shades)) if shades else 0.0

    def gap(self) -> tuple[float, float, float]:
        """Give the narrowest gap between two pieces that aren't specks, and its x and y."""
        import cv2

        large = np.bincount(self._names.ravel()) >= (_SPECK * self.tall) ** 2
        large[0] = False
        if np.count_nonzero(large) < 2:
            return np.inf, 0.0, 0.0
        away, nearest = cv2.distanceTransformWithLabels(
            (~large[self._names]).astype(np.uint8), cv2.DIST_L2, 5,
            labelType=cv2.DIST_LABEL_CCOMP,
        )  # fmt: skip
        best = np.inf, 0.0, 0.0
        every, behind, before = slice(None), slice(1, None), slice(-1)
        for one, other in (((every, behind), (every, before)), ((behind, every), (before, every))):
            gaps = np.where(nearest[one] != nearest[other], away[one] + away[other], np.inf)
            if gaps.size:
                y, x = np.unravel_index(int(gaps.argmin()), gaps.shape)
                best = min(best, (float(gaps[y, x]), float(x), float(y)))
        return best

    def lines(self) -> int:
        """Count the lines that run far across the paper and aren't ink."""
        import cv2

        grey = self.inked.grey if self.inked.dark else 1 - self.inked.grey
        plane = np.where(self.paper, grey, np.median(grey)).astype(np.float32)
        side = 2 * max(round(0.15 * self.tall), 2) + 1
        near = cv2.boxFilter(plane, -1, (side, side), borderType=cv2.BORDER_REFLECT)
        least = max(0.15 * self.contrast, 3 * self.grain)
        dark = ((near - plane > least) & self.paper).astype(np.uint8)
        long = 0.5 * min(dark.shape)
        found = cv2.HoughLinesP(
            dark, 1, np.pi / 360, max(int(0.5 * long), 1), minLineLength=long,
            maxLineGap=0.6 * self.tall,
        )  # fmt: skip
        kept: list[tuple[bool, float]] = []
        for x0, y0, x1, y1 in np.reshape(found, (-1, 4)).tolist() if found is not None else []:
            flat = abs(x1 - x0) >= abs(y1 - y0)
            at = (y0 + y1) / 2 if flat else (x0 + x1) / 2
            if all(flat != other or abs(at - p) > 0.25 * self.tall for other, p in kept):
                kept.append((flat, at))
        return len(kept)

    def specks(self) -> int:
        """Count the pieces of ink that are too small to be part of a digit."""
        return sum(max(box.w, box.h) < _SPECK * self.tall for box in self.boxes)
