"""The likes of an epoch, shuffled and cut into batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.core.types import CSR, Codes, Doubles
from palate.training.pairs import Batch
from palate.training.samplers import Sampler
from palate.training.samplers._base import Likes


class Batches:
    """Every like once an epoch, in an order of its own, with what the sampler holds it against.

    With `balance_items` or `chances` an epoch has as many likes, drawn with replacement: by (likes of its item)^-balance_items times
    its chance (class-balanced sampling, with items for classes: Kang et al. 2020, equation 1, where q is 1 - balance_items).

    Args:
        liked: whose likes.
        sampler: what a like is held against.
        size: likes of a batch.
        balance_items: how far items of many likes are held back; 0 not at all, 1 shows every liked item as often as the next.
        chances: of each like, up to a factor; None for all alike.

    Shapes:
        liked: sparse[n_users, n_items], chances: float64[its likes], by user and item; a batch has `size` likes, the last one of an
        epoch what is left.
    """

    def __init__(
        self,
        liked: CSR,
        sampler: Sampler[Any],
        size: int,
        *,
        balance_items: float = 0.0,
        chances: Doubles | None = None,
    ) -> None:
        self.users: Codes = np.repeat(np.arange(liked.shape[0], dtype=np.int32), np.diff(liked.indptr))
        self.items: Codes = liked.indices.astype(np.int32)
        self.likes = Likes(liked, balance_items)
        self.sampler, self.size = sampler.over(self.likes), size
        if balance_items:
            held_back = self.likes.counts[self.items].astype(np.float64) ** -balance_items
            chances = held_back if chances is None else held_back * chances
        self.ends: Doubles | None = None if chances is None else np.cumsum(chances / chances.sum())

    def __len__(self) -> int:
        return math.ceil(len(self.users) / self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        order = self._order(rng)
        for start in range(0, len(order), self.size):
            chosen = order[start : start + self.size]
            users, items = self.users[chosen], self.items[chosen]
            yield Batch(users, items, self.likes.log_share[items], self.sampler.draw(users, items, rng))

    def _order(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        count = len(self.users)
        if self.ends is None:
            return rng.permutation(count)
        return np.minimum(np.searchsorted(self.ends, rng.random(count), side="right"), count - 1)
