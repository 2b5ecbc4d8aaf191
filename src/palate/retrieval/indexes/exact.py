"""Exact nearest vectors by brute force: the oracle of every other index."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.part import Part
from palate.core.state import State
from palate.core.types import Codes, Floats, Mask
from palate.interfaces import Ranked
from palate.linalg.topk import top_k


class ExactIndexConfig(Config):
    """Settings of the exact index."""

    memory_mb: int = Field(64, ge=1)
    """How much the scores of one block of queries may take."""


class ExactIndex(Part[ExactIndexConfig]):
    """All inner products, by blocks of queries.

    Vectors of unit length make it cosine. Equal scores rank by the lower code.

    Shapes:
        add: codes int32[n], vectors float32[n, d]; search: float32[q, d] -> items int32[q, k], scores float32[q, k].
    Missing data:
        A query that holds NaN finds nothing; a vector that does is refused.

    Example:
        >>> index = ExactIndex()
        >>> index.add(np.array([7, 9], np.int32), np.array([[1, 0], [0, 1]], np.float32))
        >>> index.search(np.array([[0.2, 0.9]], np.float32), k=1).items.tolist()
        [[9]]
    """

    name = "exact"
    config_type = ExactIndexConfig

    codes: Codes = np.zeros(0, np.int32)
    vectors: Floats = np.zeros((0, 0), np.float32)

    def __len__(self) -> int:
        return len(self.codes)

    def add(self, codes: Codes, vectors: Floats) -> None:
        """Put vectors under codes; a code that is there already gets the new vector.

        Raises:
            DataError: shapes do not fit, a code comes twice, or a vector is not finite.
        """
        codes = np.asarray(codes, np.int32)
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or len(codes) != len(vectors):
            raise DataError(f"an index takes codes [n] and vectors [n, d]: given {codes.shape} and {vectors.shape}")
        if len(self) and vectors.shape[1] != self.vectors.shape[1]:
            raise DataError(f"the index holds vectors of width {self.vectors.shape[1]}: given {vectors.shape[1]}")
        if len(np.unique(codes)) != len(codes):
            raise DataError("a code was given twice: give one vector per code")
        if not np.isfinite(vectors).all():
            raise DataError("a vector holds NaN or an infinite value: leave out what is not present")
        if len(codes) and (not len(self) or codes[0] > self.codes[-1]) and (np.diff(codes) > 0).all():
            if len(self):
                codes, vectors = np.concatenate([self.codes, codes]), np.concatenate([self.vectors, vectors])
            self.codes, self.vectors = codes, vectors
            return
        kept = ~np.isin(self.codes, codes)
        merged = np.concatenate([self.codes[kept], codes])
        old = self.vectors[kept] if len(self) else np.zeros((0, vectors.shape[1]), np.float32)
        order = np.argsort(merged, kind="stable")
        self.codes, self.vectors = merged[order], np.concatenate([old, vectors])[order]

    def copy(self) -> Self:
        """Return another index of the same vectors; what is added to one is not in the other."""
        return copy.copy(self)

    def remove(self, codes: Codes) -> None:
        """Take codes out; those that are not there are left alone, so that it may be said twice."""
        kept = ~np.isin(self.codes, np.asarray(codes, np.int32))
        if kept.all():
            return
        self.codes, self.vectors = self.codes[kept], self.vectors[kept]

    def search(self, queries: Floats, k: int, only: Codes | None = None) -> Ranked:
        """Return the k largest inner products of each query, best first.

        Args:
            queries: one a row.
            k: how many.
            only: the codes that may be found; None lets all.

        Raises:
            DataError: the queries are of another width.
        """
        queries = np.asarray(queries, np.float32)
        items = np.full((len(queries), k), -1, np.int32)
        scores = np.full((len(queries), k), np.nan, np.float32)
        rows = slice(None) if only is None else np.flatnonzero(np.isin(self.codes, only))
        codes = self.codes[rows]
        if len(self) == 0 or len(codes) == 0:
            return Ranked(items, scores)
        if queries.ndim != 2 or queries.shape[1] != self.vectors.shape[1]:
            raise DataError(f"the index holds vectors of width {self.vectors.shape[1]}: given {queries.shape}")
        known: Mask = np.asarray(np.isfinite(queries).all(axis=1))
        vectors = self.vectors[rows]
        step = max(1, self.config.memory_mb * (1 << 20) // (4 * len(codes)))
        for start in range(0, len(queries), step):
            block = np.flatnonzero(known[start : start + step]) + start
            best = top_k(queries[block] @ vectors.T, k)
            items[block] = np.where(best.items < 0, -1, codes[best.items])
            scores[block] = best.scores
        return Ranked(items, scores)

    def state(self) -> State:
        """The codes and the vectors."""
        return State({"codes": self.codes, "vectors": self.vectors}, self.spec())

    def load_state(self, state: State) -> Self:
        """Take over codes and vectors."""
        self.codes, self.vectors = state.arrays["codes"], state.arrays["vectors"]
        return self

    def save(self, folder: Path) -> None:
        """Write the index into a folder."""
        self.state().save(folder, "index")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            StoreError: a file is missing or damaged.
        """
        state = State.load(folder, "index")
        return cls(ExactIndexConfig.of(state.meta["settings"])).load_state(state)
