"""Items that training never meets."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import DataError
from palate.data.dataset import Dataset
from palate.data.split._base import TEST, TRAIN, VALID, Labels, Splitter


class ColdItemsConfig(Config):
    """How many items are held out, and which."""

    items: float = Field(0.2, gt=0, lt=1)
    """Share of the items with interactions that is held out whole."""
    tail: float = Field(0.7, ge=0, le=1)
    """Share of those that comes from the tail; the rest comes from the head."""
    head: float = Field(0.2, gt=0, lt=1)
    """Share of the items, the most popular ones, that is called the head."""


class ColdItems(Splitter[ColdItemsConfig]):
    """A fifth of the items held out whole, 70 % of them from the tail, half to validation and half to test.

    The head is the most popular fifth of the items, the tail the rest. A user who met held-out items only has
    nothing in training.
    """

    name = "cold-items"
    config_type = ColdItemsConfig

    def labels(self, data: Dataset, rng: np.random.Generator) -> Labels:
        """Return int8[n]."""
        item = data.interactions.item
        counts = np.bincount(item, minlength=len(data.items))
        seen = np.flatnonzero(counts)
        order = seen[np.argsort(-counts[seen], kind="stable")]
        n_head, n_cold = round(len(order) * self.config.head), round(len(order) * self.config.items)
        head, tail = order[:n_head], order[n_head:]
        n_tail = min(round(n_cold * self.config.tail), len(tail))
        n_from_head = min(n_cold - n_tail, len(head))
        if n_tail + n_from_head < 2:
            raise DataError(
                f"'{self.name}' holds out whole items for validation and for test and '{data.name}' has "
                f"{len(order)} items with interactions: give at least 10, or use random-per-user"
            )
        of_item = np.full(len(data.items), TRAIN, dtype=np.int8)
        cold = np.concatenate([rng.permutation(tail)[:n_tail], rng.permutation(head)[:n_from_head]])
        of_item[cold[0::2]], of_item[cold[1::2]] = TEST, VALID
        return of_item[item]
