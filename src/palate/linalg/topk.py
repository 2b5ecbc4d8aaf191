"""The k best of each row, ties broken by the lower code."""

from __future__ import annotations

import numpy as np

from palate.core.types import Floats
from palate.interfaces import Ranked


def top_k(scores: Floats, k: int) -> Ranked:
    """Return the k largest scores of each row, best first; equal scores rank by the lower column.

    Shapes:
        scores: float32[q, n] -> items: int32[q, k], scores: float32[q, k].
    Missing data:
        NaN is never returned; a row with fewer than k numbers ends in item -1 and score NaN.

    Example:
        >>> top_k(np.array([[1, 3, 3, np.nan]], np.float32), 2).items.tolist()
        [[1, 2]]
    """
    n = scores.shape[1]
    width = min(k, n)
    keys = np.where(np.isnan(scores), -np.inf, scores)
    order = np.argsort(-keys, axis=1, kind="stable")[:, :width]
    items = np.full((len(scores), k), -1, dtype=np.int32)
    best = np.full((len(scores), k), np.nan, dtype=np.float32)
    best[:, :width] = np.take_along_axis(scores, order, axis=1)
    items[:, :width] = np.where(np.isnan(best[:, :width]), -1, order)
    return Ranked(items, best)
