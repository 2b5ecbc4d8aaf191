"""Items that are one and the same become one: what was done with a copy was done with the item that stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from palate.core.ids import IdMap
from palate.core.types import Codes
from palate.data.dataset import Dataset


def merged(data: Dataset, stays: Codes) -> tuple[Dataset, pl.DataFrame]:
    """Return the dataset without copies, and these as rows for the quarantine.

    The interactions of a copy go to the item that stays, whose columns and vectors are kept as they are.

    Shapes:
        stays: int32[items], for each item the one that stays, itself or another.
    """
    copies = np.flatnonzero(stays != np.arange(len(stays)))
    aside = pl.select(
        place=pl.lit("items.parquet"),
        row=pl.Series(copies + 1, dtype=pl.Int64),
        id=pl.Series(data.items.decode(copies), dtype=pl.String),
        reason=pl.lit("the item is nearly the same as another"),
        value=pl.Series(data.items.decode(stays[copies]), dtype=pl.String),
    )
    if not len(copies):
        return data, aside
    left = np.flatnonzero(stays == np.arange(len(stays))).astype(np.int32)
    fresh = np.zeros(len(stays), dtype=np.int32)
    fresh[left] = np.arange(len(left), dtype=np.int32)
    events = replace(data.interactions, item=fresh[stays][data.interactions.item])
    features = {name: part.take(left) if part.of == "items" else part for name, part in data.features.items()}
    return (
        replace(
            data,
            items=IdMap(data.items.decode(left)),
            interactions=events,
            catalogue=data.catalogue.take(left),
            features=features,
        ),
        aside,
    )
