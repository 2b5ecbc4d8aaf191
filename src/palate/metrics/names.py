"""Metrics by name: "ndcg@20", "auc"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from palate.core.errors import ConfigError, UnknownNameError, did_you_mean
from palate.metrics._hits import ListMetric
from palate.metrics.ranking import average_precision, f1, hit_rate, ndcg, precision, recall, reciprocal_rank

LISTS: dict[str, ListMetric] = {
    "recall": recall,
    "ndcg": ndcg,
    "precision": precision,
    "f1": f1,
    "hit-rate": hit_rate,
    "map": average_precision,
    "mrr": reciprocal_rank,
}
"""Metrics of a user's list."""
WITH_K = (*LISTS, "coverage")
NAMES = (*WITH_K, "auc")
"""Every metric there is."""


@dataclass(frozen=True)
class Measure:
    """A metric and, where it has one, its cut-off."""

    metric: str
    k: int | None = None

    def __str__(self) -> str:
        return self.metric if self.k is None else f"{self.metric}@{self.k}"


def parse_measures(names: Sequence[str], ks: Sequence[int]) -> tuple[Measure, ...]:
    """Read metric names; one without a cut-off gets each of `ks`.

    Raises:
        UnknownNameError: there is no such metric; the message suggests the nearest.
        ConfigError: a cut-off is not a number above 0, or stands on a metric that has none.

    Example:
        >>> [str(measure) for measure in parse_measures(["recall", "ndcg@5", "auc"], [10, 20])]
        ['recall@10', 'recall@20', 'ndcg@5', 'auc']
    """
    if not names or not ks:
        raise ConfigError(f"given {len(names)} metrics and {len(ks)} cut-offs k: give at least one of each")
    if min(ks) < 1:
        raise ConfigError(f"the cut-off k was {min(ks)}: give 1 or more")
    measures: list[Measure] = []
    for name in names:
        metric, at, cut = name.strip().lower().partition("@")
        if metric not in NAMES:
            raise UnknownNameError(f"there is no metric '{metric}': {did_you_mean(metric, NAMES)}")
        if at and (metric not in WITH_K or not cut.isdecimal() or int(cut) < 1):
            raise ConfigError(f"the metric '{name}' cannot be read: write {metric}{'@20' * (metric in WITH_K)}")
        if at:
            measures.append(Measure(metric, int(cut)))
        else:
            measures += [Measure(metric, k) for k in ks] if metric in WITH_K else [Measure(metric)]
    return tuple(dict.fromkeys(measures))
