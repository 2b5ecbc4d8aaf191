"""The k best of each row, ties broken by the lower code, without sorting the row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.types import Codes, Floats, Mask
from palate.interfaces import Ranked
from palate.linalg.parallel import even_cuts, map_blocks

_BLOCK = 1 << 18
"""Scores worked on at a time, so that they stay in the cache."""
_ALONE = 1 << 21
"""Up to this many scores one thread is quicker than several."""
_GROUPS = 8
"""Groups of columns per wanted item, at least."""


def top_k(scores: Floats, k: int, threads: int | None = None) -> Ranked:
    """Return the k largest scores of each row, best first; equal scores rank by the lower column.

    The columns fall into 8k groups; the k-th largest of the groups' maxima is a floor that at least k scores reach
    and few more do, so that one pass of maxima and one of comparisons leave little to sort. A row where ties at the
    floor let too many through is cut by itself.

    Shapes:
        scores: float32[q, n] -> items: int32[q, k], scores: float32[q, k].
    Missing data:
        NaN is never returned; a row with fewer than k numbers ends in item -1 and score NaN.
    Raises:
        DataError: k is negative.

    Example:
        >>> top_k(np.array([[1, 3, 3, np.nan]], np.float32), 2).items.tolist()
        [[1, 2]]
    """
    if k < 0:
        raise DataError(f"k was {k}: the number of items cannot be negative")
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
    for code in _crowded(chosen, _GROUPS * width):
        _thin(chosen[code], scores[code], floor[code], width)
    flat, start = _places(chosen)
    counts = np.diff(start)
    row = np.repeat(np.arange(rows), counts)
    place = np.arange(len(flat)) - start[row]
    codes = np.full((rows, int(counts.max())), -1, dtype=np.int32)
    keys = np.full(codes.shape, np.inf, dtype=scores.dtype)
    codes[row, place] = flat - row * n
    keys[row, place] = -scores.reshape(-1)[flat]
    order = np.argsort(keys, axis=1, kind="stable")[:, :width]
    codes = np.take_along_axis(codes, order, axis=1)
    values = -np.take_along_axis(keys, order, axis=1)
    return codes, np.where(codes < 0, np.float32(np.nan), values).astype(np.float32, copy=False)


def _places(chosen: Mask) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where a block is marked, counted through, and where each row begins in that list."""
    flat = np.flatnonzero(chosen)
    return flat, np.searchsorted(flat, np.arange(len(chosen) + 1) * chosen.shape[1])


def _crowded(chosen: Mask, limit: int) -> list[int]:
    """Return the rows with more than `limit` marks; wide rows are quickest counted one by one."""
    if np.count_nonzero(chosen) <= limit:
        return []
    if chosen.shape[1] > 512:
        return [code for code, row in enumerate(chosen) if np.count_nonzero(row) > limit]
    return np.flatnonzero(chosen.sum(axis=1) > limit).tolist()


def _floor(scores: Floats, width: int) -> npt.NDArray[np.floating]:
    """Return for each row a value that at least `width` scores reach, or -inf where there are fewer."""
    rows, n = scores.shape
    groups = max(_GROUPS * width, min(512, n // 8))
    if n >= 4 * groups:  # else a partition of the whole row is as quick
        even = n - n % groups
        keys = np.fmax.reduce(scores[:, :even].reshape(rows, -1, groups), axis=1)
    else:
        keys = scores
    keys = np.where(np.isnan(keys), -np.inf, keys).astype(scores.dtype, copy=False)
    place = keys.shape[1] - width
    return np.partition(keys, place, axis=1)[:, place]


def _thin(chosen: Mask, scores: Floats, floor: np.floating, width: int) -> None:
    """Unmark all but the `width` best of one row, in place; of equal ones the lower columns stay."""
    above = np.flatnonzero(scores > floor)
    if len(above) > width:
        numbers = scores[above]
        floor = np.partition(numbers, len(above) - width)[len(above) - width]
        above = np.flatnonzero(scores > floor)
    wanted = width - len(above)
    tied = np.flatnonzero(scores[: 4 * width] == floor)[:wanted]
    if len(tied) < wanted:
        tied = np.flatnonzero(scores == floor)[:wanted]
    chosen[:] = False
    chosen[above] = True
    chosen[tied] = True
