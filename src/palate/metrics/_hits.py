"""Where the hits are: what every metric of lists reads."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.types import CSR, Codes, Mask

Doubles: TypeAlias = npt.NDArray[np.float64]


def ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Doubles:
    """Return part / whole, NaN where the whole is 0."""
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


@dataclass(frozen=True, eq=False)
class Hits:
    """Which places of each list hold a relevant item.

    Shapes:
        at, listed: bool[q, k], best place first: a hit, an item at all; relevant: int64[q], how many items are
        relevant for each user.
    """

    at: Mask
    listed: Mask
    relevant: npt.NDArray[np.int64]
    n_items: int

    @classmethod
    def of(cls, items: Codes, relevant: CSR) -> Hits:
        """Look every listed item up among the user's relevant ones; a -1 is no item, and no hit.

        Shapes:
            items: int32[q, k], each item at most once a row; relevant: sparse[q, n], what is stored is relevant.
        """
        if items.ndim != 2 or len(items) != relevant.shape[0]:
            raise DataError(f"lists and relevant items need the same users: given {items.shape} and {relevant.shape}")
        n = np.int64(relevant.shape[1])
        counts = np.diff(relevant.indptr).astype(np.int64)
        wanted = np.repeat(np.arange(len(items)), counts) * n + relevant.indices
        wanted.sort()
        given = np.arange(len(items))[:, None] * n + items
        place = np.searchsorted(wanted, given)
        padded = np.append(wanted, -1)
        listed = items >= 0
        return cls((padded[place] == given) & listed, listed, counts, int(n))

    def first(self, k: int) -> Mask:
        """Return bool[q, k]: the hits among the first k places.

        Raises:
            DataError: the lists are shorter, so that the metric would be too low without a word.
        """
        if not 1 <= k <= self.at.shape[1]:
            raise DataError(f"a metric at {k} needs lists of at least {k} items: given lists of {self.at.shape[1]}")
        return self.at[:, :k]

    def count(self, k: int) -> Doubles:
        """Return float64[q]: how many hits there are among the first k places."""
        return np.asarray(self.first(k).sum(axis=1), dtype=np.float64)

    def precisions(self, k: int) -> Doubles:
        """Return float64[q]: the sum of the precision at each hit among the first k places."""
        found = self.first(k)
        total: Doubles = (np.cumsum(found, axis=1) / np.arange(1, k + 1) * found).sum(axis=1)
        return total


class ListMetric:
    """A metric of ranked lists: call it with the lists, or use `of_hits` where the hits are already known.

    Shapes:
        items: int32[q, k or more]; relevant: sparse[q, n] -> float64[q].
    Missing data:
        NaN for a user to whom nothing is relevant: the metric says nothing there, and a mean leaves it out.
    """

    def __init__(self, of_hits: Callable[[Hits, int], Doubles]) -> None:
        functools.update_wrapper(self, of_hits)
        self._compute = of_hits

    def __call__(self, items: Codes, relevant: CSR, k: int) -> Doubles:
        """Return the metric at k of each user."""
        return self.of_hits(Hits.of(items, relevant), k)

    def of_hits(self, hits: Hits, k: int) -> Doubles:
        """Return the metric at k of each user, from hits already found."""
        return np.where(hits.relevant > 0, self._compute(hits, k), np.nan)
