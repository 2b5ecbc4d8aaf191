"""Metrics by name: "ndcg@20", "auc"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from palate.core.errors import ConfigError, UnknownNameError, did_you_mean
from palate.metrics._hits import Doubles, Hits, ListMetric
from palate.metrics.compat import COMPAT
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
BEYOND = ("novelty", "popularity-bias", "diversity-category", "diversity-content", "calibration")
"""Metrics of a user's list that ask nothing about relevance."""
OVERALL = ("coverage", "gini")
"""Metrics of all lists together, which have no value of one user and no interval."""
WITH_K = (*LISTS, *BEYOND, *OVERALL)
NAMES = (*WITH_K, "auc")
"""Every metric there is."""
LOWER_IS_BETTER = ("gini", "popularity-bias", "calibration")


@dataclass(frozen=True)
class Measure:
    """A metric and, where it has one, its cut-off."""

    metric: str
    k: int | None = None
    compat: str | None = None
    """The library whose definition it is, where that is not ours."""

    def __str__(self) -> str:
        name = self.metric if self.k is None else f"{self.metric}@{self.k}"
        return name if self.compat is None else f"{name} ({self.compat})"

    @property
    def of_lists(self) -> ListMetric | None:
        """What computes it from the hits; None where it is not made from hits."""
        return LISTS.get(self.metric) if self.compat is None else COMPAT[self.compat].metrics[self.metric]

    @property
    def weight(self) -> Callable[[Hits, int], Doubles] | None:
        """What each user weighs in the mean; None where all are equal."""
        return None if self.compat is None else COMPAT[self.compat].weights.get(self.metric)


def parse_measures(names: Sequence[str], ks: Sequence[int], compat: str | None = None) -> tuple[Measure, ...]:
    """Read metric names; one without a cut-off gets each of `ks`.

    Args:
        names: as in "recall" or "ndcg@5".
        ks: cut-offs.
        compat: a library of `COMPAT`; the metrics that it defines in another way become its own.

    Raises:
        UnknownNameError: there is no such metric or library; the message suggests the nearest.
        ConfigError: a cut-off is not a number above 0, or stands on a metric that has none.

    Example:
        >>> [str(measure) for measure in parse_measures(["recall", "ndcg@5", "auc"], [10, 20])]
        ['recall@10', 'recall@20', 'ndcg@5', 'auc']
        >>> [str(measure) for measure in parse_measures(["recall", "map"], [10], "ranx")]
        ['recall@10', 'map@10 (ranx)']
    """
    if not names or not ks:
        raise ConfigError(f"given {len(names)} metrics and {len(ks)} cut-offs k: give at least one of each")
    if min(ks) < 1:
        raise ConfigError(f"the cut-off k was {min(ks)}: give 1 or more")
    if compat is not None and compat not in COMPAT:
        raise UnknownNameError(f"there is no library '{compat}' to be compatible with: {did_you_mean(compat, COMPAT)}")
    measures: list[Measure] = []
    for name in names:
        metric, at, cut = name.strip().lower().partition("@")
        if metric not in NAMES:
            raise UnknownNameError(f"there is no metric '{metric}': {did_you_mean(metric, NAMES)}")
        theirs = compat if compat is not None and metric in COMPAT[compat].metrics else None
        cuts = metric in WITH_K or theirs is not None
        if at and (not cuts or not cut.isdecimal() or int(cut) < 1):
            raise ConfigError(f"the metric '{name}' cannot be read: write {metric}{'@20' * cuts}")
        chosen = [int(cut)] if at else ks if cuts else [None]
        measures += [Measure(metric, k, theirs) for k in chosen]
    return tuple(dict.fromkeys(measures))
