"""Parts that are made of several columns of a row: all its numbers, categories and dates, or a place on the globe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from palate.data.catalogue import Catalogue

TABLE = "table"
GEO = "geo"
_LATITUDE = ("lat", "latitude")
_LONGITUDE = ("lon", "lng", "long", "longitude")


@dataclass(frozen=True)
class Row:
    """Columns that one encoder reads together."""

    modality: str
    columns: tuple[str, ...]
    whole: bool = False
    """Whether nothing is there unless all of them are."""

    def cells(self, catalogue: Catalogue) -> pl.Series:
        """Return a JSON object for each row; null where every cell is missing."""
        columns = [
            catalogue.table[name].fill_nan(None) if catalogue.table[name].dtype.is_float() else catalogue.table[name]
            for name in self.columns
        ]
        table = pl.DataFrame(columns)
        there = pl.all_horizontal if self.whole else pl.any_horizontal
        found = table.select(pl.when(there(pl.all().is_not_null())).then(pl.struct(pl.all()).struct.json_encode()))
        return found.to_series().alias(self.modality)


def made_of_rows(catalogue: Catalogue) -> Mapping[str, Row]:
    """Return what can be made of the rows of a catalogue, by the name of the part; a column of that name goes first.

    `table` is made of all numbers, categories and dates, `geo` of columns called lat and lon, latitude and longitude.
    """
    made: dict[str, Row] = {}
    if columns := catalogue.of_type("number", "category", "date"):
        made[TABLE] = Row("table", tuple(columns))
    numbers = {name.lower(): name for name in catalogue.of_type("number")}
    latitude = next((numbers[name] for name in _LATITUDE if name in numbers), None)
    longitude = next((numbers[name] for name in _LONGITUDE if name in numbers), None)
    if latitude is not None and longitude is not None:
        made[GEO] = Row("geo", (latitude, longitude), whole=True)
    return {name: row for name, row in made.items() if name not in catalogue.table.columns}
