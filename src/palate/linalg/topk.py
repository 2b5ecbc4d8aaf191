"""The k best of each row, ties broken by the lower code, without sorting the row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.types import Codes, Floats
from palate.interfaces import Ranked
from palate.linalg.parallel import even_cuts, map_blocks

_BLOCK = 1 << 18
"""Scores worked on at a time, so that they stay in the cache."""
_ALONE = 1 << 21
"""Up to this many scores one thread is quicker than several."""
_GROUPS = 8
"""Groups of columns per wanted item."""


def top_k(scores: Floats, k: int, threads: int | None = None) -> Ranked:
    """Return the k largest scores of each row, best first; equal scores rank by the lower column.

    The columns fall into 8k groups; the k-th largest of the groups' maxima is a floor that at least k scores reach
    and few more do, so that one pass of maxima and one of comparisons leave little to sort. A row where ties at the
    floor let too many through is cut exactly by a partition.

    Shapes:
        scores: float32[q, n] -> items: int32[q, k], scores: float32[q, k].
    Missing data:
        NaN is never returned; a row with fewer than k numbers ends in item -1 and score NaN.

    Example:
        >>> top_k(np.array([[1, 3, 3, np.nan]], np.float32), 2).items.tolist()
        [[1, 2]]
    """
    rows, n = scores.shape
    items = np.full((rows, k), -1, dtype=np.int32)
    best = np.full((rows, k), np.nan, dtype=np.float32)
    width = min(k, n)
    if width and rows:

        def work(start: int, stop: int) -> None:
            codes, values = _block(np.ascontiguousarray(scores[start:stop]), width)
            items[start:stop, : codes.shape[1]] = codes
            best[start:stop, : codes.shape[1]] = values

        map_blocks(work, even_cuts(rows, _BLOCK // n), 1 if scores.size < _ALONE else threads)
    return Ranked(items, best)


def _block(scores: Floats, width: int) -> tuple[Codes, Floats]:
    """Rank one block; at most `width` columns come back, -1 and NaN after the last that can be ranked."""
    rows, n = scores.shape
    floor = _floor(scores, width)
    with np.errstate(invalid="ignore"):
        chosen = scores >= floor[:, None]
    crowded = np.flatnonzero(chosen.sum(axis=1) > 2 * _GROUPS * width)
    if len(crowded):
        chosen[crowded] = _exact(scores[crowded], width)
    flat = np.flatnonzero(chosen)
    row, column = np.divmod(flat, n)
    start = np.searchsorted(row, np.arange(rows + 1))
    widest = int(np.diff(start).max())
    place = np.arange(len(row)) - start[row]
    codes = np.full((rows, widest), -1, dtype=np.int32)
    keys = np.full((rows, widest), np.inf, dtype=scores.dtype)
    codes[row, place] = column
    keys[row, place] = -scores.reshape(-1)[flat]
    order = np.argsort(keys, axis=1, kind="stable")[:, :width]
    codes = np.take_along_axis(codes, order, axis=1)
    values = -np.take_along_axis(keys, order, axis=1)
    return codes, np.where(codes < 0, np.float32(np.nan), values).astype(np.float32, copy=False)


def _floor(scores: Floats, width: int) -> npt.NDArray[np.floating]:
    """Return for each row a value that at least `width` scores reach, or -inf where there are fewer."""
    rows, n = scores.shape
    groups = _GROUPS * width
    if n >= 4 * groups:
        even = n - n % groups
        keys = np.fmax.reduce(scores[:, :even].reshape(rows, -1, groups), axis=1)
    else:
        keys = scores
    keys = np.where(np.isnan(keys), -np.inf, keys).astype(scores.dtype, copy=False)
    place = keys.shape[1] - width
    return np.partition(keys, place, axis=1)[:, place]


def _exact(scores: Floats, width: int) -> npt.NDArray[np.bool_]:
    """Mark exactly the `width` best of each row (fewer where there are fewer numbers), lower columns first in ties."""
    n = scores.shape[1]
    keys = np.where(np.isnan(scores), -np.inf, scores).astype(scores.dtype, copy=False)
    floor = np.partition(keys, n - width, axis=1)[:, n - width, None]
    above = keys > floor
    tied = scores == floor
    wanted = width - above.sum(axis=1, keepdims=True)
    chosen: npt.NDArray[np.bool_] = above | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= wanted))
    return chosen
