"""Items that lose a part, on purpose: how a poorer catalogue would look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from palate.core.errors import ConfigError
from palate.core.rng import generator
from palate.core.types import Mask
from palate.data.dataset import Dataset


def with_missing(data: Dataset, parts: Iterable[str], share: float, seed: int = 0) -> Dataset:
    """Return the dataset in which a random share of the items that have a part lose it.

    Each part is drawn for itself, so an item may lose one and keep another. Under one seed the draws are nested: what
    is missing at a share is missing at every larger one.

    Args:
        data: what to make poorer.
        parts: names of parts of items, or of interactions, such as reviews: an item then loses all of its own.
        share: of the items that have the part, rounded to whole ones; 0 changes nothing, 1 leaves none.
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
    return without_parts(data, drawn(data, parts, share, seed))


def drawn(data: Dataset, parts: Iterable[str], share: float, seed: int = 0) -> dict[str, Mask]:
    """Return for each part which items lose it, as `with_missing` says.

    Shapes:
        bool[items] each.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"the share to drop was {share:g}: give a number from 0 (nothing) to 1 (all)")
    lost = {}
    for name, table in data.item_parts(tuple(parts)).items():
        there = np.flatnonzero(table.present)
        order = generator(seed, "missing", name).permutation(there)
        lost[name] = np.zeros(len(data.items), dtype=bool)
        lost[name][order[: round(share * len(there))]] = True
    return lost


def without_parts(data: Dataset, lost: Mapping[str, Mask]) -> Dataset:
    """Return the dataset in which these items lose these parts; a part of interactions loses the rows of the items."""
    tables = {}
    for name, items in lost.items():
        table = data.part(name)
        tables[name] = table.dropped(items[data.interactions.item] if table.of == "interactions" else items)
    return data.with_features(**tables)
