"""Where the hits are: what every metric of lists reads."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.types import CSR, Codes, Mask

Doubles: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hits:
    """Which places of each list hold a relevant item.

    Shapes:
        at: bool[q, k], best place first; relevant: int64[q], how many items are relevant for each user.
    """

    at: Mask
    relevant: npt.NDArray[np.int64]

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
        return cls((padded[place] == given) & (items >= 0), counts)

    def first(self, k: int) -> Mask:
        """Return bool[q, k]: the hits among the first k places.

        Raises:
            DataError: the lists are shorter, so that the metric would be too low without a word.
        """
        if not 1 <= k <= self.at.shape[1]:
            raise DataError(f"a metric at {k} needs lists of at least {k} items: given lists of {self.at.shape[1]}")
        return self.at[:, :k]


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
