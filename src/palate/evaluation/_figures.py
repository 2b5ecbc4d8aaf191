"""From lists to figures: per user, in the mean, by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from palate.core.types import Codes
from palate.evaluation._beyond import Shelf
from palate.evaluation._means import over_users
from palate.evaluation._scoring import Lists
from palate.evaluation.groups import Group, by_history, by_popularity, of_hits
from palate.metrics import BEYOND, OVERALL, Hits, Measure
from palate.metrics._hits import Doubles


@dataclass(frozen=True, eq=False)
class Figures:
    """What was measured: by user, in the mean with intervals, and by group."""

    per_user: dict[str, Doubles]
    weights: dict[str, Doubles]
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    groups: dict[str, list[Group]]

    @classmethod
    def of(
        cls, lists: Lists, measures: Sequence[Measure], shelf: Shelf, candidates: Codes | None, by: Sequence[str],
        resamples: int, seed: int,
    ) -> Figures:  # fmt: skip
        """Measure the lists."""
        per_user, weights = _per_user(lists, measures, shelf)
        means, intervals = over_users(per_user, measures, resamples, seed, weights)
        for measure in measures:
            if measure.metric in OVERALL:
                means[str(measure)] = shelf.overall(measure, lists.items, candidates)
        groups: dict[str, list[Group]] = {}
        for each in dict.fromkeys(by):
            if each == "history":
                lengths = np.diff(shelf.known.liked.indptr)[lists.users]
                groups[each] = by_history(lengths, per_user, weights, measures, resamples, seed)
            else:
                groups[each] = by_popularity(shelf.popularity, lists.items, lists.relevant, measures, resamples, seed)
        metrics = {str(measure): means[str(measure)] for measure in measures}
        return cls(per_user, weights, metrics, intervals, groups)


def _per_user(lists: Lists, measures: Sequence[Measure], shelf: Shelf) -> tuple[dict[str, Doubles], dict[str, Doubles]]:
    values, weights = of_hits(Hits.of(lists.items, lists.relevant), measures)
    if lists.auc is not None:
        values["auc"] = np.asarray(lists.auc)
    for measure in measures:
        if measure.metric in BEYOND:
            values[str(measure)] = shelf.per_user(measure, lists.items, lists.users)
    return values, weights
