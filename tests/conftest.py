"""Fixtures that every room shares."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import features_of
from palate.data.interactions import Interactions


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it skip where it is absent, unless PALATE_REQUIRE_DATA is set."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PALATE_TEST_DATA", default))
    if not (folder / "README.md").is_file():
        message = f"the real data folder {folder} is absent: set PALATE_TEST_DATA"
        if os.environ.get("PALATE_REQUIRE_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


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


@pytest.fixture
def tiny() -> Dataset:
    """Forty users, thirty items, parts `title` (carries the groups) and `photo` (noise, with holes)."""
    return make_dataset()
