"""A small dataset whose truth is seen at a glance."""

from __future__ import annotations

import numpy as np
import polars as pl

from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import features_of
from palate.data.interactions import Interactions


def make_dataset(n_users: int = 40, n_items: int = 30, seed: int = 0, parts: bool = True) -> Dataset:
    """A small shop: items in three groups, users who mostly like one group, two parts with holes."""
    rng = np.random.default_rng(seed)
    group = np.arange(n_items) % 3
    user, item = [], []
    for person in range(n_users):
        chances = np.where(group == person % 3, 1.0, 0.08)
        bought = rng.choice(n_items, size=8, replace=False, p=chances / chances.sum())
        user += [person] * 8
        item += bought.tolist()
    n = len(user)
    interactions = Interactions(
        np.array(user, np.int32),
        np.array(item, np.int32),
        np.ones(n, np.float32),
        np.sort(rng.integers(1.6e9, 1.7e9, n)),
    )
    items = IdMap(f"i{index}" for index in range(n_items))
    table = pl.DataFrame(
        {"item_id": items.series, "title": [f"thing {index} of group {group[index]}" for index in range(n_items)]}
    )
    centres = rng.normal(size=(3, 8))
    title = centres[group] + rng.normal(scale=0.3, size=(n_items, 8))
    photo = rng.normal(size=(n_items, 5))
    photo[::7] = np.nan
    features = {"title": features_of(title), "photo": features_of(photo)} if parts else {}
    return Dataset(
        IdMap(f"u{index}" for index in range(n_users)),
        items,
        interactions,
        Catalogue(table, {"title": "text"}),
        features=features,
    )
