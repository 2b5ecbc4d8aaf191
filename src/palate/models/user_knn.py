"""What the people liked who like the same things."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from pydantic import NonNegativeFloat, PositiveInt

from palate.core.config import Config
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Queries, Run
from palate.linalg.cooccurrence import row_lengths
from palate.linalg.damped import Side, damped_products
from palate.linalg.products import dense_product, ones_where
from palate.models._base import Model


class UserKNNConfig(Config):
    """How likeness is damped, and how many people speak."""

    shrink: NonNegativeFloat = 1.0
    """Added to the denominator of the cosine: damps the likeness of people who liked few things."""
    item_power: NonNegativeFloat = 0.1
    """Each item weighs (number of people who liked it)^-item_power: what everybody likes tells less of two people."""
    neighbours: PositiveInt = 200
    """How many of the people most like somebody speak to them."""


class UserKNN(Model[UserKNNConfig]):
    """Score an item by how much alike the people are who liked it.

    X' = X scaled per item by degree^(-item_power); sim(u, v) = <x'_u, x'_v> / (|x'_u| |x'_v| + shrink); score(u, j) =
    sum of sim(u, v) over those v that liked j, among the `neighbours` most like u (Herlocker et al. 1999; the damping
    and the scaling are those of item-knn, turned).

    Scores follow from a history alone, so a new person is served without a refit. People who liked the very same
    things as the history, the asker's own row among them, are no neighbours: they know of nothing that is not in the
    history, and would only take the places of others. So a new person is told what a known one of the same history is.

    Missing data:
        NaN for items that nobody liked in training, and for users of whom no liked item was.
    """

    name = "user-knn"
    config_type = UserKNNConfig

    warm: Mask
    weight: Floats
    """float32[n_items], what a like of each item tells; 0 where nobody liked it."""
    signs: npt.NDArray[np.uint64]
    """A random number for each item; those of a history add up to its key."""
    people: Side
    """Of the training users: lengths and keys of their histories."""
    fans: CSR
    """float32[n_items, n_users], weighted likes by item."""

    def remember(self, users: IdMap, items: IdMap, liked: CSR, seen: CSR) -> None:
        """Take over whom the model knows; their likes are all that it learns from, so `state` holds nothing."""
        super().remember(users, items, liked, seen)
        degree = np.bincount(liked.indices, minlength=len(items))
        self.warm = degree > 0
        self.weight = np.where(self.warm, np.maximum(degree, 1) ** -self.config.item_power, 0).astype(np.float32)
        self.signs = generator(0, self.name).integers(1 << 64, size=len(items), dtype=np.uint64)
        rows, self.people = self._weighted(liked)
        self.fans = sp.csr_array(rows.T.tocsr())

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        """Nothing is left to do: `remember` has seen the likes."""

    def _weighted(self, history: CSR) -> tuple[CSR, Side]:
        """Return the histories with each like weighed, their lengths, and a key that equal histories share.

        The key is the sum of a random 64-bit number for each item (Zobrist 1970).
        """
        ones = ones_where(history, self.warm)
        rows = sp.csr_array((self.weight[ones.indices], ones.indices, ones.indptr), shape=ones.shape)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(self.signs[ones.indices], dtype=np.uint64)])
        keys = sums[ones.indptr[1:]] - sums[ones.indptr[:-1]]
        return rows, Side(row_lengths(rows), keys.view(np.int64))

    def _neighbours(self, queries: Queries) -> tuple[CSR, CSR, Side]:
        """Return how much each query is like its neighbours, sparse[q, n_users], and its weighted history."""
        rows, askers = self._weighted(queries.history)
        alike = damped_products(
            rows, self.fans, askers, self.people, shrink=self.config.shrink, best=self.config.neighbours
        )
        return alike, rows, askers

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return sums of likeness; float32[q, n]."""
        alike, rows, _ = self._neighbours(queries)
        scores = dense_product(alike, self.liked)
        scores[:, ~self.warm] = np.nan
        scores[np.diff(rows.indptr) == 0] = np.nan
        return scores if items is None else scores[:, items]

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked: each neighbour's likeness is a sum over the likes that both share."""
        alike, rows, asker = self._neighbours(query)
        if not rows.nnz or not self.warm[item]:
            return Explanation(np.nan)
        speaking = alike.indices[self.liked[alike.indices][:, [item]].toarray()[:, 0] > 0]
        damp = asker.length[0] * self.people.length[speaking] + np.float32(self.config.shrink)
        shared = (1 / damp) @ self.liked[speaking]
        amounts = shared[rows.indices] * rows.data**2
        score = float(amounts.sum())
        liked = {code: amount for code, amount in zip(rows.indices.tolist(), amounts.tolist(), strict=True) if amount}
        return Explanation(score, liked, {"behaviour": score})
