"""Metrics beyond accuracy: what the lists hold, whatever was liked.

All take `items`, int32[q, k or more] with -1 for no item, look at the first k places, and ask nothing about relevance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.types import Codes
from palate.metrics._hits import Doubles, ratio

Counts = npt.NDArray[np.int64]


def coverage(items: Codes, n_items: int, k: int) -> float:
    """Return the number of distinct items in the first k places of all lists, over the number of items there are.

    Shapes:
        items: int32[q, k or more], -1 is no item.

    Example:
        >>> coverage(np.array([[0, 1], [1, -1]]), 4, 2)
        0.5
    """
    shown = np.unique(items[:, :k])
    return float((shown >= 0).sum() / n_items) if n_items else 0.0


def gini(items: Codes, n_items: int, k: int) -> float:
    """Return how unequally the places of all lists are divided among the items: the Gini coefficient.

    sum over i of (2 i - n - 1) x_i / (n sum of x), where x_1 <= … <= x_n counts how often each of the n items is
    listed, those that never are included (Fleder and Hosanagar 2009). 0: all items equally often; near 1: few have all.

    Shapes:
        items: int32[q, k or more], -1 is no item.
    Missing data:
        NaN where nothing is listed at all.

    Example:
        >>> gini(np.array([[0, 1], [0, -1]]), 4, 2)
        0.5833333333333334
    """
    shown = first_places(items, k)
    times = np.sort(np.bincount(shown[shown >= 0], minlength=n_items))
    if not times.sum():
        return float("nan")
    rank = np.arange(1, n_items + 1)
    return float(((2 * rank - n_items - 1) * times).sum() / (n_items * times.sum()))


def novelty(items: Codes, popularity: Counts, users: int, k: int) -> Doubles:
    """Return the mean self-information of each list: of -log2(users who liked the item / users), in bits.

    Zhou et al. 2010; Vargas and Castells 2011. An item that nobody liked counts as if one user had.

    Args:
        items: the lists.
        popularity: how many training users liked each item.
        users: how many training users liked anything.
        k: how many places count.

    Shapes:
        items: int32[q, k or more]; popularity: int64[n] -> float64[q].
    Missing data:
        NaN for an empty list.

    Example:
        >>> novelty(np.array([[0, 1], [2, -1]]), np.array([4, 1, 0]), 4, 2).tolist()
        [1.0, 2.0]
    """
    information = -np.log2(np.maximum(popularity, 1) / max(users, 1))
    return _mean_of(information, first_places(items, k))


def popularity_bias(items: Codes, popularity: Counts, k: int) -> Doubles:
    """Return the mean popularity of each list; its mean over users is the average recommendation popularity (ARP).

    Abdollahpouri, Burke and Mobasher 2019: popularity is the number of training users who liked an item.

    Shapes:
        items: int32[q, k or more]; popularity: int64[n] -> float64[q].
    Missing data:
        NaN for an empty list.

    Example:
        >>> popularity_bias(np.array([[0, 1], [2, -1]]), np.array([4, 1, 0]), 2).tolist()
        [2.5, 0.0]
    """
    return _mean_of(popularity.astype(np.float64), first_places(items, k))


def first_places(items: Codes, k: int) -> Codes:
    """Return the first k places.

    Raises:
        DataError: the lists are shorter, so that the metric would be of another k without a word.
    """
    if not 1 <= k <= items.shape[1]:
        raise DataError(f"a metric at {k} needs lists of at least {k} items: given lists of {items.shape[1]}")
    return items[:, :k]


def _mean_of(value: Doubles, items: Codes) -> Doubles:
    """Return the mean over each list of a value that every item has."""
    listed = items >= 0
    if not len(value):
        return np.full(len(items), np.nan)
    return ratio(np.where(listed, value[items], 0.0).sum(axis=1), listed.sum(axis=1))
