"""Numbers, categories and dates of a row, read together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, field_validator

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.state import State
from palate.core.types import Floats
from palate.encoders._base import BrokenInput, Encoder
from palate.encoders._numbers import HIGHEST, read_bytes
from palate.encoders._table_columns import Column, sound
from palate.interfaces import Raw


class TableConfig(Config):
    """Settings of `table`."""

    columns: tuple[str, ...] = ()
    """Which columns are read, as in `["price", "since"]` or price,since; none named means all."""
    max_values: int = Field(default=64, ge=1)
    """Values of a category that have a place of their own: the most frequent."""
    min_count: int = Field(default=2, ge=1)
    """In how many rows a value must be for that; the others share one place."""

    @field_validator("columns", mode="before")
    @classmethod
    def _listed(cls, columns: Any) -> Any:
        return tuple(name.strip() for name in columns.split(",")) if isinstance(columns, str) else columns


class Table(Encoder[TableConfig]):
    """Numbers, categories and dates of a row together, each column learned from the catalogue and worth the same.

    A number is cut at its 1st and 99th percentile and standardised, after log(1 + x / median) where its skewness is
    above 2 and nothing is below 0. A category has a place a frequent value and one for the rest; several values are a
    list, or parted by bars, commas or semicolons, as in drama|crime. A date is when it is (cut as numbers are), and
    where in the year and in the week, on circles. Every column has mean 0 and variance 1 in sum. A row is given as a
    JSON object; `palate encode DS --table table` makes the part `table` of all number, category and date columns.

    Missing data:
        A missing cell is the mean of its column. A row is absent only if all its cells are missing, or broken if one of them is
        of another kind than most of its column, as "unknown" among dates.
    """

    name = "table"
    modality = "table"
    version = 2
    config_type = TableConfig
    batch = 1024
    learns = True
    emptiness = "none of its cells belongs to a column that was learned"

    columns: tuple[Column, ...] = ()

    @property
    def dim(self) -> int:
        """As many as the columns give together; 0 before they are learned."""
        return sum(column.dim for column in self.columns)

    def decode(self, raw: Raw | Mapping[str, Any]) -> Floats | None:
        """Return the numbers of a row: a mapping, a JSON object or a file that holds one; NaN where no column is known.

        Raises:
            BrokenInput: it is no such object, or a cell is of another kind than its column.
            DataError: nothing was learned yet.
        """
        if not self.columns:
            raise DataError("table has learned no columns yet: fit it on the rows of a catalogue first")
        cells = self._cells(raw)
        if not cells:
            return None
        if not any(column.name in cells for column in self.columns):
            return np.full(self.dim, np.nan, np.float32)
        return np.concatenate([column.row(cells.get(column.name)) for column in self.columns]).astype(np.float32)

    def _cells(self, raw: Raw | Mapping[str, Any]) -> dict[str, Any]:
        """Return the cells that are there and wanted."""
        row = raw if isinstance(raw, Mapping) else _object(raw)
        wanted = self.config.columns
        cells = {sound(str(name)): value for name, value in row.items() if not wanted or name in wanted}
        return {name: value for name, value in cells.items() if _is_there(name, value)}

    def fit(self, raw: Sequence[Raw | None]) -> Self:
        """Learn each column.

        Raises:
            DataError: there is no row, a column that was named is in none, or no column tells rows apart.
        """
        rows = [cells for cells in map(self._read, raw) if cells]
        names = sorted({name for row in rows for name in row})
        for name in self.config.columns:
            if name not in names:
                raise DataError(f"table was to read the column '{name}', and no row has a value in it: name others")
        if not names:
            raise DataError(f"table learns from rows, and none of the {len(raw)} has a cell with a value")
        self.columns = tuple(
            Column.learn(
                name, [row[name] for row in rows if name in row], self.config.max_values, self.config.min_count
            )
            for name in names
        )
        if not any(column.scale for column in self.columns):
            self.columns = ()
            raise DataError(
                f"table learns from what differs between rows, and in {', '.join(names)[:200]} all are the same or each is the only one "
                "of its kind: give columns of numbers, of categories that recur, or of days as 2026-01-31"
            )
        return self

    def _read(self, raw: Raw | None) -> dict[str, Any]:
        try:
            return {} if raw is None else self._cells(raw)
        except BrokenInput:  # told when it is encoded
            return {}

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        return np.stack(batch)

    def state(self) -> State:
        """What was learned of each column."""
        if not self.columns:
            return State()
        widths = np.array([column.dim for column in self.columns], np.int64)
        return State({"widths": widths}, {"columns": [column.as_json() for column in self.columns]})

    def load_state(self, state: State) -> Self:
        """Take over what another instance learned."""
        if state.arrays:
            self.columns = tuple(Column.of_json(told) for told in state.meta["columns"])
        return self


def _object(raw: Raw) -> dict[str, Any]:
    text = read_bytes(raw).decode("utf-8", "replace") if isinstance(raw, Path) else raw
    if not text.strip():
        return {}
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenInput(f"the cell or file is no JSON object ({error})") from error
    if not isinstance(row, dict):
        raise BrokenInput("the cell or file is JSON and no object with a value a column")
    return row


def _is_there(name: str, value: Any) -> bool:
    """Tell whether a cell holds something.

    Raises:
        BrokenInput: it holds what is neither number nor text.
    """
    if isinstance(value, (int, float)):
        return bool(abs(value) <= HIGHEST)
    if value is None or isinstance(value, str):
        return bool((value or "").strip())
    if isinstance(value, list) and all(isinstance(word, (str, int, float)) for word in value):
        return bool(value)
    raise BrokenInput(
        f"'{name[:40]}' holds a {type(value).__name__} in the cell or file, where a number or a text should be"
    )
