"""One space of content in which items lie, and the cosine is their likeness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.fusion import registry
from palate.interfaces import ItemVectors, Ranked
from palate.linalg.neighbours import unit_rows
from palate.models import Model
from palate.retrieval.indexes.exact import ExactIndex


@dataclass(frozen=True, eq=False)
class ContentSpace:
    """Unit vectors of items and an exact index over those that have one."""

    table: FeatureTable
    index: ExactIndex

    @classmethod
    def of(cls, table: FeatureTable) -> ContentSpace:
        """Index the rows of a table that are present."""
        codes = np.flatnonzero(table.present).astype(np.int32)
        vectors = unit_rows(table.values[codes])
        index = ExactIndex()
        index.add(codes, vectors)
        return cls(table, index)

    def holds(self, item: int) -> bool:
        """Tell whether an item has a vector."""
        return bool(self.table.present[item])

    def nearest(self, item: int, k: int) -> Ranked:
        """Return the k items most like `item`, without itself; nothing where it has no vector."""
        if not self.holds(item):
            return Ranked(np.full((1, k), -1, np.int32), np.full((1, k), np.nan, np.float32))
        found = self.index.search(unit_rows(self.table.values[[item]]), k + 1)
        others = np.flatnonzero(found.items[0] != item)[:k]
        return Ranked(found.items[:, others], found.scores[:, others])


def content_space(model: Model[Any], data: Dataset) -> ContentSpace | None:
    """Return the space of a model that has one, else of all parts of the items in one row; None where there are none."""
    if isinstance(model, ItemVectors):
        return ContentSpace.of(model.item_vectors())
    parts = {name: table for name, table in sorted(data.features.items()) if table.of == "items"}
    if not parts:
        return None
    fusion: Any = registry.get("concat")()
    return ContentSpace.of(fusion.fit(parts, data, generator(0, "content space")).fuse(parts))
