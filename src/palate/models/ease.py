"""A linear autoencoder of behaviour, solved in closed form."""

from __future__ import annotations

from typing import Self

import numpy as np
import scipy.sparse as sp
from pydantic import PositiveFloat, PositiveInt

from palate.core.config import Config
from palate.core.errors import ConfigError, MemoryLimitError
from palate.core.state import State
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Queries, Run
from palate.linalg.parallel import even_cuts, map_blocks
from palate.linalg.products import ones_where
from palate.linalg.ridge import ridge_inverse, ridge_megabytes
from palate.models._base import Model

_ROWS = 256


class EASEConfig(Config):
    """How strongly weights are held small, and how much memory may go."""

    reg: PositiveFloat = 100.0
    """Added to the diagonal of the Gram matrix: more where users are many, since co-occurrences then count higher."""
    memory_limit_mb: PositiveInt = 4096
    """Refuse to fit where it would take more than this many MiB: about 4 bytes a pair of items that can be scored."""


class EASE(Model[EASEConfig]):
    """Score items by a linear model from items to items whose diagonal is zero (Steck 2019, equation 8).

    P = (X'X + reg I)^-1; B_ij = -P_ij / P_jj for i != j and 0 for i = j; score(j) = sum over liked i of B_ij.

    Missing data:
        NaN for items that nobody liked in training, and for users of whom no liked item was.
    Raises:
        MemoryLimitError: the items are too many for `memory_limit_mb`; the message says how much it would take.
        ConfigError: `reg` is lost in rounding.
    """

    name = "ease"
    config_type = EASEConfig

    weights: Floats
    """float32[m, m], from a liked item to a scored one, over the m items that can be scored."""
    codes: Codes
    """int32[m], which items these are."""

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        more = self._further_rows(train)
        liked = np.bincount(train.liked.indices, minlength=len(train.items)) > 0
        self.codes = np.flatnonzero(liked | (more != 0).any(axis=0)).astype(np.int32)
        likes = sp.csr_array(train.liked[np.diff(train.liked.indptr) > 0][:, self.codes])
        more = np.ascontiguousarray(more[:, self.codes])
        self._refuse_too_much(likes.shape[0], len(self.codes), len(more))
        label = f"{self.name}: inverting"
        try:
            weights = ridge_inverse(likes, self.config.reg, dense=more, threads=run.threads, label=label)
        except (ArithmeticError, np.linalg.LinAlgError) as error:
            raise ConfigError(
                f"reg was {self.config.reg:g}, which is too little to tell items apart in single precision: give more, "
                "such as 1"
            ) from error
        weights /= -weights.diagonal()
        np.fill_diagonal(weights, 0)
        self.weights = weights

    def _further_rows(self, train: Dataset) -> Floats:
        """Return what counts as people do beside those of the training; float32[rows, n_items]."""
        return np.zeros((0, len(train.items)), np.float32)

    def _refuse_too_much(self, users: int, items: int, more: int) -> None:
        needed = ridge_megabytes(users, items, more)
        if needed > self.config.memory_limit_mb:
            raise MemoryLimitError(
                f"{self.name} would take {needed:,} MB for {items:,} items, and memory_limit_mb is "
                f"{self.config.memory_limit_mb:,}: raise the limit, keep fewer items, or use item-knn"
            )

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return sums of weights; float32[q, n]."""
        history = ones_where(sp.csr_array(queries.history[:, self.codes]), np.ones(len(self.codes), dtype=bool))
        scores = np.full((len(queries), len(self.items)), np.nan, dtype=np.float32)

        def fill(start: int, stop: int) -> None:
            scores[start:stop, self.codes] = history[start:stop] @ self.weights

        map_blocks(fill, even_cuts(len(queries), _ROWS))
        scores[np.diff(history.indptr) == 0] = np.nan
        return scores if items is None else scores[:, items]

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked."""
        place = np.full(len(self.items), -1)
        place[self.codes] = np.arange(len(self.codes))
        history = query.history.indices[place[query.history.indices] >= 0]
        if not len(history) or place[item] < 0:
            return Explanation(np.nan)
        amounts = self.weights[place[history], place[item]]
        score = float(amounts.sum())
        liked = {code: amount for code, amount in zip(history.tolist(), amounts.tolist(), strict=True) if amount}
        told = "behaviour" if (self.liked.indices == item).any() else "content"
        return Explanation(score, liked, {told: score})

    def state(self) -> State:
        """The weights and which items they are of."""
        return State({"weights": self.weights, "codes": self.codes})

    def load_state(self, state: State) -> Self:
        """Take over the weights."""
        self.weights, self.codes = state.arrays["weights"], state.arrays["codes"]
        return self
