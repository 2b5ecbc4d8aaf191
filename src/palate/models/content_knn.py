"""Items like those that were liked, by content."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
from pydantic import PositiveInt

from palate.core.state import State, pack_csr, unpack_csr
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Parts, Queries, Run
from palate.linalg.neighbours import nearest
from palate.models._content import ContentConfig, ContentModel
from palate.models._graph import divided, spread


class ContentKNNConfig(ContentConfig):
    """How many items each item is compared with."""

    neighbours: PositiveInt = 20
    """How many of the items nearest to an item speak for it."""


class ContentKNN(ContentModel[ContentKNNConfig]):
    """Score an item by how near it is to liked items that are among its nearest by content.

    score(j) = sum over liked i that are among the k nearest of j of max(cos(v_i, v_j), 0). The edges go to each
    scored item from its own nearest, so that an item that nobody has met yet is scored like any other.

    Missing data:
        NaN for items without any part, and for users of whom no liked item has one.
    """

    name = "content-knn"
    config_type = ContentKNNConfig

    graph: CSR
    """From a liked item to a scored one."""
    into: CSR
    """The same edges by the scored item."""

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        self._place_items(train, valid, run)
        self._link(run.threads)

    def reading(self, parts: Parts) -> Self:
        """Return the same model over other rows of its parts: neighbours are found anew."""
        other = super().reading(parts)
        other._link()
        return other

    def _link(self, threads: int | None = None) -> None:
        self.into = nearest(
            self.vectors.values, self.vectors.present, self.config.neighbours, threads=threads, label="nearest items"
        )
        self.into.data = np.maximum(self.into.data, 0)
        self.into.eliminate_zeros()
        self.graph = sp.csr_array(self.into.T.tocsr())

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return sums of cosines; float32[q, n]."""
        return spread(queries, self.graph, self.vectors.present, self.vectors.present, items)

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked and over the parts."""
        weights = divided(query, self.into, self.vectors.present, self.vectors.present, item)
        if weights is None:
            return Explanation(np.nan)
        speaks = weights > 0
        history = query.history.indices[speaks].astype(np.int32)
        liked = dict(zip(history.tolist(), weights[speaks].tolist(), strict=True))
        parts = self._by_part(history, item, np.ones(len(history), np.float32))
        return Explanation(float(weights.sum()), liked, parts)

    def state(self) -> State:
        """The parts, the fusion and the graph."""
        inner = super().state()
        return State({**inner.arrays, **pack_csr("graph", self.graph)}, inner.meta)

    def load_state(self, state: State) -> Self:
        """Take over the parts, the fusion and the graph."""
        self.graph = unpack_csr("graph", state.arrays)
        self.into = sp.csr_array(self.graph.T.tocsr())
        return super().load_state(state)
