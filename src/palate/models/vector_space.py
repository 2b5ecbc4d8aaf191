"""A user is the mean of what they liked; items near it come first."""

from __future__ import annotations

import numpy as np

from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Queries, Run
from palate.linalg.neighbours import unit_rows
from palate.linalg.products import ones_where
from palate.models._content import ContentConfig, ContentModel

_NOTHING = 1e-6
"""A mean shorter than this is of vectors that cancel out, and points nowhere."""


class VectorSpaceConfig(ContentConfig):
    """Which parts to look at."""


class VectorSpace(ContentModel[VectorSpaceConfig]):
    """Score an item by the cosine between its fused vector and the mean of those the user liked.

    u = mean of v_i over liked items i that have a vector; score(j) = <u, v_j> / (|u| |v_j|)
    (Salton, Wong and Yang 1975; the user as centroid: Rocchio 1971).

    Missing data:
        NaN for items without any part, and for users of whom no liked item has one (or whose liked vectors cancel out).
    """

    name = "vector-space"
    config_type = VectorSpaceConfig

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        self._place_items(train, valid, run)

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return cosines; float32[q, n]."""
        codes = np.arange(len(self.items), dtype=np.int32) if items is None else items
        history = ones_where(queries.history, self.vectors.present)
        sums = np.asarray(history @ self.vectors.values, dtype=np.float32)
        lengths = np.linalg.norm(sums, axis=1)
        scores = unit_rows(sums) @ self.vectors.values[codes].T
        scores[:, ~self.vectors.present[codes]] = np.nan
        scores[lengths <= _NOTHING * np.maximum(history.sum(axis=1), 1)] = np.nan
        return scores

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked and over the parts."""
        score = float(self.score(query, np.array([item], dtype=np.int32))[0, 0])
        if np.isnan(score):
            return Explanation(score)
        history = ones_where(query.history, self.vectors.present).indices.astype(np.int32)
        vectors = self.vectors.values
        length = float(np.linalg.norm(vectors[history].sum(axis=0)))
        amounts = vectors[history] @ vectors[item] / length
        factors = np.full(len(history), 1 / length, dtype=np.float32)
        liked = dict(zip(history.tolist(), amounts.tolist(), strict=True))
        return Explanation(score, liked, self._by_part(history, item, factors))
