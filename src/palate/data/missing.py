"""Items, users or interactions that lose a part, on purpose: how a poorer catalogue would look."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from palate.core.errors import ConfigError
from palate.core.rng import generator
from palate.core.types import Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable


def with_missing(data: Dataset, parts: Iterable[str], share: float, seed: int = 0) -> Dataset:
    """Return the dataset in which a random share of the present rows of each named part is absent.

    Each part is drawn for itself, so a thing may lose one and keep another. Under one seed the draws are nested:
    what is missing at a share is missing at every larger one.

    Args:
        data: what to make poorer.
        parts: names of features.
        share: of the rows that are present now, rounded to whole rows; 0 changes nothing, 1 leaves none.
        seed: of the draw; each part has a stream of its own.

    Raises:
        DataError: there is no such part.
        ConfigError: the share is not from 0 to 1.

    Example:
        >>> import palate
        >>> from palate.data.features import features_of
        >>> import polars as pl
        >>> data = palate.from_frames(pl.DataFrame({"user_id": list("aabb"), "item_id": list("1234")}))
        >>> data = data.with_features(photo=features_of(np.ones((4, 2))))
        >>> [int(with_missing(data, ["photo"], share).part("photo").present.sum()) for share in (0, 0.5, 1)]
        [4, 2, 0]
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"the share to drop was {share:g}: give a number from 0 (nothing) to 1 (all)")
    tables = {name: data.part(name) for name in parts}
    return data.with_features(
        **{name: table.dropped(_lost(table, share, seed, name)) for name, table in tables.items()}
    )


def _lost(table: FeatureTable, share: float, seed: int, name: str) -> Mask:
    there = np.flatnonzero(table.present)
    order = generator(seed, "missing", name).permutation(there)
    lost = np.zeros(len(table), dtype=bool)
    lost[order[: round(share * len(there))]] = True
    return lost
