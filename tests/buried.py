"""A world in which taste lies in a direction that the vectors of things hold small, beneath numbers that mean nothing."""

from __future__ import annotations

import numpy as np

from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable, features_of
from palate.data.interactions import Interactions

KINDS = 4


def buried(n_items: int = 240, n_users: int = 200, each: int = 12, seed: int = 0) -> Dataset:
    """Things of four kinds, people who like one of them; the part `look` tells the kind in 4 of 16 directions, a third as long."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(n_items) % KINDS
    noise = rng.normal(size=(n_items, 12))
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    look = np.concatenate([noise, 0.3 * np.eye(KINDS)[kind] + 0.03 * rng.normal(size=(n_items, KINDS))], axis=1) @ turn
    likes = [rng.choice(np.flatnonzero(kind == user % KINDS), each, replace=False) for user in range(n_users)]
    user, item = np.repeat(np.arange(n_users, dtype=np.int32), each), np.concatenate(likes).astype(np.int32)
    items = IdMap(f"i{code}" for code in range(n_items))
    users = IdMap(f"u{code}" for code in range(n_users))
    events = Interactions(user, item, np.ones(len(user), np.float32))
    return Dataset(users, items, events, bare_catalogue(items), features={"look": features_of(look)}, name="buried")


def mixed_up(data: Dataset, seed: int = 1) -> Dataset:
    """Return the same world with the vectors given to other things."""
    order = np.random.default_rng(seed).permutation(len(data.items))
    return data.with_features(look=data.features["look"].take(order))


def with_holes(table: FeatureTable) -> FeatureTable:
    """Return a part that every fifth thing lacks."""
    return table.dropped(np.arange(len(table)) % 5 == 0)
