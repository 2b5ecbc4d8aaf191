"""What every recommender shares: whom it knows, what they had seen, and how a list is made of scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import polars as pl

from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.part import C, Part
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Queries, Ranked, Run
from palate.linalg.topk import top_k


class Model(Part[C], ABC):
    """Base of the recommenders: `_fit` and `score` are what a new one writes.

    Missing data:
        `score` gives NaN for an item that it cannot score for a query, and a row of NaN for a query it knows
        nothing of; whoever serves the list falls back and says so.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"interactions"})
    """"interactions", "features", or both."""
    accepts: ClassVar[frozenset[str]] = frozenset()
    """What it also uses where there is some."""
    extra: ClassVar[str | None] = None
    """The optional extra that fitting it needs; what is fitted is scored without it."""
    knows_people: ClassVar[bool] = False
    """Whether it has a vector of each person, so that a new one with the same history may get another list."""

    users: IdMap
    items: IdMap
    liked: CSR
    seen: CSR

    def fit(self, train: Dataset, valid: Dataset | None = None, run: Run | None = None) -> Self:
        """Learn from `train`; `valid` may only choose (when to stop, how to weigh), never teach.

        Raises:
            DataError: the dataset lacks what the model requires.
        """
        if "interactions" in self.requires and train.liked.nnz == 0:
            raise DataError(
                f"{self.name} learns from likes, and the training data has none: check the rule '{train.positive.rule}'"
            )
        self.remember(train.users, train.items, train.history, train.seen)
        self._fit(train, valid, run or Run())
        return self

    def remember(self, users: IdMap, items: IdMap, liked: CSR, seen: CSR) -> None:
        """Take over whom the model knows and what they liked and saw; `fit` and an opened bundle call this."""
        self.users, self.items, self.liked, self.seen = users, items, liked, seen

    @abstractmethod
    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None: ...

    @abstractmethod
    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Score items for queries.

        Shapes:
            queries: q; items: int32[n] or None for all -> float32[q, n], larger is better, NaN cannot be scored.
        """

    def rank(self, queries: Queries, k: int, exclude: CSR | None = None) -> Ranked:
        """Return the k best items of each query, without those that `exclude` (sparse [q, n_items]) marks.

        Scoring runs in blocks of queries, so that memory stays bounded.
        """
        rows = max(1, 8_000_000 // max(1, len(self.items)))
        blocks = []
        for start in range(0, len(queries), rows):
            part = Queries(queries.history[start : start + rows], queries.user[start : start + rows])
            scores = self.score(part)
            if exclude is not None:
                scores = scores.copy()  # the model may have kept it
                hidden = exclude[start : start + rows].tocoo()
                scores[hidden.coords] = np.nan
            blocks.append(top_k(scores, k))
        return Ranked(
            np.concatenate([block.items for block in blocks]) if blocks else np.zeros((0, k), np.int32),
            np.concatenate([block.scores for block in blocks]) if blocks else np.zeros((0, k), np.float32),
        )

    def recommend(self, users: Sequence[str] | str, k: int = 10, *, seen: bool = False) -> pl.DataFrame:
        """Return the k best new items of each user: columns user_id, item_id, score, rank (1 is best).

        Args:
            users: external ids; one alone may be given as it is.
            k: how many each.
            seen: whether items that the user already met may come again.

        Raises:
            DataError: a user is unknown, k is negative, or the model is not fitted.
        """
        if not hasattr(self, "users"):
            raise DataError(f"the model {self.name} is not fitted: call fit first")
        users = [users] if isinstance(users, str) else [str(user) for user in users]
        codes = np.array([self.users.code(user, "user") for user in users], dtype=np.int32)
        k = min(k, len(self.items))
        ranked = self.rank(Queries(self.liked[codes], codes), k, None if seen else self.seen[codes])
        row, column = np.nonzero(ranked.items >= 0)
        return pl.DataFrame(
            {
                "user_id": [users[int(index)] for index in row],
                "item_id": self.items.decode(ranked.items[row, column]),
                "score": ranked.scores[row, column],
                "rank": column + 1,
            },
            schema={"user_id": pl.String, "item_id": pl.String, "score": pl.Float32, "rank": pl.Int64},
        )
