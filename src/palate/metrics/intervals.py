"""How sure a mean over users is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from palate.core.errors import ConfigError
from palate.core.rng import generator
from palate.metrics._hits import Doubles

_CELLS = 1 << 17


def bootstrap_interval(
    values: Doubles,
    *,
    weights: Doubles | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Doubles, Doubles]:
    """Return the percentile bootstrap interval of each column's mean, over resampled users.

    Efron and Tibshirani 1993, chapter 13. All columns share the resamples, so that their intervals belong together.
    With weights it is the interval of the weighted mean, a ratio of two sums over the resampled users.

    Shapes:
        values, weights: float64[users, columns] -> low, high: float64[columns].
    Missing data:
        A NaN is left out of its column's mean; a column of nothing but NaN gives NaN.

    Example:
        >>> low, high = bootstrap_interval(np.array([[0.0], [1.0]] * 50))
        >>> bool(0.35 < low[0] < 0.5 < high[0] < 0.65)
        True
    """
    users = len(values)
    if users == 0:
        empty = np.full(values.shape[1], np.nan)
        return empty, empty
    known = np.isfinite(values).astype(np.float64)
    filled = np.where(known > 0, values, 0.0)
    if weights is not None:
        known = known * weights
        filled = filled * known
    means = []
    for times in resampled_users(users, resamples, seed):
        total, count = times @ filled, times @ known
        means.append(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))
    tail = (1 - level) / 2
    table = np.concatenate(means)
    bounds = np.full((2, values.shape[1]), np.nan)
    some = known.any(axis=0)
    if some.any():
        bounds[:, some] = np.nanquantile(table[:, some], [tail, 1 - tail], axis=0)
    return bounds[0], bounds[1]


def resampled_users(users: int, resamples: int, seed: int) -> Iterator[Doubles]:
    """Yield, in blocks, how often each user is drawn in each resample; float64[rows, users].

    Raises:
        ConfigError: there is no resample.
    """
    if resamples < 1:
        raise ConfigError(f"resamples was {resamples}: an interval needs 1 or more")
    rng = generator(seed, "bootstrap")
    step = max(1, _CELLS // users)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(users, size=(rows, users)) + np.arange(rows)[:, None] * users
        yield np.bincount(drawn.ravel(), minlength=rows * users).reshape(rows, users).astype(np.float64)
