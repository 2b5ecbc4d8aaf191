"""Metrics of ranked lists: how well the first k places hold what a user really liked.

All take `(items, relevant, k)` and return one number a user. `rel` below is a user's number of relevant items.
"""

from __future__ import annotations

import numpy as np

from palate.metrics._hits import Doubles, Hits, ListMetric


@ListMetric
def recall(hits: Hits, k: int) -> Doubles:
    """Share of the relevant items that the list found: hits / rel.

    LensKit divides by min(rel, k) instead; ours cannot reach 1 where rel > k.

    Example:
        >>> import scipy.sparse as sp
        >>> recall(np.array([[2, 0, 3]]), sp.csr_array([[0, 1, 1, 1]]), 2).tolist()
        [0.3333333333333333]
    """
    return np.divide(hits.count(k), np.maximum(hits.relevant, 1))


@ListMetric
def precision(hits: Hits, k: int) -> Doubles:
    """Share of the places that hold a relevant item: hits / k, also where the list is shorter or rel < k.

    Example:
        >>> import scipy.sparse as sp
        >>> precision(np.array([[2, 0, -1, -1]]), sp.csr_array([[0, 1, 1, 1]]), 4).tolist()
        [0.25]
    """
    return hits.count(k) / k


@ListMetric
def f1(hits: Hits, k: int) -> Doubles:
    """Harmonic mean of precision and recall at k: 2 hits / (k + rel).

    Example:
        >>> import scipy.sparse as sp
        >>> f1(np.array([[2, 0]]), sp.csr_array([[0, 1, 1]]), 2).tolist()
        [0.5]
    """
    return 2 * hits.count(k) / (k + hits.relevant)


@ListMetric
def hit_rate(hits: Hits, k: int) -> Doubles:
    """One where the list found anything relevant, else zero.

    Example:
        >>> import scipy.sparse as sp
        >>> hit_rate(np.array([[2, 0], [0, 2]]), sp.csr_array([[0, 0, 1], [0, 1, 0]]), 2).tolist()
        [1.0, 0.0]
    """
    return np.asarray(hits.first(k).any(axis=1), dtype=np.float64)


@ListMetric
def ndcg(hits: Hits, k: int) -> Doubles:
    """Discounted gain over the best possible: gain 1, discount 1 / log2(place + 1), ideal over min(rel, k) places.

    Järvelin and Kekäläinen 2002, with binary gains.

    Example:
        >>> import scipy.sparse as sp
        >>> ndcg(np.array([[0, 2]]), sp.csr_array([[0, 0, 1]]), 2).round(4).tolist()
        [0.6309]
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.clip(hits.relevant, 1, k) - 1]
    gain: Doubles = (hits.first(k) * discount).sum(axis=1)
    return np.divide(gain, ideal)


@ListMetric
def average_precision(hits: Hits, k: int) -> Doubles:
    """Mean over min(rel, k) of the precision at each hit; its mean over users is MAP@k.

    Example:
        >>> import scipy.sparse as sp
        >>> average_precision(np.array([[1, 0, 2]]), sp.csr_array([[0, 1, 1]]), 3).round(4).tolist()
        [0.8333]
    """
    return hits.precisions(k) / np.clip(hits.relevant, 1, k)


@ListMetric
def reciprocal_rank(hits: Hits, k: int) -> Doubles:
    """One over the place of the first hit, zero without one; its mean over users is MRR@k.

    Example:
        >>> import scipy.sparse as sp
        >>> reciprocal_rank(np.array([[0, 2]]), sp.csr_array([[0, 0, 1]]), 2).tolist()
        [0.5]
    """
    found = hits.first(k)
    return np.where(found.any(axis=1), 1 / (found.argmax(axis=1) + 1), 0.0)
