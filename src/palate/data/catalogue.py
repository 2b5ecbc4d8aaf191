"""A table with typed columns: the items for sale, or what is known of users."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.core.errors import DataError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.data.media import FILE_NAME, fetched, is_url, names_file, stray

ColumnType = str
"""One of COLUMN_TYPES, or the name of any other modality that an encoder reads."""
COLUMN_TYPES = ("text", "image", "audio", "video", "series", "geo", "points", "number", "category", "date")
VALUE_TYPES = ("text", "number", "category", "date")
"""Their cells are the content itself."""
MEDIA_TYPES = ("image", "audio", "video")
"""Their cells are paths or addresses of files; a cell of any type besides is a path where it ends as a file name does."""
BETWEEN = r"\s*[|,;，、；]\s*"
"""What parts the values of a cell that holds several categories."""
TYPE_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What a modality that Palate has never heard of may be called."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Rows by code, columns by name, each column with a type.

    A media column holds paths relative to `root`, or URLs; null where there is none. A column of a type that is neither
    text, number, category nor date, such as `series`, may hold values and paths: see `paths`.
    """

    table: pl.DataFrame
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    root: Path | None = None

    def __post_init__(self) -> None:
        for name, kind in self.types.items():
            if name not in self.table.columns:
                raise DataError(f"there is no column '{name}': {did_you_mean(name, self.table.columns)}")
            _check_type(name, kind)

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
        if name not in self.file_columns or column.dtype.is_nested():
            return column
        return column.cast(pl.String).str.replace(rf"^media/({of}\.)?{re.escape(name)}/", "")

    def of_type(self, *kinds: str) -> list[str]:
        """Return the names of the columns of these types, in table order."""
        return [name for name in self.table.columns if self.types.get(name) in kinds]

    @property
    def content_columns(self) -> list[str]:
        """The columns of text and of media of any kind, in table order."""
        return [name for name in self.table.columns if self.types.get(name, "number") not in VALUE_TYPES[1:]]

    @property
    def file_columns(self) -> list[str]:
        """The columns that may hold paths of files, in table order."""
        return [name for name in self.content_columns if self.types[name] != "text"]

    def paths(self, name: str) -> pl.Series:
        """Return the values of a column that are paths or addresses of files; null where a row has none.

        Those are all values of a picture, sound or video column, and none of a column of text, numbers, categories or dates. In
        a column of another type a value is a path where it ends as a file name does, as in `prices/7.csv`; any other
        value is the content itself.
        """
        column = self.column(name)
        if self.types.get(name) in MEDIA_TYPES:
            return column
        if name not in self.file_columns or column.dtype != pl.String:
            return pl.Series(name, [None] * len(column), dtype=pl.String)
        named = column.str.contains(FILE_NAME)
        return pl.select(pl.when(named).then(column)).to_series().alias(name)

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
        if not value or self.root is None or not (self.types.get(column) in MEDIA_TYPES or names_file(value)):
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

    def updated(self, codes: npt.NDArray[np.integer], rows: pl.DataFrame) -> Catalogue:
        """Return the catalogue with other rows at `codes`, which may go on behind the end; of the same columns.

        A column of whole numbers becomes one of others where the rows have some.
        """
        places = np.arange(max(len(self), int(codes.max(initial=-1)) + 1))
        places[codes] = len(self) + np.arange(len(codes))
        both = pl.concat([self.table, rows.select(self.table.columns)], how="vertical_relaxed")
        return replace(self, table=both[places])


def _check_type(column: str, kind: str) -> None:
    """Refuse what can be no type, and what is nearly one and so a slip."""
    slip = difflib.get_close_matches(kind, COLUMN_TYPES, n=1, cutoff=0.75)
    if kind not in COLUMN_TYPES and (slip or TYPE_NAME.fullmatch(kind) is None):
        raise DataError(
            f"column '{column}' has the type '{kind}': {did_you_mean(kind, COLUMN_TYPES)}; or name another modality in "
            "small letters, as the encoder that reads it does"
        )
