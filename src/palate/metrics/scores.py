"""Metrics of whole score rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.types import CSR, Floats
from palate.metrics._hits import Doubles

Index = npt.NDArray[np.integer]
_CELLS = 1 << 17
_WIDE = 2048


def auc(scores: Floats, relevant: CSR, hidden: CSR | None = None) -> Doubles:
    """Return each user's probability that a relevant item scores above another unseen one; a tie counts one half.

    It is the Mann-Whitney statistic, U / (rel (n - rel)), over all items that are not hidden.

    Shapes:
        scores: float32[q, n]; relevant, hidden: sparse[q, n], what is stored counts -> float64[q].
        No item may be both relevant and hidden.
    Missing data:
        An item whose score is NaN ranks below everything. A user without relevant, or without other items, is NaN.

    Example:
        >>> import scipy.sparse as sp
        >>> auc(np.array([[3, 2, 2, np.nan]], np.float32), sp.csr_array([[0, 1, 0, 0]])).tolist()
        [0.5]
    """
    users, n = scores.shape
    out = np.zeros(users, dtype=np.int64)
    if hidden is not None:
        out = np.diff(hidden.indptr)
        places = hidden.tocoo().coords
        if not np.isnan(scores[places]).all():
            scores = scores.copy()
            scores[places] = np.nan
    row, column = relevant.tocoo().coords
    own = scores[row, column]
    # Below every number, tied among themselves: what cannot be scored and is not hidden.
    lowest = _absent(scores, out)[row]
    below = np.where(np.isnan(own), lowest / 2, _below(scores, row, own) + lowest)
    rel = np.diff(relevant.indptr)
    # Among themselves the relevant items make rel**2 / 2, whatever their order.
    wins = np.bincount(row, below, minlength=users) - rel**2 / 2
    pairs = rel * (n - out - rel)
    return np.where(pairs > 0, wins / np.maximum(pairs, 1), np.nan)


def _absent(scores: Floats, hidden: Index) -> Index:
    """Return how many scores of each row are NaN beyond the hidden ones, which are."""
    absent = np.isnan(scores)
    if np.count_nonzero(absent) == hidden.sum():
        return np.zeros(len(scores), dtype=np.int64)
    return np.array([np.count_nonzero(row) for row in absent], dtype=np.int64) - hidden


def _below(scores: Floats, row: Index, own: Floats) -> Doubles:
    """Return how many numbers of a row are below each given one, those equal to it counting one half."""
    n = scores.shape[1]
    below = np.empty(len(row))
    with np.errstate(invalid="ignore"):
        if n >= _WIDE:  # a row is work enough for a call of its own, and need not be copied
            less, equal = np.empty(n, dtype=bool), np.empty(n, dtype=bool)
            for place, (code, mine) in enumerate(zip(row.tolist(), own, strict=True)):
                np.less(scores[code], mine, out=less)
                np.less_equal(scores[code], mine, out=equal)
                below[place] = (np.count_nonzero(less) + np.count_nonzero(equal)) / 2
            return below
        step = max(1, _CELLS // max(1, n))
        for start in range(0, len(row), step):
            part = slice(start, start + step)
            block, each = scores[row[part]], own[part, None]
            below[part] = (np.count_nonzero(block < each, axis=1) + np.count_nonzero(block <= each, axis=1)) / 2
    return below
