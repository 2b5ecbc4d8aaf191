"""A generated shop of a given size, and a bundle of it whose model is als."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from palate.bundle import Bundle
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.interfaces import Run
from palate.models import ALS

KINDS = 64
"""Kinds of goods; each person likes three."""
COLOURS = ("red", "green", "blue", "grey")
LATEST = 1_700_000_000


def shop(items: int, users: int, likes: int, seed: int = 0) -> Dataset:
    """Return people who like a few kinds of goods, the famous ones of a kind more often; `likes` each."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, KINDS, items)
    by_kind = [np.flatnonzero(kinds == kind) for kind in range(KINDS)]
    user = np.repeat(np.arange(users, dtype=np.int32), likes)
    tastes = rng.integers(0, KINDS, (users, 3))
    kind = tastes[user, rng.integers(0, 3, len(user))]
    sizes = np.array([max(1, len(codes)) for codes in by_kind])[kind]
    place = (sizes * rng.random(len(user)) ** 2.5).astype(np.int64)
    starts = np.cumsum([0, *map(len, by_kind)])[kind]
    item = np.concatenate(by_kind)[starts + place].astype(np.int32)
    time = LATEST - rng.integers(0, 30_000_000, len(user))
    log = Interactions(user, item, np.ones(len(user), np.float32), time)
    names = [f"item {n}" for n in range(items)]
    table = pl.DataFrame({
        "item_id": names,
        "title": [f"{COLOURS[n % 4]} thing of kind {kinds[n]}, no. {n}" for n in range(items)],
        "price": rng.integers(1, 200, items).astype(np.float64),
        "colour": [COLOURS[n % 4] for n in range(items)],
    })  # fmt: skip
    types = {"title": "text", "price": "number", "colour": "category"}
    people = IdMap(f"user {n}" for n in range(users))
    return Dataset(people, IdMap(names), log, Catalogue(table, types), name="generated shop")


def write_bundle(folder: Path, items: int, users: int, likes: int = 50, dim: int = 64, seed: int = 0) -> Path:
    """Write a bundle of such a shop; the factors are those of two sweeps, since how good they are costs no time to serve."""
    data = shop(items, users, likes, seed)
    return Bundle.of(ALS(dim=dim, epochs=2).fit(data, None, Run(seed=seed)), data).save(folder)
