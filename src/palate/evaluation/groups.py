"""Figures by group: of users with short and long histories, of popular and rare items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from palate.core.types import CSR, Codes
from palate.evaluation._means import over_users
from palate.metrics import Hits, Measure
from palate.metrics._hits import Doubles

BY = ("history", "popularity")
_SHARE = 0.2
"""Share of the training likes that the head holds, and the tail."""


@dataclass(frozen=True)
class Group:
    """The figures of some users, or of some of the items to be found."""

    name: str
    users: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    items: int | None = None
    """How many items the group has; None where the group is of users."""
    relevant: int | None = None
    """How many relevant items of the group there were to be found, all users together."""

    def to_json(self) -> dict[str, Any]:
        """Return its JSON value."""
        more = {} if self.items is None else {"items": self.items, "relevant": self.relevant}
        return {
            "group": self.name, "users": self.users, **more, "metrics": dict(self.metrics),
            "intervals": {name: list(bounds) for name, bounds in self.intervals.items()},
        }  # fmt: skip


def history_groups(lengths: npt.NDArray[np.integer], parts: int = 4) -> dict[str, npt.NDArray[np.bool_]]:
    """Divide users by how many likes they have in training: none, then about equally many in each of `parts`.

    Shapes:
        lengths: int[u] -> name -> bool[u]; the names are ranges of lengths, as in "5-9".

    Example:
        >>> {name: int(rows.sum()) for name, rows in history_groups(np.array([0, 1, 1, 2, 3, 5, 9, 9, 12])).items()}
        {'0': 1, '1': 2, '2-3': 2, '5-9': 3, '12': 1}
    """
    groups = {"0": lengths == 0} if (lengths == 0).any() else {}
    some = lengths[lengths > 0]
    if not len(some):
        return groups
    tops = np.unique(np.quantile(some, np.arange(1, parts + 1) / parts, method="inverted_cdf"))
    for low, top in zip([0, *tops[:-1]], tops, strict=True):
        rows = (lengths > low) & (lengths <= top)
        first, last = int(lengths[rows].min()), int(lengths[rows].max())
        groups[str(first) if first == last else f"{first}-{last}"] = rows
    return groups


def popularity_groups(popularity: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.bool_]]:
    """Divide items into head, mid, tail and unliked.

    Abdollahpouri et al. 2021: the head is the fewest most popular items that together hold 20 % of the training
    likes, the tail the most of the least popular ones that together hold no more than 20 %. Items that nobody liked
    in training are a group of their own. Of equally popular items the lower code counts as the more popular.

    Shapes:
        popularity: int64[n] -> name -> bool[n].

    Example:
        >>> {name: rows.tolist() for name, rows in popularity_groups(np.array([1, 6, 0, 2, 1])).items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'head': [False, True, False, False, False], 'mid': [False, False, False, True, False],
         'tail': [True, False, False, False, True], 'unliked': [False, False, True, False, False]}
    """
    order = np.argsort(-popularity, kind="stable")
    held = np.cumsum(popularity[order])
    total = int(held[-1]) if len(held) else 0
    before = held - popularity[order]
    of_item = np.full(len(popularity), 1)
    of_item[order[total - before <= _SHARE * total]] = 2
    of_item[order[before < _SHARE * total]] = 0
    of_item[popularity == 0] = 3
    return {name: of_item == number for number, name in enumerate(("head", "mid", "tail", "unliked"))}


def by_history(
    lengths: npt.NDArray[np.integer],
    per_user: Mapping[str, Doubles],
    weights: Mapping[str, Doubles],
    measures: Sequence[Measure],
    resamples: int,
    seed: int,
) -> list[Group]:
    """Return the figures of users with histories of different length."""
    found = []
    for name, rows in history_groups(lengths).items():
        means, intervals = over_users(
            {key: values[rows] for key, values in per_user.items()}, measures, resamples, seed,
            {key: values[rows] for key, values in weights.items()},
        )  # fmt: skip
        found.append(Group(name, int(rows.sum()), means, intervals))
    return found


def by_popularity(
    popularity: npt.NDArray[np.int64],
    items: Codes,
    relevant: CSR,
    measures: Sequence[Measure],
    resamples: int,
    seed: int,
) -> list[Group]:
    """Return the figures of looking for head, mid, tail and unliked items.

    The lists stay as they are; what counts as relevant is narrowed to the group, and the users to those to whom
    something of it is relevant. So recall is the share of the group's relevant items that the lists found.
    """
    found = []
    for name, mine in popularity_groups(popularity).items():
        kept = mine[relevant.indices]
        pointer = np.concatenate([[0], np.cumsum(kept)])[relevant.indptr]
        narrow = sp.csr_array((np.ones(int(pointer[-1])), relevant.indices[kept], pointer), shape=relevant.shape)
        users = np.flatnonzero(np.diff(pointer))
        hits = Hits.of(items[users], sp.csr_array(narrow[users]))
        per_user, weights = of_hits(hits, measures)
        means, intervals = over_users(per_user, measures, resamples, seed, weights)
        found.append(Group(name, len(users), means, intervals, int(mine.sum()), int(narrow.nnz)))
    return found


def of_hits(hits: Hits, measures: Sequence[Measure]) -> tuple[dict[str, Doubles], dict[str, Doubles]]:
    """Return the metrics that are made from hits, one value a user, and the weights of those that have some."""
    values, weights = {}, {}
    for measure in measures:
        if measure.k and (metric := measure.of_lists) is not None:
            values[str(measure)] = metric.of_hits(hits, measure.k)
            if (weight := measure.weight) is not None:
                weights[str(measure)] = weight(hits, measure.k)
    return values, weights


def frame(groups: Sequence[Group]) -> pl.DataFrame:
    """Return one row for each group and metric: group, users, items, relevant, metric, value, low, high."""
    rows = [
        (each.name, each.users, each.items, each.relevant, name, value, *each.intervals[name])
        for each in groups
        for name, value in each.metrics.items()
    ]
    schema = {"group": pl.String, "users": pl.Int64, "items": pl.Int64, "relevant": pl.Int64, "metric": pl.String,
              "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
