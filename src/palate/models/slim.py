"""Items as sparse sums of other items."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from palate.core.config import Config
from palate.core.errors import ConfigError
from palate.core.state import State, pack_csr, unpack_csr
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Queries, Run
from palate.linalg.elastic_net import elastic_nets
from palate.models._base import Model
from palate.models._graph import divided, refuse_too_many_pairs, spread


class SLIMConfig(Config):
    """How sparse and how small weights are held, and who may have one."""

    l1: NonNegativeFloat = 0.5
    """What a weight must be worth to be there at all: without negative ones, an item liked together at most so often has none."""
    reg: NonNegativeFloat = 100.0
    """How strongly weights are held small (their squares, half)."""
    neighbours: NonNegativeInt = 0
    """Only so many items most like an item (by cosine) may have a weight for it; 0 lets all that were liked with it."""
    non_negative: bool = True
    """Whether items may only speak for an item, never against it."""
    epochs: PositiveInt = 200
    """At most so many sweeps of coordinate descent for each item."""
    tolerance: PositiveFloat = 1e-4
    """A sweep that moves no weight of an item by more has settled."""
    memory_limit_mb: PositiveInt = 4096
    """Refuse to weigh all of them where they could take more than this many MiB; one user who liked everything is enough."""


class SLIM(Model[SLIMConfig]):
    """Score an item by a sparse linear model from items to it, by default without negative weights.

    W = argmin |X - X W|^2 / 2 + reg |W|^2 / 2 + l1 |W|_1 with W >= 0 and a diagonal of zeros (Ning and Karypis 2011,
    equation 3; its section IV-C for candidates, there fsSLIM); score(j) = sum over liked i of W_ij.

    Missing data:
        NaN for items that nobody liked in training, and for users of whom no liked item was.
    Raises:
        MemoryLimitError: without a bound on `neighbours` the weights could take more than `memory_limit_mb`.
        ConfigError: `l1` is so large that no item has a weight for any other.
    """

    name = "slim"
    config_type = SLIMConfig

    graph: CSR
    """From a liked item to a scored one."""
    into: CSR
    """The same edges by the scored item."""
    warm: Mask

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        config = self.config
        if config.neighbours == 0:
            refuse_too_many_pairs(self.name, train.liked, config.memory_limit_mb)
        self.into = elastic_nets(
            train.liked, l1=config.l1, l2=config.reg, candidates=config.neighbours, non_negative=config.non_negative,
            sweeps=config.epochs, tolerance=config.tolerance, threads=run.threads, label="slim: item weights",
        )  # fmt: skip
        if self.into.nnz == 0 and np.diff(train.liked.indptr).max() > 1:
            raise ConfigError(
                f"l1 was {config.l1:g}, and no weight between items is worth that much: give less, such as 0.5"
            )
        self.graph = sp.csr_array(self.into.T.tocsr())
        self.warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return sums of weights; float32[q, n]."""
        return spread(queries, self.graph, self.warm, self.warm, items)

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked."""
        weights = divided(query, self.into, self.warm, self.warm, item)
        if weights is None:
            return Explanation(np.nan)
        speaks = weights != 0
        liked = dict(zip(query.history.indices[speaks].tolist(), weights[speaks].tolist(), strict=True))
        score = float(weights.sum())
        return Explanation(score, liked, {"behaviour": score})

    def state(self) -> State:
        """The weights, and which items were liked."""
        return State({"warm": self.warm, **pack_csr("graph", self.graph)})

    def load_state(self, state: State) -> Self:
        """Take over the weights."""
        self.warm, self.graph = state.arrays["warm"], unpack_csr("graph", state.arrays)
        self.into = sp.csr_array(self.graph.T.tocsr())
        return self
