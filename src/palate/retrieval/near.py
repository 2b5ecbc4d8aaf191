"""The vectors of one part: which items may be near a query, and the cosine of each."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from functools import cached_property

import numpy as np

from palate.core.types import Codes, Floats
from palate.data.features import FeatureTable, Update, rows_updated
from palate.interfaces import Index
from palate.linalg.neighbours import unit_rows


class Near:
    """The rows of a feature table under cosine; several threads may ask at once.

    Args:
        table: the part.
        index: makes an empty index, which then finds the candidates; without one every item is a candidate.

    Example:
        >>> from palate.data.features import features_of
        >>> near = Near(features_of(np.array([[1, 0], [3, 4]], np.float32)))
        >>> near.cosines(np.array([0, 1], np.float32), near.candidates(np.array([0, 1], np.float32), 1)).tolist()
        [0.0, 0.800000011920929]
    """

    def __init__(self, table: FeatureTable, index: Callable[[], Index] | None = None) -> None:
        self.table = table
        self._new_index = index
        self._index: Index | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Make the index now rather than at the first query."""
        if self._new_index is None:
            return
        with self._lock:
            if self._index is None:
                codes = np.flatnonzero(self.table.present).astype(np.int32)
                made = self._new_index()
                made.add(codes, unit_rows(self.table.values[codes]))
                self._index = made

    def updated(self, update: Update, rows: FeatureTable) -> Near:
        """Return the same with other rows at the codes of an update."""
        other, codes = copy.copy(self), update.codes
        other.table = update(self.table, rows)
        other.__dict__.pop("_units", None)
        if "_units" in self.__dict__:
            other.__dict__["_units"] = rows_updated(self._units, codes, unit_rows(rows.values))
        with self._lock:
            index = None if self._index is None else self._index.copy()
        if index is not None:
            index.remove(codes[~rows.present])
            index.add(codes[rows.present], unit_rows(rows.values[rows.present]))
        other._index, other._lock = index, threading.Lock()
        return other

    def candidates(self, query: Floats, k: int, only: Codes | None = None) -> Codes:
        """Return the items to compare, in code order: what the index finds, or all that may be found.

        Shapes:
            query: float32[d], of unit length.
        """
        self.prepare()
        if self._index is None:
            return np.arange(len(self.table), dtype=np.int32) if only is None else np.sort(only)
        found = self._index.search(query[None, :], k, only).items[0]
        return np.sort(found[found >= 0])

    def cosines(self, query: Floats, codes: Codes) -> Floats:
        """Return the cosine of some items, NaN where one lacks the part.

        Shapes:
            query: float32[d], of unit length; codes: int32[n] -> float32[n].
        """
        if self._new_index is None and len(codes) * 4 >= len(self.table):
            vectors = self._units if len(codes) == len(self.table) else self._units[codes]
        else:
            vectors = unit_rows(self.table.values[codes])
        return np.where(self.table.present[codes], vectors @ query, np.float32(np.nan))

    @cached_property
    def _units(self) -> Floats:
        return unit_rows(self.table.values)
