"""A linear model of pairs: what in an item speaks to what in a taste, and how well liked it is."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import PositiveFloat

from palate.core.progress import progress
from palate.core.state import State
from palate.core.types import Codes, Floats
from palate.interfaces import Explanation, Queries, Run
from palate.linalg.products import ones_where
from palate.metrics._hits import Doubles
from palate.models._pointwise import (
    COUNT,
    ITEM_LEVEL,
    LIKENESS,
    Pointwise,
    PointwiseConfig,
    spreads,
)


class LogisticConfig(PointwiseConfig):
    """What to predict, from which pairs, and how strongly weights are held small."""

    reg: PositiveFloat = 1.0
    """Of half the squared weights of standardised numbers, against the summed loss (half the squared error)."""


class Logistic(Pointwise[LogisticConfig]):
    """Predict clicks (logistic regression) or ratings (ridge regression) from content, popularity and levels.

    log-odds(u, i) = a_u + s(u, i); s = sum_d w_d p_d v_d + sum_d c_d v_d + w_cos <p, v> + w_n (log(1 + n_i) - mean)
    + w_l level_i, where p is the unit mean of the vectors that u liked. `score` is s: what speaks for the item against
    another one, for people of whatever level. `predict` adds a_u: the intercept, the length of the history and the
    level of the user. The pairs that it learns from leave out of p, n and levels what they themselves add to them.
    (Logistic regression: Cox 1958. Predicting clicks by it: Richardson, Dominowska and Ragno 2007.)

    Missing data:
        NaN for items without any part, and for people of whom no liked item has one.
    """

    name = "logistic"
    config_type = LogisticConfig

    weights: Doubles
    """float64[2 dim + 5], of the numbers of a pair as they are."""
    intercept: float
    usual: float
    """The mean of log(1 + likes) among the pairs learned from."""

    def _learn(self, features: Floats, truth: Doubles, run: Run) -> None:
        from sklearn.linear_model import LogisticRegression, Ridge
        from threadpoolctl import threadpool_limits

        mean, spread = spreads(features)
        standard = (features - mean) / spread
        # One thread, so that the same seed gives the same weights on every machine.
        with progress(f"{self.name}: learning"), threadpool_limits(1):
            if self.predicts == "click":
                found = LogisticRegression(C=1 / self.config.reg, solver="newton-cholesky").fit(standard, truth)
            else:
                found = Ridge(alpha=self.config.reg).fit(standard, truth)
        self.weights = np.ravel(found.coef_) / spread
        self.intercept = float(np.ravel(found.intercept_)[0] - self.weights @ mean)
        self.usual = float(mean[2 * self.basis.shape[1] + COUNT])

    def _outcome(self, features: Floats) -> Doubles:
        return np.asarray(features @ self.weights + self.intercept, dtype=np.float64)

    def _single(self, place: int) -> float:
        return float(self.weights[2 * self.basis.shape[1] + place])

    def _of_items(self, codes: Codes) -> tuple[Floats, Floats]:
        """Return what an item's content and what its likes and level are worth to everyone; float32[n] each."""
        dim = self.basis.shape[1]
        prior = self.vectors.values[codes] @ (self.basis @ self.weights[dim : 2 * dim])
        behaviour = self._single(COUNT) * (self.counts[codes] - self.usual)
        behaviour = behaviour + self._single(ITEM_LEVEL) * self.item_level[codes]
        return prior.astype(np.float32), behaviour.astype(np.float32)

    def _tastes(self, profiles: Floats) -> Floats:
        """Return by how much each number of a fused vector speaks to each profile; float32[q, d]."""
        dim = self.basis.shape[1]
        reduced = (profiles @ self.basis) * self.weights[:dim].astype(np.float32)
        return np.asarray(reduced @ self.basis.T + np.float32(self._single(LIKENESS)) * profiles, dtype=np.float32)

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return log-odds (or rating) against the usual item; float32[q, n]."""
        codes = np.arange(len(self.items), dtype=np.int32) if items is None else items
        people = self._asking(queries)
        scores = self._tastes(people.profiles) @ self.vectors.values[codes].T
        scores += sum(self._of_items(codes))
        scores[:, ~self.vectors.present[codes]] = np.nan
        scores[~people.known] = np.nan
        return scores

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked and over the parts.

        A liked item's amount is what its vector does in p; what an item is worth to everyone is spread evenly over
        what was liked. A part's amount is what it does in the item's vector; "behaviour" is likes and level.
        """
        people = self._asking(query)
        if not people.known[0] or not self.vectors.present[item]:
            return Explanation(np.nan)
        history = ones_where(query.history, self.vectors.present).indices.astype(np.int32)
        vectors = self.vectors.values[history]
        prior, behaviour = (float(values[0]) for values in self._of_items(np.array([item], np.int32)))
        length = float(np.linalg.norm(vectors.sum(axis=0)))
        amounts = self._tastes(vectors) @ self.vectors.values[item] / length + (prior + behaviour) / len(history)
        dim = self.basis.shape[1]
        worth = self._tastes(people.profiles)[0] + self.basis @ self.weights[dim : 2 * dim]
        parts = {name: float(share @ worth) for name, share in self._item_by_part(item).items()}
        liked = dict(zip(history.tolist(), amounts.tolist(), strict=True))
        return Explanation(float(amounts.sum()), liked, {**parts, "behaviour": behaviour})

    def state(self) -> State:
        """What every pointwise model learns, and the weights."""
        inner = super().state()
        meta = {"intercept": self.intercept, "usual": self.usual}
        return State({**inner.arrays, "weights": self.weights}, {**inner.meta, **meta})

    def load_state(self, state: State) -> Self:
        """Take over the weights."""
        self.weights = state.arrays["weights"]
        self.intercept, self.usual = float(state.meta["intercept"]), float(state.meta["usual"])
        return super().load_state(state)
