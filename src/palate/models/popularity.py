"""The same list for everyone: what most people liked."""

from __future__ import annotations

from typing import Self

import numpy as np

from palate.core.config import Config
from palate.core.state import State
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Queries, Run
from palate.models._base import Model


class PopularityConfig(Config):
    """Popularity has no settings."""


class Popularity(Model[PopularityConfig]):
    """Score an item by the number of users who liked it in training.

    Missing data:
        An item that nobody met in training is NaN. Every query gets the same scores.
    """

    name = "popularity"
    config_type = PopularityConfig

    counts: Floats

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        counts = train.liked.sum(axis=0).astype(np.float32)
        met = train.seen.sum(axis=0) > 0
        self.counts = np.where(met, counts, np.float32(np.nan))

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return the training counts, the same for each query; float32[q, n]."""
        counts = self.counts if items is None else self.counts[items]
        return np.tile(counts, (len(queries), 1))

    def state(self) -> State:
        """The counts."""
        return State({"counts": self.counts})

    def load_state(self, state: State) -> Self:
        """Take over the counts."""
        self.counts = state.arrays["counts"]
        return self
