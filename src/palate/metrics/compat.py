"""Metrics as other libraries define them, where that is not as here.

As in implicit 0.7, LensKit 2026.3 and ranx 0.3. A figure made by one of these carries the library's name,
"recall@20 (lenskit)", so that nobody compares it with ours.
RecBole's recall, precision, NDCG, MAP, MRR and hit rate are ours, and so are ranx's but for MAP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from palate.metrics._hits import Doubles, Hits, ListMetric, ratio


@dataclass(frozen=True)
class Compat:
    """What one library computes differently."""

    metrics: Mapping[str, ListMetric]
    """By our name of the metric."""
    weights: Mapping[str, Callable[[Hits, int], Doubles]] = field(default_factory=dict)
    """What each user weighs in the mean, for metrics where users are not all equal."""


@ListMetric
def _capped_share(hits: Hits, k: int) -> Doubles:
    """Hits / min(rel, k): LensKit's recall, and what implicit adds up to its precision."""
    return hits.count(k) / np.clip(hits.relevant, 1, k)


@ListMetric
def _precision_of_list(hits: Hits, k: int) -> Doubles:
    """Hits / the items listed, which may be fewer than k; NaN for an empty list."""
    return ratio(hits.count(k), hits.listed[:, :k].sum(axis=1))


@ListMetric
def _map_of_list(hits: Hits, k: int) -> Doubles:
    """Sum of the precision at each hit / min(rel, items listed); NaN for an empty list."""
    return ratio(hits.precisions(k), np.minimum(hits.relevant, hits.listed[:, :k].sum(axis=1)))


@ListMetric
def _clipped_ndcg(hits: Hits, k: int) -> Doubles:
    """NDCG with discount 1 / log2(max(place, 2)), as in the paper (see `ndcg`): the first two places weigh alike."""
    discount = 1 / np.log2(np.maximum(np.arange(1, k + 1), 2))
    gain: Doubles = (hits.first(k) * discount).sum(axis=1)
    return gain / np.cumsum(discount)[np.clip(hits.relevant, 1, k) - 1]


@ListMetric
def _map_over_relevant(hits: Hits, k: int) -> Doubles:
    """Sum of the precision at each hit / rel, also where rel > k."""
    return hits.precisions(k) / np.maximum(hits.relevant, 1)


@ListMetric
def _truncated_auc(hits: Hits, k: int) -> Doubles:
    """AUC of the first k places, with everything after them in random order.

    Each miss in the list stands below the hits before it; each other irrelevant item of the whole catalogue (what
    was met before included) stands below all hits and, on average, below half of the relevant items not listed. The
    empty places of a short list count as misses, as they do there.
    """
    found = hits.first(k)
    above = np.where(found, 0, np.cumsum(found, axis=1)).sum(axis=1)
    others = hits.n_items - hits.relevant
    rest = (hits.count(k) + hits.relevant) / 2 * (others - (~found).sum(axis=1))
    return ratio(above + rest, hits.relevant * others)


def _places(hits: Hits, k: int) -> Doubles:
    return np.minimum(hits.relevant, k).astype(np.float64)


COMPAT: dict[str, Compat] = {
    "implicit": Compat({"precision": _capped_share, "auc": _truncated_auc}, {"precision": _places}),
    "lenskit": Compat(
        {
            "recall": _capped_share,
            "precision": _precision_of_list,
            "map": _map_of_list,
            "ndcg": _clipped_ndcg,
        }
    ),
    "ranx": Compat({"map": _map_over_relevant}),
}
"""The libraries by name; what is not named here is computed as ours."""
