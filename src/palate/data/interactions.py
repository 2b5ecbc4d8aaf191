"""What people did: parallel arrays, one row an interaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.core.fingerprint import fingerprint
from palate.core.types import Codes, Floats, Mask, Times
from palate.data.catalogue import Catalogue, ColumnType

LABELS = ("train", "valid", "test")
"""What the extra column `split` may say."""


@dataclass(frozen=True, eq=False)
class Interactions:
    """Rows of user, item, weight and, where known, time, kind and further columns.

    Shapes:
        user, item: int32[n], codes; weight: float32[n]; time: int64[n] | None.
    Units:
        time: unix seconds, UTC. weight: a rating, a count or 1; weight <= 0 is an explicit dislike.
    """

    user: Codes
    item: Codes
    weight: Floats
    time: Times | None = None
    extra: pl.DataFrame | None = None
    """Other columns by row: `kind` (click, rating …), `text` (a review), `split` (train, valid, test), and any more."""
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    """Types of the extra columns; `text` is text without being named."""

    def __len__(self) -> int:
        return len(self.user)

    def __repr__(self) -> str:
        return f"Interactions({len(self):,} rows)"

    @classmethod
    def empty(cls) -> Interactions:
        """Return no interactions: what a catalogue without behaviour has."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))

    @cached_property
    def fingerprint(self) -> str:
        """Digest of every row in order."""
        table = self.table()
        extra = {name: table.placeless(name, "interactions") for name in table.table.columns}
        return fingerprint(self.user, self.item, self.weight, self.time, extra)

    def table(self, root: Path | None = None) -> Catalogue:
        """Return the extra columns with their types; media lie in `root`."""
        if self.extra is None:
            return Catalogue(pl.DataFrame(), {}, root)
        text: dict[str, ColumnType] = {"text": "text"} if "text" in self.extra.columns else {}
        return Catalogue(self.extra, {**text, **self.types}, root)

    def take(self, rows: Mask | npt.NDArray[np.integer]) -> Interactions:
        """Return the rows that a mask or an index array selects, in that order."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Interactions(
            self.user[index],
            self.item[index],
            self.weight[index],
            None if self.time is None else self.time[index],
            None if self.extra is None else self.extra[index],
            self.types,
        )

    def column(self, name: str) -> pl.Series | None:
        """Return an extra column, or None."""
        return self.extra[name] if self.extra is not None and name in self.extra.columns else None

    def with_column(self, name: str, values: pl.Series) -> Interactions:
        """Return the same rows with one more extra column."""
        column = values.alias(name)
        return replace(self, extra=column.to_frame() if self.extra is None else self.extra.with_columns(column))

    @staticmethod
    def concat(first: Interactions, second: Interactions) -> Interactions:
        """Return the rows of both, `first` before `second`; columns that only one has are null in the other's rows."""
        time = None
        if first.time is not None and second.time is not None:
            time = np.concatenate([first.time, second.time])
        extra = None
        if first.extra is not None or second.extra is not None:
            frames = [
                pl.DataFrame(
                    [
                        pl.zeros(len(part), eager=True).alias("_"),
                        *(() if part.extra is None else part.extra.get_columns()),
                    ]
                )
                for part in (first, second)
            ]
            extra = pl.concat(frames, how="diagonal").drop("_")
        return Interactions(
            np.concatenate([first.user, second.user]),
            np.concatenate([first.item, second.item]),
            np.concatenate([first.weight, second.weight]),
            time,
            extra,
            {**second.types, **first.types},
        )
