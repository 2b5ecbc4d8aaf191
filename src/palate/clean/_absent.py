"""Cells and vectors that are of no use become missing: a fact that every model knows how to take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from palate.clean._files import of_files
from palate.clean._mismatch import of_mismatches
from palate.clean._outliers import of_outliers
from palate.clean._spoilt import SPOILT, Spoilt
from palate.clean._texts import of_texts
from palate.core.errors import DataError, did_you_mean
from palate.core.types import Mask
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import Of

_TEXTS = ("empty-text", "stray-language")
_VECTORS = ("outlier", "mismatch")


def spoilt(data: Dataset, kinds: Collection[str]) -> list[Spoilt]:
    """Look for problems of these kinds, and no others.

    Raises:
        DataError: there is no such kind.
    """
    for kind in kinds:
        if kind not in SPOILT:
            raise DataError(f"'{kind}' is nothing that can be marked absent: {did_you_mean(kind, SPOILT)}")
    found: list[Spoilt] = []
    if set(kinds) & set(_TEXTS):
        found += of_texts(data)
    if "outlier" in kinds:
        found += of_outliers(data)
    if "mismatch" in kinds:
        found += of_mismatches(data)
    if set(kinds) - {*_TEXTS, *_VECTORS}:
        found += of_files(data)[0]
    return [each for each in found if each.kind in kinds and len(each.codes)]


def without(data: Dataset, found: Sequence[Spoilt]) -> tuple[Dataset, list[pl.DataFrame]]:
    """Return the dataset with these cells empty and the vectors made of them absent, and rows for the quarantine."""
    frames = [_aside(data, each) for each in found]
    for each in found:
        rows = np.zeros(_length(data, each.of), dtype=bool)
        rows[each.codes] = True
        data = _emptied(data, each, rows)
        parts = {
            name: part.dropped(rows)
            for name, part in data.features.items()
            if part.of == each.of and (name == each.name or name.startswith(f"{each.name}."))
        }
        data = data.with_features(**parts)
    return data, frames


def _length(data: Dataset, of: Of) -> int:
    return {"items": len(data.items), "users": len(data.users), "interactions": len(data.interactions)}[of]


def _emptied(data: Dataset, found: Spoilt, rows: Mask) -> Dataset:
    table = data.table_of(found.of)
    if found.column not in table.content_columns:
        return data
    filled = pl.when(~pl.Series(rows)).then(table.table[found.column])
    fresh = table.table.with_columns(filled.alias(found.column))
    if found.of == "interactions":
        return replace(data, interactions=replace(data.interactions, extra=fresh))
    changed: Catalogue = replace(table, table=fresh)
    return replace(data, catalogue=changed) if found.of == "items" else replace(data, people=changed)


def _aside(data: Dataset, found: Spoilt) -> pl.DataFrame:
    table = data.table_of(found.of).table
    values = table[found.column].gather(found.codes).cast(pl.String) if found.column in table.columns else None
    return pl.select(
        place=pl.lit(found.name),
        row=pl.Series(found.codes.astype(np.int64) + 1),
        id=pl.Series(data.names_of(found.of, found.codes), dtype=pl.String),
        reason=pl.lit(SPOILT[found.kind]),
        value=pl.lit(None, pl.String) if values is None else values,
    )
