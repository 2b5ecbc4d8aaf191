"""Regions of frames: where each vector came from, and where that is in another frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.types import Floats, Mask

Boxes = npt.NDArray[np.float64]
"""float64[n, 4]: left, top, right, bottom."""


@dataclass(frozen=True)
class View:
    """What an encoder saw of a frame: a window of it, scaled to some size.

    Units:
        pixels of the frame; left and top count from its upper left corner. The window may be cut anywhere.
    """

    width: int
    height: int
    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0 and self.right > self.left and self.bottom > self.top):
            raise DataError(f"{self} shows nothing: a frame and a window of it above 0 are needed")

    @classmethod
    def whole(cls, width: int, height: int) -> Self:
        """Return the view of a whole frame, however it was scaled."""
        return cls(width, height, 0.0, 0.0, width, height)

    @classmethod
    def centre(cls, width: int, height: int, side: int, shorter: int) -> Self:
        """Return the view after the shorter side was scaled to `shorter` and the square of `side` cut from the centre."""
        edge = min(width, height) * side / shorter
        left, top = (width - edge) / 2, (height - edge) / 2
        return cls(width, height, left, top, left + edge, top + edge)

    def to_pixels(self, boxes: Boxes) -> Boxes:
        """Turn shares of the view, 0 … 1, into pixels of the frame; float64[n, 4] both."""
        return np.array([self.left, self.top] * 2) + np.asarray(boxes, dtype=np.float64) * self._size

    def of_pixels(self, boxes: Boxes) -> Boxes:
        """Turn pixels of the frame into shares of the view; what lies outside of it is below 0 or above 1."""
        shares: Boxes = (np.asarray(boxes, dtype=np.float64) - np.array([self.left, self.top] * 2)) / self._size
        return shares

    @property
    def _size(self) -> npt.NDArray[np.float64]:
        return np.array([self.right - self.left, self.bottom - self.top] * 2, dtype=np.float64)

    @property
    def _frame(self) -> npt.NDArray[np.float64]:
        return np.array([self.width, self.height] * 2, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Regions:
    """Vectors and the parts of a frame that they came from.

    Shapes:
        values: float32[n, d]; boxes: float64[n, 4], shares of the view, row by row from the upper left.
    """

    values: Floats
    boxes: Boxes
    view: View

    @property
    def pixels(self) -> Boxes:
        """The boxes in pixels of the frame."""
        return self.view.to_pixels(self.boxes)

    @property
    def relative(self) -> Boxes:
        """The boxes as shares of the whole frame, 0 … 1."""
        return self.pixels / self.view._frame


def grid_boxes(rows: int, columns: int, overlap: float = 0.0) -> Boxes:
    """Return equal boxes that cover the unit square, row by row.

    Args:
        rows: how many below one another.
        columns: how many side by side.
        overlap: share of a box that its neighbour covers too, from 0 up to less than 1.

    Shapes:
        float64[rows * columns, 4]: left, top, right, bottom.
    Raises:
        DataError: a number is out of range.

    Example:
        >>> grid_boxes(1, 2).tolist()
        [[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]]
    """
    if rows < 1 or columns < 1 or not 0 <= overlap < 1:
        raise DataError(
            f"the grid was {rows} x {columns} with an overlap of {overlap}: at least 1 x 1 and an overlap from 0 up to less "
            "than 1 are allowed"
        )
    (top, bottom), (left, right) = _cuts(rows, overlap), _cuts(columns, overlap)
    row, column = (found.ravel() for found in np.indices((rows, columns)))
    return np.stack([left[column], top[row], right[column], bottom[row]], axis=1)


def _cuts(count: int, overlap: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    length = 1 / (1 + (count - 1) * (1 - overlap))
    starts = np.arange(count, dtype=np.float64) * (length * (1 - overlap))
    return starts, np.minimum(starts + length, 1.0)


def align_regions(
    feature_map: npt.NDArray[np.floating], view: View, rows: int, columns: int, overlap: float = 0.0
) -> Regions:
    """Average a feature map over a grid of regions, each place of the map by the area it shares with a region.

    Args:
        feature_map: vectors of a grid of places that cover the view evenly.
        view: what of the frame the map shows.
        rows: regions below one another.
        columns: regions side by side.
        overlap: share of a region that its neighbour covers too.

    Shapes:
        float[h, w, d] -> Regions of float32[rows * columns, d].
    Missing data:
        Places with a NaN are left out; a region that has no other is NaN.
    Raises:
        DataError: the map has not three axes, or the grid is out of range.
    """
    places = np.asarray(feature_map, dtype=np.float64)
    if places.ndim != 3 or 0 in places.shape:
        raise DataError(f"the feature map has the shape {places.shape}: rows, columns and numbers are needed")
    boxes = grid_boxes(rows, columns, overlap)
    height, width, _ = places.shape
    known: Mask = np.asarray(np.isfinite(places).all(axis=2))
    down, across = _shared(boxes[:, [1, 3]], height), _shared(boxes[:, [0, 2]], width)
    weights = np.einsum("ny,nx,yx->nyx", down, across, known.astype(np.float64))
    total = np.einsum("nyx,yxd->nd", weights, np.where(known[..., None], places, 0.0))
    area = weights.sum(axis=(1, 2))
    values = np.where(area[:, None] > 0, total / np.where(area > 0, area, 1.0)[:, None], np.nan)
    return Regions(values.astype(np.float32), boxes, view)


def _shared(spans: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """Return how much each of n spans shares with each of `count` equal pieces of 0 … 1, float64[n, count]."""
    edges = np.arange(count + 1) / count
    ends = np.minimum(spans[:, 1:], edges[None, 1:])
    shared = np.maximum(ends - np.maximum(spans[:, :1], edges[None, :-1]), 0.0)
    return np.where(shared > 1e-9 / count, shared, 0.0)


def move_boxes(boxes: Boxes, source: View, target: View) -> tuple[Boxes, Mask]:
    """Find regions of one view in another view of the same picture, be it of another size or cut.

    Shapes:
        float64[n, 4], shares of the source -> float64[n, 4], shares of the target, bool[n].
    Missing data:
        A region of which the target shows nothing is absent and NaN; one that it shows partly is cut to what it shows.

    Example:
        >>> whole, cut = View.whole(200, 100), View.centre(400, 200, 1, 1)
        >>> move_boxes(grid_boxes(1, 4), whole, cut)[0].tolist()
        [[nan, nan, nan, nan], [0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0], [nan, nan, nan, nan]]
    """
    shares = target.of_pixels(source.to_pixels(boxes) / source._frame * target._frame)
    cut = np.clip(shares, 0.0, 1.0)
    present: Mask = np.asarray(((cut[:, 2:] - cut[:, :2]) > 1e-9).all(axis=1))
    return np.where(present[:, None], cut, np.nan), present


def match_regions(left: Regions, right: Regions) -> tuple[npt.NDArray[np.int64], Floats]:
    """Pair the regions of two frames, one to one, so that the sum of the cosines is greatest (Kuhn 1955).

    Shapes:
        int64[k, 2], places in left and right by ascending left, and their cosines float32[k]; k is the smaller number
        of regions.
    Missing data:
        Regions that are NaN or zero pair with none.
    Raises:
        DataError: the vectors of the two are not equally wide.
    """
    from scipy.optimize import linear_sum_assignment

    if left.values.shape[1] != right.values.shape[1]:
        raise DataError(
            f"the vectors have {left.values.shape[1]} and {right.values.shape[1]} numbers: one encoder must make both"
        )
    (rows, first), (columns, second) = _units(left.values), _units(right.values)
    cosines = first @ second.T
    one, other = linear_sum_assignment(-cosines)
    return np.stack([rows[one], columns[other]], axis=1), cosines[one, other].astype(np.float32)


def _units(values: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    lengths = np.linalg.norm(values, axis=1)
    known = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    return known, values[known] / lengths[known, None]
