"""Metrics beyond accuracy: of all lists together."""

from __future__ import annotations

import numpy as np

from palate.core.types import Codes


def coverage(items: Codes, n_items: int, k: int) -> float:
    """Return the number of distinct items in the first k places of all lists, over the number of items there are.

    Shapes:
        items: int32[q, k or more], -1 is no item.

    Example:
        >>> coverage(np.array([[0, 1], [1, -1]]), 4, 2)
        0.5
    """
    shown = np.unique(items[:, :k])
    return float((shown >= 0).sum() / n_items) if n_items else 0.0
