"""Lists whose items differ: each next one is good, and unlike those before it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from palate.core.types import CSR, Codes, Floats
from palate.linalg.neighbours import unit_rows
from palate.retrieval import ContentSpace
from palate.serving.stages import Draft

POOL = 300
"""How many of the best items are ranked anew."""


def mmr(scores: Floats, likeness: Floats, k: int, diversity: float) -> Codes:
    """Return which k of n items to list, in order, by maximal marginal relevance.

    Each time the item is taken for which (1 - d) relevance - d max likeness to those taken is largest; the best comes
    first. Relevance is the score, brought to 0 to 1 over the n items so that it is on the scale of a cosine (Carbonell and
    Goldstein 1998). Equal ones rank as they came.

    Shapes:
        scores: float32[n], falling; likeness: float32[n, n] -> int32[min(k, n)].

    Example:
        >>> alike = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], np.float32)
        >>> mmr(np.array([3, 2.9, 2], np.float32), alike, 2, 0.6).tolist()
        [0, 2]
    """
    span = float(scores[0] - scores[-1]) if len(scores) else 0.0
    relevance = (scores - scores[-1:]) / np.float32(span) if span > 0 else np.ones_like(scores)
    worth = np.float32(1 - diversity) * relevance
    taken = np.zeros(min(k, len(scores)), np.int32)
    nearest = np.full(len(scores), -np.inf, np.float32)
    for place in range(len(taken)):
        if place:
            np.maximum(nearest, likeness[taken[place - 1]], out=nearest)
            taken[place] = np.argmax(worth - np.float32(diversity) * nearest)
        worth[taken[place]] = -np.inf
    return taken


class Diversify:
    """Rerank: the best of a draft by maximal marginal relevance. Scores stay what the model says.

    Items are alike by the cosine of their vectors where there is a space of content, else by the cosine of who liked them.

    Missing data:
        An item without a vector, or that nobody liked, is like no other.
    """

    def __init__(self, space: ContentSpace | None, liked: CSR) -> None:
        self.space, self._liked = space, liked

    def __call__(self, draft: Draft, k: int, diversity: float) -> Draft:
        """Return k items of a draft that is sorted by score."""
        taken = mmr(draft.scores, self.likeness(draft.items), k, diversity)
        return replace(draft, items=draft.items[taken], scores=draft.scores[taken])

    def likeness(self, items: Codes) -> Floats:
        """Return the cosines of items; float32[n, n]."""
        if self.space is not None:
            vectors = unit_rows(np.where(self.space.table.present[items, None], self.space.table.values[items], 0))
            return vectors @ vectors.T
        rows = self._by_item[items]
        together = (rows @ rows.T).toarray()
        length = np.sqrt(np.maximum(np.diff(rows.indptr), 1)).astype(np.float32)
        return np.asarray(together / length[:, None] / length, np.float32)

    @cached_property
    def _by_item(self) -> CSR:
        ones = sp.csr_array(
            (np.ones(self._liked.nnz, np.float32), self._liked.indices, self._liked.indptr), shape=self._liked.shape
        )
        return sp.csr_array(ones.T.tocsr())
