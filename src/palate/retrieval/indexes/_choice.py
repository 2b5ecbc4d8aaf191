"""Which index serves how many vectors, and how many of the nearest it finds."""

from __future__ import annotations

import numpy as np

from palate.core.rng import generator
from palate.core.types import Floats
from palate.interfaces import Index
from palate.linalg.topk import top_k

AUTO = "auto"
EXACT_BELOW = 200_000
"""Vectors up to which comparing all of them is quick enough."""
_ASKED, _NEAREST = 100, 10


def chosen(name: str, n: int) -> str:
    """Return the name of an index; `auto` is `exact` below 200,000 vectors, and `hnsw` above.

    Example:
        >>> chosen("auto", 50_000), chosen("auto", 1_000_000), chosen("hnsw", 10)
        ('exact', 'hnsw', 'hnsw')
    """
    return name if name != AUTO else "exact" if n < EXACT_BELOW else "hnsw"


def measured_recall(index: Index, vectors: Floats) -> float:
    """Return the share of the ten nearest of 100 of its vectors, drawn by lot, that an index finds; 1 where it has none.

    Shapes:
        vectors: float32[n, d], those of the index in the order of their codes.
    """
    if not len(vectors):
        return 1.0
    queries = vectors[generator(0, "recall").permutation(len(vectors))[:_ASKED]]
    k = min(_NEAREST, len(vectors))
    least = top_k(queries @ vectors.T, k).scores[:, -1:]
    found = index.search(queries, k).scores
    return float((np.nan_to_num(found, nan=-np.inf) >= least - 1e-6).mean())
