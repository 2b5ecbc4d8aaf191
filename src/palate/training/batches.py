"""The likes of an epoch, shuffled and cut into batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from palate.core.types import CSR, Codes
from palate.training.pairs import Batch
from palate.training.samplers import Sampler
from palate.training.samplers._base import Likes


class Batches:
    """Every like once an epoch, in an order of its own, with what the sampler holds it against.

    Shapes:
        liked: sparse[n_users, n_items]; a batch has `size` likes, the last one of an epoch what is left.
    """

    def __init__(self, liked: CSR, sampler: Sampler[Any], size: int) -> None:
        self.users: Codes = np.repeat(np.arange(liked.shape[0], dtype=np.int32), np.diff(liked.indptr))
        self.items: Codes = liked.indices.astype(np.int32)
        self.likes = Likes(liked)
        self.sampler, self.size = sampler.over(self.likes), size

    def __len__(self) -> int:
        return math.ceil(len(self.users) / self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        order = rng.permutation(len(self.users))
        for start in range(0, len(order), self.size):
            chosen = order[start : start + self.size]
            users, items = self.users[chosen], self.items[chosen]
            yield Batch(users, items, self.likes.log_share[items], self.sampler.draw(users, items, rng))
