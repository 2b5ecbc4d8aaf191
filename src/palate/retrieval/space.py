"""One space of content in which items lie, and the cosine is their likeness."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from palate.core.rng import generator
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable, Update
from palate.fusion import registry
from palate.interfaces import Fusion, Index, ItemVectors, Parts, Ranked
from palate.linalg.neighbours import unit_rows
from palate.models import Model
from palate.models._content import ContentModel
from palate.retrieval.indexes.exact import ExactIndex


@dataclass(frozen=True, eq=False)
class ContentSpace:
    """Unit vectors of items and an index over those that have one."""

    table: FeatureTable
    index: Index
    fusion: Fusion | None = None
    """What made the vectors of the parts, where that is known."""
    parts: Parts = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        table: FeatureTable,
        fusion: Fusion | None = None,
        parts: Parts | None = None,
        index: Index | None = None,
    ) -> ContentSpace:
        """Index the rows of a table that are present, in an empty index: the exact one where none is given."""
        index = ExactIndex() if index is None else index
        codes = np.flatnonzero(table.present).astype(np.int32)
        index.add(codes, _unit(table.values if len(codes) == len(table) else table.values[codes]))
        return cls(table, index, fusion, parts or {})

    def updated(self, update: Update, rows: Parts) -> ContentSpace:
        """Return the space with other rows of its parts at the codes of an update.

        Where it is not known what made the vectors, as of a model that learned one for each item, the new rows have none.

        Args:
            update: tells the codes.
            rows: of each part that the fusion knows, on the same scale.
        """
        codes = update.codes
        if self.fusion is None:
            codes = codes[codes >= len(self.table)]
            absent = np.zeros(len(codes), bool)
            made = FeatureTable(np.zeros((len(codes), self.table.dim), np.float32), absent, "absent")
        else:
            made = self.fusion.fuse({name: rows[name] for name in self.parts})
        parts = {name: update(table, rows[name]) for name, table in self.parts.items()}
        index = self.index.copy()
        index.remove(codes[~made.present])
        index.add(codes[made.present], unit_rows(made.values[made.present]))
        return ContentSpace(self.table.updated(codes, made), index, self.fusion, parts)

    def holds(self, item: int) -> bool:
        """Tell whether an item has a vector."""
        return bool(self.table.present[item])

    def nearest(self, item: int, k: int, only: Codes | None = None) -> Ranked:
        """Return the k items most like `item`, without itself, among `only`; nothing where it has no vector."""
        if not self.holds(item):
            return Ranked(np.full((1, k), -1, np.int32), np.full((1, k), np.nan, np.float32))
        found = self.index.search(unit_rows(self.table.values[[item]]), k + 1, only)
        others = np.flatnonzero(found.items[0] != item)[:k]
        return Ranked(found.items[:, others], found.scores[:, others])

    def shares(self, item: int, others: Codes) -> dict[str, Floats]:
        """Divide the cosines of an item and others over the parts; nothing where the fusion is not known."""
        if self.fusion is None or not len(others):
            return {}
        return self.fusion.shares(self.parts, np.full(len(others), item, np.int32), others)


def content_space(model: Model[Any], data: Dataset, index: Index | None = None) -> ContentSpace | None:
    """Return the space of a model that has one, else of all parts of the items in one row; None where there are none.

    Args:
        model: fitted.
        data: what it was fitted on.
        index: an empty index to put the vectors in; the exact one where none is given.
    """
    if isinstance(model, ContentModel):
        return ContentSpace.of(model.item_vectors(), model.fusion, model.parts, index)
    if isinstance(model, ItemVectors):
        return ContentSpace.of(model.item_vectors(), index=index)
    return parts_space(data, index)


def parts_space(data: Dataset, index: Index | None = None) -> ContentSpace | None:
    """Return the space of all parts of the items in one row, None where there are none."""
    parts = {name: table for name, table in sorted(data.features.items()) if table.of == "items"}
    if not parts:
        return None
    fusion: Any = registry.get("concat")()
    fusion.fit(parts, data, generator(0, "content space"))
    return ContentSpace.of(fusion.fuse(parts), fusion, parts, index)


def _unit(rows: Floats) -> Floats:
    """Return rows of length one: themselves, and no copy, where they are so already, as those of a fusion are."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows if len(rows) and np.abs(lengths - 1).max() < 1e-5 else unit_rows(rows)
