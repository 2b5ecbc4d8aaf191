"""From one value a user to means and intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from palate.metrics import bootstrap_interval
from palate.metrics._hits import Doubles


def over_users(
    per_user: Mapping[str, Doubles],
    measures: Iterable[object],
    resamples: int,
    seed: int,
    weights: Mapping[str, Doubles] | None = None,
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return the mean of each metric over users and its bootstrap interval, NaN where no user has a value.

    Args:
        per_user: the values, by metric; NaN is left out.
        measures: which of them, in which order; measures or their names.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        weights: what users weigh, for the metrics where they are not all equal.
    """
    names = [str(measure) for measure in measures if str(measure) in per_user]
    if not names:
        return {}, {}
    table = np.stack([per_user[name] for name in names], axis=1)
    given = weights or {}
    heavy = np.stack([given.get(name, np.ones(len(table))) for name in names], axis=1)
    low, high = bootstrap_interval(table, weights=heavy if given else None, resamples=resamples, seed=seed)
    heavy = np.where(np.isfinite(table), heavy, 0.0)
    total, count = np.nansum(table * heavy, axis=0), heavy.sum(axis=0)
    means = np.divide(total, count, out=np.full(len(names), np.nan), where=count > 0)
    return (
        {name: float(mean) for name, mean in zip(names, means, strict=True)},
        {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)},
    )
