"""Items liked by the same people as those that were liked."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from palate.core.config import Config
from palate.core.state import State, pack_csr, unpack_csr
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Queries, Run
from palate.linalg.cooccurrence import damped_cosine
from palate.models._base import Model
from palate.models._graph import divided, refuse_too_many_pairs, spread


class ItemKNNConfig(Config):
    """How likeness is damped, and how much of it is kept."""

    shrink: NonNegativeFloat = 100.0
    """Added to the denominator of the cosine: damps the likeness of items that few liked."""
    user_power: NonNegativeFloat = 0.25
    """Each user's likes weigh (number of likes)^-user_power: those of busy users tell less."""
    neighbours: NonNegativeInt = 0
    """How many of the items most like an item speak for it; 0 lets all that were ever liked together."""
    memory_limit_mb: PositiveInt = 4096
    """Refuse to keep all of them where they could take more than this many MiB; one user who liked everything is enough."""


class ItemKNN(Model[ItemKNNConfig]):
    """Score an item by its damped cosine with each liked item.

    X' = X scaled per user by degree^(-user_power); sim(i, j) = <x'_i, x'_j> / (|x'_i| |x'_j| + shrink), 0 for i = j;
    score(j) = sum over liked i of sim(i, j) (Sarwar et al. 2001; the damping: Bell and Koren 2007).

    Missing data:
        NaN for items that nobody liked in training, and for users of whom no liked item was.
    Raises:
        MemoryLimitError: without a bound on `neighbours` the result could be larger than `memory_limit_mb`.
    """

    name = "item-knn"
    config_type = ItemKNNConfig

    graph: CSR
    """From a liked item to a scored one."""
    into: CSR
    """The same edges by the scored item; all of them together are symmetric."""
    warm: Mask

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        config = self.config
        if config.neighbours == 0:
            refuse_too_many_pairs(self.name, train.liked, config.memory_limit_mb)
        self.into = damped_cosine(
            train.liked, shrink=config.shrink, user_power=config.user_power, neighbours=config.neighbours,
            threads=run.threads,
        )  # fmt: skip
        self.graph = self._turned(self.into)
        self.warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0

    def _turned(self, graph: CSR) -> CSR:
        return graph if self.config.neighbours == 0 else sp.csr_array(graph.T.tocsr())

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return sums of damped cosines; float32[q, n]."""
        return spread(queries, self.graph, self.warm, self.warm, items)

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked."""
        weights = divided(query, self.into, self.warm, self.warm, item)
        if weights is None:
            return Explanation(np.nan)
        speaks = weights > 0
        liked = dict(zip(query.history.indices[speaks].tolist(), weights[speaks].tolist(), strict=True))
        score = float(weights.sum())
        return Explanation(score, liked, {"behaviour": score})

    def state(self) -> State:
        """The likeness of items, and which of them were liked."""
        return State({"warm": self.warm, **pack_csr("graph", self.graph)})

    def load_state(self, state: State) -> Self:
        """Take over the likeness of items."""
        self.warm, self.graph = state.arrays["warm"], unpack_csr("graph", state.arrays)
        self.into = self._turned(self.graph)
        return self
