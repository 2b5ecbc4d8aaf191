"""Near vectors by a graph of neighbours: approximate, and quick where there are many."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import StoreError
from palate.core.part import Part
from palate.core.progress import progress
from palate.core.state import State
from palate.core.types import Codes, Floats, Mask
from palate.interfaces import Ranked
from palate.linalg.topk import top_k
from palate.retrieval.indexes.exact import ExactIndex

_BATCH = 2000
"""Vectors that are added between two steps of the progress bar."""
_OVERFETCH = 8
"""Under one in so many that may be found, all of them are compared."""


class HnswIndexConfig(Config):
    """Settings of the graph."""

    links: int = Field(16, ge=2, le=256)
    """Neighbours of each vector in the graph; more find more and take more memory."""
    build_width: int = Field(64, ge=1)
    """Candidates looked at for each vector that is added."""
    search_width: int = Field(64, ge=1)
    """Candidates looked at for each query, at least; more find more and take longer."""
    exact_below: int = Field(1000, ge=0)
    """Up to this many vectors all are compared, which is as quick and exact."""


class HnswIndex(Part[HnswIndexConfig]):
    """A hierarchical graph of neighbours (HNSW); a query walks it towards the vectors of largest inner product.

    Malkov and Yashunin, *Efficient and robust approximate nearest neighbor search using hierarchical navigable small
    world graphs*, IEEE TPAMI 42(4), 2020, algorithms 1 to 5; the graph is usearch's. Vectors are to be of unit length,
    where the largest inner product is the nearest. What the graph finds is scored exactly; what it misses is missed.
    Vectors are added one after another, so that the same vectors in the same order give the same answers.

    Where only some codes may be found, more is fetched from the graph the fewer they are, and under one in eight, or
    where the graph finds too little, all of them are compared.

    Shapes:
        add: codes int32[n], vectors float32[n, d]; search: float32[q, d] -> items int32[q, k], scores float32[q, k].
    Missing data:
        A query that holds NaN finds nothing; a vector that does is refused.

    Example:
        >>> index = HnswIndex(exact_below=0)
        >>> index.add(np.array([7, 9], np.int32), np.array([[1, 0], [0, 1]], np.float32))
        >>> index.search(np.array([[0.2, 0.9]], np.float32), k=1).items.tolist()
        [[9]]
    """

    name = "hnsw"
    config_type = HnswIndexConfig

    def __init__(self, config: HnswIndexConfig | None = None, /, **settings: Any) -> None:
        super().__init__(config, **settings)
        self._exact = ExactIndex()
        self._graph: Any = None
        self._lock = threading.Lock()  # usearch gives each of its threads one workplace, whoever calls

    def __len__(self) -> int:
        return len(self._exact)

    def add(self, codes: Codes, vectors: Floats) -> None:
        """Put vectors under codes; a code that is there already gets the new vector.

        Raises:
            DataError: shapes do not fit, a code comes twice, or a vector is not finite.
        """
        self._exact.add(codes, vectors)
        codes, vectors = np.asarray(codes, np.int32), np.ascontiguousarray(vectors, np.float32)
        with self._lock:
            if self._graph is None:
                self._graph = self._empty(vectors.shape[1])
            again = codes[self._graph.contains(codes.astype(np.uint64))]  # by this one, or by a copy
            if len(again):
                self._graph.remove(again.astype(np.uint64))
            with progress("building the index", len(codes), "vectors") as advance:
                for start in range(0, len(codes), _BATCH):
                    batch = slice(start, start + _BATCH)
                    self._graph.add(codes[batch].astype(np.uint64), vectors[batch], threads=1)
                    advance(len(codes[batch]))

    def copy(self) -> Self:
        """Return another index of the same vectors; what is added to one is not found in the other, though both walk one graph."""
        other = copy.copy(self)
        other._exact = self._exact.copy()
        return other

    def remove(self, codes: Codes) -> None:
        """Take codes out; those that are not there are left alone, so that it may be said twice."""
        gone = np.intersect1d(np.asarray(codes, np.int32), self._exact.codes)
        self._exact.remove(gone)
        if len(gone):
            with self._lock:
                self._graph.remove(gone.astype(np.uint64))

    def search(self, queries: Floats, k: int, only: Codes | None = None) -> Ranked:
        """Return the k largest inner products of each query that are found, best first.

        Args:
            queries: one a row.
            k: how many.
            only: the codes that may be found; None lets all.

        Raises:
            DataError: the queries are of another width.
        """
        queries = np.asarray(queries, np.float32)
        allowed = None if only is None else np.isin(self._exact.codes, only)
        n = len(self) if allowed is None else int(allowed.sum())
        fetch = k if allowed is None else min(len(self), k * len(self) // max(1, n) + k)
        few = n <= max(self.config.exact_below, k) or n * _OVERFETCH < len(self)
        if few or queries.ndim != 2 or queries.shape[1] != self._width:
            return self._exact.search(queries, k, only)
        known = np.flatnonzero(np.isfinite(queries).all(axis=1))
        items = np.full((len(queries), k), -1, np.int32)
        scores = np.full((len(queries), k), np.nan, np.float32)
        found = self._walk(queries[known], fetch)
        items[known], scores[known] = self._scored(queries[known], found, allowed, k)
        short = known[(items[known] < 0).any(axis=1)]
        if len(short):
            exact = self._exact.search(queries[short], k, only)
            items[short], scores[short] = exact.items, exact.scores
        return Ranked(items, scores)

    def state(self) -> State:
        """The codes, the vectors and the graph."""
        graph = {} if self._graph is None else {"graph": np.frombuffer(bytes(self._graph.save()), np.uint8)}
        return State({"codes": self._exact.codes, "vectors": self._exact.vectors, **graph}, self.spec())

    def load_state(self, state: State) -> Self:
        """Take over codes, vectors and graph.

        Raises:
            StoreError: the graph is damaged, or another one.
        """
        self._exact.load_state(state)
        self._graph = None
        if "graph" in state.arrays:
            self._graph = _restored(state.arrays["graph"].tobytes(), len(self))
            self._graph.expansion_add = self.config.build_width
            self._graph.expansion_search = self.config.search_width
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
        return cls(HnswIndexConfig.of(state.meta["settings"])).load_state(state)

    @property
    def _width(self) -> int:
        return int(self._exact.vectors.shape[1])

    def _empty(self, width: int) -> Any:
        config = self.config
        return _library()(
            ndim=width,
            metric="ip",
            dtype="f16",
            connectivity=config.links,
            expansion_add=config.build_width,
            expansion_search=config.search_width,
        )

    def _walk(self, queries: Floats, fetch: int) -> npt.NDArray[np.int64]:
        """Return the rows that the graph finds, -1 after the last.

        Shapes:
            queries: float32[q, d] -> int64[q, fetch].
        """
        if not len(queries):
            return np.zeros((0, fetch), np.int64)
        with self._lock:
            found = self._graph.search(np.ascontiguousarray(queries), fetch)
        keys = np.atleast_2d(np.asarray(found.keys, np.int64))
        counts = np.array([keys.shape[1]]) if len(queries) == 1 else np.asarray(found.counts, np.int64)
        rows = np.minimum(np.searchsorted(self._exact.codes, keys), len(self) - 1)
        mine = self._exact.codes[rows] == keys  # the graph may have what a copy added
        return np.where(mine & (np.arange(keys.shape[1]) < counts[:, None]), rows, -1)

    def _scored(
        self, queries: Floats, rows: npt.NDArray[np.int64], allowed: Mask | None, k: int
    ) -> tuple[Codes, Floats]:
        """Score what was found, and rank it; equal scores rank by the lower code."""
        kept = rows >= 0 if allowed is None else (rows >= 0) & allowed[rows]
        rows = np.sort(np.where(kept, rows, len(self)), axis=1)
        there = rows < len(self)
        vectors = self._exact.vectors[np.where(there, rows, 0)]
        products = np.einsum("qd,qfd->qf", queries, vectors, optimize=True)
        best = top_k(np.where(there, products, np.float32(np.nan)).astype(np.float32), k)
        picked = np.take_along_axis(rows, np.maximum(best.items, 0), axis=1)
        return np.where(best.items < 0, -1, self._exact.codes[np.minimum(picked, len(self) - 1)]), best.scores


def _library() -> Any:
    """Return the class of graphs, after onnxruntime: loaded after usearch, onnxruntime ends the process (SIGSEGV)."""
    import onnxruntime  # noqa: F401
    from usearch.index import Index

    return Index


def _restored(content: bytes, size: int) -> Any:
    try:
        graph = _library().restore(content)
    except Exception as error:
        raise StoreError(f"the graph of an index is damaged ({error}): build the index again") from error
    if graph is None or len(graph) != size:
        raise StoreError(f"the graph of an index is damaged or not of these {size:,} vectors: build the index again")
    return graph
