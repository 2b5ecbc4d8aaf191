"""A table with typed columns: the items for sale, or what is known of users."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.core.errors import DataError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.data.media import fetched, is_url, stray

ColumnType = Literal["text", "image", "audio", "video", "series", "number", "category"]
COLUMN_TYPES: tuple[str, ...] = get_args(ColumnType)
MEDIA_TYPES = ("image", "audio", "video")


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Rows by code, columns by name, each column with a type.

    A media column holds paths relative to `root`, or URLs; null where there is none.
    """

    table: pl.DataFrame
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    root: Path | None = None

    def __post_init__(self) -> None:
        for name, kind in self.types.items():
            if name not in self.table.columns:
                raise DataError(f"there is no column '{name}': {did_you_mean(name, self.table.columns)}")
            if kind not in COLUMN_TYPES:
                raise DataError(f"column '{name}' has the type '{kind}': {did_you_mean(kind, COLUMN_TYPES)}")

    def __len__(self) -> int:
        return self.table.height

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the columns and their types.

        Where the media files lie does not count, so that a copy in a dataset folder is the same catalogue; their
        content is the feature store's concern.
        """
        return fingerprint(dict(self.types), {name: self.placeless(name) for name in self.table.columns})

    def placeless(self, name: str, of: str = "users") -> pl.Series:
        """Return a column; paths of media without the place where a dataset folder keeps them."""
        column = self.table[name]
        if self.types.get(name) not in MEDIA_TYPES:
            return column
        return column.cast(pl.String).str.replace(rf"^media/({of}\.)?{re.escape(name)}/", "")

    def of_type(self, *kinds: str) -> list[str]:
        """Return the names of the columns of these types, in table order."""
        return [name for name in self.table.columns if self.types.get(name) in kinds]

    def column(self, name: str) -> pl.Series:
        """Return a column.

        Raises:
            DataError: there is none of that name.
        """
        if name not in self.table.columns:
            raise DataError(f"there is no column '{name}': {did_you_mean(name, self.table.columns)}")
        return self.table[name]

    def media_path(self, code: int, column: str) -> Path | None:
        """Return where a row's file lies; None where it has none, a URL that was not fetched, or a path that leaves."""
        value = self.column(column)[code]
        if not value or self.root is None:
            return None
        if is_url(value):
            path = self.root / fetched(value)
            return path if path.is_file() else None
        if stray(value):
            return None
        return self.root / str(value)

    def row(self, code: int) -> dict[str, object]:
        """Return one row as a mapping."""
        return self.table.row(code, named=True)

    def take(self, codes: npt.NDArray[np.integer]) -> Catalogue:
        """Return the rows at `codes`, in that order; -1 gives a row of nulls."""
        rows = pl.Series(codes, dtype=pl.Int64)
        table = self.table.select(pl.all().gather(rows.replace(-1, None)))
        return replace(self, table=table)
