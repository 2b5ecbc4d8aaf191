"""Scores by a graph of items: what was liked, passed along its edges."""

from __future__ import annotations

import numpy as np

from palate.core.errors import MemoryLimitError
from palate.core.types import CSR, Codes, Floats, Mask
from palate.interfaces import Queries
from palate.linalg.products import dense_product, ones_where


def spread(queries: Queries, graph: CSR, scorable: Mask, speaking: Mask, items: Codes | None) -> Floats:
    """Return history · graph, NaN where nothing can be said.

    Shapes:
        graph: sparse[n_items, n_items], from a liked item to a scored one; scorable, speaking: bool[n_items], items
        that can get a score, and items that say something when liked -> float32[q, n].
    """
    ones = ones_where(queries.history, speaking)
    scores = dense_product(ones, graph)
    if not scorable.all():
        scores[:, ~scorable] = np.nan
    scores[np.diff(ones.indptr) == 0] = np.nan
    return scores if items is None else scores[:, items]


def divided(queries: Queries, into: CSR, scorable: Mask, speaking: Mask, item: int) -> Floats | None:
    """Return what each liked item adds to the score of one item, float32[h]; None where `spread` says NaN.

    Looks at the edges of that one item, where `spread` makes the scores of all.

    Shapes:
        into: the graph transposed, sparse[n_items, n_items]: row j holds the items that speak for j.
    """
    history = queries.history.indices
    if not scorable[item] or not speaking[history].any():
        return None
    edges = slice(into.indptr[item], into.indptr[item + 1])
    amounts = np.zeros(into.shape[1], dtype=np.float32)
    amounts[into.indices[edges]] = into.data[edges]
    return amounts[history]


def refuse_too_many_pairs(name: str, liked: CSR, limit_mb: int) -> None:
    """Refuse to keep a number for all pairs of items that were ever liked together where they could be too many.

    Raises:
        MemoryLimitError: they could take more than the limit.
    """
    reached = liked.T @ np.diff(liked.indptr).astype(np.float64)
    needed = round(8 * float(np.minimum(reached, liked.shape[1]).sum()) / (1 << 20))
    if needed > limit_mb:
        raise MemoryLimitError(
            f"{name} could take {needed:,} MB for the likeness of {liked.shape[1]:,} items, and memory_limit_mb is "
            f"{limit_mb:,}: keep the nearest only, as in neighbours=100, or raise the limit"
        )
