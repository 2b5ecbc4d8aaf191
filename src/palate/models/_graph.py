"""Scores by a graph of items: what was liked, passed along its edges."""

from __future__ import annotations

import numpy as np

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


def edges_to(graph: CSR, history: Codes, item: int) -> Floats:
    """Return the weight of the edge from each liked item to one item; float32[h]."""
    weights = np.zeros(len(history), dtype=np.float32)
    for place, liked in enumerate(history.tolist()):
        row = slice(graph.indptr[liked], graph.indptr[liked + 1])
        weights[place] = graph.data[row][graph.indices[row] == item].sum()
    return weights
