"""Posted items on their way into what answers: followed in the store, encoded, and joined in a new edition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from palate.bundle.posted import PostedParts, rows_of
from palate.core.types import Codes
from palate.data.features import FeatureTable
from palate.data.store import Store
from palate.retrieval import Decode
from palate.serving.engine import Engine


@dataclass(frozen=True, eq=False)
class Change:
    """What an edition is to take over.

    Shapes:
        codes: int32[n], those behind the edition's are of new items, in order; rows: n rows of the catalogue; parts: n rows each.
    """

    new: tuple[str, ...]
    """Ids of new items."""
    codes: Codes
    rows: pl.DataFrame
    parts: Mapping[str, FeatureTable]
    gone: Codes
    """Codes of items that are taken away."""
    cursor: int
    """Of the last of it in the store."""


class Posts:
    """Reads what was posted since the last time, and makes it a change of an edition."""

    def __init__(self, store: Store, decode: Decode | None = None) -> None:
        self.store, self.parts = store, PostedParts(store, decode)
        self.cursor = 0
        """Of the last in the store that was taken over."""
        self.items: set[str] = set()
        """Ids of all on which there was a word."""

    def close(self) -> None:
        """Remove the files of this process."""
        self.parts.close()

    def prepare(self, engine: Engine) -> None:
        """Load the encoders now rather than at the first item."""
        for name, table in engine.bundle.data.features.items():
            if table.of == "items" and table.encoder is not None:
                engine.searcher.maker(name).prepare()

    def change(self, engine: Engine, since: int | None = None) -> Change | None:
        """Return what was posted and taken away since the last time, or another place in the store; None where nothing was."""
        news = self.store.posted(self.cursor if since is None else since)
        if not news:
            return None
        items = engine.items
        self.items |= {item.item_id for item in news}
        there = [item for item in news if not item.gone]
        new = tuple(item.item_id for item in there if item.item_id not in items)
        place = {item_id: len(items) + row for row, item_id in enumerate(new)}
        codes = [place[item.item_id] if item.item_id in place else items.code(item.item_id) for item in there]
        gone = [items.code(item.item_id) for item in news if item.gone and item.item_id in items]
        data = engine.bundle.data
        return Change(
            new,
            np.array(codes, np.int32),
            rows_of(data, there),
            self.parts.of(data, there, engine.searcher.maker),
            np.array(gone, np.int32),
            news[-1].cursor,
        )
